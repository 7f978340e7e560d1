"""Carriers of flow plans: they send, wait, journal, repair; core/flows decides."""
