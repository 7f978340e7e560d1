"""Slices as the application keeps them, and the slicer's engine as it sees it."""
