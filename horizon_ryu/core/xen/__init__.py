"""Xen hosts, decided: what follows from what they told, without asking any."""
