"""Words of the slicer's engine, from the options of the controller: TLS files, statistics."""

from __future__ import annotations

from pathlib import Path

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.settings import SlicingOptions
from horizon_ryu.slicer.tls_contexts import TlsFiles, slicer_tls


def check_tls(options: SlicingOptions) -> None:
    """Refuse, by InvalidInput, files by which no engine would start."""
    try:
        slicer_tls(_files(options))
    except InvalidInput as error:
        raise InvalidInput(("slicing", *error.loc), error.msg) from error


def tls_words(options: SlicingOptions) -> list[str]:
    """Return the words of the engine's command line for these files."""
    return [
        word
        for name, path in _files(options)._asdict().items()
        if path
        for word in (f"--{name.replace('_', '-')}", path)
    ]


def statistics_words(options: SlicingOptions) -> list[str]:
    """Return the words of the engine's command line for how statistics are told."""
    words = ["--stats-window", str(options.stats_window)]
    return words if options.empty_answers else [*words, "--no-empty-answers"]


def _files(options: SlicingOptions) -> TlsFiles:
    """Return the files, with paths that do not depend on where one stands."""
    given = {name: getattr(options, name) for name in TlsFiles._fields}
    return TlsFiles(**{name: str(Path(path).absolute()) for name, path in given.items() if path})
