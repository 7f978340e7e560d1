"""The messages of OpenFlow 1.3 (specification 1.3.5) as values, in both directions."""
