"""moto, bent for a while: what tests plug in is taken out again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


@contextmanager
def restored(places: Iterable[tuple[type, str]]) -> Iterator[None]:
    """Give classes back the attributes of theirs that somebody changes meanwhile."""
    before = [(place, name, vars(place).get(name)) for place, name in places]
    try:
        yield
    finally:
        for place, name, found in before:
            if found is None:
                delattr(place, name)
            else:
                setattr(place, name, found)
