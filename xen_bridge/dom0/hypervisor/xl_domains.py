"""Domains that ``xl`` made, as documents: libvirt's Xen driver does not see them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from contextlib import suppress

from xen_bridge.dom0.hypervisor.interface import Attached
from xen_bridge.dom0.hypervisor.xl import Xl
from xen_bridge.dom0.hypervisor.xl_tables import ListedDomain
from xen_bridge.errors import BridgeError, InvalidRequest
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.documents.domains import Domain, SchedulerParameters, Vcpus

LOG = logging.getLogger(__name__)
DOMAIN_0 = 0


def domains_of_xl(xl: Xl, known: Collection[str], kind: str | None) -> tuple[Domain, ...]:
    """Return the running domains whose UUIDs are not ``known``.

    ``kind`` is the host's scheduler. Raises what ``xl list`` raises; of shares that cannot be
    read, none are told.
    """
    listed = [one for one in xl.list() if one.id != DOMAIN_0 and one.uuid not in known]
    if not listed:
        return ()
    shares: dict[int, tuple[int, int]] = {}
    if kind is not None:
        with suppress(BridgeError):
            shares = xl.shares(kind)
    found = (_described(one, kind, shares.get(one.id)) for one in listed)
    return tuple(one for one in found if one is not None)


def devices_of_xl(xl: Xl, is_foreign: Callable[[str], bool]) -> Attached:
    """Return which domain has which PCI device, of those whose UUIDs are foreign.

    What a domain cannot be asked for is unknown. Raises what ``xl list`` raises.
    """
    owners: dict[str, str] = {}
    unknown: list[str] = []
    for one in xl.list():
        if one.id == DOMAIN_0 or not is_foreign(one.uuid):
            continue
        try:
            owners |= dict.fromkeys(xl.devices(one.id), one.name)
        except BridgeError as error:
            LOG.info("nobody tells which devices %r has: %s", one.name, error)
            unknown.append(one.name)
    return Attached(owners, tuple(unknown))


def _described(
    listed: ListedDomain, kind: str | None, share: tuple[int, int] | None
) -> Domain | None:
    """Return the domain; None for one that no message can carry."""
    weight, cap = share or (None, None)
    domain = Domain(
        name=listed.name,
        uuid=listed.uuid,
        id=listed.id,
        state=listed.state,
        memory_kb=listed.memory_kb,
        vcpus=Vcpus(listed.vcpus, None),
        scheduler=SchedulerParameters(kind, weight, cap),
        cpu_time_s=listed.time_s,
        persistent=False,
        origin="xl",
        unknown=("interfaces",) if share else ("interfaces", "scheduler"),
    )
    try:
        document_schema.check(domain)
    except InvalidRequest as error:
        LOG.info("a domain of xl, %r, is not told: %s", listed.name, error)
        return None
    return domain
