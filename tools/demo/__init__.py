"""Demonstration on real switches, in about a minute: ``make demo``."""
