"""Forwarding decided: entries for pairs of hosts, answers to ARP, questions of IPv6."""
