"""What must always hold: a plain model that sees every call, and judges it by what was true at the time.

It is written from docs/architecture.md and the issues, not from the code: it knows the truth of the account (the
world notes how every part looked when), reads the journal's items as they are written, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from chalicelib import items, records
from chalicelib.decision import EVERY_PART, Entry, Head
from chalicelib.journal import CONTROL, EXEMPTIONS
from chalicelib.model import STANDING, Call, Command, Finding
from tests.machine.cloud import ACCESS, ROOT, Spot, View
from tests.machine.table import Item, Key
from tests.machine.world import Invocation, Made, World, owner

OVER = ("fixed", "gone", "noted")
PERMITTED = ("undone", "exempted")
FIRST = ("observed", "asked", "held", "fixing", "noted", "exempted")
UNDER_WAY = ("fixing", "undoing")
DAY, HOUR, TEN_MINUTES = 86400.0, 3600.0, 600.0


class Broken(AssertionError):
    """Something that must hold does not."""


def insist(true: object, what: Callable[[], str] | str) -> None:
    if not true:
        raise Broken(what if isinstance(what, str) else what())


def written(one: Call | Made) -> str:
    """A call as a text to compare it by."""
    return json.dumps([one.service, one.operation, one.params])


def own_change(asks: str, made: str) -> bool:
    """Whether a change counts as that of who decides about it: whom nobody knows might be anybody."""
    return owner(asks) is None or owner(made) is None or owner(asks) == owner(made)


def covers(scope: str, finding: Finding) -> bool:
    """Whether a scope, as it is written in the journal, is about a finding."""
    v = finding.violation
    there = {
        "guardrail": v.guardrail, "service": v.guardrail.split("_")[0], "account": v.account, "region": v.region,
        "resource": v.resource,
    }  # fmt: skip
    return all(there[name] == value for name, _, value in (word.partition("=") for word in scope.split()))


def named(finding: Finding) -> str:
    steps = ", ".join(f"{step.status} ({step.note})" if step.note else step.status for step in finding.history)
    return f"{finding.id} of {finding.violation.resource} {finding.violation.part}: {steps}"


def may_follow(before: str, after: str) -> bool:
    """Whether a finding that was one thing may become another."""
    if after == "rejected":
        return before == "asked"
    if before in STANDING:
        return after in STANDING or after in ("fixed", "gone", "exempted")
    if before in PERMITTED:
        return after in STANDING or after in ("fixed", "gone", "exempted")
    return {"fixed": ("undoing",), "undoing": ("undone", "fixed")}.get(before, ()).count(after) > 0


@dataclass(frozen=True)
class Happened:
    """A call of a person's, as CloudTrail tells it: which part it made wrong, if any, and how that looked then."""

    event: Mapping[str, Any]
    seq: int
    spot: Spot | None
    view: View
    who: str
    at: float

    @property
    def id(self) -> str:
        return str(self.event["detail"]["eventID"])


@dataclass(frozen=True)
class Intent:
    """An invocation's taking of a finding, to fix it or take the fix back."""

    finding: str
    spot: Spot
    entry: Entry
    head: Head
    at: float


