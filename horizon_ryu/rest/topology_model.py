"""The topology in JSON: its models, and how they are made from the core's views."""

from __future__ import annotations

from collections.abc import Collection
from itertools import compress
from typing import Literal

from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.topology import HeldLink, Host, Link, Port, PortRef, Segment, Switch
from horizon_ryu.rest.model import Dpid, Model, PortNo, optional
from horizon_ryu.wire.addresses import mac_to_text

_OPENFLOW = {1: "1.0", 2: "1.1", 3: "1.2", 4: "1.3", 5: "1.4", 6: "1.5"}


class PortModel(Model):
    """A port of a switch; ``speed_kbps`` is 0 where the switch does not say."""

    port_no: PortNo
    name: str
    hw_addr: str
    up: bool
    speed_kbps: int


class SwitchModel(Model):
    """A switch; ``openflow`` is the version it speaks, as 1.3.

    ``unanswered`` are the kinds of requests that it never answers, though it lives: without
    barriers nobody knows whether it did what it was told, without flows nothing is audited.
    """

    dpid: Dpid
    address: str
    openflow: str
    connected: bool
    ports: tuple[PortModel, ...]
    unanswered: tuple[str, ...] = ()
    name: str = optional(description="The name that it was given, if it has one")


class PortRefModel(Model):
    """A port, by its switch and number."""

    dpid: Dpid
    port_no: PortNo


class LinkModel(Model):
    """One direction of a cable; ``in_tree`` is null while Spanning Tree does not run."""

    src: PortRefModel
    dst: PortRefModel
    bidirectional: bool
    in_tree: bool | None


class HeldLinkModel(Model):
    """A link that is not believed since hosts are known at an end, in one of its directions.

    ``state`` is ``asking`` while these are asked, then ``relayed`` if one has answered, or ``slow``
    if its probes took too long.
    """

    src: PortRefModel
    dst: PortRefModel
    state: Literal["asking", "relayed", "slow"]


class SegmentModel(Model):
    """Ports of ours that switches which are not ours join."""

    ports: tuple[PortRefModel, ...]


class JointModel(SegmentModel):
    """A segment and those of its ports that are open; null while Spanning Tree does not run."""

    open: tuple[PortRefModel, ...] | None


class VlanSegmentModel(SegmentModel):
    """Ports of ours that switches which are not ours join in one VLAN, whatever else they pass."""

    vlan: int


class VlanJointModel(JointModel):
    """Such a segment, and those of its ports that are open in the VLAN."""

    vlan: int


class HostModel(Model):
    """A station and the port it was heard on."""

    mac: str
    ips: tuple[str, ...]
    dpid: Dpid
    port_no: PortNo


class TaggedHostModel(HostModel):
    """A station whose frames carry a VLAN tag."""

    vlan: int


class TopologyModel(Model):
    """Switches in order of dpid, links in order of their source, hosts in order of MAC.

    ``segments`` are there if there are any, in order of their first ports, and ``held_links`` if
    any are held. So are ``vlan_segments``, those that one VLAN passes, in order of the VLANs.
    ``seq`` is the last event of run ``epoch`` that changed any of it; where to resume the events
    from is told by the header Horizon-Cursor.
    """

    seq: int = optional()
    epoch: str = optional()

    switches: tuple[SwitchModel, ...]
    links: tuple[LinkModel, ...]
    hosts: tuple[HostModel | TaggedHostModel, ...]
    segments: tuple[JointModel, ...] = ()
    vlan_segments: tuple[VlanJointModel, ...] = ()
    held_links: tuple[HeldLinkModel, ...] = ()


def switch_model(
    switch: Switch, connected: bool, unanswered: tuple[str, ...] = (), name: str | None = None
) -> SwitchModel:
    """Return a switch with its ports in order; its name only if it has one."""
    given = {} if name is None else {"name": name}
    return SwitchModel(
        dpid=dpid_to_text(switch.dpid),
        address=switch.address,
        openflow=_OPENFLOW.get(switch.openflow, "unknown"),
        connected=connected,
        ports=tuple(port_model(port) for _, port in sorted(switch.ports.items())),
        unanswered=unanswered,
        **given,
    )


def port_model(port: Port) -> PortModel:
    """Return a port; its name may hold any bytes a switch chose, made printable."""
    return PortModel(
        port_no=port.port_no,
        name=port.name.encode("utf-8", "replace").decode(),
        hw_addr=mac_to_text(port.hw_addr),
        up=port.up,
        speed_kbps=port.speed_kbps,
    )


def port_ref_model(ref: PortRef) -> PortRefModel:
    """Return the reference to a port."""
    return PortRefModel(dpid=dpid_to_text(ref.dpid), port_no=ref.port_no)


def link_model(link: Link, bidirectional: bool, in_tree: bool | None) -> LinkModel:
    """Return one direction of a link."""
    return LinkModel(
        src=port_ref_model(link.src),
        dst=port_ref_model(link.dst),
        bidirectional=bidirectional,
        in_tree=in_tree,
    )


def held_link_model(held: HeldLink) -> HeldLinkModel:
    """Return a link that is not believed, and why."""
    return HeldLinkModel.model_validate(
        {
            "src": port_ref_model(held.link.src),
            "dst": port_ref_model(held.link.dst),
            "state": held.state,
        }
    )


def segment_model(segment: Segment) -> SegmentModel:
    """Return a segment with its ports in order, and the VLAN if it is one of a VLAN."""
    ports = tuple(map(port_ref_model, segment.ports))
    if segment.vlan is None:
        return SegmentModel(ports=ports)
    return VlanSegmentModel(vlan=segment.vlan, ports=ports)


def joint_model(segment: Segment, open_ports: Collection[PortRef] | None) -> JointModel:
    """Return a segment with its ports, and the open ones among them, in order."""
    ports = tuple(map(port_ref_model, segment.ports))
    is_open = None if open_ports is None else [ref in open_ports for ref in segment.ports]
    found = None if is_open is None else tuple(compress(ports, is_open))
    if segment.vlan is None:
        return JointModel(ports=ports, open=found)
    return VlanJointModel(vlan=segment.vlan, ports=ports, open=found)


def host_model(host: Host) -> HostModel:
    """Return a host and where it is; its VLAN only if it is in one."""
    fields = {
        "mac": mac_to_text(host.mac),
        "ips": host.ips,
        "dpid": dpid_to_text(host.location.dpid),
        "port_no": host.location.port_no,
    }
    if host.vlan is None:
        return HostModel.model_validate(fields)
    return TaggedHostModel.model_validate({**fields, "vlan": host.vlan})
