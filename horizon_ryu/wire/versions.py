"""The versions of OpenFlow that are spoken, by their numbers on the wire."""

OPENFLOW_10 = 1
OPENFLOW_13 = 4
