"""Slicer: a proxy that is a controller to switches, and to each tenant's controller its switches.

It runs in a process of its own and knows neither Ryu nor its hub (report 3.1 and 4.2).
"""