@dataclass
class Watch:
    """The model; one per example."""

    world: World = field(init=False)
    trail: dict[str, Happened] = field(default_factory=dict)
    intents: dict[str, list[Intent]] = field(default_factory=dict)
    control: dict[Invocation, dict[str, Any]] = field(default_factory=dict)
    exemptions: dict[Invocation, dict[str, Any]] = field(default_factory=dict)
    fixes: list[tuple[float, Spot, str]] = field(default_factory=list)
    calm: bool = False
    delivered: dict[str, Invocation] = field(default_factory=dict)
    known: dict[int, tuple[Item, Finding]] = field(default_factory=dict)
    seen: object = None
    moved: dict[Invocation, set[str]] = field(default_factory=dict)
    begun: dict[str, Invocation] = field(default_factory=dict)

    # What there is

    def findings(self) -> list[Finding]:
        return [self.read(item) for item in self.world.table.raw("FINDING")]

    def finding(self, name: str) -> Finding:
        return self.read(self.world.table.items[f"FINDING#{name}", "FINDING"])

    def read(self, item: Item) -> Finding:
        """A finding's item, taken apart once."""
        known = self.known.get(id(item))
        if known is None or known[0] is not item:
            self.known[id(item)] = known = (item, records.finding(items.values(item)))
        return known[1]

    def latest(self) -> dict[Spot, Finding]:
        """The latest finding of each part."""
        return {self.spot(one): one for one in sorted(self.findings(), key=lambda one: one.opened)}

    def head(self, finding: Finding) -> Head:
        v = finding.violation
        key = f"HEAD#{v.guardrail}#{v.account}#{v.region}#{v.resource}", "HEAD"
        return records.head(items.values(self.world.table.items.get(key, {})))

    def spot(self, finding: Finding) -> Spot:
        return Spot(finding.violation.guardrail, finding.violation.resource, finding.violation.part)

    def looked_like(self, finding: Finding, view: View, invocation: Invocation) -> bool:
        """Whether a part has looked so at some moment of an invocation."""
        return view in self.world.since(self.spot(finding), invocation.start)

    # Calls

    def acting(self, invocation: Invocation, made: Made) -> None:
        intent = self.intent(invocation, made)
        finding = self.finding(intent.finding)
        if intent.entry.status == "fixing":
            self.may_fix(invocation, intent, finding)
        else:
            # It may be over by the time that a crashed undo comes to its end.
            permission = intent.head.exemption(finding.violation.part, 0.0)
            insist(permission, f"{invocation} takes a fix back without leaving a permission")

    def intent(self, invocation: Invocation, made: Made) -> Intent:
        """The recorded intent that a call belongs to."""
        for intent in reversed(self.intents.get(invocation.request, [])):
            finding = self.finding(intent.finding)
            calls = finding.fix if intent.entry.status == "fixing" else finding.undo
            if any(
                (c.service, c.operation, json.dumps(c.params))
                == (made.service, made.operation, json.dumps(made.params))
                for c in calls
            ):
                held = self.head(finding).entries.get(finding.violation.part)
                ours = held and held.finding == finding.id and held.request == invocation.request
                late = self.world.clock() >= intent.entry.lease
                insist(
                    (ours and held and held.status == intent.entry.status) or late,
                    f"{invocation}: {made} is not its to make",
                )
                return intent
        raise Broken(f"{invocation}: {made} was made without an intent in the journal")

    def may_fix(self, invocation: Invocation, intent: Intent, finding: Finding) -> None:
        now, part, who = self.world.clock(), finding.violation.part, f"{invocation}, {finding.id}"
        if self.world.cloud.view(intent.spot) != finding.before:
            # Half-way through a fix of several calls: it is brought to its end; or it has changed at this very moment.
            half = len(finding.fix) > 1 or self.looked_like(finding, finding.before, invocation)
            insist(half, f"{who}: it never looked like {finding.before}")
            return
        mode = invocation.settings.guardrails.get(intent.spot.rail, {}).get("mode", {}).get(intent.entry.origin)
        approved = intent.entry.approved
        insist(mode == "enforce" or (approved and mode == "approve"), f"{who}: fixed although the mode is {mode}")
        for name in (part, EVERY_PART):
            found = intent.head.exemptions.get(name)
            insist(not found or found.until <= intent.at, f"{who}: fixed although {found}")
        insist(approved or finding.status not in ("asked", "rejected"), f"{who}: fixed although it is {finding.status}")
        for raw in self.waivers(invocation, finding, now):
            insist(approved, f"{who}: fixed although waived by {raw}")
        if approved:
            asked = self.command(approved)
            insist(asked.kind == "approve" and asked.finding == finding.id, f"{who}: approved by {asked}")
            return
        for name, raw in self.control[invocation].items():
            if name.startswith("pause") and covers(name.removeprefix("pause"), finding):
                until = raw.get("until")
                insist(until is not None and until <= now, f"{who}: fixed although paused by {raw}")

    def waivers(self, invocation: Invocation, finding: Finding, now: float) -> Iterator[Any]:
        """The waivers that cover a finding, as an invocation has seen them last."""
        for name, raw in self.exemptions.get(invocation, {}).items():
            if name.startswith("waiver") and raw["until"] > now:
                scope = {**raw["scope"]}
                wanted = scope.pop("principal", None)
                by = finding.actor.arn if finding.actor else ""
                text = " ".join(f"{field}={value}" for field, value in scope.items())
                # Where four eyes are wanted, nobody exempts their own change.
                if invocation.settings.control.four_eyes and finding.actor and own_change(raw["by"], by):
                    continue
                if covers(text, finding) and (wanted is None or wanted == by):
                    yield raw

    def command(self, name: str) -> Command:
        return records.command(items.values(self.world.table.items[f"COMMAND#{name}", "COMMAND"]))

    def acted(self, invocation: Invocation, made: Made, changed: set[Spot]) -> None:
        intent = self.intent(invocation, made)
        insist(changed <= {intent.spot}, lambda: f"{invocation}: {made} changed {changed - {intent.spot}} too")

    def looked(self, invocation: Invocation, made: Made) -> None:
        asked = made.params.get("RequestItems", {}).get(self.world.table.name, {}).get("Keys", [])
        asked = [*asked, made.params.get("Key")]
        if CONTROL in asked:
            self.control[invocation] = items.values(self.world.table.items.get(("CONTROL", "CONTROL"), {}))
        if EXEMPTIONS in asked:
            self.exemptions[invocation] = items.values(self.world.table.items.get(("EXEMPTIONS", "EXEMPTIONS"), {}))

    # Writes

    def wrote(self, invocation: Invocation, key: Key, old: Item | None, new: Item | None) -> None:
        kind = key[1]
        insist(new is not None, f"{invocation} took {key} away")
        assert new is not None
        if kind == "FINDING":
            after = self.read(new)
            before = self.read(old) if old else None
            self.world.tell(f"    {invocation}: {named(after)}")
            if before is None or before.status != after.status:
                self.moved.setdefault(invocation, set()).add(after.id)
            if before is None:
                self.opened(invocation, after)
            else:
                self.changed(invocation, before, after)
        elif kind == "HEAD":
            self.headed(invocation, records.head(items.values(old or {})), records.head(items.values(new)))
        elif kind in ("COMMAND", "ANSWER"):
            insist(old is None, f"{invocation} changed {key}")
            insist((kind == "COMMAND") == (invocation.job.kind == "api"), f"{invocation} wrote {key}")
            if kind == "ANSWER":
                self.answered(invocation, self.command(key[0].partition("#")[2]), items.values(new))

    def answered(self, invocation: Invocation, command: Command, answer: Mapping[str, Any]) -> None:
        """What an answer says is so, now; and it was asked for by somebody who may, in time."""
        finding = self.finding(command.finding)
        who = f"{invocation}: {command.kind} of {named(finding)} by {command.who} is {answer['status']}"
        self.world.tell(f"    {who}: {answer['answer']}")
        if answer["status"] == "refused":
            insist(answer["answer"], f"{who}: nobody is told why")
            return
        wanted = {"undo": ("undone",), "approve": ("fixed", "held"), "reject": ("rejected",), "exempt": ("exempted",)}
        insist(command.kind not in wanted or finding.status in wanted[command.kind], f"{who}: it is {finding.status}")
        if command.kind == "acknowledge":
            insist(finding.acknowledged == command.who, f"{who}: by {finding.acknowledged}")
            insist(finding.id not in self.moved.get(invocation, ()), f"{who}: and has moved it")
        if command.kind in ("undo", "exempt"):
            permission = self.head(finding).exemptions.get(finding.violation.part)
            insist(permission and permission.until >= command.until, f"{who}: {permission} permits it")
        if command.kind == "approve":
            permission = self.head(finding).exemption(finding.violation.part, self.world.clock())
            insist(not permission, f"{who}: {permission} permits it still")
        first = self.begun.get(command.id, invocation)
        insist(command.expires and first.began < command.expires, f"{who}: it was void")
        control = first.settings.control
        if control.four_eyes and not command.break_glass and command.kind != "acknowledge" and finding.actor:
            insist(not own_change(command.by, finding.actor.arn), f"{who}: their own change")

    def opened(self, invocation: Invocation, finding: Finding) -> None:
        who, spot = f"{invocation} opened {named(finding)}", self.spot(finding)
        insist(finding.history and finding.history[-1].status == finding.status, f"{who}: its history says otherwise")
        insist(
            finding.status in ("observed", "asked", "held", "fixing", "noted", "exempted"),
            f"{who}: as {finding.status}",
        )
        if spot.rail != ROOT:
            seen = any(
                view == finding.before and self.world.cloud.violates(spot, view)
                for view in self.world.since(spot, invocation.start)
            )
            insist(seen, f"{who}: it was not as {finding.before}, but {self.world.since(spot, invocation.start)}")
        others = [one for one in self.findings() if self.spot(one) == spot and one.id != finding.id]
        insist(
            not any(one.status not in (*OVER, *PERMITTED) for one in others),
            lambda: f"{who}: there is {[named(one) for one in others]}",
        )
        if invocation.job.kind != "look":
            self.brought(who, finding)

    def brought(self, who: str, finding: Finding) -> None:
        """Whoever a finding names has made the call that made this part so."""
        if finding.actor is None:
            insist(finding.origin == "sweep", f"{who}: nobody is named")
            return
        happened = self.trail[finding.event_id]
        insist(happened.spot == self.spot(finding), f"{who}: {happened} did not bring it")
        for one in self.findings():
            # CloudTrail tells whole seconds.
            since = one.status in OVER and one.history[-1].at >= happened.at + 1 and one.id != finding.id
            insist(self.spot(one) != happened.spot or not since, f"{who}: {happened} is older than {named(one)}")
        insist(finding.actor.arn == happened.who, f"{who}: it was {happened.who}")

    def changed(self, invocation: Invocation, old: Finding, new: Finding) -> None:
        who = f"{invocation} moved {new.id} of {self.spot(new)} from {old.status} to {new.status}"
        insist(old.acknowledged in ("", new.acknowledged), f"{who}: nobody has acknowledged it any longer")
        for name in (
            "id",
            "violation",
            "severity",
            "opened",
            "before",
            "after",
            "undo" if old.origin == new.origin else "id",
        ):
            insist(getattr(old, name) == getattr(new, name), f"{who}: {name} was changed")
        insist(new.history[: len(old.history)] == old.history, f"{who}: its history was changed")
        steps = new.history[len(old.history) :]
        if steps:
            insist(steps[-1].status == new.status, f"{who}: its history says otherwise")
        last = old.status
        for step in steps:
            insist(step.status == last or may_follow(last, step.status), f"{who}: {last} became {step.status}")
            last = step.status
        if old.origin != new.origin:
            insist((old.origin, new.origin) == ("sweep", "event"), f"{who}: its origin was changed")
            self.brought(who, new)
        if old.status != new.status:
            self.true(who, invocation, new)

    def true(self, who: str, invocation: Invocation, new: Finding) -> None:
        """What a status says was so at some moment of the invocation that wrote it."""
        spot = self.spot(new)
        if new.status == "fixed":
            insist(self.looked_like(new, new.after, invocation) or not self.there(spot), f"{who}: it does not look so")
        if new.status == "gone":
            off = "switched off" in new.history[-1].note
            seen = self.world.since(spot, invocation.start)
            insist(off or any(view != new.before for view in seen), f"{who}: it stood there all the time")
        if new.status == "undone":
            insist(self.looked_like(new, new.before, invocation), f"{who}: it does not look so")
        if new.status in ("undone", "undoing", "exempted"):
            permission = self.head(new).exemption(spot.part, 0.0) or [*self.waivers(invocation, new, 0.0)]
            insist(permission, f"{who}: there is no permission")
        if new.status == "failed":
            insist(invocation.errors, f"{who}: nothing has failed")
            read = (self.world.past.get(spot) or [(0, 0.0, None)])[-1][0] < invocation.read
            insist(not read or self.world.cloud.view(spot) != new.after, f"{who}: it is as wanted")

    def there(self, spot: Spot) -> bool:
        return self.world.cloud.views(spot.rail, spot.resource) is not None

    def headed(self, invocation: Invocation, old: Head, new: Head) -> None:
        now = self.world.clock()
        for part, entry in new.entries.items():
            before = old.entries.get(part)
            if entry == before:
                continue
            self.world.tell(f"    {invocation}: {entry}")
            finding = self.finding(entry.finding)
            spot = self.spot(finding)
            taken = entry.status in UNDER_WAY and (entry.request == invocation.request)
            if taken and invocation.job.kind == "command":
                self.begun.setdefault(invocation.job.cause, invocation)
            same = entry.status == finding.status
            insist(same or (entry.status == "fixing" and finding.status in (*STANDING, *PERMITTED)),
                   f"{invocation}: the head says {entry}, and the finding {finding.status}")  # fmt: skip
            insist(entry.status not in UNDER_WAY or entry.lease > now, f"{invocation}: {entry} is held by nobody")
            insist(entry.request == invocation.request or not taken, f"{invocation}: {entry} names another")
            if entry.status == "fixing" and entry.counted and not (before and before.counted) and not entry.approved:
                self.limited(invocation, spot, now)
            if taken:
                self.intents.setdefault(invocation.request, []).append(Intent(finding.id, spot, entry, new, now))

    def limited(self, invocation: Invocation, spot: Spot, now: float) -> None:
        """A fix that nobody approved is within the limits."""
        limits = invocation.settings.limits
        there = [(at, one, cause) for at, one, cause in self.fixes if one.rail == spot.rail]
        lately = {cause for at, one, cause in there if one.resource == spot.resource and at > now - HOUR}
        insist(len(lately - {invocation.cause}) < limits.same_resource_per_hour, f"{invocation}: {spot} after {lately}")
        others = {one.resource for at, one, _ in there if at > now - TEN_MINUTES}
        room = len(others) < limits.resources_per_ten_minutes or spot.resource in others
        insist(room, f"{invocation}: {spot} after {others}")
        self.fixes.append((now, spot, invocation.cause))

    # Invocations

    def ended(self, invocation: Invocation) -> None:
        self.control.pop(invocation, None)
        self.exemptions.pop(invocation, None)
        insist(not self.calm or invocation.over == "done", f"{invocation} fails for nothing: {invocation.error}")
        if invocation.over == "done":
            if invocation.job.kind == "event":
                self.delivered.setdefault(invocation.cause, invocation)
            told = {(sent.notice.finding, sent.notice.status) for sent in self.world.sent}
            for name in self.moved.get(invocation, ()):
                finding = self.finding(name)
                waived = finding.status == "exempted" and len(finding.history) == 1
                known = (name, finding.status) in told or finding.status in UNDER_WAY or waived
                insist(known, f"{invocation} moved {name} to {finding.status}, and told nobody")

    # At rest

    def consistent(self) -> None:
        """What holds between any two calls."""
        if self.seen is self.world.table.items:
            return
        self.seen, latest = self.world.table.items, self.latest()
        found: dict[Spot, list[Finding]] = {}
        for finding in self.findings():
            found.setdefault(self.spot(finding), []).append(finding)
        for spot, those in found.items():
            # What was permitted is over when it is found anew.
            superseded = (*OVER, *PERMITTED, "undoing")
            lasting = [one for one in those if one.status not in (OVER if one is latest[spot] else superseded)]
            insist(len(lasting) <= 1, f"{spot} has {[named(one) for one in lasting]}")
            for one in lasting:
                entry = self.head(one).entries.get(spot.part)
                insist(entry and entry.finding == one.id, f"{one.id} is {one.status}, and the head has {entry}")
            episodes = sum(self.world.cloud.violates(spot, view) for _, _, view in self.world.past.get(spot, []))
            again = sum("switched off" in step.note for one in those for step in one.history)
            if spot.rail == ROOT:
                # A head forgets after a day what is over; whatever comes so late is news again.
                opened = sorted(one.opened for one in those)
                apart = all(later - earlier > DAY for earlier, later in pairwise(opened))
                insist(apart, f"{spot} has {[named(one) for one in those]}")
            else:
                again += sum(one.status in PERMITTED for one in those)
                insist(
                    len(those) <= episodes + again,
                    f"{spot} was wrong {episodes} times and has {[named(one) for one in those]}",
                )

    def quiet(self) -> None:
        """What holds once all that was owed was delivered, and two sweeps have passed."""
        now = self.world.clock()
        wrongs = self.world.cloud.wrongs()
        latest = self.latest()
        for finding in self.findings():
            spot = self.spot(finding)
            # Nobody may look any longer, or Lambda gave up and no sweep follows.
            modes = self.modes(spot.rail)
            lost = modes["sweep"] == "off" and (modes["event"] == "off" or self.dropped(finding))
            lost = lost or (finding.status == "undoing" and finding is not latest[spot])
            insist(finding.status not in UNDER_WAY or lost, f"{named(finding)} for ever")
            if finding.status in PERMITTED and latest[spot] == finding:
                permission = self.head(finding).exemption(spot.part, now) or self.in_force(finding, now)
                ended = f"{finding.id} of {spot} is {finding.status}, and nothing permits it"
                insist(permission or self.off(finding), ended)
            if finding.status in STANDING and spot in latest and not self.off(finding):
                insist(spot in wrongs, f"{finding.id} of {spot} is {finding.status}, and nothing is wrong")
            self.told(finding)
        for command in self.unanswered():
            raise Broken(f"{command} was never answered")
        for item in self.world.table.raw("COMMAND"):
            command = records.command(items.values(item))
            told = any(sent.notice.key.endswith(f":{command.id}") for sent in self.world.sent)
            lost = any(one.job.cause == command.id for one in self.world.dropped)
            insist(command.status == "done" or told or lost, f"{command}: nobody was told the answer")
        for sent in self.world.sent:
            if sent.notice.to and sent.notice.finding:
                actor = self.finding(sent.notice.finding).actor
                insist(actor and actor.arn == sent.notice.to, f"{sent.notice} is not for {actor}")
        for spot in wrongs:
            known = latest.get(spot)
            modes = self.modes(spot.rail)
            if known is None:
                # Only its event could tell, or nobody may look.
                insist(spot.rail in ("iam_access_key_for_other",) or modes["sweep"] == "off", f"{spot} is not known")
            elif not self.off(known):
                reopened = spot.rail == ACCESS and known.status in OVER
                insist(known.status not in OVER or reopened, f"{spot} is wrong, and {known.id} is {known.status}")
                if not reopened:
                    self.left(spot, known, now)
                    self.void(spot, known, now)
                    self.adopted(spot, known)

    def unanswered(self) -> list[Command]:
        """The commands that wait for their answer."""
        asked = (records.command(items.values(item)) for item in self.world.table.raw("COMMAND"))
        there = self.world.table.items
        return [one for one in asked if one.status == "asked" and (f"ANSWER#{one.id}", "ANSWER") not in there]

    def left(self, spot: Spot, finding: Finding, now: float) -> None:
        """Whatever may be fixed, is."""
        if finding.status not in ("observed", "held", "failed") or self.modes(spot.rail)[finding.origin] != "enforce":
            return
        raw = items.values(self.world.table.items.get(("CONTROL", "CONTROL"), {}))
        paused = any(
            name.startswith("pause") and covers(name.removeprefix("pause"), finding)
            and (switch.get("until") is None or switch["until"] > now)
            for name, switch in raw.items()
        )  # fmt: skip
        permitted = self.head(finding).exemption(spot.part, now) or self.in_force(finding, now)
        waits = spot.resource in self.world.cloud.busy
        insist(paused or permitted or waits, f"{named(finding)}, and nothing keeps it from being fixed")

    def void(self, spot: Spot, finding: Finding, now: float) -> None:
        """A question that nobody has answered for too long is asked anew."""
        asked = max((step.at for step in finding.history if step.status == "asked"), default=now)
        modes, approval = self.modes(spot.rail), self.world.settings.control.approval
        open_ = finding.status == "asked" and modes[finding.origin] in ("approve", "enforce")
        permitted = self.head(finding).exemption(spot.part, now) or self.in_force(finding, now)
        insist(not open_ or permitted or asked + approval > now, f"{named(finding)}, asked {now - asked:.0f} s ago")

    def adopted(self, spot: Spot, finding: Finding) -> None:
        """What a sweep found, and whose call arrived later, is that call's."""
        begun = any(step.status == "fixing" for step in finding.history)
        if finding.origin != "sweep" or finding.status not in STANDING or begun:
            # Whose fix a sweep has begun, and nobody finished, stays the sweep's (a limit that is known).
            return
        for happened in self.trail.values():
            delivered = self.delivered.get(happened.id)
            if happened.spot == spot and delivered and happened.seq == self.world.past[spot][-1][0]:
                mode = delivered.settings.guardrails[spot.rail]["mode"]["event"]
                late = delivered.began > finding.opened and mode != "off"
                insist(not late, f"{named(finding)}, although {delivered} told who brought it")

    def in_force(self, finding: Finding, now: float) -> bool:
        """Whether a waiver covers a finding."""
        raw = items.values(self.world.table.items.get(("EXEMPTIONS", "EXEMPTIONS"), {}))
        return any(
            name.startswith("waiver") and one["until"] > now
            and covers(" ".join(f"{k}={v}" for k, v in one["scope"].items() if k != "principal"), finding)
            for name, one in raw.items()
        )  # fmt: skip

    def freed(self) -> None:
        """What holds once every pause and permission is over and everything may be fixed."""
        self.quiet()
        found = self.latest()
        for spot in self.world.cloud.wrongs():
            latest = found.get(spot)
            if spot.rail == ACCESS and (latest is None or latest.status in OVER):
                continue
            left = latest and named(latest)
            insist(latest and latest.status in ("asked", "rejected"), f"{spot} is left: {left}")

    def modes(self, rail: str) -> Mapping[str, str]:
        found: Mapping[str, str] = self.world.settings.guardrails[rail]["mode"]
        return found

    def off(self, finding: Finding) -> bool:
        """Whether nobody looks at it any longer."""
        modes = self.modes(finding.violation.guardrail)
        return modes["sweep"] == "off" or modes[finding.origin] == "off"

    def dropped(self, finding: Finding) -> bool:
        """Whether Lambda gave up on an invocation that moved it, which is told in another way."""
        return any(finding.id in self.moved.get(one, ()) for one in self.world.dropped)

    def told(self, finding: Finding) -> None:
        """The last that people were shown in a finding's thread is how it is, by what `notify` shows."""
        entry = self.head(finding).entries.get(finding.violation.part)
        died = any(finding.id in moved for one, moved in self.moved.items() if one.over in ("failed", "killed"))
        if self.dropped(finding) or (died and entry and entry.finding != finding.id):
            # Told in another way, or (a limit that is known) opened anew before Lambda delivered again.
            return
        seen, last, at = set(), "", 0.0
        for sent in self.world.sent:
            if sent.notice.thread == finding.id and sent.notice.key not in seen:
                seen.add(sent.notice.key)
                if sent.notice.at >= at:
                    last, at = sent.notice.status, sent.notice.at
        waived = finding.status == "exempted" and len(finding.history) == 1
        insist(last == finding.status or waived, lambda: f"{named(finding)}, and people were told {last or 'nothing'}")
