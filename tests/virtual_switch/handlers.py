"""Handlers: what a switch does with each message of a controller, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from horizon_ryu.wire.of10 import asynchronous as async10
from horizon_ryu.wire.of10 import controller as controller10
from horizon_ryu.wire.of10 import handshake as handshake10
from horizon_ryu.wire.of10.statistics import StatsRequest
from horizon_ryu.wire.of13 import asynchronous as async13
from horizon_ryu.wire.of13 import controller as controller13
from horizon_ryu.wire.of13 import handshake as handshake13
from horizon_ryu.wire.of13.multipart import MultipartRequest
from horizon_ryu.wire.ofp13 import OFPPR
from horizon_ryu.wire.symmetric import (
    BarrierReply,
    BarrierRequest,
    EchoReply,
    EchoRequest,
    Error,
    FeaturesRequest,
    GetConfigReply,
    GetConfigRequest,
    Hello,
    SetConfig,
    VersionBitmap,
)
from virtual_switch.control import ControlState
from virtual_switch.datapath import Datapath, RemovedEntry
from virtual_switch.dialect import Dialect, SwitchTexts
from virtual_switch.effects import Effects
from virtual_switch.pipeline import Passage
from virtual_switch.port_numbers import as_wide
from virtual_switch.refusal import SwitchRefusal
from virtual_switch.switch_ports import SwitchPort


class SwitchParts(Protocol):
    """What handlers need of a switch."""

    version: int
    dialect: Dialect
    datapath: Datapath
    control: ControlState
    texts: SwitchTexts

    def note_passage(self, passage: Passage, effects: Effects) -> None:
        """Add what became of a frame."""

    def note_removed(self, removed: Iterable[RemovedEntry], effects: Effects, now: float) -> None:
        """Add what the controller hears of entries that are gone."""

    def port_status(self, port: SwitchPort, reason: OFPPR) -> list[bytes]:
        """Return the message about a port, if the controller hears it."""


Handler: TypeAlias = Callable[[SwitchParts, Any, Effects, float, bytes], Iterable[Any]]
"""Given the message as a value and as it came; returns the replies; SwitchRefusal."""


def _hello(switch: SwitchParts, hello: Hello, effects: Effects, _: float, data: bytes) -> Any:
    """Agree on the version of this switch, or hang up (1.3.5 section 6.3.1)."""
    bitmaps = [one for one in hello.elements if isinstance(one, VersionBitmap)]
    offered = bitmaps[0].offers(switch.version) if bitmaps else data[0] >= switch.version
    if offered:
        return ()
    effects.closes = True
    raise SwitchRefusal("HELLO_FAILED", "INCOMPATIBLE")


def _echo(_switch: SwitchParts, request: EchoRequest, *_: Any) -> Any:
    return (EchoReply(request.data),)


def _features(switch: SwitchParts, *_: Any) -> Any:
    return (switch.dialect.features(switch.datapath),)


def _get_config(switch: SwitchParts, *_: Any) -> Any:
    return (GetConfigReply(switch.control.fragments, switch.control.miss_send_len),)


def _set_config(switch: SwitchParts, config: SetConfig, *_: Any) -> Any:
    _check_rights(switch)
    switch.control.fragments, switch.control.miss_send_len = config.flags, config.miss_send_len
    return ()


def _check_rights(switch: SwitchParts) -> None:
    if switch.control.is_slave:
        raise SwitchRefusal("BAD_REQUEST", "IS_SLAVE")


def _flow_mod(switch: SwitchParts, mod: Any, effects: Effects, now: float, _: bytes) -> Any:
    _check_rights(switch)
    change = switch.dialect.read_flow_mod(mod)
    switch.note_removed(switch.datapath.change_flows(change, now), effects, now)
    if change.buffer_id is not None:
        in_port, frame = switch.datapath.buffers.take(change.buffer_id)
        steps = change.program.apply
        switch.note_passage(switch.datapath.packet_out(frame, in_port, steps, now), effects)
    return ()


def _packet_out(switch: SwitchParts, out: Any, effects: Effects, now: float, _: bytes) -> Any:
    _check_rights(switch)
    asked = switch.dialect.read_packet_out(out)
    in_port, frame = asked.in_port, asked.frame
    if asked.buffer_id is not None:
        in_port, frame = switch.datapath.buffers.take(asked.buffer_id)
    switch.datapath.check_steps(asked.steps)
    if asked.steps and frame:
        passage = switch.datapath.packet_out(frame, in_port, asked.steps, now)
        switch.note_passage(passage, effects)
    return ()


def _port_mod(switch: SwitchParts, mod: Any, effects: Effects, *_: Any) -> Any:
    _check_rights(switch)
    number = as_wide(switch.version, mod.port_no)
    port = switch.datapath.ports.configure(number, mod.hw_addr, mod.config, mod.mask)
    effects.messages += switch.port_status(port, OFPPR.MODIFY)
    return ()


def _group_mod(switch: SwitchParts, mod: Any, effects: Effects, now: float, _: bytes) -> Any:
    _check_rights(switch)
    switch.note_removed(switch.datapath.change_groups(mod, now), effects, now)
    return ()


def _meter_mod(switch: SwitchParts, mod: Any, effects: Effects, now: float, _: bytes) -> Any:
    _check_rights(switch)
    switch.note_removed(switch.datapath.change_meters(mod, now), effects, now)
    return ()


def _table_mod(switch: SwitchParts, mod: controller13.TableMod, *_: Any) -> Any:
    _check_rights(switch)
    switch.datapath.table(mod.table_id, "TABLE_MOD_FAILED")
    return ()


def _statistics(switch: SwitchParts, request: Any, _: Effects, now: float, __: bytes) -> Any:
    return switch.dialect.statistics(request, switch.datapath, switch.texts, now)


def _barrier(*_: Any) -> Any:
    return (BarrierReply(),)


def _role(switch: SwitchParts, request: handshake13.RoleRequest, *_: Any) -> Any:
    return (switch.control.take_role(request),)


def _get_async(switch: SwitchParts, *_: Any) -> Any:
    masks = switch.control.masks
    return (
        handshake13.GetAsyncReply(
            masks.packet_in_mask,
            masks.packet_in_mask_slave,
            masks.port_status_mask,
            masks.port_status_mask_slave,
            masks.flow_removed_mask,
            masks.flow_removed_mask_slave,
        ),
    )


def _set_async(switch: SwitchParts, masks: handshake13.SetAsync, *_: Any) -> Any:
    switch.control.masks = masks
    return ()


def _queues10(switch: SwitchParts, request: Any, *_: Any) -> Any:
    _check_port(switch, request.port)
    return (handshake10.QueueGetConfigReply10(request.port, ()),)


def _queues13(switch: SwitchParts, request: Any, *_: Any) -> Any:
    _check_port(switch, request.port)
    return (handshake13.QueueGetConfigReply13(request.port, ()),)


def _check_port(switch: SwitchParts, number: int) -> None:
    if switch.datapath.ports.get(as_wide(switch.version, number)) is None:
        raise SwitchRefusal("QUEUE_OP_FAILED", "BAD_PORT")


def _unknown(*_: Any) -> Any:
    raise SwitchRefusal("BAD_REQUEST", "BAD_EXPERIMENTER")


def _not_for_switches(*_: Any) -> Any:
    raise SwitchRefusal("BAD_REQUEST", "BAD_TYPE")


def _nothing(*_: Any) -> Any:
    return ()


HANDLERS: Mapping[type, Handler] = {
    Hello: _hello,
    Error: _nothing,
    EchoRequest: _echo,
    EchoReply: _nothing,
    FeaturesRequest: _features,
    GetConfigRequest: _get_config,
    SetConfig: _set_config,
    BarrierRequest: _barrier,
    controller10.FlowMod10: _flow_mod,
    controller13.FlowMod13: _flow_mod,
    controller10.PacketOut10: _packet_out,
    controller13.PacketOut13: _packet_out,
    controller10.PortMod10: _port_mod,
    controller13.PortMod13: _port_mod,
    controller13.GroupMod: _group_mod,
    controller13.MeterMod13: _meter_mod,
    controller13.TableMod: _table_mod,
    StatsRequest: _statistics,
    MultipartRequest: _statistics,
    handshake13.RoleRequest: _role,
    handshake13.GetAsyncRequest: _get_async,
    handshake13.SetAsync: _set_async,
    handshake10.QueueGetConfigRequest10: _queues10,
    handshake13.QueueGetConfigRequest13: _queues13,
    async10.Vendor: _unknown,
    async13.Experimenter: _unknown,
}
"""By the class of the message; the others are of switches."""


def handler_of(message: object) -> Handler:
    """Return what answers a message."""
    return HANDLERS.get(type(message), _not_for_switches)
