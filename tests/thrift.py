"""What moto works out anew for every call and every account, though it never changes, is worked out once."""

from __future__ import annotations

import functools
from typing import Any

from moto.core import models, responses
from moto.core.serialize import AttributePickerContext, XFormedAttributePicker
from moto.kms import models as kms

_worked_out = XFormedAttributePicker.get_possible_keys
_names: dict[tuple[Any, ...], tuple[str, ...]] = {}


def _possible(self: Any, context: AttributePickerContext) -> tuple[str, ...]:
    """The names under which an object may hold a member: they follow from its class and the member's shape."""
    known = (type(context.obj), context.key, context.shape)
    if known not in _names:
        _names[known] = tuple(dict.fromkeys(_worked_out(self, context)))
    return _names[known]


def be_thrifty() -> None:
    """Have moto remember; what it answers stays the same."""
    XFormedAttributePicker.get_possible_keys = _possible
    responses.method_names_from_class = functools.cache(responses.method_names_from_class)
    # A pair of RSA keys for every key, also for those that encrypt with neither of them.
    kms.generate_private_key = functools.cache(kms.generate_private_key)
    # A thousand patterns for the library `requests`, which nothing here calls AWS with.
    models.RESPONSES_METHODS = []
