"""TenantRefusal: an OpenFlow error that a tenant's message is answered with."""

from __future__ import annotations


class TenantRefusal(ValueError):
    """``type`` and ``code`` are those of the error message; ``reason`` is a label of counters."""

    def __init__(self, kind: int, code: int, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.code = code
        self.reason = reason
