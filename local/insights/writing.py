"""Writes a tree as a query, so that it reads back as the same."""

from __future__ import annotations

import re

from local.insights import tree

_PLAIN = re.compile(r"[A-Za-z_@$][\w@$]*", re.ASCII)
# What may follow a dot without backticks.
_LATER = re.compile(r"[\w@$]+", re.ASCII)
# How tightly operators hold.
_RANKS = {"or": 1, "and": 2, "not": 3, "=": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6, "^": 8}
_RANKS |= dict.fromkeys(("!=", "<", "<=", ">", ">="), 4)
_SIGN = 7


def write(query: tree.Query) -> str:
    """Return a query's text."""
    source = [_source(query.source)] if query.source else []
    return " | ".join(source + [_command(one) for one in query.commands])


def _source(source: tree.Source) -> str:
    lists = (("namePrefix", source.prefixes), ("accountIdentifiers", source.accounts))
    options = [f"{name}: [{', '.join(map(quoted, values))}]" for name, values in lists if values]
    if source.group_class != "STANDARD":
        options.append(f"class: {quoted(source.group_class)}")
    return f"SOURCE logGroups({', '.join(options)})"


def _command(command: tree.Command) -> str:
    match command:
        case tree.Fields():
            return f"fields {_columns(command.columns)}"
        case tree.Display():
            return f"display {_columns(command.columns)}"
        case tree.Filter():
            return f"filter {write_expression(command.condition)}"
        case tree.Stats():
            by = f" by {_columns(command.by)}" if command.by else ""
            return f"stats {_columns(command.columns)}{by}"
        case tree.Sort():
            return f"sort {', '.join(_key(one) for one in command.keys)}"
        case tree.Limit():
            return f"limit {command.count}"
        case tree.Glob():
            return f"parse {_field(command.source.path)} {quoted(command.pattern)} as {_names(command.names)}"
        case tree.Groups():
            names = f" as {_names(command.names)}" if command.names else ""
            return f"parse {_field(command.source.path)} {_regex(command.pattern)}{names}{' multi' * command.multi}"
        case tree.Dedup():
            return f"dedup {', '.join(_field(one.path) for one in command.fields)}"
        case tree.Cluster():
            return f"pattern {write_expression(command.expression)}"
        case tree.Diff():
            return f"diff {command.against}".rstrip()
        case tree.Unnest():
            return f"unnest {_field(command.source.path)} into {_names((command.into,))}"


def write_expression(expression: tree.Expression, above: int = 0) -> str:
    """Return an expression's text, in parentheses where what is around it holds tighter."""
    rank = 9
    match expression:
        case tree.Field():
            text = _field(expression.path)
        case tree.Text():
            text = quoted(expression.value)
        case tree.Number():
            text = repr(expression.value)
        case tree.Truth():
            text = "true" if expression.value else "false"
        case tree.Period():
            text = f"{expression.count}{expression.unit}"
        case tree.Star():
            text = "*"
        case tree.Call():
            text = f"{expression.name}({', '.join(write_expression(one) for one in expression.arguments)})"
        case tree.Unary():
            rank = 3 if expression.operator == "not" else _SIGN
            # A sign before a sign would be no sign.
            operand = write_expression(expression.operand, rank + (rank == _SIGN))
            text = f"{expression.operator}{' ' * (rank == 3)}{operand}"
        case tree.Binary():
            rank = _RANKS[expression.operator]
            # Comparisons do not chain, and powers start from the right.
            left = write_expression(expression.left, rank + (rank in (4, 8)))
            right = write_expression(expression.right, _SIGN if rank == 8 else rank + 1)
            text = f"{left} {expression.operator} {right}"
        case tree.Like():
            rank = 4
            pattern = expression.pattern
            shape = _regex(pattern) if isinstance(pattern, tree.Regex) else quoted(pattern.value)
            text = f"{write_expression(expression.value, 5)} {'not ' * expression.negated}like {shape}"
        case tree.Among():
            rank = 4
            items = ", ".join(write_expression(one) for one in expression.items)
            text = f"{write_expression(expression.value, 5)} {'not ' * expression.negated}in [{items}]"
    return f"({text})" if rank < above else text


def _columns(columns: tuple[tree.Column, ...]) -> str:
    return ", ".join(
        write_expression(one.expression) + (f" as {_names((one.alias,))}" if one.alias else "") for one in columns
    )


def _key(key: tree.Key) -> str:
    return f"{write_expression(key.expression)} {'desc' if key.descending else 'asc'}"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(_field((name,)) for name in names)


def _field(path: tuple[str | int, ...]) -> str:
    first, *rest = path
    # After sort, by is no field.
    plain = _PLAIN.fullmatch(str(first)) and str(first).lower() != "by"
    written = [str(first) if plain else f"`{first}`"]
    for part in rest:
        if isinstance(part, int):
            written.append(f"[{part}]")
        else:
            written.append(f".{part}" if _LATER.fullmatch(part) else f".`{part}`")
    return "".join(written)


def quoted(value: str) -> str:
    """Return a text in quotes, with everything in it that could end them escaped."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def _regex(regex: tree.Regex) -> str:
    return f"/{regex.source}/"
