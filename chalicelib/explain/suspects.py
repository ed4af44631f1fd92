"""Who may have brought it: ranked by time, topology, blast radius and novelty, with what speaks for and against; pure.

A score is a product of shares: how well the time fits, how near it is to the service, what it can break, how new it
is. Each share that is far from 1 leaves its reason in `against`. What the errors themselves speak of lifts those that
would make such errors. Below `NAMED` nobody is named: a wrong suspect costs a person on call more than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import log1p

from chalicelib.explain import harm, states
from chalicelib.explain.harm import Harm, Topic
from chalicelib.explain.model import Filled, Hop, Scene, Suspect, Symptom
from chalicelib.ledger import touched
from chalicelib.ledger.model import NOTICE, Change
from chalicelib.notices.compose import clip, duration
from chalicelib.tracing.graph import CLIENT
from chalicelib.tracing.shown import lasting

NAMED, MOST = 0.35, 5
# Metrics are of whole minutes, and clocks differ: so much after the onset still may be before it (seconds).
LATE = 120.0
# What comes about takes so long at most to show; from then on the fit halves each so many seconds.
SHOWS, HALF = 300.0, 900.0
# What creeps up may have begun hours before.
CREEPS = 8.0
# How errors are told that say what happens, and not why.
NEW = "new errors"
# How far back changes can matter at all.
BEFORE = 3 * 3600.0
# AWS tells of its own trouble when it knows, which is late.
AWS_BEFORE, AWS_AFTER = 7200.0, 3600.0

# What of a dependency, when it is bad, brings trouble by itself; all else is as likely a consequence.
CAUSES = frozenset({
    "connections", "storage", "transactions", "ports", "dropped", "read_throttles", "write_throttles", "throttled",
    "concurrency", "unhealthy", "healthy", "impaired", "nodes", "pods", "tasks", "up", "disk", "evictions",
})  # fmt: skip
# Who comes in there waits for an answer, which no message in a queue fails.
HTTP = frozenset({"alb", "api_http", "api_rest", "cloudfront"})
LIKELY = frozenset(
    {"letters", "cpu", "memory", "capacity", "read_capacity", "write_capacity", "size", "rejected", "unreached"}
)
# How deep below the service something lies: what is deeper is rather the cause than the consequence.
DEEP = {"rds": 1.0, "aurora": 1.0, "dynamodb": 1.0, "elasticache": 1.0, "nat_gateway": 1.0, "dead_letters": 0.95,
        "lambda_function": 0.9, "ecs": 0.88, "eks": 0.88, "ec2": 0.88, "autoscaling": 0.9}  # fmt: skip
SHALLOW = 0.85
# What error lines speak of when something of a kind is bad.
FULL_SPEAKS: dict[str, tuple[Topic, ...]] = {
    "nat_gateway": ("network",), "dynamodb": ("capacity",), "rds": ("capacity", "network"),
    "aurora": ("capacity", "network"), "elasticache": ("capacity", "network"), "lambda_function": ("capacity",),
}  # fmt: skip
# What error lines speak of when a change of a topic breaks something.
CHANGED_SPEAKS: dict[Topic, tuple[Topic, ...]] = {
    "code": ("code", "other"), "network": ("network",), "rights": ("rights",), "credentials": ("credentials", "rights"),
    "data": ("network", "capacity"), "capacity": ("capacity",), "stop": ("network",),
}  # fmt: skip
# The same, when Parapet has put something right, by the guardrail's name.
FIXED_SPEAKS: tuple[tuple[str, tuple[Topic, ...]], ...] = (
    ("ec2_security_group", ("network",)), ("ec2_network_acl", ("network",)), ("rds_instance", ("network",)),
    ("iam_", ("rights", "credentials")), ("s3_", ("rights",)), ("kms_", ("rights",)), ("lambda_", ("code",)),
)  # fmt: skip
LIFT = 0.3
# Ids that say nothing of whose they are.
OPAQUE = re.compile(r"(sg|sgr|acl|rtb|igw|nat|vpce|eni|pcx|subnet|vpc|tgw)-")
# Where several services fail at once, what is only one's is less likely.
ALONE = 0.75
GLOBAL = frozenset({"iam.amazonaws.com", "cloudfront.amazonaws.com", "route53.amazonaws.com", "aws.health"})


def rank(scene: Scene) -> tuple[Suspect, ...]:
    """Return whom to suspect, the likeliest first; nobody where nothing is wrong, or nothing fits."""
    if scene.symptom is None or not scene.symptom.onset:
        return ()
    found = [
        *_changes(scene, scene.symptom), *_filled(scene, scene.symptom), *_hops(scene, scene.symptom),
        *_patterns(scene, scene.symptom), *_traffic(scene, scene.symptom), *_ours(scene, scene.symptom),
        *_region(scene, scene.symptom), *_siblings(scene, scene.symptom),
    ]  # fmt: skip
    found = [_alone(one, scene, scene.symptom) for one in found]
    found = [replace(one, score=round(min(0.99, one.score), 3)) for one in found if one.score >= NAMED]
    onset = scene.symptom.onset.at
    return tuple(sorted(found, key=lambda one: (-one.score, abs(one.at - onset), one.title)))[:MOST]


def fits(at: float, symptom: Symptom) -> float:
    """Return how well a time fits a cause: 1 shortly before the onset, less the longer before, 0 after it."""
    apart = symptom.onset.at - at
    if apart < -LATE or apart > BEFORE:
        return 0.0
    if apart < 0:
        return 0.9
    half = HALF * (CREEPS if symptom.onset.shape == "ramp" else 1.0)
    return float(0.5 ** (max(0.0, apart - SHOWS) / half))


def when(at: float, onset: float) -> str:
    """Return a time beside the onset: `2 min before (13:58 UTC)`."""
    apart = onset - at
    clock = _clock(at)
    if at // 60 == onset // 60:
        return f"in the same minute ({clock} UTC)"
    if abs(apart) < 60:
        return f"just {'before' if apart > 0 else 'after it began'} ({clock} UTC)"
    return f"{duration(abs(apart))} {'before' if apart > 0 else 'after it began'} ({clock} UTC)"


def _alone(one: Suspect, scene: Scene, symptom: Symptom) -> Suspect:
    """Return a suspect with its doubt where others are in trouble too, whom it does not concern."""
    others = _others(scene, symptom)
    wide = {change.id for change in scene.changes if set(change.services) != {scene.service}}
    full = {f"dependency:{each.of}:{each.gauge}" for each in scene.filled if not all(each.sharing.values())}
    if len(others) < 2 or one.kind in ("region", "traffic", "remediation") or one.change in wide or one.same in full:
        return one
    why = f"{', '.join(others[:3])} are in trouble too, at the same time"
    return replace(one, score=one.score * ALONE, against=(*one.against, why))


def _others(scene: Scene, symptom: Symptom) -> list[str]:
    """Return the names of other services that got into trouble at the same time."""
    return sorted(
        {
            one.service
            for one in scene.siblings
            if one.service not in ("", scene.service) and abs(one.at - symptom.onset.at) <= 2 * SHOWS
        }
    )


# Changes


def _changes(scene: Scene, symptom: Symptom) -> Iterator[Suspect]:
    topics = _spoken(scene)
    for change in scene.changes:
        if change.error or not change.writes or change.kind == NOTICE:
            continue
        time = fits(change.at, symptom)
        if not time:
            continue
        what = harm.of(change)
        near, where, far = _near(change, scene)
        earlier = _earlier(change, scene)
        calm = [one for one in earlier if not _harmed(one, change, scene)]
        novel = 1.0 if not calm else 0.75 if len(calm) == 1 else 0.4
        score = time * near * what.weight * novel
        lifted = score if not topics & set(CHANGED_SPEAKS.get(what.topic, ())) else _lifted(score)
        evidence = [f"{_who(change)}, {when(change.at, symptom.onset.at)}, {what.what}"]
        evidence += [where] if where else []
        evidence += [change.what] if change.what else []
        evidence += ["the errors speak of that" if lifted > score else ""]
        evidence += ["nothing like it in the day before" if not earlier and "changes" not in scene.unseen else ""]
        against = [far, f"it was {when(change.at, symptom.onset.at)}" if time < 0.75 else ""]
        against += [what.what if what.weight < 0.5 else ""]
        if "past" not in scene.unseen:
            against += [f"the same at {_clock(one.at)} brought nothing like this" for one in calm[:2]]
        against += _elsewhere(topics, what)
        yield Suspect(
            "change", _titled(change), change.at, lifted, _said(evidence), _said(against), change.id,
            f"change:{change.action}:{change.resources[0] if change.resources else ''}",
        )  # fmt: skip


def _near(change: Change, scene: Scene) -> tuple[float, str, str]:
    """Return how near a change is to the service, and what that says for or against it."""
    share, said, far = _distance(change, scene)
    if change.account and scene.account not in ("", change.account):
        return share * 0.2, said, f"it is in account {change.account}"
    if change.region not in ("", scene.region) and change.source not in GLOBAL:
        return share * 0.3, said, f"it is in {change.region}"
    return share, said, far


def _distance(change: Change, scene: Scene) -> tuple[float, str, str]:
    resource = change.resources[0] if change.resources else ""
    if scene.service and scene.service in change.services:
        others = [one for one in change.services if one != scene.service]
        beside = f", and {', '.join(others)}" if others else ""
        return 1.0, f"it touches {scene.service}{beside}", ""
    if not scene.names.isdisjoint(touched.names(change.resources)):
        return 1.0, f"it touches {resource}, which {scene.service or 'it'} stands on", ""
    if change.services:
        return 0.12, "", f"it touches {', '.join(change.services)}, not {scene.service or 'this'}"
    if scene.service and any(_speaks(scene.service, one) for one in (*change.resources, change.what)):
        return 0.85, f"by its name, {resource or 'it'} belongs to {scene.service}", ""
    if OPAQUE.match(resource) or change.source == "iam.amazonaws.com":
        return 0.5, "", f"what depends on {resource or 'it'} is not known"
    return 0.3, "", f"nothing says that {scene.service or 'this'} stands on {resource or 'it'}"


def _name(resource: str) -> str:
    """Return what an ARN, or CloudWatch's app/NAME/ID, calls a resource."""
    parts = resource.rsplit(":", 1)[-1].split("/")
    return parts[-2] if len(parts) > 2 and parts[0] in ("app", "net", "loadbalancer", "targetgroup") else parts[-1]


