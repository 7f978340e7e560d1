"""Every experiment that there is, by name, in the order in which they are run."""

from __future__ import annotations

from collections.abc import Sequence

from experiments import (
    bandwidth,
    discovery_scale,
    netns_migration,
    openflow_migration,
    orders,
    scale,
    scheduling,
    xen_migration,
)
from experiments.experiment import Experiment

EXPERIMENTS: tuple[Experiment, ...] = (
    openflow_migration.EXPERIMENT,
    netns_migration.SEPARATED,
    netns_migration.STANDARD,
    orders.EXPERIMENT,
    scale.DISTANCE,
    scale.FLOWS,
    scale.SWITCHES,
    bandwidth.METERS,
    bandwidth.MARKS,
    discovery_scale.EXPERIMENT,
    xen_migration.SEPARATED,
    xen_migration.STANDARD,
    scheduling.CAP,
    scheduling.WEIGHT,
)


class UnknownExperiment(Exception):
    """No experiment has that name."""


def chosen(names: Sequence[str], is_quick: bool) -> tuple[Experiment, ...]:
    """Return the experiments of these names, or all; UnknownExperiment.

    What needs minutes before it can begin is left out of the quick form, unless it is named.
    """
    by_name = {one.name: one for one in EXPERIMENTS}
    for name in names:
        if name not in by_name:
            known = ", ".join(by_name)
            raise UnknownExperiment(f"no experiment {name!r}; there are: {known}")
    if names:
        return tuple(by_name[name] for name in dict.fromkeys(names))
    return tuple(one for one in EXPERIMENTS if not (is_quick and one.needs))
