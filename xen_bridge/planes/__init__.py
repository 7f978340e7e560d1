"""Planes of a virtual router, separated (report 2.2.2): routes by its VM, packets by Domain 0.

:mod:`~xen_bridge.planes.follower` reads the router's FIB as its kernel tells it,
:mod:`~xen_bridge.planes.fib_model` keeps it and says what changed,
:mod:`~xen_bridge.planes.mirror` makes of that the changes of a table in Domain 0. ::

    router's kernel ──► follower ──► fib_model ──(FibChange)──► mirror ──► Domain 0's kernel

In the follower's place may be :mod:`~xen_bridge.planes.fpm_source`, which FRR's zebra tells.

:mod:`~xen_bridge.planes.data_plane` plans what passes the router's packets by that table, and
:mod:`~xen_bridge.planes.domain_zero` makes, checks and removes it in the kernel.

:mod:`~xen_bridge.planes.skipped` says what the router's own kernel does that Domain 0 would leave
out, from what :mod:`~xen_bridge.planes.kernel_facts` reads: such a router keeps its planes
together.

All but what reads the kernel, and Domain 0, decide without a socket or a clock.
"""
