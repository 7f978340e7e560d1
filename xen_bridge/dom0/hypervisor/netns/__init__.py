"""Domains that are network namespaces of this machine, each with a process of its own.

No boundary for hostile guests: the programs of a domain are root's, and see this machine's files.
"""
