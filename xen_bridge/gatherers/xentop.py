"""The xentop gatherer (report 2.3.3): what all domains of a host use, without their help.

Two sources give the same measures. :class:`~xen_bridge.gatherers.from_usage.FromUsage` asks the
hypervisor's back end, anywhere and at any interval; libvirt, behind it, does not see domains
that ``xl`` made. :class:`~xen_bridge.gatherers.xentop_tool.XentopTool` runs xentop in Domain 0,
which sees them. Both count from Domain 0's side of a vif: what it received there is what the
guest transmitted.
"""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import replace

from xen_bridge.child_command import SBIN
from xen_bridge.errors import Deadline, HypervisorError
from xen_bridge.gatherers.from_usage import FromUsage
from xen_bridge.gatherers.usage_source import UsageSource
from xen_bridge.gatherers.xentop_tool import XentopHung, XentopTool
from xen_bridge.protocol.documents.measures import Sampling, XentopMeasures
from xen_bridge.runtime.port import Runtime

__all__ = ["FromUsage", "XentopGatherer", "XentopTool", "xentop_source"]

LOG = logging.getLogger(__name__)
LOCAL = "xen:///"
TOOL = "xentop"
MAX_PROBLEM = 400


class XentopGatherer:
    """Takes the tool where it can do what is asked; else, or if it fails, the back end.

    The answer says what failed, and how often anything did.
    """

    def __init__(self, usage: FromUsage, tool: XentopTool | None) -> None:
        self._usage = usage
        self._tool = tool
        self.failures = 0
        """How often the back end had to be asked instead."""

    def get_measures(self, sampling: Sampling, runtime: Runtime) -> XentopMeasures:
        """Return the iterations asked for; raises HypervisorError."""
        if self._tool is None or not self._tool.can(sampling):
            return self._usage.get_measures(sampling, runtime)
        try:
            return self._tool.get_measures(sampling, runtime)
        except (HypervisorError, Deadline) as error:
            # It may not be run, or not ask the hypervisor, or hang; the back end knows of most
            # domains.
            self.failures += 1
            LOG.info("the back end is asked instead of xentop: %s", error)
            return self._instead(sampling, runtime, error)

    def _instead(
        self, sampling: Sampling, runtime: Runtime, error: HypervisorError | Deadline
    ) -> XentopMeasures:
        """Return what xentop wrote before it hung, and the back end's for the rest."""
        done = error.done if isinstance(error, XentopHung) else ()
        wanted = sampling.iterations - len(done)
        told = self._usage.get_measures(replace(sampling, iterations=wanted), runtime).iterations
        rest = (replace(one, number=one.number + len(done)) for one in told)
        problem = f"{error}; libvirt told instead, which does not see the domains of xl"
        return XentopMeasures(
            iterations=(*done, *rest), problem=problem[:MAX_PROBLEM], failures=self.failures
        )


def _search_path() -> str:
    return f"{os.environ.get('PATH', os.defpath)}:{SBIN}"


def xentop_source(hypervisor: UsageSource, uri: str) -> XentopGatherer:
    """Return the gatherer for the host at ``uri``.

    The tool is taken for this machine's own Xen (``xen:///``) where xentop is in the path, or
    where such commands are, for requests whose interval is whole seconds; all else is read from
    ``hypervisor``.
    """
    path = shutil.which(TOOL, path=_search_path()) if uri.startswith(LOCAL) else None
    return XentopGatherer(FromUsage(hypervisor), None if path is None else XentopTool((path,)))
