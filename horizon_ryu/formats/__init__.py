"""The XML formats: writers, readers and their schemas."""
