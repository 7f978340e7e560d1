"""Settling: what is to be done after a move that was interrupted, from how both hosts have it.

Pure. The domain runs at one host at most, at each moment: a copy that stands paused is let go on
only when the domain here is gone, and removed only while that runs.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from xen_bridge.errors import HypervisorError, RequestConflict
from xen_bridge.protocol.documents.migration import GivenUp

Presence: TypeAlias = Literal["absent", "coming", "paused", "running"]
"""At the destination. absent: not there, or defined and off; coming: its memory is still on its
way; paused: whole, and not let go on."""
Here: TypeAlias = Literal["gone", "off", "busy", "running", "suspended"]
"""off: defined and ended; busy: libvirt still moves it; suspended: its memory was sent, and it was
neither ended nor told to go on."""
Settlement: TypeAlias = Literal["here", "remove_copy", "let_copy_go_on", "there"]
"""here: nothing is to be done there; remove_copy: and the domain is here; let_copy_go_on: and the
domain is there."""


def settled(here: Here, there: Presence) -> Settlement:
    """Return what is to be done; RequestConflict while nobody can tell yet.

    HypervisorError for states that a person must look at; they are named.
    """
    if here == "busy" or there == "coming":
        raise RequestConflict("libvirt is still moving it")
    if here == "running":
        return _of_one_that_runs(there)
    if here == "suspended":
        return _of_one_that_is_suspended(there)
    if there == "paused":
        return "let_copy_go_on"
    if there == "running":
        return "there"
    if here == "off":
        # It ended, of itself or by somebody's wish.
        return "here"
    raise HypervisorError("it is at neither host any more")


def left(here: Here, said: GivenUp) -> bool:
    """Tell whether a domain is at the destination that tells nothing, of a move that was given up.

    ``said``: by whom it was given up. Raises RequestConflict where that has to be said.
    """
    if here == "busy":
        raise RequestConflict("libvirt is still moving it")
    if here in ("running", "gone"):
        # By what this host knows: a copy goes on by our word alone.
        return here == "gone"
    if here == "suspended" and said == "here":
        raise HypervisorError(
            "it is suspended here after its memory was sent, and libvirt does not let it go on: "
            "it is to be destroyed and started anew"
        )
    if said == "unsaid":
        raise RequestConflict(f"it is {here} here: say whether it is here or there")
    return said == "there"


def _of_one_that_runs(there: Presence) -> Settlement:
    if there == "running":
        raise HypervisorError(
            "it runs at both hosts: somebody let the copy at the destination go on, which is to be "
            "destroyed there"
        )
    return "remove_copy" if there == "paused" else "here"


def _of_one_that_is_suspended(there: Presence) -> Settlement:
    if there == "running":
        return "there"
    raise HypervisorError(
        "it is suspended here after its memory was sent, and libvirt does not let it go on "
        f"(at the destination it is {there}); libvirtd ended in the middle of it"
    )
