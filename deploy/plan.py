"""What would be deployed: the template with its parameters, the artefact, and where both are kept."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import click

from chalicelib import registry, settings
from chalicelib.journal import Journal
from chalicelib.model import EVERYTHING, ParapetError
from chalicelib.settings import GLOBAL_REGION, Settings
from cli import output
from deploy import alarming, artefact, objectives, queried, release, stack, store, trail
from deploy.artefact import Build
from deploy.objectives import Objectives, Place
from deploy.release import Release, Template
from deploy.site import Site
from deploy.stack import STEADY, Proposal, StackError
from deploy.store import Record, Store
from deploy.template import cloudformation

OVERLOOKS = "{} knows no pauses and no exemptions of a scope"


@dataclass(frozen=True)
class Plan:
    """A release that is ready to be proposed to CloudFormation.

    Args:
        site: where.
        store: keeps it.
        release: what its template says of it.
        template: CloudFormation's, with that in it.
        deployed: the template that it replaces, None for the first.
        parameters: as CloudFormation wants them.
        content: the artefact; empty where it is in the store already.
        artefact: the artefact's key.
        objectives: the stacks beside it, with the alarms of objectives.
    """

    site: Site
    store: Store
    release: Release
    template: Template
    deployed: Template | None
    parameters: list[dict[str, Any]]
    content: bytes
    artefact: str
    objectives: Objectives

    @property
    def unchanged(self) -> bool:
        """Whether all of this is deployed already."""
        state = self.site.state
        if self.deployed is None or state is None or not self.objectives.unchanged:
            return False
        given = {one["ParameterKey"]: one["ParameterValue"] for one in self.parameters if "ParameterValue" in one}
        same = all(state.parameters.get(name) == value for name, value in given.items())
        return same and release.unmarked(self.deployed) == release.unmarked(self.template)

    def propose(self) -> Proposal:
        """Upload the template and make the change set; raises Unchanged, StackError, AwsError."""
        key = self.store.put(_text(self.template), ".json")
        return self.site.stack.propose(self.site.state, self.store.url(key), self.parameters)

    def keep(self) -> None:
        """Upload the artefact, and the record by which this release can be deployed again; raises AwsError."""
        if self.content:
            self.store.put(self.content, ".zip")
        self.store.keep(
            Record(
                self.release.number,
                self.release.version,
                self.release.commit,
                self.artefact,
                self.store.key(_text(self.template), ".json"),
                stack.values(self.template, self.parameters, self.site.state),
                self.site.caller.who,
                self.site.desk.now(),
                alarming.kept(self.store, self.objectives),
            )
        )


def _text(template: Template) -> bytes:
    return json.dumps(template, separators=(",", ":")).encode()


def deployed(site: Site) -> Template | None:
    """Return the template that a site's stack has now, None when it has none; raises NotOurs, AwsError."""
    if site.state is None or site.state.status not in STEADY:
        return None
    found = site.stack.template()
    release.of(found)
    return cast(Template, found)


def upgrade(site: Site, kept: Store, promote: Collection[str], given: Mapping[str, str]) -> Plan:
    """Return this checkout as a plan; raises ParapetError naming what does not fit.

    Args:
        site: where.
        kept: the store for it.
        promote: guardrails that are promoted, or `all`.
        given: parameters of the template.
    """
    chosen = shipped()
    for line in queried.unread(chosen.reports):
        output.say(line)
    before = deployed(site)
    last = release.of(before) if before else None
    chosen = replace(chosen, stage=site.stage, observed=release.observed(registry.load(), chosen, last, promote))
    content, about = _artefact(site)
    whole = cloudformation(dict(site.desk.render(chosen)), site.region)
    template = release.pinned(whole, site.stage, site.caller.account)
    _runtime(template, about)
    key = kept.key(content, ".zip")
    there, broken = alarming.deployed(site, before)
    alarms = Objectives(objectives.templates(chosen.services, site.stage, site.region, there), there, broken)
    wanted = {
        **given,
        "Stage": site.stage,
        "ArtefactBucket": kept.bucket,
        "ArtefactKey": key,
    }
    number, previous = kept.next(), ""
    if last:
        # The last one may be kept in another bucket.
        number, previous = max(number, last.number + 1), site.store("").where(last.number)
    template = release.marked(template, number, previous, about.commit, map(str, alarms.places))
    parameters = stack.parameters(template, wanted, site.state)
    return Plan(site, kept, release.of(template), template, before, parameters, content, key, alarms)


