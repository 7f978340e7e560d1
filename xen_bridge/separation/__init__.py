"""Separation: Domain 0's service of the routers whose planes are separated (report 2.2.4).

:mod:`~xen_bridge.separation.registry` has all of them, and is what others use: the handlers of
Hello and Route Change, the list of planes, a migration. ::

    Hello ────────► bindings ──► registry ──► router_plane ──► Domain 0's kernel
    Route Change ─► router_messages ─┘              │
                                             node_store (files)
"""
