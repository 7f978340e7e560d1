"""The Measures Gatherer's parts (report 2.3): each takes its numbers from the kernel or Xen.

Everything but xentop and the summary of a host works in a virtual router as well, and imports
nothing of a hypervisor.
"""
