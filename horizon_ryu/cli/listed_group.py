"""Listed group: a noun whose commands are ``list`` and ``show``, and that may be said alone.

``horizonctl migrations`` is short for ``horizonctl migrations list``, and ``horizonctl migrations
5f3a9c01`` for ``horizonctl migrations show 5f3a9c01``. Behind ``--`` is always a name.
"""

from __future__ import annotations

import click


class ListedGroup(click.Group):
    """Has a command ``list``, and a command ``show`` for whatever names none of its commands.

    ``owners`` is how many names ``list`` itself takes: ``xen domains xen1`` lists those of a host.
    """

    owners = 0

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command in front that is meant, if none is said."""
        said = args[0] if args else ""
        if said not in self.commands and said not in ctx.help_option_names:
            names = [word for word in args if not word.startswith("-")]
            is_list = not args if not self.owners else len(names) <= self.owners
            args = ["list" if is_list else "show", *args]
        return super().parse_args(ctx, args)


class OwnedGroup(ListedGroup):
    """A listed group of things that belong to something else, which both commands name first."""

    owners = 1
