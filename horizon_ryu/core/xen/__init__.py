"""What is decided of Xen hosts without asking any."""
