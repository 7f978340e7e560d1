"""Carried methods: calls of the store that are run where, and when, its owner says."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

T = TypeVar("T")
Args = ParamSpec("Args")


class Carry(Protocol):
    """Who runs a call of the store."""

    def __call__(self, function: Callable[[], T], /, is_read: bool) -> T:
        """Return ``function()``, run after all that was asked for before.

        What ``is_read`` changes nothing: it may be given up at any time. StoreError.
        """


class Carried(Protocol):
    """What has methods that are carried; None: whoever calls runs them."""

    carry: Carry | None


Caller = TypeVar("Caller", bound=Carried)


def carried(
    method: Callable[Concatenate[Caller, Args], T],
) -> Callable[Concatenate[Caller, Args], T]:
    """Have a method of the store run where its ``carry`` says; at once if there is none."""
    return _run_elsewhere(method, is_read=False)


def carried_read(
    method: Callable[Concatenate[Caller, Args], T],
) -> Callable[Concatenate[Caller, Args], T]:
    """Have a method run so that changes nothing."""
    return _run_elsewhere(method, is_read=True)


def _run_elsewhere(
    method: Callable[Concatenate[Caller, Args], T], is_read: bool
) -> Callable[Concatenate[Caller, Args], T]:
    @wraps(method)
    def call(store: Caller, /, *args: Args.args, **kwargs: Args.kwargs) -> T:
        if store.carry is None:
            return method(store, *args, **kwargs)
        return store.carry(partial(method, store, *args, **kwargs), is_read=is_read)

    return call
