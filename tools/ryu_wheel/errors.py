"""The one error of this package; its text is meant for the user who runs the set-up."""


class RyuWheelError(Exception):
    """The wheel cannot be built; the message says why and what helps."""
