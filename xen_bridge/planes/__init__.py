"""Planes of a virtual router, separated (report 2.2.2): routes by its VM, packets by Domain 0.

:mod:`~xen_bridge.planes.follower` reads the router's FIB as its kernel tells it,
:mod:`~xen_bridge.planes.fib_model` keeps it and says what changed,
:mod:`~xen_bridge.planes.mirror` makes of that the changes of a table in Domain 0. ::

    router's kernel ──► follower ──► fib_model ──(FibChange)──► mirror ──► Domain 0's kernel

All but the follower decide without a socket or a clock.
"""
