"""Flows: what they are, which entries they need, in which order entries may change."""
