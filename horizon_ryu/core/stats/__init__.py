"""What decides about statistics: when to ask, what to keep, and what rates follow from it."""
