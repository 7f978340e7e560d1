"""Servers that strangers reach: how they accept, whom they make room for, how they speak HTTP."""
