"""The REST interface: one declaration per operation, everything else made from it (design, 4)."""
