"""Virtual switch: OpenFlow 1.0 and 1.3 from the switch's side, pure, for all tests.

:class:`~virtual_switch.switch.VirtualSwitch` takes bytes, frames and ``now`` and returns bytes and
frames. Thin carriers bring them to and fro: ``direct`` (values of the core), ``blocking`` (one
socket), ``many_sockets`` (the benchmarks' loop) and ``network`` (cables between switches).
"""