def _speaks(service: str, text: str) -> bool:
    return re.search(rf"(?<![a-z0-9]){re.escape(service)}(?![a-z0-9])", text.lower()) is not None


def _earlier(change: Change, scene: Scene) -> list[Change]:
    """Return when the same was done before, the latest first."""
    same = (
        one
        for one in scene.changes
        if one.id != change.id
        and one.action == change.action
        and one.resources[:1] == change.resources[:1]
        and not one.error
        # One that belongs to the same change, as of a deployment in two steps, is no other.
        and change.at - one.at > 2 * SHOWS
    )
    return sorted(same, key=lambda one: -one.at)


def _harmed(earlier: Change, change: Change, scene: Scene) -> bool:
    """Whether an explanation of what was wrong before this change suspected the earlier one."""
    return any(earlier.id in one.changes and one.at < change.at - LATE for one in scene.past)


def _titled(change: Change) -> str:
    of = f" of {_name(change.resources[0])}" if change.resources else ""
    return clip(f"{change.action}{of}{f' by {change.actor}' if change.actor else ''}")


def _who(change: Change) -> str:
    found = [change.actor or "nobody named", f"with {change.tool}" if change.tool else ""]
    return " ".join(filter(None, [*found, f"from {change.ip}" if change.ip else ""]))


