"""Tests without needless work: what moto works out anew though it never changes, and the search for garbage."""

from __future__ import annotations

import functools
import gc
from typing import Any

from moto.core import models, responses
from moto.core.base_backend import BaseBackend
from moto.core.serialize import AttributePickerContext, ResponseSerializer, XFormedAttributePicker
from moto.core.utils import camelcase_to_underscores
from moto.kms import models as kms
from moto.sqs import models as sqs

_looked_up = responses.method_names_from_class
_worked_out = XFormedAttributePicker.get_possible_keys
_value_of = ResponseSerializer.get_value
_addresses: Any = BaseBackend.urls.fget
_names: dict[tuple[Any, ...], tuple[str, ...]] = {}
_served: dict[type, tuple[tuple[Any, ...], dict[str, Any]]] = {}


def _possible(self: Any, context: AttributePickerContext) -> tuple[str, ...]:
    """The names under which an object may hold a member: they follow from its class and the member's shape."""
    known = (type(context.obj), context.key, context.shape)
    if known not in _names:
        _names[known] = tuple(dict.fromkeys(_worked_out(self, context)))
    return _names[known]


def _value(self: Any, value: Any, key: str, shape: Any) -> Any:
    """A member of what a service answers: of a dict, as most are, at once."""
    picker = self._value_picker
    names = _names.get((dict, key, shape)) if type(value) is dict and type(picker) is XFormedAttributePicker else None
    if names is None or picker.response_transformers:
        return _value_of(self, value, key, shape)
    for name in names:
        if name in value:
            return value[name]
        if "." in name:
            return _value_of(self, value, key, shape)
    return None


def _urls(self: Any) -> dict[str, Any]:
    """The addresses that a service of moto's answers at, as long as it answers them by the same functions."""
    module = self._url_module
    served = (*module.url_bases, *module.url_paths.items())
    before = _served.get(type(self))
    if before is None or before[0] != served:
        before = _served[type(self)] = (served, _addresses(self))
    return before[1]


def _methods(clazz: type) -> list[str]:
    """The operations that a service of moto's answers, as long as nothing is added to it or taken away."""
    return _found(clazz, tuple(len(vars(one)) for one in clazz.__mro__))


@functools.cache
def _found(clazz: type, _sizes: tuple[int, ...]) -> list[str]:
    return list(_looked_up(clazz))


def be_thrifty() -> None:
    """Have moto remember; what it answers stays the same."""
    XFormedAttributePicker.get_possible_keys = _possible
    ResponseSerializer.get_value = _value
    BaseBackend.urls = property(_urls)
    responses.method_names_from_class = _methods
    responses.camelcase_to_underscores = sqs.camelcase_to_underscores = functools.cache(camelcase_to_underscores)
    # A pair of RSA keys for every key, also for those that encrypt with neither of them.
    kms.generate_private_key = functools.cache(kms.generate_private_key)
    # A thousand patterns for the library `requests`, which nothing here calls AWS with.
    models.RESPONSES_METHODS = []
    # Most of what moto and botocore make stays: looking for garbage after each 700 objects is a seventh of the time.
    gc.set_threshold(50_000, 20, 50)
