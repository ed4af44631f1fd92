"""What commands print: tables and text for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

# Where no terminal tells its width, lines stay whole for grep.
WIDE = 10_000
STYLES = {
    "fixed": "green", "undone": "magenta", "exempted": "magenta", "undoing": "magenta", "fixing": "cyan",
    "failed": "bold red", "asked": "yellow", "held": "yellow", "observed": "yellow",
    "firing": "bold red", "resolved": "green",
    "critical": "bold red", "high": "red", "medium": "yellow",
    "enforce": "green", "approve": "yellow", "off": "dim",
}  # fmt: skip


def json_option(command: Any) -> Any:
    """Give a command the option `--json`, as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON (keys: docs/command-line.md).")(command)


def emit(document: Any) -> None:
    """Print a JSON document."""
    click.echo(json.dumps(document, indent=2))


def printable(text: str) -> str:
    """Return a text that cannot move the cursor or hide: names, tags and user agents come from whoever made a call."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def styled(text: str) -> Text:
    """Return a word in the colour that it has everywhere."""
    from rich.text import Text

    return Text(printable(text), STYLES.get(text, ""))


def lines(values: Iterable[str]) -> Text:
    """Return values one below the other; `nothing` when there are none."""
    from rich.text import Text

    return Text("\n".join(printable(value) for value in values) or "nothing")


def table(headings: Sequence[str], rows: Iterable[Sequence[str | Text]], whole: Sequence[str] = ()) -> None:
    """Print a table; columns named in `whole` are never broken into lines."""
    from rich.table import Table

    found = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for heading in headings:
        found.add_column(heading.upper(), no_wrap=heading in whole, overflow="fold")
    for row in rows:
        found.add_row(*(printable(cell) if isinstance(cell, str) else cell for cell in row))
    _show(found)


def facts(pairs: Iterable[tuple[str, str | Text]]) -> None:
    """Print labelled facts, one below the other."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in pairs:
        grid.add_row(label, printable(value) if isinstance(value, str) else value)
    _show(grid)


def say(text: str = "") -> None:
    """Print a line."""
    click.echo(printable(text))


def _show(what: RenderableType) -> None:
    console = _console()
    with console.capture() as capture:
        console.print(what)
    for line in capture.get().splitlines():
        click.echo(line.rstrip())


def _console() -> Console:
    from rich.console import Console

    width = None if sys.stdout.isatty() else WIDE
    return Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)
