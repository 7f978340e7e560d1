"""The bridge between Horizon and Xen: one process in each Dom0, one in each virtual router.

It speaks the report's XML messages (section 2.3) over HTTPS with mutual TLS, and does what the
controller asks. It knows nothing of Ryu or of the controller: imports go from ``horizon_ryu`` to
``xen_bridge`` and never back.
"""
