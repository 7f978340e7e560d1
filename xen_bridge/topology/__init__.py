"""Topology of a node (report 2.4.1): what it and its virtual elements have, who is beside each."""