def _elsewhere(topics: frozenset[Topic], what: Harm) -> list[str]:
    told = topics - {"other"}
    if not told or what.weight < 0.5 or told & set(CHANGED_SPEAKS.get(what.topic, ())):
        return []
    return [f"the errors speak of {', '.join(sorted(told))}"]


# What is full


def _filled(scene: Scene, symptom: Symptom) -> Iterator[Suspect]:
    """Yield what is full or down, each thing once, by what of it is worst."""
    topics, crowd = _spoken(scene), _crowd(scene, symptom)
    by: dict[str, list[tuple[float, Filled]]] = {}
    for one in scene.filled:
        apart = symptom.onset.at - one.at
        # Their points are of five minutes each, and what is full at first is slow only.
        if apart < -2 * SHOWS:
            continue
        time = 1.0 if apart < 4 * SHOWS else max(0.2, 0.5 ** ((apart - 4 * SHOWS) / (2 * HALF)))
        force = 0.92 if one.gauge in CAUSES else 0.68 if one.gauge in LIKELY else 0.5
        by.setdefault(one.of, []).append((time * force * DEEP.get(one.kind, SHALLOW), one))
    for of, several in by.items():
        # Of targets that are ill, that none is left tells more.
        score, one = max(several, key=lambda each: (each[0], each[1].gauge == "healthy"))
        if topics & set(FULL_SPEAKS.get(one.kind, ())):
            score = _lifted(score)
        well = [name for name, is_well in one.sharing.items() if is_well]
        ill = [name for name, is_well in one.sharing.items() if not is_well]
        against = [f"{', '.join(well)} uses it too, and is well" if well else ""]
        score *= 0.6 if well and not ill else 1.0
        aside = one.gauge == "letters" and scene.entry in HTTP
        if one.gauge == "letters":
            slow = symptom.sign == "latency"
            score *= 0.6 if slow or aside else 1.0
            against.append("what fails makes nothing slow" if slow else "")
            against.append("what fails for another reason ends there, too: that may be a consequence")
        if crowd:
            score *= 0.6
            against.append(f"there is {crowd} at the same time: it may be full of that")
        if symptom.onset.at - one.at > 4 * SHOWS:
            against.append(f"it was so {duration(symptom.onset.at - one.at)} before already")
        if one.gauge not in CAUSES and one.gauge not in LIKELY:
            against.append("that may be a consequence")
        evidence = [f"{one.label}: {one.said}, since {_clock(one.at)} UTC"]
        evidence += [f"before: {one.before}" if one.before else ""]
        evidence += [f"{other.label}: {other.said}" for _, other in several if other is not one]
        evidence += [f"{', '.join(ill)} uses it too, and is not well" if ill else ""]
        yield Suspect(
            "dependency", states.told(one), one.at, score, _said(evidence), _said(against),
            same=f"dependency:{of}:{one.gauge}", shows=aside,
        )  # fmt: skip


