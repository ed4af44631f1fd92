"""Python values as DynamoDB attribute values and back, for the types that our table holds.

boto3's own serializer would bring all of boto3 into the cold start of every guard function.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def marshal(value: Any) -> dict[str, Any]:
    """Return a value as an attribute value; raises TypeError for a type that the table does not hold."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int | float):
        # repr keeps a float's every digit; DynamoDB holds 38.
        return {"N": repr(value)}
    if isinstance(value, Mapping):
        return {"M": {str(key): marshal(item) for key, item in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [marshal(item) for item in value]}
    raise TypeError(f"the table does not hold a {type(value).__name__}")


def unmarshal(value: Mapping[str, Any]) -> Any:
    """Return an attribute value as Python; numbers are int where they are whole, else float."""
    ((kind, content),) = value.items()
    if kind == "NULL":
        return None
    if kind == "N":
        return int(content) if content.lstrip("-").isdigit() else float(content)
    if kind == "M":
        return {key: unmarshal(item) for key, item in content.items()}
    if kind == "L":
        return [unmarshal(item) for item in content]
    if kind in ("S", "BOOL", "B", "SS", "NS", "BS"):
        # Ours has no binary values and sets; who sets a switch by hand may.
        return content
    raise TypeError(f"the table does not hold the attribute type {kind}")


def item(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a whole item as attribute values."""
    return {key: marshal(value) for key, value in values.items()}


def values(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a whole item as Python values."""
    return {key: unmarshal(value) for key, value in content.items()}
