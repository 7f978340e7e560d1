"""Audit of the entries that our applications stand on: compared again and again, and restored."""
