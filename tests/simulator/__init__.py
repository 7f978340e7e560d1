"""A simulated network under a controllable clock: the arbiter of loops, losses and false links."""
