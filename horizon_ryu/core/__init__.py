"""Core: what decides, pure and typed; no Ryu, no I/O, no clock (``now`` is an argument)."""