def _crowd(scene: Scene, symptom: Symptom) -> str:
    """Return how much more traffic there is, in words, where that came before the rest."""
    more = scene.traffic
    if not more or not more.up or (more.times or 9.0) < 1.6 or more.at > symptom.onset.at + SHOWS:
        return ""
    if not more.times:
        return "traffic where there was none"
    return f"{f'{more.times:.1f}'.removesuffix('.0')} times the usual traffic"


def _traffic(scene: Scene, symptom: Symptom) -> Iterator[Suspect]:
    crowd, more = _crowd(scene, symptom), scene.traffic
    if more is None or not crowd:
        return
    early = max(0.0, symptom.onset.at - more.at)
    score = 0.93 * 0.5 ** (max(0.0, early - SHOWS) / HALF) * min(1.0, 0.5 + 0.5 * ((more.times or 9.0) - 1))
    evidence = [f"requests a minute: {more.after:.0f} instead of {more.before:.0f}, {when(more.at, symptom.onset.at)}"]
    evidence += [f"{one.of} filled up with it" for one in scene.filled[:2]]
    yield Suspect("traffic", crowd, more.at, score, _said(evidence), same="traffic:up")


# Calls and lines that fail


def _hops(scene: Scene, symptom: Symptom) -> Iterator[Suspect]:
    """Yield who does not answer well, each once, by who it answers worst: of a chain of calls, its end."""
    bad = [one for one in scene.hops if _worse(one) or _slower(one)]
    callers = {one.caller for one in bad}
    by: dict[str, list[tuple[float, Hop]]] = {}
    for one in bad:
        more = max(min(1.0, _worse(one) / 0.2), min(1.0, log1p(max(0.0, _slower(one) - 1)) / 2))
        by.setdefault(one.callee, []).append((0.46 + 0.18 * more, one))
    for callee, several in by.items():
        score, one = max(several, key=lambda each: each[0])
        well = [name for name in one.well if name not in {each.caller for _, each in several}]
        # Who fails because of whom it calls is not the end of the chain; and its own code is where we are.
        score *= 0.6 if callee in callers else 1.0
        score *= 0.7 if one.own else 1.0
        score *= 0.7 if well else 1.0
        others = [each for _, each in several if each is not one]
        evidence = [line for each in (one, *others) for line in _calls(each)]
        against = [f"{', '.join(well)} calls it too, and is well" if well else ""]
        against += ["it fails because of what it calls itself" if callee in callers else ""]
        against += ["that is the service's own code" if one.own else ""]
        word, itself = "fails" if _worse(one) else "is slow", callee == scene.service
        whose = "its own " if one.own and not itself else ""
        yield Suspect(
            "edge", f"{whose}{callee} {word}", symptom.onset.at, score, _said(evidence), _said(against),
            same=f"edge:{callee}:{word}", shows=itself,
        )  # fmt: skip


