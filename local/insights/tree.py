"""A query as it was read: commands of expressions, which compare by what they mean and not by where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Field:
    """A field by its path: names, and numbers where a list is indexed in brackets."""

    path: tuple[str | int, ...]
    at: int = field(default=0, compare=False)

    @property
    def name(self) -> str:
        """The path with dots between, as discovered fields are called."""
        return ".".join(str(part) for part in self.path)


@dataclass(frozen=True, slots=True)
class Text:
    """A string in quotes."""

    value: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Number:
    """A number, never negative: a sign is an operation."""

    value: int | float
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Truth:
    """`true` or `false`."""

    value: bool
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression between slashes, as it was written."""

    source: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Period:
    """A time span such as `5m`."""

    count: int
    unit: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Star:
    """What `count(*)` counts."""

    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments, by its documented name."""

    name: str
    arguments: tuple[Expression, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """`-` or `not`."""

    operator: str
    operand: Expression
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """Two expressions around an operator."""

    operator: str
    left: Expression
    right: Expression
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Like:
    """Whether a value contains a text or matches a regular expression."""

    value: Expression
    pattern: Text | Regex
    negated: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Among:
    """Whether a value is one of a list."""

    value: Expression
    items: tuple[Expression, ...]
    negated: bool = False
    at: int = field(default=0, compare=False)


Expression = Field | Text | Number | Truth | Period | Star | Call | Unary | Binary | Like | Among


@dataclass(frozen=True, slots=True)
class Column:
    """An expression under a name: its alias, or else its own text."""

    expression: Expression
    alias: str = ""
    written: str = field(default="", compare=False)
    at: int = field(default=0, compare=False)

    @property
    def name(self) -> str:
        """What the column is called in the results."""
        of = self.expression
        if self.alias or not isinstance(of, Field):
            return self.alias or self.written
        return self.written if any(isinstance(part, int) for part in of.path) else of.name


@dataclass(frozen=True, slots=True)
class Key:
    """What rows are sorted by."""

    expression: Expression
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """`SOURCE logGroups(…)`: the log groups of the query, by prefixes of their names, accounts and class."""

    prefixes: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    group_class: str = "STANDARD"
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Fields:
    """`fields`: what to show, and what to work out."""

    columns: tuple[Column, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Display:
    """`display`: what to show, whatever `fields` said."""

    columns: tuple[Column, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Filter:
    """`filter`, or `where`: which rows to keep."""

    condition: Expression
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Stats:
    """`stats`: aggregates by groups."""

    columns: tuple[Column, ...]
    by: tuple[Column, ...] = ()
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Sort:
    """`sort`: in which order."""

    keys: tuple[Key, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Limit:
    """`limit`: how many rows at most."""

    count: int
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Glob:
    """`parse` with a pattern of literal text and `*`, and a name for each `*`."""

    source: Field
    pattern: str
    names: tuple[str, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Groups:
    """`parse` with a regular expression whose groups become fields; `multi` makes a row of each match."""

    source: Field
    pattern: Regex
    names: tuple[str, ...] = ()
    multi: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Dedup:
    """`dedup`: the first row only of each combination of values."""

    fields: tuple[Field, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Cluster:
    """`pattern`: how often which shape of text."""

    expression: Expression
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Diff:
    """`diff`: the same patterns in an earlier window; `against` is empty for the one just before."""

    against: str = ""
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Unnest:
    """`unnest`: a row for each element of a list."""

    source: Field
    into: str
    at: int = field(default=0, compare=False)


Command = Fields | Display | Filter | Stats | Sort | Limit | Glob | Groups | Dedup | Cluster | Diff | Unnest


@dataclass(frozen=True, slots=True)
class Query:
    """Commands in their order, and where the log groups are named in the query, these."""

    commands: tuple[Command, ...]
    source: Source | None = None
    text: str = field(default="", compare=False)


def parts(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and all that it is made of."""
    yield expression
    for child in children(expression):
        yield from parts(child)


def children(expression: Expression) -> tuple[Expression, ...]:
    """Return the expressions that an expression is made of, one level down."""
    match expression:
        case Call():
            return expression.arguments
        case Unary():
            return (expression.operand,)
        case Binary():
            return (expression.left, expression.right)
        case Like():
            return (expression.value,)
        case Among():
            return (expression.value, *expression.items)
        case _:
            return ()
