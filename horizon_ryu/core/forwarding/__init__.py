"""Forwarding decided: entries for pairs of hosts, and answers to ARP."""
