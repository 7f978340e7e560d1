"""Horizon's OpenFlow half: Ryu applications that pilot virtual networks."""

__version__ = "0.1.0"
