"""``python -m experiments`` is ``horizonctl experiment``."""

from experiments.command import experiment

experiment()
