"""Domain 0: domains, scheduling and devices of one Xen host."""
