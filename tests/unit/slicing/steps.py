"""Steps: work that takes long, taken step by step by a test."""

from __future__ import annotations

from horizon_ryu.slicer.portions import Work


class Steps:
    """Work that a test has taken step by step."""

    def __init__(self) -> None:
        self.left: list[Work] = []

    def carry(self, work: Work) -> None:
        self.left.append(work)

    def some(self, count: int) -> None:
        for _ in range(count):
            for work in list(self.left):
                if next(work, self) is self:
                    self.left.remove(work)

    def all(self) -> None:
        while self.left:
            self.some(1)
