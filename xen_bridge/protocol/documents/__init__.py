"""The forms that messages carry: what is asked of a node, and what it answers."""
