"""Disjoint sets of switches: which of them are already joined."""

from __future__ import annotations


class DisjointSets:
    """Sets that can be joined and compared; every number starts in a set of its own."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def find(self, item: int) -> int:
        """Return the number that stands for the set of ``item``."""
        above = self._above
        parent = above.get(item, item)
        while parent != item:
            grandparent = above.get(parent, parent)
            above[item] = grandparent
            item, parent = grandparent, above.get(grandparent, grandparent)
        return item

    def join(self, one: int, other: int) -> bool:
        """Join the sets of both; tell whether they were apart."""
        first, second = self.find(one), self.find(other)
        if first == second:
            return False
        low, high = (first, second) if first < second else (second, first)
        self._above[high] = low
        return True
