"""Code blocks of a page in reStructuredText, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_DIRECTIVE = re.compile(r"^(\s*)\.\. (?:code-block|code):: ?(\S*)\s*$")
_OPTION = re.compile(r"^\s+:([a-z-]+): ?(.*)$")
_LITERAL = re.compile(r"^(?!\s*\.\. )(\s*)(.*)::\s*$")
_BODY = re.compile(r"\s-d '([^']*)'")
_SEPARATORS = ("&&", "||", "|", ";", "&", ">", ">>", "<")


@dataclass(frozen=True, slots=True)
class Block:
    """One: its page, the number of its first line, its language ("" for ``::``), its lines."""

    page: Path
    number: int
    language: str
    options: dict[str, str] = field(compare=False)
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The lines in one."""
        return "\n".join(self.lines)

    @property
    def where(self) -> str:
        """The page and the line, as an editor takes them."""
        return f"{self.page}:{self.number}"


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page in their order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    at = 0
    while at < len(lines):
        found = _DIRECTIVE.match(lines[at])
        literal = None if found else _LITERAL.match(lines[at])
        at += 1
        if found or literal:
            language = found[2] if found else ""
            indent = len((found or literal)[1])  # type: ignore[index]
            block, at = _block(page, lines, at, indent, language)
            if block.lines:
                yield block


def _block(page: Path, lines: list[str], at: int, indent: int, language: str) -> tuple[Block, int]:
    options: dict[str, str] = {}
    while language and at < len(lines) and (option := _OPTION.match(lines[at])):
        options[option[1]] = option[2]
        at += 1
    first = at
    while at < len(lines) and (not lines[at].strip() or _indent(lines[at]) > indent):
        at += 1
    kept = lines[first:at]
    while kept and not kept[0].strip():
        kept, first = kept[1:], first + 1
    while kept and not kept[-1].strip():
        kept = kept[:-1]
    depth = min((_indent(line) for line in kept if line.strip()), default=0)
    return Block(page, first + 1, language, options, tuple(line[depth:] for line in kept)), at


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def command_lines(block: Block) -> Iterator[str]:
    """Yield the lines of shell that a block shows; of a session, what stands behind its ``$``."""
    lines = block.lines
    if block.language == "console":
        lines = tuple(line[2:] for line in _typed(lines))
    whole = ""
    for line in lines:
        whole += line.removesuffix("\\")
        if not line.endswith("\\"):
            if whole.strip():
                yield whole.strip()
            whole = ""


def _typed(lines: tuple[str, ...]) -> Iterator[str]:
    goes_on = False
    for line in lines:
        if line.startswith(("$ ", "# ")) or goes_on:
            yield line if not goes_on else f"  {line.strip()}"
            goes_on = line.endswith("\\")


def commands(line: str) -> Iterator[list[str]]:
    """Yield the words of each command of a line: of a pipe, a list, and of ``"$(…)"`` in it."""
    inner = re.findall(r"\$\(([^()]*)\)", line)
    for part in inner:
        yield from commands(part)
    lexer = shlex.shlex(re.sub(r"\$\([^()]*\)", "INNER", line), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words: list[str] = []
    for word in lexer:
        if word in _SEPARATORS:
            if words:
                yield words
            words = []
        else:
            words.append(word)
    if words:
        yield words


def curl_body(line: str) -> str | None:
    """Return what a line of curl sends; None if it sends nothing."""
    found = _BODY.search(line)
    return found[1] if found else None
