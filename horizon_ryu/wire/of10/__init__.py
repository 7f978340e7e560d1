"""The messages of OpenFlow 1.0 (specification 1.0.0) as values, in both directions."""
