"""The xentop gatherer (report 2.3.3): what all domains of a host use, without their help.

Two sources give the same measures. :class:`~xen_bridge.gatherers.from_usage.FromUsage` asks the
hypervisor's back end, anywhere and at any interval; libvirt, behind it, does not see domains
that ``xl`` made. :class:`~xen_bridge.gatherers.xentop_tool.XentopTool` runs xentop in Domain 0,
which sees them. Both count from Domain 0's side of a vif: what it received there is what the
guest transmitted.
"""

from __future__ import annotations

import logging
import shutil

from xen_bridge.errors import HypervisorError
from xen_bridge.gatherers.from_usage import FromUsage
from xen_bridge.gatherers.usage_source import UsageSource
from xen_bridge.gatherers.xentop_tool import XentopTool
from xen_bridge.protocol.documents.measures import Sampling, XentopMeasures
from xen_bridge.runtime.port import Runtime

__all__ = ["FromUsage", "XentopGatherer", "XentopTool", "xentop_source"]

LOG = logging.getLogger(__name__)
LOCAL = "xen:///"
TOOL = "xentop"


class XentopGatherer:
    """Takes the tool where it can do what is asked; else, or if it fails, the back end."""

    def __init__(self, usage: FromUsage, tool: XentopTool | None) -> None:
        self._usage = usage
        self._tool = tool

    def get_measures(self, sampling: Sampling, runtime: Runtime) -> XentopMeasures:
        """Return the iterations asked for; raises HypervisorError."""
        if self._tool is not None and self._tool.can(sampling):
            try:
                return self._tool.get_measures(sampling, runtime)
            except HypervisorError as error:
                # It may not be run, or not ask the hypervisor; who does knows of most domains.
                LOG.info("the back end is asked instead: %s", error)
        return self._usage.get_measures(sampling, runtime)


def xentop_source(hypervisor: UsageSource, uri: str) -> XentopGatherer:
    """Return the gatherer for the host at ``uri``.

    The tool is taken for this machine's own Xen (``xen:///``) where xentop is in the path, for
    requests whose interval is whole seconds; all else is read from ``hypervisor``.
    """
    path = shutil.which(TOOL) if uri.startswith(LOCAL) else None
    return XentopGatherer(FromUsage(hypervisor), None if path is None else XentopTool((path,)))
