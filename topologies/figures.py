"""The networks of the report's figures. Switches are called by the letters of the figures."""

from __future__ import annotations

from topologies.graphs import Graph, GraphBuilder


def _lettered(name: str, letters: str, cables: str, hybrid: str = "") -> GraphBuilder:
    """Return a builder with a switch per letter and a cable per pair of letters."""
    builder = GraphBuilder(name)
    dpids = {letter: builder.add_switch(letter, hybrid=letter in hybrid) for letter in letters}
    for cable in cables.split():
        builder.add_edge(dpids[cable[0]], dpids[cable[1]])
    return builder


def _with_a_host_each(builder: GraphBuilder, switches: int) -> Graph:
    builder.add_hosts(list(range(1, switches + 1)))
    return builder.build()


def fig3_4() -> Graph:
    """Flow migration: from the red path A-F-E-D to the blue one, A-B-C-D (report 3.2.1).

    The request names A, B and D; that C lies between B and D is what Dijkstra finds out.
    """
    builder = _lettered("fig3_4", "ABCDEF", "AF FE ED AB BC CD")
    builder.add_host(1, "source")
    builder.add_host(4, "dest")
    return builder.build()


def fig3_6() -> Graph:
    """Three switches in a row; B, of type 1, relays LLDP unless told to drop it (report 3.4)."""
    return _with_a_host_each(_lettered("fig3_6", "ABC", "AB BC", hybrid="B"), 3)


def fig3_7() -> Graph:
    """The smallest loop: broadcasts circle until the link A-C is left out (report 3.5)."""
    return _with_a_host_each(_lettered("fig3_7", "ABC", "AB BC AC"), 3)


def fig3_8() -> Graph:
    """A network with cycles and its tree rooted at A (report 3.5).

    The text says of it: from B, breadth first, D and E come before G and H.
    """
    cables = "AB AC BC BD BE CF EF DG EH GH"
    return _with_a_host_each(_lettered("fig3_8", "ABCDEFGH", cables), 8)


def fig4_1b() -> Graph:
    """The migration test: Client to Server through D, C and B, then through A (report 4.1)."""
    builder = _lettered("fig4_1b", "ABCD", "DC CB DA AB")
    builder.add_host(4, "client")
    builder.add_host(2, "server")
    return builder.build()


def fig4_5() -> Graph:
    """The bandwidth test: two senders, one receiver, one switch (report 4.2)."""
    builder = _lettered("fig4_5", "A", "")
    for name in ("senderA", "senderB", "receiver"):
        builder.add_host(1, name)
    return builder.build()
