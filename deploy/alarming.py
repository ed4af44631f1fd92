"""The stacks of objectives in an account: as they are, brought to what they are to be, removed."""

from __future__ import annotations

import json
from typing import cast

from cli import output
from deploy.objectives import Objectives, Place, places
from deploy.release import Template
from deploy.site import Site
from deploy.stack import FAILED, STEADY, Unchanged, ready
from deploy.store import Store


def deployed(site: Site, before: Template | None) -> dict[Place, Template]:
    """Return the stacks that a release's template tells of, as they are; raises AwsError."""
    found: dict[Place, Template] = {}
    for place in places(before) if before else ():
        there = site.beside(place.region, place.stack(site.stage))
        state = there.state()
        if state and state.status in STEADY:
            found[place] = cast(Template, there.template())
    return found


def kept(store: Store, objectives: Objectives) -> dict[str, str]:
    """Keep the templates, and return the key of each by its place; raises AwsError."""
    return {str(place): store.put(_text(one), ".json") for place, one in sorted(objectives.wanted.items())}


def carry_out(site: Site, store: Store, objectives: Objectives) -> None:
    """Bring the stacks to what they are to be; raises StackError, AwsError."""
    for place, template in sorted(objectives.wanted.items()):
        if template == objectives.there.get(place):
            continue
        found = site.beside(place.region, place.stack(site.stage))
        state = found.state()
        if state and state.status in FAILED:
            # Its first creation failed: there is nothing in it.
            found.delete(state)
            state = None
        ready(found.name, state, site.stage)
        url = store.url(store.put(_text(template), ".json"))
        try:
            found.execute(found.propose(state, url, []))
        except Unchanged:
            continue
        output.say(f"{found.name} in {place.region}: {len(template['Resources'])} alarms, and what they need.")
    for place in objectives.gone:
        remove(site, place)


def remove(site: Site, place: Place) -> None:
    """Remove a stack, if it is there; raises StackError, AwsError."""
    found = site.beside(place.region, place.stack(site.stage))
    if state := found.state():
        found.delete(state)
        output.say(f"{found.name} in {place.region} is removed.")


def _text(template: Template) -> bytes:
    return json.dumps(template, separators=(",", ":")).encode()
