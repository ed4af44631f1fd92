"""Regular expressions as Logs Insights writes them, put into Python's words."""

from __future__ import annotations

import re
from functools import lru_cache

_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?(?P<flags>[a-zA-Z-]+)\)|\(\?<(?![=!])|.", re.DOTALL)
# What Python reads and Logs Insights does not document.
_FOREIGN = re.compile(r"\(\?(?:P|\(|#)")
_FLAGS = re.compile(r"[imsx]*(?:-[imsx]+)?")


class Unknown(Exception):
    """A regular expression that is wrong, or of which Python has no equal."""


@lru_cache(maxsize=512)
def compiled(source: str) -> re.Pattern[str]:
    """Return what to match with: `(?<name>…)` are groups, and flags count from where they stand; raises Unknown."""
    try:
        return re.compile(_translated(source.replace(r"\/", "/")), re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise Unknown(f"the regular expression /{source}/ cannot be used: {error}") from None


def _translated(source: str) -> str:
    """Flags in the middle hold to the end of their group, beyond its `|`: each branch gets a group of its own."""
    written: list[str] = []
    # Of each open group, the groups of ours that carry flags set in it.
    opened: list[list[str]] = [[]]
    for found in _TOKEN.finditer(source):
        token = found.group()
        if found["flags"]:
            if not _FLAGS.fullmatch(found["flags"]):
                raise Unknown(f"the flags {token} of a regular expression are not known here")
            opened[-1].append(f"{token[:-1]}:")
            token = opened[-1][-1]
        elif token == "(" and (foreign := _FOREIGN.match(source, found.start())):
            raise Unknown(f"{foreign.group()} of a regular expression is not known here: a named group is (?<name>…)")
        elif token[0] == "[" and re.search(r"(?<!\\)\[|&&", token[1:]):
            raise Unknown(f"the nested class {token} of a regular expression is not known here")
        elif token[0] == "(":
            opened.append([])
            token = "(?P<" if token == "(?<" else token
        elif token == "|":
            token = ")" * len(opened[-1]) + "|" + "".join(opened[-1])
        elif token == ")" and len(opened) > 1:
            token = ")" * len(opened.pop()) + ")"
        written.append(token)
    return "".join(written) + ")" * len(opened[0])
