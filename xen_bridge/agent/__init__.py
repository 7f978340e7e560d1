"""Agent: what runs in a virtual router to have its planes separated (report 2.2.3).

:mod:`~xen_bridge.agent.hello_schedule` decides when Hello is said and when all routes are told,
without a clock or a socket; :mod:`~xen_bridge.agent.separation_agent` does it. ::

    kernel ──► router_interfaces ──► Hello ───────────────────────────► Domain 0
       └─────► follower ──► fib_model ──► route_documents ──(channel)──►
"""
