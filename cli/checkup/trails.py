"""Does CloudTrail record what Parapet must see? EventBridge is sent the calls that a trail records, and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.model import AwsError
from chalicelib.settings import GLOBAL_REGION
from cli.checkup.patient import Patient
from cli.checkup.verdict import Verdict, cannot_tell, ok, wrong

# The services whose calls guardrails are woken by, and which a trail can be told to leave out.
WATCHED = ("kms.amazonaws.com",)


@dataclass(frozen=True)
class Trail:
    """A trail as DescribeTrails shows it, whether it logs, and what GetEventSelectors says (None: not told)."""

    name: str
    home: str
    everywhere: bool
    global_services: bool
    logging: bool
    selectors: Mapping[str, Any] | None

    def covers(self, region: str) -> bool:
        """Whether the trail, if it logs, records calls of a region; of the global one, those of IAM and STS too."""
        return (self.everywhere or self.home == region) and (region != GLOBAL_REGION or self.global_services)


def trail(patient: Patient) -> Verdict:
    """Does a trail record changes in every region that is watched?"""
    found: dict[str, Trail] = {}
    for region in dict.fromkeys((patient.region, *patient.watched)):
        # Trails of other regions are shown where they record too.
        for one in patient.where.at(region)("cloudtrail", "describe_trails")["trailList"]:
            if one["TrailARN"] not in found:
                found[one["TrailARN"]] = _look(patient, one)
    return judge(list(found.values()), patient.watched)


def _look(patient: Patient, one: Mapping[str, Any]) -> Trail:
    arn, home = one["TrailARN"], one["HomeRegion"]
    aws = patient.where.at(home)
    status = aws("cloudtrail", "get_trail_status", Name=arn)
    try:
        selectors: Mapping[str, Any] | None = aws("cloudtrail", "get_event_selectors", TrailName=arn)
    except AwsError as error:
        # An organisation's trail is seen in every account, but its selectors only in the one that owns it.
        if not one.get("IsOrganizationTrail") or not (error.denied or error.code == "TrailNotFoundException"):
            raise
        selectors = None
    return Trail(
        one["Name"],
        home,
        bool(one.get("IsMultiRegionTrail")),
        bool(one.get("IncludeGlobalServiceEvents")),
        bool(status.get("IsLogging")),
        selectors,
    )


def left_out(selectors: Mapping[str, Any]) -> set[str] | None:
    """Return the event sources whose changes a trail leaves out; None when it records no changes at all.

    Advanced selectors that narrow by anything but category, read-only and source leave something out that nobody
    here can name: `?`.
    """
    if not (selectors.get("EventSelectors") or selectors.get("AdvancedEventSelectors")):
        # As a trail is made: all management events.
        return set()
    kinds: list[set[str]] = []
    for one in selectors.get("EventSelectors") or []:
        if one.get("IncludeManagementEvents", True) and one.get("ReadWriteType", "All") in ("All", "WriteOnly"):
            kinds.append(set(one.get("ExcludeManagementEventSources") or []))
    for one in selectors.get("AdvancedEventSelectors") or []:
        fields = {field["Field"]: field for field in one["FieldSelectors"]}
        if fields.pop("eventCategory", {}).get("Equals") != ["Management"]:
            continue
        if fields.pop("readOnly", {"Equals": ["false"]}).get("Equals") != ["false"]:
            continue
        sources = fields.pop("eventSource", {})
        narrowed = bool(fields) or bool(set(sources) - {"Field", "NotEquals"})
        kinds.append({*sources.get("NotEquals", []), *({"?"} if narrowed else ())})
    return set.intersection(*kinds) if kinds else None


def judge(trails: Sequence[Trail], regions: Sequence[str]) -> Verdict:
    """Judge the trails by the regions whose changes must be recorded."""
    gaps = [(one, _gap(one)) for one in trails]
    whole = [one for one, gap in gaps if not gap]
    blind = [region for region in regions if not any(one.covers(region) for one in whole)]
    if not blind:
        return ok(f"{', '.join(sorted(one.name for one in whole))} records changes in {', '.join(regions)}")
    shown = "; ".join(f"{one.name} {gap or 'records elsewhere'}" for one, gap in gaps)
    evidence = f"no trail is known to record all changes in {', '.join(blind)} ({shown or 'there is no trail'})"
    if all(any(one.covers(region) and one.selectors is None and one.logging for one in trails) for region in blind):
        return cannot_tell(evidence, "ask the organisation's management account whether it records management events")
    for one in trails:
        would_do = one.selectors is not None and left_out(one.selectors) == set()
        if not one.logging and would_do and all(one.covers(region) for region in blind):
            return wrong(evidence, f"aws cloudtrail start-logging --region {one.home} --name {one.name}")
    return wrong(
        evidence,
        "have one trail record all write management events of all regions (`make deploy` offers it, or: aws cloudtrail "
        "create-trail --is-multi-region-trail --name audit --s3-bucket-name BUCKET, then start-logging)",
    )


def _gap(one: Trail) -> str:
    """Return why a trail does not do for the regions that it covers; empty when it does."""
    if not one.logging:
        return "is stopped"
    if one.selectors is None:
        return "belongs to the organisation, which alone can see what it records"
    excluded = left_out(one.selectors)
    if excluded is None:
        return "records no changes (data events or reads only)"
    if "?" in excluded:
        return "records only some changes, by conditions that cannot be judged here"
    missing = sorted(excluded & set(WATCHED))
    return f"leaves out {', '.join(missing)}" if missing else ""
