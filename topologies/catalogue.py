"""Every network by its name, as ``mn --topo`` and our tests ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from topologies import figures, generators
from topologies.graph_files import zoo
from topologies.graphs import Graph, GraphError

BUILDERS: Mapping[str, Callable[..., Graph]] = MappingProxyType(
    {
        "fig3_4": figures.fig3_4,
        "fig3_6": figures.fig3_6,
        "fig3_7": figures.fig3_7,
        "fig3_8": figures.fig3_8,
        "fig4_1b": figures.fig4_1b,
        "fig4_5": figures.fig4_5,
        "linear": generators.linear,
        "ring": generators.ring,
        "torus": generators.torus,
        "fattree": generators.fattree,
        "random": generators.random,
        "zoo": zoo,
    }
)


def build(name: str, **arguments: int | str) -> Graph:
    """Return the network called ``name``; GraphError when there is none, or not with these."""
    if name not in BUILDERS:
        raise GraphError(f"no network {name!r}; there are {', '.join(BUILDERS)}")
    try:
        return BUILDERS[name](**arguments)
    except TypeError as error:
        raise GraphError(f"{name}: {error}") from error
