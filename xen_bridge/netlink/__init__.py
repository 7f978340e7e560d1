"""Route netlink (RFC 3549): the kernel's tables read, followed and changed.

A library for it, pyroute2, takes ten times as long for what a sample needs, forty times for routes
by the ten thousand, and cannot be asked from several threads of a process with eventlet; what is
needed of the protocol is this much.
"""
