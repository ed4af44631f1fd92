"""The stacks of objectives in an account: as they are, brought to what they are to be, removed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import cast

from chalicelib.settings import GLOBAL_REGION
from cli import output
from deploy.objectives import Objectives, Place, places
from deploy.release import KEY, Template
from deploy.site import Site
from deploy.stack import FAILED, GONE, NEW, STEADY, Unchanged, ready
from deploy.store import Store


def deployed(site: Site, before: Template | None) -> tuple[dict[Place, Template], tuple[Place, ...]]:
    """Return the stacks that there are, and where some are that are broken; raises AwsError.

    CloudFormation is asked which there are, for a deployment may have been interrupted before one was removed that its
    release no longer has, and Parapet's own stack may be gone: they would page on, and nobody would know of them.

    Args:
        site: where.
        before: the deployed release's template, which tells of regions where nothing else would lead.
    """
    regions = {site.region, GLOBAL_REGION, *(place.region for place in (places(before) if before else ()))}
    steady: dict[Place, Template] = {}
    broken: list[Place] = []
    for place, status in (found for region in sorted(regions) for found in _standing(site, region)):
        template = site.beside(place.region, place.stack(site.stage)).template()
        if not _ours(template):
            continue
        if status in STEADY:
            steady[place] = cast(Template, template)
        else:
            broken.append(place)
    return steady, tuple(broken)


def _standing(site: Site, region: str) -> list[tuple[Place, str]]:
    """Return the stacks of a region that are called as ours are, and how each is; one that is only proposed is none."""
    names = re.compile(re.escape(Place(region, 0).stack(site.stage).removesuffix("0")) + r"([1-9]\d*)")
    found = [
        (match, one["StackStatus"])
        for one in site.at(region).all("cloudformation", "list_stacks", "StackSummaries")
        if (match := names.fullmatch(one["StackName"]))
    ]
    return [(Place(region, int(match[1])), status) for match, status in found if status not in (NEW, GONE)]


def _ours(template: object) -> bool:
    # A stage may be called `prod-objectives-1`: what its own stack lists are places.
    told = template.get("Metadata", {}).get(KEY, {}) if isinstance(template, Mapping) else {}
    return isinstance(told.get("objectives"), Mapping)


def kept(store: Store, objectives: Objectives) -> dict[str, str]:
    """Keep the templates, and return the key of each by its place; raises AwsError."""
    return {str(place): store.put(_text(one), ".json") for place, one in sorted(objectives.wanted.items())}


def carry_out(site: Site, store: Store, objectives: Objectives) -> None:
    """Bring the stacks to what they are to be; raises StackError, AwsError."""
    # What goes may be broken, with alarms whose names are wanted in another stack.
    for place in objectives.gone:
        remove(site, place)
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


def remove(site: Site, place: Place) -> None:
    """Remove a stack, if it is there; raises StackError, AwsError."""
    found = site.beside(place.region, place.stack(site.stage))
    if state := found.state():
        found.delete(state)
        output.say(f"{found.name} in {place.region} is removed.")


def _text(template: Template) -> bytes:
    return json.dumps(template, separators=(",", ":")).encode()
