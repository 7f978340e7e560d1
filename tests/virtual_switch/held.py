"""What a switch holds, as mappings that tests read and change behind the controller's back."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping

from horizon_ryu.wire.messages import FlowCommand, FlowMod, Match, Message, MeterCommand, MeterMod
from horizon_ryu.wire.of13.structures import MeterBandDrop
from horizon_ryu.wire.ofp13 import OFPM
from virtual_switch.direct import DirectSwitch


class HeldEntries(MutableMapping[tuple[Match, int], FlowMod]):
    """The flow entries of a switch, by match and priority, as what would make them."""

    def __init__(self, switch: DirectSwitch) -> None:
        self._switch = switch

    def __getitem__(self, key: tuple[Match, int]) -> FlowMod:
        return self._switch.installed()[key]

    def __setitem__(self, key: tuple[Match, int], mod: FlowMod) -> None:
        _do(self._switch, mod._replace(command=FlowCommand.ADD, match=key[0], priority=key[1]))

    def __delitem__(self, key: tuple[Match, int]) -> None:
        _do(self._switch, FlowMod(FlowCommand.DELETE_STRICT, *key, 0))

    def __iter__(self) -> Iterator[tuple[Match, int]]:
        return iter(self._switch.installed())

    def __len__(self) -> int:
        return len(self._switch.installed())


class HeldMeters(MutableMapping[int, int]):
    """The meters of a switch: number and rate in kbit/s."""

    def __init__(self, switch: DirectSwitch) -> None:
        self._switch = switch

    def _rates(self) -> dict[int, int]:
        meters = self._switch.switch.datapath.meters.chosen(OFPM.ALL)
        return {
            meter.meter_id: band.rate
            for meter in meters
            for band in meter.bands
            if isinstance(band, MeterBandDrop)
        }

    def __getitem__(self, meter_id: int) -> int:
        return self._rates()[meter_id]

    def __setitem__(self, meter_id: int, rate_kbps: int) -> None:
        command = MeterCommand.MODIFY if meter_id in self else MeterCommand.ADD
        _do(self._switch, MeterMod(command, meter_id, rate_kbps))

    def __delitem__(self, meter_id: int) -> None:
        _do(self._switch, MeterMod(MeterCommand.DELETE, meter_id))

    def __iter__(self) -> Iterator[int]:
        return iter(self._rates())

    def __len__(self) -> int:
        return len(self._rates())


def _do(switch: DirectSwitch, message: Message) -> None:
    error = switch.apply(message)
    if error is not None:
        raise ValueError(error)
