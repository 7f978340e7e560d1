"""Spanning Tree decided: which ports are open, and in which order they close and open."""
