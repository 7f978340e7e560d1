"""Migration of a virtual router between the Domain 0s of two hosts (report 2.2).

The source's node is asked for it and does one step after the other; what is to be done at the
destination it asks of the node there (Migration Advise). ::

    controller ──MigrateDomain──► source ──PrepareIncoming, AdviseMigration──► destination
                                    │ move                                        ▲
                                    └──────────── hypervisor, tunnel ─────────────┘

:mod:`~xen_bridge.migration.outgoing` and :mod:`~xen_bridge.migration.incoming` decide, without a
clock or a socket: what is done next, what is taken back, what goes on after a restart. The step
that moves the domain is where it turns: a failure before leaves the router at the source and
nothing at the destination, after it the migration goes forward whatever fails.
:mod:`~xen_bridge.migration.source` and :mod:`~xen_bridge.migration.destination` carry out, and
keep both in a :mod:`~xen_bridge.migration.journal`.
"""
