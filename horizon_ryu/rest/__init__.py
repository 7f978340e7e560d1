"""The REST API: one module per resource, models, errors, authentication."""
