"""The report's experiments (chapter 4, Fig. 2.4) on the real system, and our own beside them.

``make experiments`` and ``horizonctl experiment`` run them; a checkout is needed, as they build
their networks with Mininet and network namespaces.
"""