def _calls(one: Hop) -> Iterator[str]:
    """Yield what is wrong with the calls of one edge."""
    whose = "calls from outside" if one.caller == CLIENT else f"calls from {one.caller}"
    if _worse(one):
        sampled = "sampled " if one.sampled else ""
        yield f"{one.failing * 100:.0f} % of {one.calls} {sampled}{whose} fail; before: {one.failed * 100:.0f} %"
    if _slower(one) and one.seconds is not None and one.took is not None:
        yield f"{whose} take {lasting(one.seconds)}; before: {lasting(one.took)}"
    if one.said:
        yield f"in one of them {one.said}"
    if one.traces:
        yield f"sample traces: {', '.join(one.traces[:3])}"


def _worse(one: Hop) -> float:
    """Return by how much more an edge fails, where that is no chance."""
    more = one.failing - one.failed
    return more if more >= 0.03 and one.failing * one.calls >= 3 and one.failing > 2 * one.failed else 0.0


def _slower(one: Hop) -> float:
    """Return how many times as slow an edge is, where that can be felt."""
    if not one.seconds or not one.took or one.calls < 5 or one.seconds - one.took < 0.05:
        return 0.0
    times = one.seconds / one.took
    return times if times >= 2 else 0.0


def _patterns(scene: Scene, symptom: Symptom) -> Iterator[Suspect]:
    """Yield the error lines that are new, those of a credential or a right before others."""
    new = [one for one in scene.patterns if one.new]
    total = sum(one.count for one in new) or 1
    for one in sorted(new, key=lambda one: -one.count)[:3]:
        topic = harm.spoken(one.text)
        # Lines of a credential say why; most others say only what.
        force = {"credentials": 0.86, "rights": 0.8}.get(topic, 0.55)
        score = force * (0.6 + 0.4 * one.count / total) * (1.0 if not one.before else 0.85)
        title = {"credentials": "a credential that is refused", "rights": "a right that is missing"}.get(topic, NEW)
        apart = one.first - symptom.onset.at if one.first else 0.0
        # What came only minutes after it began did not begin it.
        score *= 0.5 ** (max(0.0, apart - LATE) / SHOWS)
        against = [f"{one.before} of them in as long a time before" if one.before else ""]
        against += [f"the first came only {duration(apart)} after it began" if apart > LATE else ""]
        against += ["that says what happens, not why" if force < 0.8 else ""]
        evidence = [f"{one.count} × {one.text} ({one.group})"]
        evidence += [f"the first of them {when(one.first, symptom.onset.at)}"] if one.first else []
        yield Suspect(
            "errors", clip(f"{title}: “{one.text}”"), one.first or symptom.onset.at, score, _said(evidence),
            _said(against), same=f"errors:{one.text}", shows=True,
        )  # fmt: skip


def _spoken(scene: Scene) -> frozenset[Topic]:
    """Return what the new error lines speak of, the rare ones left out."""
    new: dict[Topic, int] = {}
    for one in scene.patterns:
        if one.count >= 3 and one.count > 2 * one.before:
            topic = harm.spoken(one.text)
            new[topic] = new.get(topic, 0) + one.count
    return frozenset(topic for topic, count in new.items() if count * 4 >= sum(new.values()))


