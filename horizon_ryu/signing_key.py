"""The key that signs probes: whoever has it can forge links."""

from __future__ import annotations

import secrets
from pathlib import Path

from horizon_ryu.core.errors import InvalidInput
from xen_bridge.private_file import OpenToOthers, read_private

KEY_BYTES = 32


def signing_key(path: str | None) -> bytes:
    """Return the key in ``path``, or a new one; InvalidInput if the file is no good."""
    if not path:
        return secrets.token_bytes(KEY_BYTES)
    try:
        key = read_private(Path(path))
    except OSError as error:
        raise InvalidInput(("discovery", "key_file"), f"{path}: {error.strerror}") from error
    except OpenToOthers as error:
        raise InvalidInput(("discovery", "key_file"), str(error)) from error
    if len(key) < KEY_BYTES:
        raise InvalidInput(("discovery", "key_file"), f"{path} has less than {KEY_BYTES} bytes")
    return key
