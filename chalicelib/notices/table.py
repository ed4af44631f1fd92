"""A notice's table as text in columns, for whatever shows letters of one width; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chalicelib.notices.slack_text import one_line

GAP = "  "
# No column gets narrower than that while another is wider.
NARROW = 6
_NUMBER = re.compile(r"-?[\d,.]+(?:e[+-]?\d+)?(?: [\w%$]{1,3})?|–")


def drawn(table: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return the lines of a table, its heading first: numbers to the right, and what is too wide for it cut.

    Args:
        table: its rows, the heading being the first.
        width: how many letters a line may have, as far as there is room for every column at all.
    """
    rows = [[one_line(cell) for cell in row] for row in table]
    count = max((len(row) for row in rows), default=0)
    rows = [row + [""] * (count - len(row)) for row in rows]
    widths = [max(len(row[at]) for row in rows) for at in range(count)]
    right = [all(_NUMBER.fullmatch(row[at]) for row in rows[1:]) for at in range(count)]
    # A number that is cut is another number: texts are cut first.
    whole = [max([NARROW, *(len(row[at]) for row in rows[1:] if right[at])]) for at in range(count)]
    for least in (whole, [NARROW] * count):
        while sum(widths) + len(GAP) * (count - 1) > width:
            wide = [at for at in range(count) if widths[at] > least[at]]
            if not wide:
                break
            widths[max(wide, key=widths.__getitem__)] -= 1
    shown = [[_padded(cell, widths[at], right[at]) for at, cell in enumerate(row)] for row in rows]
    return [GAP.join(row).rstrip() for row in shown]


def _padded(cell: str, width: int, right: bool) -> str:
    text = cell if len(cell) <= width else cell[: width - 1] + "…"
    return text.rjust(width) if right else text.ljust(width)
