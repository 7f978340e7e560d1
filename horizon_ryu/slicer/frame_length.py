"""Frame length: how much of a frame each tenant wants to be sent, and so what the switch is told.

It is miss_send_len of OFPT_SET_CONFIG (1.0.0 section 5.3.2, 1.3.5 section 7.3.2). How fragments
fare is everybody's.
"""

from __future__ import annotations

from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.sliced_link import SlicedLink
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.session.pending import xid_of
from horizon_ryu.wire.symmetric import GetConfigReply, SetConfig

_LEAST_MISS_SEND_LEN = 128


class FrameLengths:
    """Of all tenants of one switch, which sends as much as the tenant wants that wants most."""

    def __init__(self, link: SlicedLink, refused_kind: int, refused_code: int) -> None:
        """``refused_kind`` and ``refused_code``: the error for flags that a tenant may not set."""
        self._link = link
        self._messages = codec_of(link.version).messages
        self._refused = refused_kind, refused_code
        self._told = 0

    def get_config(self, tenant: TenantConnection, message: bytes, _: float) -> None:
        """Tell a tenant how much of a frame it gets."""
        reply = GetConfigReply(0, tenant.miss_send_len)
        tenant.say(self._messages.encode(xid_of(message), reply))

    def set_config(self, tenant: TenantConnection, message: bytes, _: float) -> None:
        """Note how much of a frame a tenant wants; TenantRefusal for flags."""
        asked: SetConfig = self._messages.decode(message).message
        if asked.flags and not self._link.presence(tenant).settings.allows_config:
            raise TenantRefusal(*self._refused, "set_config flags")
        tenant.miss_send_len = asked.miss_send_len
        self.follow()

    def follow(self) -> None:
        """Have the switch send as much of a frame as the tenants that there are want."""
        wanted = max((tenant.miss_send_len for tenant in self._link.tenants()), default=0)
        wanted = max(wanted, _LEAST_MISS_SEND_LEN)
        if wanted != self._told:
            self._told = wanted
            self._link.say(self._messages.encode(0, SetConfig(0, wanted)))
