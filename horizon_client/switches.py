"""Requests for names of switches, which then stand for their dpids everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from horizon_client.api_path import api_path
from horizon_client.api_request import ApiRequest, api_request, as_model, as_nothing

if TYPE_CHECKING:
    from horizon_ryu.rest.switch_names import NamedSwitchModel, SwitchNamesModel

# The models are loaded when somebody asks: a command line that has a name wrong needs none.


def names() -> ApiRequest[SwitchNamesModel]:
    """Ask for all names, by dpid."""
    from horizon_ryu.rest.switch_names import SwitchNamesModel

    return api_request("GET", api_path("v1", "switches", "names"), as_model(SwitchNamesModel))


def give_name(switch: str, name: str) -> ApiRequest[NamedSwitchModel]:
    """Give a switch a name, whether it is there or not; no two have the same."""
    from horizon_ryu.rest.switch_names import NamedSwitchModel

    path = api_path("v1", "switches", switch, "name")
    return api_request("PUT", path, as_model(NamedSwitchModel), {"name": name})


def take_name(switch: str) -> ApiRequest[None]:
    """Take the name of a switch away."""
    return api_request("DELETE", api_path("v1", "switches", switch, "name"), as_nothing)
