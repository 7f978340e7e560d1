"""Slices as the controller has them: the engine that slices is a process of its own."""
