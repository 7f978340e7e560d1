"""Slices as the application keeps them, and the slicer's engine as it is started and called."""
