"""Tests without needless work: what moto works out anew though it never changes, and the search for garbage."""

from __future__ import annotations

import functools
import gc
from typing import Any

from moto.core import models, responses
from moto.core.serialize import AttributePickerContext, XFormedAttributePicker
from moto.core.utils import camelcase_to_underscores
from moto.kms import models as kms
from moto.sqs import models as sqs

_looked_up = responses.method_names_from_class
_worked_out = XFormedAttributePicker.get_possible_keys
_names: dict[tuple[Any, ...], tuple[str, ...]] = {}


def _possible(self: Any, context: AttributePickerContext) -> tuple[str, ...]:
    """The names under which an object may hold a member: they follow from its class and the member's shape."""
    known = (type(context.obj), context.key, context.shape)
    if known not in _names:
        _names[known] = tuple(dict.fromkeys(_worked_out(self, context)))
    return _names[known]


def _methods(clazz: type) -> list[str]:
    """The operations that a service of moto's answers, as long as nothing is added to it or taken away."""
    return _found(clazz, tuple(len(vars(one)) for one in clazz.__mro__))


@functools.cache
def _found(clazz: type, _sizes: tuple[int, ...]) -> list[str]:
    return list(_looked_up(clazz))


def be_thrifty() -> None:
    """Have moto remember; what it answers stays the same."""
    XFormedAttributePicker.get_possible_keys = _possible
    responses.method_names_from_class = _methods
    responses.camelcase_to_underscores = sqs.camelcase_to_underscores = functools.cache(camelcase_to_underscores)
    # A pair of RSA keys for every key, also for those that encrypt with neither of them.
    kms.generate_private_key = functools.cache(kms.generate_private_key)
    # A thousand patterns for the library `requests`, which nothing here calls AWS with.
    models.RESPONSES_METHODS = []
    # Most of what moto and botocore make stays: looking for garbage after each 700 objects is a seventh of the time.
    gc.set_threshold(50_000, 20, 50)
