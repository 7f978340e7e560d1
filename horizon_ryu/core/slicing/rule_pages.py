"""Rule pages: packed rules as texts of a document, so that it is not read at a stretch.

Nothing else runs in a process while a JSON text is read. The text of a page is one value of the
document around it, which is gone over once; what it says is read when its turn comes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.field_values import Loc
from horizon_ryu.core.slicing.packed_rule import packed_rule, read_packed_rule
from horizon_ryu.core.slicing.rule import FlowspaceRule

RULES_A_PAGE = 250
"""They are read within a millisecond."""


def rule_pages(rules: Iterable[FlowspaceRule]) -> list[str]:
    """Return rules as pages, in their order.

    Strings in them have single quotes, as no name of a field has: the document around would have to
    escape others, and would be read for longer. So a page is written as Python writes lists of
    numbers and such names, which is a third of the work of writing JSON.
    """
    left = iter(rules)
    pages = []
    while some := [packed_rule(rule) for rule in islice(left, RULES_A_PAGE)]:
        pages.append(repr(some).replace(" ", "").replace("None", "null"))
    return pages


def read_packed(packed: Any, slice_name: str, loc: Loc) -> Iterator[FlowspaceRule]:
    """Yield the rules that a list is of: packed ones, pages of such, or some of both.

    InvalidInput names the page, and the rule in it.
    """
    if not isinstance(packed, list):
        raise InvalidInput(loc, "must be a list")
    for at, one in enumerate(packed):
        place = (*loc, at)
        if isinstance(one, str):
            for number, rule in enumerate(_read_page(one, place)):
                yield read_packed_rule(rule, slice_name, (*place, number))
        else:
            yield read_packed_rule(one, slice_name, place)


def _read_page(page: str, loc: Loc) -> list[Any]:
    try:
        found = json.loads(page.replace("'", '"'))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(loc, f"is no page of rules: {error}") from error
    if not isinstance(found, list):
        raise InvalidInput(loc, "is no page of rules")
    return found