def rollback(site: Site) -> Plan:
    """Return the release before the deployed one as a plan; raises ParapetError when there is none to return to."""
    before = deployed(site)
    if before is None:
        raise ParapetError(f"there is no stack {site.stack.name} in {site.region} that could go back")
    last = release.of(before)
    if not last.previous:
        raise ParapetError(f"{site.stack.name} runs {last}, its first: there is none before it to return to")
    kept, record = store.recorded(site.aws, site.caller.account, site.stage, last.previous)
    template: Template = json.loads(kept.get(record.template))
    kept.has(record.artefact)
    if release.SCOPED not in release.of(template).heeds:
        _nothing_overlooked(site, release.of(template))
    parameters = stack.parameters(template, record.parameters, site.state)
    wanted: dict[Place, Template] = {
        Place.of(place): json.loads(kept.get(key)) for place, key in record.objectives.items()
    }
    alarms = Objectives(wanted, *alarming.deployed(site, before))
    template = release.beside(template, map(str, alarms.places))
    return Plan(site, kept, release.of(template), template, before, parameters, b"", record.artefact, alarms)


def _nothing_overlooked(site: Site, older: Release) -> None:
    """Make sure that an older release fixes nothing that people paused or permitted; raises StackError, AwsError."""
    assert site.state is not None
    journal, now = Journal(site.aws, site.state.outputs["Table"]), site.desk.now()
    pauses = [one for one in journal.pauses() if one.on(now)]
    if any(one.scope == EVERYTHING and one.until is None for one in pauses):
        output.say(f"Fixing is paused, and stays so: {OVERLOOKS.format(older)}. See what there is before you resume.")
        return
    found = [f"the pause of {one.scope}" for one in pauses if one.scope != EVERYTHING]
    found += [f"the exemption {one.id} of {one.scope}" for one in journal.waivers() if one.until > now]
    if found:
        raise StackError(
            f"{OVERLOOKS.format(older)}, and would fix what these keep: {'; '.join(found)}. "
            f"`PARAPET_STAGE={site.stage} ./parapet pause --why …`, for no set time, keeps all of it: then go back, "
            "and `./parapet resume` when none of it is needed, or when a later release is deployed"
        )


def _artefact(site: Site) -> tuple[bytes, Build]:
    path = site.desk.build()
    about = artefact.read(path)
    if about.changed:
        output.say("This artefact is built from a tree with changes that are not committed.")
    return path.read_bytes(), about


def _runtime(template: Template, about: Build) -> None:
    wanted = {one["Properties"]["Runtime"] for one in _functions(template)}
    if wanted != {about.runtime}:
        raise ParapetError(
            f"the artefact is for {about.runtime}, and the template for {', '.join(sorted(wanted))}: "
            "use the Python that built it (PYTHON=)"
        )


def _functions(template: Template) -> Iterable[Mapping[str, Any]]:
    return (one for one in template["Resources"].values() if one["Type"] == "AWS::Lambda::Function")


def shipped() -> Settings:
    """Return the settings that the artefact ships, whatever PARAPET_SETTINGS names here; raises SettingsError."""
    return settings.load({}, registry.names(), registry.load())


def lacking(site: Site, *, ask: bool) -> dict[str, str]:
    """Return as parameters what Parapet needs and the account does not have; says so. Raises AwsError.

    Args:
        site: where.
        ask: whether somebody is there to be asked about what costs.
    """
    found: dict[str, str] = {}
    first = site.state is None or site.state.status not in STEADY
    if first and not site.aws("apigateway", "get_account").get("cloudwatchRoleArn"):
        output.say("API Gateway has no role to write logs in this region yet: one is made, and stays.")
        found["CreateApiGatewayRole"] = "true"
    if blind := trail.blind(site.at, [site.region, GLOBAL_REGION, *shipped().regions]):
        output.say(f"No trail logs what is changed in {', '.join(blind)}: without one, Parapet sees nothing there.")
        if ask and click.confirm("Make one for all regions?"):
            found["CreateTrail"] = "true"
        else:
            output.say("PARAMETERS='CreateTrail=true' makes one for all regions.")
    return found
