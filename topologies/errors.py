"""The error of everything here that touches the machine."""


class NetworkError(RuntimeError):
    """The emulated network cannot do what was asked; the message says why."""