# We ourselves, AWS, others


def _ours(scene: Scene, symptom: Symptom) -> Iterator[Suspect]:
    topics = _spoken(scene)
    for one in scene.ours:
        time = fits(one.at, symptom)
        near = scene.service in one.services or touched.name(one.resource) in scene.names
        named = scene.service and _speaks(scene.service, one.resource)
        score = time * (1.0 if near else 0.85 if named else 0.55) * (0.95 if one.standing else 0.3)
        speaks: frozenset[Topic] = next(
            (topics & frozenset(some) for begin, some in FIXED_SPEAKS if one.guardrail.startswith(begin)), frozenset()
        )
        score = _lifted(score) if speaks else score
        evidence = [f"Parapet put it right {when(one.at, symptom.onset.at)}: {one.why}"]
        evidence += ["the errors speak of that" if speaks else ""]
        against = ["it was taken back since" if not one.standing else ""]
        against += ["" if near or named else f"nothing says that {scene.service or 'this'} stands on {one.resource}"]
        yield Suspect(
            "remediation", clip(f"Parapet's own fix of {_name(one.resource)} ({one.guardrail})"), one.at, score,
            _said(evidence), _said(against), one.finding, f"remediation:{one.guardrail}:{one.resource}",
        )  # fmt: skip


def _region(scene: Scene, symptom: Symptom) -> Iterator[Suspect]:
    """Yield AWS's own trouble as it tells of it, and what looks like it where many fail at once."""
    others = _others(scene, symptom)
    told = [
        one
        for one in scene.changes
        if one.kind == NOTICE and one.source == "aws.health" and one.region in ("", "global", scene.region)
        and -AWS_AFTER <= symptom.onset.at - one.at <= AWS_BEFORE
    ]  # fmt: skip
    for one in told:
        issue = "issue" in f"{one.action} {one.what}".lower() or "operational" in f"{one.action} {one.what}".lower()
        near = not scene.names.isdisjoint(touched.names(one.resources)) or scene.service in one.services
        score = (0.9 if issue else 0.3) * (1.0 if others or near else 0.85)
        evidence = [clip(f"AWS Health, {when(one.at, symptom.onset.at)}: {one.what or one.action}")]
        evidence += [f"at the same time, in trouble too: {', '.join(others[:5])}" if others else ""]
        against = ["" if others or near or "alarms" in scene.unseen else "nothing else in the account is in trouble"]
        against += ["it announces, and tells of no trouble yet" if not issue else ""]
        title = f"trouble of AWS in {one.region or scene.region}"
        yield Suspect("region", title, one.at, score, _said(evidence), _said(against), one.id, "region:health")
    if len(others) >= 2 and not told:
        evidence = [f"at the same time, in trouble too: {', '.join(others[:5])}"]
        against = ["AWS Health tells of nothing" if "changes" not in scene.unseen else ""]
        yield Suspect(
            "region", f"something that {len(others) + 1} services have in common", symptom.onset.at,
            0.6 + 0.06 * min(len(others), 5), _said(evidence), _said(against), same="region:wide",
        )  # fmt: skip


def _siblings(scene: Scene, symptom: Symptom) -> Iterator[Suspect]:
    """Yield what else went off before, where nobody knows whose it is: it may tell of what all stands on."""
    for one in scene.siblings:
        apart = symptom.onset.at - one.at
        if one.service or not 0 < apart <= 2 * SHOWS:
            continue
        evidence = [f"the alarm went off {when(one.at, symptom.onset.at)}", one.reason]
        against = ("nothing says what it has to do with this",)
        yield Suspect("alarm", clip(f"what the alarm {one.name} watches"), one.at, 0.38, _said(evidence), against,
                      same=f"alarm:{one.name}")  # fmt: skip


def _lifted(score: float) -> float:
    return 1 - (1 - score) * (1 - LIFT) if score >= NAMED / 2 else score


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M")


def _said(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(clip(one) for one in lines if one)
