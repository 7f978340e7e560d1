"""Authorization: bearer tokens (RFC 6750), their roles, and the file they are kept in.

The file has one token a line, ``ROLE TOKEN``, where ROLE is ``monitor``, ``pilot`` or
``slice:NAME`` and TOKEN is the token itself or, better, ``sha256:`` and the hex digits of its
hash. Blank lines and lines that begin with ``#`` are skipped. Without a file everybody may do
everything, which is why REST then listens on the loopback address only.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import MappingProxyType

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.http.problem import FORBIDDEN, UNAUTHENTICATED, ProblemError
from xen_bridge.private_file import OpenToOthers, read_regular

MIN_TOKEN = 16
"""Characters; a shorter one could be guessed."""
MAX_FILE_BYTES = 1024 * 1024

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
_HASHED = re.compile(r"sha256:([0-9a-f]{64})")
_SLICE = re.compile(r"slice:([A-Za-z0-9][A-Za-z0-9._-]{0,63})")
_CHALLENGE = 'Bearer realm="horizon"'


class Access(Enum):
    """What an operation asks of a client.

    Of those of ``SLICE`` and ``SLICE_MONITOR`` the handler judges which slice's token may what.
    """

    MONITOR = "monitor"
    PILOT = "pilot"
    SLICE = "pilot or slice:NAME"
    SLICE_MONITOR = "monitor or slice:NAME"


_INCLUDED: Mapping[str, frozenset[Access]] = MappingProxyType(
    {
        "monitor": frozenset({Access.MONITOR, Access.SLICE_MONITOR}),
        "slice": frozenset({Access.SLICE, Access.SLICE_MONITOR}),
    }
)
"""What each role includes; a pilot's includes everything."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sent a request: ``role`` is monitor, pilot or slice; ``slice_name`` with the last."""

    role: str
    slice_name: str | None = None

    def may(self, access: Access) -> bool:
        """Tell whether this role includes ``access``."""
        return self.role == "pilot" or access in _INCLUDED.get(self.role, ())


ANYBODY = Principal("pilot")
"""Everybody, where no tokens are configured."""
NOBODY = Principal("nobody")
"""Who sent no token where tokens are configured."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The hashes (SHA-256) of the tokens that are valid, each with whose it is."""

    entries: tuple[tuple[bytes, Principal], ...]

    def principal(self, token: str) -> Principal | None:
        """Return whose ``token`` is, in a time that does not tell how near a wrong one came."""
        digest = hashlib.sha256(token.encode()).digest()
        found = None
        for expected, principal in self.entries:
            if hmac.compare_digest(expected, digest):
                found = principal
        return found


def authenticate(tokens: Tokens | None, token: str | None) -> Principal:
    """Return who presents ``token``; without ``tokens`` configured, everybody may do all."""
    if tokens is None:
        return ANYBODY
    if token is None:
        raise _unauthenticated("The Authorization header with a bearer token is missing.")
    principal = tokens.principal(token)
    if principal is None:
        raise _unauthenticated("The token is not valid.", ', error="invalid_token"')
    return principal


def authorize(principal: Principal, access: Access) -> None:
    """Refuse, as a problem, what the role of ``principal`` does not include."""
    if not principal.may(access):
        raise ProblemError(
            FORBIDDEN,
            f"The role {principal.role} does not include {access.value}.",
            headers={"WWW-Authenticate": f'{_CHALLENGE}, error="insufficient_scope"'},
        )


def bearer_token(authorization: str | None, subprotocols: str | None = None) -> str | None:
    """Return the token of an Authorization header, None where there is none.

    A browser cannot set that header on a WebSocket: there the token may come as the
    subprotocol ``bearer.TOKEN``, beside the one that is spoken.
    """
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not _TOKEN.fullmatch(token.strip()):
            raise _unauthenticated("The Authorization header is not of the form 'Bearer TOKEN'.")
        return token.strip()
    offered = (name.strip() for name in (subprotocols or "").split(","))
    return next((name[7:] for name in offered if name.startswith("bearer.")), None)


def _unauthenticated(detail: str, error: str = "") -> ProblemError:
    return ProblemError(UNAUTHENTICATED, detail, headers={"WWW-Authenticate": _CHALLENGE + error})


def load_tokens(path: Path) -> Tokens:
    """Read the tokens file; InvalidInput if it is malformed or open to others than its owner."""
    try:
        data = read_regular(path, is_private=True, most=MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InvalidInput(("tokens_file",), f"{path}: {error.strerror}") from error
    except OpenToOthers as error:
        raise InvalidInput(("tokens_file",), str(error)) from error
    if len(data) > MAX_FILE_BYTES:
        raise InvalidInput(("tokens_file",), f"{path}: larger than {MAX_FILE_BYTES} bytes")
    # Editors of other systems begin UTF-8 with a mark.
    return parse_tokens(data.decode("utf-8-sig", "replace").splitlines())


def parse_tokens(lines: Iterable[str]) -> Tokens:
    """Return the tokens that ``lines`` declare; InvalidInput names the first line at fault."""
    entries: dict[bytes, Principal] = {}
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2:
            raise _fault(number, "must be ROLE TOKEN")
        digest = _digest(number, words[1])
        if digest in entries:
            raise _fault(number, "the token is already given a role above")
        entries[digest] = _principal(number, words[0])
    if not entries:
        raise InvalidInput(("tokens_file",), "it has no token")
    return Tokens(tuple(entries.items()))


def _principal(number: int, role: str) -> Principal:
    if role in ("monitor", "pilot"):
        return Principal(role)
    found = _SLICE.fullmatch(role)
    if found is None:
        raise _fault(number, "the role must be monitor, pilot or slice:NAME")
    return Principal("slice", found[1])


def _digest(number: int, token: str) -> bytes:
    hashed = _HASHED.fullmatch(token)
    if hashed is not None:
        return bytes.fromhex(hashed[1])
    if len(token) < MIN_TOKEN or not _TOKEN.fullmatch(token):
        raise _fault(
            number,
            f"the token must be {MIN_TOKEN} or more letters, digits or ._~+/=-, "
            "or sha256: and 64 lower-case hex digits",
        )
    return hashlib.sha256(token.encode()).digest()


def _fault(number: int, msg: str) -> InvalidInput:
    return InvalidInput(("tokens_file", number), msg)
