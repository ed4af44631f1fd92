"""Where the nodes of a map stand in a picture: layers from callers to callees, with few lines that cross; pure.

Sugiyama's way, kept small. (1) Calls that go round in circles are turned for the while: what leads back to a node on
the way there. (2) A node's layer is the longest way to it from where requests come in. (3) A call across several layers
gets a bend in each between, so that it has a place there and crosses no node. (4) Within each layer nodes and bends go
to the average row of what they hang on, forth and back a few times; the order with the fewest crossings is kept.

https://doi.org/10.1109/TSMC.1981.4308636
"""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 6
Pair = tuple[str, str]
# A bend is named by the call that it is of, and its layer.
Slot = str | tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Layout:
    """A picture without measures.

    Args:
        places: the layer and the row of each node; no two nodes or bends share one.
        bends: for each call across layers, the rows through which it passes, from its upper layer on.
        rows: how many rows each layer has.
    """

    places: Mapping[str, tuple[int, int]]
    bends: Mapping[Pair, tuple[int, ...]]
    rows: tuple[int, ...]


def lay(nodes: Sequence[str], calls: Iterable[Pair]) -> Layout:
    """Return where nodes stand; calls of what is no node, and of a node by itself, need no place."""
    known = set(nodes)
    pairs = [one for one in dict.fromkeys(calls) if one[0] != one[1] and known >= set(one)]
    forward = _acyclic(nodes, pairs)
    layers = _layers(nodes, list(forward.values()))
    slots: list[list[Slot]] = [[] for _ in range(max(layers.values(), default=-1) + 1)]
    for node in nodes:
        slots[layers[node]].append(node)
    links: list[tuple[Slot, Slot]] = []
    for pair in pairs:
        upper, lower = forward[pair]
        way: list[Slot] = [upper]
        for layer in range(layers[upper] + 1, layers[lower]):
            way.append((*pair, layer))
            slots[layer].append(way[-1])
        way.append(lower)
        links += pairwise(way)
    row = {slot: number for layer in _ordered(slots, links) for number, slot in enumerate(layer)}
    bends = {
        pair: tuple(
            row[(*pair, layer)] for layer in range(layers[forward[pair][0]] + 1, layers[forward[pair][1]])
        )
        for pair in pairs
    }  # fmt: skip
    return Layout(
        {node: (layers[node], row[node]) for node in nodes},
        {pair: rows for pair, rows in bends.items() if rows},
        tuple(map(len, slots)),
    )


def _acyclic(nodes: Sequence[str], pairs: Sequence[Pair]) -> dict[Pair, Pair]:
    """Return each call as it is layered: turned where it leads back to a node on the way to it."""
    after: dict[str, list[str]] = {node: [] for node in nodes}
    called = set()
    for caller, callee in pairs:
        after[caller].append(callee)
        called.add(callee)
    turned: set[Pair] = set()
    state = dict.fromkeys(nodes, 0)
    # From where nobody calls, and then from what only calls itself in circles.
    for first in sorted(nodes, key=lambda node: node in called):
        if state[first]:
            continue
        state[first] = 1
        way = [(first, iter(after[first]))]
        while way:
            here, further = way[-1]
            for callee in further:
                if state[callee] == 1:
                    turned.add((here, callee))
                elif not state[callee]:
                    state[callee] = 1
                    way.append((callee, iter(after[callee])))
                    break
            else:
                state[here] = 2
                way.pop()
    return {pair: pair[::-1] if pair in turned else pair for pair in pairs}


def _layers(nodes: Sequence[str], links: Sequence[Pair]) -> dict[str, int]:
    """Return the longest way to each node, without circles."""
    found = dict.fromkeys(nodes, 0)
    waits = dict.fromkeys(nodes, 0)
    for _, lower in links:
        waits[lower] += 1
    ready = [node for node in nodes if not waits[node]]
    while ready:
        here = ready.pop()
        for upper, lower in links:
            if upper == here:
                found[lower] = max(found[lower], found[here] + 1)
                waits[lower] -= 1
                if not waits[lower]:
                    ready.append(lower)
    return found


def _ordered(slots: list[list[Slot]], links: Sequence[tuple[Slot, Slot]]) -> list[list[Slot]]:
    """Return the slots of each layer in an order in which few links cross."""
    over: dict[Slot, list[Slot]] = {slot: [] for layer in slots for slot in layer}
    under: dict[Slot, list[Slot]] = {slot: [] for layer in slots for slot in layer}
    for upper, lower in links:
        under[upper].append(lower)
        over[lower].append(upper)
    now = [list(layer) for layer in slots]
    best, fewest = now, crossings(now, links)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        beside = over if down else under
        now = [list(layer) for layer in now]
        for number in range(1, len(now)) if down else range(len(now) - 2, -1, -1):
            fixed = now[number - 1 if down else number + 1]
            # Layers differ in length: what counts is how far down one hangs, not in which row.
            at = {slot: (place + 0.5) / len(fixed) for place, slot in enumerate(fixed)}
            own = {slot: (place + 0.5) / len(now[number]) for place, slot in enumerate(now[number])}
            now[number].sort(key=lambda slot: _middle([at[one] for one in beside[slot]]) or own[slot])
        if (crossing := crossings(now, links)) < fewest:
            best, fewest = now, crossing
    return best


def _middle(places: Sequence[float]) -> float:
    """Return the average of places, 0 of none: no place is 0."""
    return sum(places) / len(places) if places else 0.0


def crossings(slots: Sequence[Sequence[Slot]], links: Sequence[tuple[Slot, Slot]]) -> int:
    """Return how many pairs of links cross."""
    place = {slot: (number, row) for number, layer in enumerate(slots) for row, slot in enumerate(layer)}
    between: dict[int, list[tuple[int, int]]] = {}
    for upper, lower in links:
        (layer, row), (_, further) = place[upper], place[lower]
        between.setdefault(layer, []).append((row, further))
    found = 0
    for some in between.values():
        below: list[int] = []
        for _, row in sorted(some):
            # Those that begin higher up and end lower down.
            found += len(below) - bisect(below, row)
            insort(below, row)
    return found
