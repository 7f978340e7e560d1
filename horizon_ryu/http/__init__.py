"""HTTP server of the REST API: routes, checks, authenticates, answers; resources are in rest."""
