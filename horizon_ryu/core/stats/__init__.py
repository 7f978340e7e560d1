"""Statistics, decided: when to ask, what to keep, and what rates follow from it."""
