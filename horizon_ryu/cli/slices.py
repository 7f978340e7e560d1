"""``horizonctl slices``: divide the network among controllers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO, Any

import click

from horizon_ryu.cli import show_slices
from horizon_ryu.cli.asking import Failed
from horizon_ryu.cli.resource_path import ResourcePath, resource_path
from horizon_ryu.cli.session import Session
from horizon_ryu.cli.slice_options import RULE_HELP, rule_of, slice_in, slice_options
from horizon_ryu.cli.terminal import Terminal, styled

_SECONDS = 60.0
"""For a change: every switch concerned confirms it before it is answered."""
_dry_run = click.option("--dry-run", is_flag=True, help="tell what would clash, change nothing")


@click.group()
def slices() -> None:
    """Divide the network among controllers that know nothing of one another.

    Example: horizonctl slices create blue -c tcp:127.0.0.1:6653 --rule "ports=1,2 dl_vlan=10"
    """


@slices.command("list")
@click.pass_obj
def list_slices(session: Session) -> None:
    """Show all slices.

    Example: horizonctl slices list
    """
    data = session.client.get(_path())
    if session.output == "table":
        show_slices.slices(session.console, data["slices"])
    else:
        session.emit_json(data)


@slices.command("show")
@click.argument("name")
@click.pass_obj
def show_slice(session: Session, name: str) -> None:
    """Show one slice with its rules.

    Example: horizonctl slices show blue
    """
    _tell(session, session.client.get(_path(name)))


@slices.command("create")
@click.argument("name")
@click.option("--rule", "-r", "rules", multiple=True, metavar="RULE", help=RULE_HELP)
@slice_options
@_dry_run
@click.pass_obj
def create(session: Session, /, name: str, rules: tuple[str, ...], **options: Any) -> None:
    """Make a slice.

    Example: horizonctl slices create blue -c tcp:127.0.0.1:6653 --rule "ports=1,2 dl_vlan=10"
    """
    body = {
        "name": name,
        **slice_in(options),
        "flowspace": [rule_of(text, session.client) for text in rules],
    }
    _tell(session, session.client.post(_path(), body, _SECONDS, dry_run=_dry(options)))


@slices.command("set")
@click.argument("name")
@slice_options
@_dry_run
@click.pass_obj
def set_slice(session: Session, /, name: str, **options: Any) -> None:
    """Change a slice; what is not named stays, and no connection is dropped.

    Example: horizonctl slices set blue --limit flow_entries=500 --contact ann@example.org
    """
    body = slice_in(options)
    if not body:
        raise click.UsageError("name at least one thing to set")
    _tell(session, session.client.patch(_path(name), body, _SECONDS, dry_run=_dry(options)))


@slices.command("delete")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def delete(session: Session, names: tuple[str, ...]) -> None:
    """Delete slices with their entries and connections.

    Example: horizonctl slices delete blue
    """
    for name in names:
        session.client.delete(_path(name), _SECONDS)
        session.done(f"slice {name} is deleted", {"deleted": name})


@slices.group("rules")
def rules() -> None:
    """Add rules to the flowspace of a slice, and take them away.

    Example: horizonctl slices rules add blue "ports=3 dl_vlan=10-20"
    """


@rules.command("add")
@click.argument("name")
@click.argument("texts", nargs=-1, required=True, metavar="RULE...")
@_dry_run
@click.pass_obj
def add_rules(session: Session, name: str, texts: tuple[str, ...], dry_run: bool) -> None:
    """Add rules, all of them or none; RULE is FIELD=VALUE with blanks between.

    Example: horizonctl slices rules add blue "ports=3 dl_vlan=10-20,30 permissions=rw"
    """
    body = [rule_of(text, session.client) for text in texts]
    asked = "1" if dry_run else None
    data = session.client.post(_path(name, "flowspace"), body, _SECONDS, dry_run=asked)
    if session.output != "table":
        session.emit_json(data)
        return
    show_slices.rules(session.console, data["flowspace"])
    _tell_clashes(session, data)


@rules.command("remove")
@click.argument("name")
@click.argument("numbers", nargs=-1, required=True, type=click.IntRange(1), metavar="ID...")
@click.pass_obj
def remove_rules(session: Session, name: str, numbers: tuple[int, ...]) -> None:
    """Take rules away by their ids.

    Example: horizonctl slices rules remove blue 7
    """
    for number in numbers:
        session.client.delete(_path(name, "flowspace", str(number)), _SECONDS)
        session.done(f"rule {number} of {name} is gone", {"slice": name, "deleted": number})


def _tell_of_engine(
    part: str, summary: str, table: Callable[[Terminal, Mapping[str, Any]], None]
) -> click.Command:
    """Return the command that shows what the engine tells of a slice."""

    @click.argument("name")
    @click.pass_obj
    def show(session: Session, name: str) -> None:
        data = session.client.get(_path(name, part))
        if session.output == "table":
            table(session.console, data)
        else:
            session.emit_json(data)

    show.__doc__ = f"{summary}\n\nExample: horizonctl slices {part} blue"
    return slices.command(part)(show)


_tell_of_engine(
    "stats", "Show messages, refusals, limits used and latency of a slice.", show_slices.document
)
_tell_of_engine(
    "entries", "Show what a tenant has installed, and what became of it.", show_slices.entries
)
_tell_of_engine(
    "topology", "Show the switches, ports and links that a tenant sees.", show_slices.document
)


@slices.command("clashes")
@click.argument("name", required=False)
@click.pass_obj
def clashes(session: Session, name: str | None) -> None:
    """Show which rules overlap with those of other slices; of one slice, or of all.

    Example: horizonctl slices clashes blue
    """
    if name is None:
        found = session.client.get(_path())
        body = {"slices": found["slices"]}
        data = session.client.put(_path(), body, dry_run="1")["clashes"]
    else:
        data = session.client.patch(_path(name), {}, _SECONDS, dry_run="1")["clashes"]
    if session.output == "table":
        show_slices.clashes(session.console, data)
    else:
        session.emit_json(data)


@slices.command("export")
@click.argument("file", type=click.File("w", encoding="utf-8"), default="-")
@click.pass_obj
def export(session: Session, file: IO[str]) -> None:
    """Write all slices as YAML, for import; to the terminal if no FILE is named.

    Example: horizonctl slices export slices.yaml
    """
    from horizon_ryu.cli.slice_files import yaml_of

    file.write(yaml_of(session.client.get(_path())["slices"]))


@slices.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--only", is_flag=True, help="delete the slices that FILE does not have")
@click.option("--yes", "-y", is_flag=True, help="do not ask")
@click.pass_obj
def import_slices(session: Session, file: IO[bytes], only: bool, yes: bool) -> None:
    """Make slices what FILE says, all or none; what would change is shown first.

    Slices that FILE does not have stay, but for --only.

    Example: horizonctl slices import slices.yaml
    """
    from horizon_ryu.cli.slice_files import changes, slices_in

    wanted = slices_in(file)
    now = session.client.get(_path())
    named = {one["name"] for one in wanted}
    kept = [] if only else [one for one in now["slices"] if one["name"] not in named]
    body = {"version": now["version"], "slices": [*kept, *wanted]}
    planned = session.client.put(_path(), body, dry_run="1")
    lines = list(changes(now["slices"], planned["slices"]))
    if not lines:
        session.say("nothing would change")
        return
    for line in lines:
        session.console.print(styled(line, _COLOURS.get(line[:1], "")), soft_wrap=True)
    _tell_clashes(session, planned)
    if not yes and not click.confirm("Make these changes?"):
        raise Failed("nothing is changed")
    session.client.put(_path(), body)
    session.say("done")


_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def _path(*segments: str) -> ResourcePath:
    return resource_path("v1", "slices", *segments)


def _dry(options: dict[str, Any]) -> str | None:
    return "1" if options["dry_run"] else None


def _tell(session: Session, data: dict[str, Any]) -> None:
    if session.output == "table":
        show_slices.one_slice(session.console, data)
        _tell_clashes(session, data)
    else:
        session.emit_json(data)


def _tell_clashes(session: Session, data: dict[str, Any]) -> None:
    if "clashes" in data:
        show_slices.clashes(session.console, data["clashes"])


COMMANDS = (slices,)
