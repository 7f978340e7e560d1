"""Channel: messages that a node sends unasked, each delivered once and in order, or told as lost.

One stream per sender, receiver and application. :mod:`~xen_bridge.channel.sender` and
:mod:`~xen_bridge.channel.receiver` decide, without a clock or a socket;
:mod:`~xen_bridge.channel.outgoing` and :mod:`~xen_bridge.channel.incoming` carry. ::

    sender                                   receiver
      messages 1..3, first 1         ──►       takes 1..3
                                     ◄──       acknowledged 3
      messages 4, 5, first 4         ──►       (lost on the way)
      again 4, 5 (and 6), first 4    ──►       takes 4..6, discards what it has
                                     ◄──       acknowledged 6

Either side knows the other's incarnation, a number that grows with each start of its program. A
sender that hears another than before tells its application: what the receiver had taken is gone
with it. A receiver that began anew is told by ``first`` which numbers it will
never see.
"""
