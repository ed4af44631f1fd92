"""`verify`: is the evidence whole, and does the journal still say the same?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import click

from chalicelib import evidence, export, settings, times
from chalicelib.archive import Archive
from chalicelib.evidence import TODAY, Broken, Foreign, Link, Manifest, Present
from chalicelib.model import AwsError, ParapetError
from chalicelib.settings import PREFIX
from cli import output
from cli.deployment import Outside
from cli.warrants import warrants

# The function runs each hour, and is tried again for some minutes.
LATE = 3 * 3600.0
# Behind all days: what lies in the bucket and belongs to none.
NO_DAY = "no day"
NOT_YET = "Nothing is due yet: this was deployed just now, and exports its first day within the hour."
SHOWN = 5


@dataclass
class Report:
    """What was looked at, the first thing that is not as it should be, and what people should know beside it."""

    bucket: str
    days: list[str] = field(default_factory=list)
    entries: int = 0
    newest: Link | None = None
    locked_until: float | None = None
    modes: set[str] = field(default_factory=set)
    broken: Broken | None = None
    notes: list[str] = field(default_factory=list)


@click.command
@click.option("--since", metavar="2026-11-01", help="The first day to look at; without it the first that was exported.")
@click.option("--until", metavar="2026-11-20", help="The last day to look at; without it the last that must be there.")
@output.json_option
@click.pass_context
def verify(ctx: click.Context, since: str | None, until: str | None, as_json: bool) -> None:
    """Is the evidence whole, and does the journal still say what was exported?

    Walks the chain of the daily manifests: each must be as it was written, locked, there once, and follow the one
    before; every entry must have its hash; and the journal must still say of each day what was exported of it. What
    is waived and permitted now must rest on a command. The first thing that is not so is named, and the exit code is
    then 1.
    """
    outside: Outside = ctx.obj
    first, last = _day(since, "--since"), _day(until, "--until")
    report = examine(outside, first, last)
    _show(report, as_json)
    ctx.exit(1 if report.broken else 0)


def _day(text: str | None, where: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise ParapetError(f"{where}: {text!r} is not a day such as 2026-11-20") from None


def examine(outside: Outside, first: str, last: str) -> Report:
    """Return what is found from one day to another (empty: all that must be there); raises ParapetError, AwsError."""
    now = outside.now()
    due, complete = evidence.complete(now - LATE), evidence.complete(now)
    if last > complete:
        raise ParapetError(f"--until: {last} is not over, or was over less than a quarter of an hour ago")
    if first > (last or due):
        raise ParapetError(f"--since: {first} is later than {last or due}, the last day to look at")
    archive = archive_of(outside)
    report = Report(archive.bucket)
    try:
        found, journal = _found(archive, complete), _present(outside)
        if _new(outside, found, journal, now):
            report.notes.append(NOT_YET)
        else:
            _walk(archive, found, report, first, last, due, journal)
        if not last:
            _stands(outside, found, journal, report, now)
    except Broken as broken:
        report.broken = broken
    except Foreign as foreign:
        report.broken = Broken(TODAY, str(foreign))
    return report


def archive_of(outside: Outside) -> Archive:
    """Return the evidence of the deployment that the environment names, wherever its stack keeps it."""
    where, told = outside.deployment, settings.environment(outside.environment)
    account = where.caller.account
    bucket, owner = told.evidence_bucket, told.evidence_account
    if not bucket:
        given = _parameters(outside, f"{PREFIX}-{told.stage}")
        bucket, owner = given.get("EvidenceBucket", ""), given.get("EvidenceAccount", "")
    return Archive(where.aws, bucket or evidence.bucket(told.stage, account), owner or account, told.stage, account)


def _parameters(outside: Outside, stack: str) -> Mapping[str, str]:
    try:
        [found] = outside.deployment.aws("cloudformation", "describe_stacks", StackName=stack)["Stacks"]
    except AwsError as error:
        if error.code != "ValidationError":
            raise
        # What was removed has left its evidence where its own bucket was.
        return {}
    return {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])}


def _present(outside: Outside) -> Present:
    where = outside.deployment
    return Present(export.scanned(where.aws, where.table, heads=True))


@dataclass(frozen=True)
class File:
    """An object of a day: its name after the prefix, and the one version of it that there is."""

    name: str
    version: str


@dataclass
class Found:
    """What lies in the bucket: files by day and name, and by day what is odd about them."""

    files: dict[str, dict[str, File]] = field(default_factory=dict)
    odd: dict[str, str] = field(default_factory=dict)

    def exported(self) -> list[str]:
        """Return the days that have a manifest, in order."""
        return sorted(day for day, names in self.files.items() if evidence.manifest_file(day) in names)


def _found(archive: Archive, complete: str) -> Found:
    """Return what lies in the bucket; what was written over, is hidden, or is nobody's, is odd."""
    found = Found()
    for one in _versions(archive):
        name = one["Key"].removeprefix(archive.prefix)
        day = evidence.day_of_file(name) or NO_DAY
        if day == NO_DAY:
            problem = f"{one['Key']} is none of Parapet's files"
        elif day > complete:
            problem = f"{name} is of a day that is not over"
        elif "Size" not in one:
            problem = f"{name} is hidden: somebody put a delete marker on it at {_moment(one)}"
        elif name in found.files.setdefault(day, {}):
            problem = f"{name} has several versions: somebody wrote over it at {_moment(one)}"
        else:
            found.files[day][name] = File(name, one["VersionId"])
            continue
        found.odd.setdefault(day, problem)
    return found


def _moment(one: Mapping[str, Any]) -> str:
    return times.iso(one["LastModified"].timestamp())


def _versions(archive: Archive) -> Iterable[Mapping[str, Any]]:
    """Yield every version and delete marker under the prefix, the oldest of each key first."""
    start: dict[str, Any] = {}
    found: list[Mapping[str, Any]] = []
    while True:
        answer = archive("list_object_versions", Prefix=archive.prefix, **start)
        found += [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]
        if not answer.get("IsTruncated"):
            return sorted(found, key=lambda one: (one["Key"], one["LastModified"]))
        start = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}


def _walk(archive: Archive, found: Found, report: Report, first: str, last: str, due: str, journal: Present) -> None:
    there = found.exported()
    end = last or max([due, *there])
    if not there or there[0] > end:
        new = "" if there else "; what was deployed today exports its first day within the hour"
        raise Broken(end, f"its manifest is missing, and so is every one before it{new}")
    # Where looking begins later, what lies before is taken as it is.
    begins = first <= there[0]
    day, before = max(first, there[0]), None
    while day <= end:
        if day in found.odd:
            raise Broken(day, found.odd[day])
        manifest = _manifest(archive, found.files.get(day, {}), day, report)
        if before or begins:
            evidence.linked(manifest, before)
        exported = _entries(archive, found.files[day], manifest, report)
        journal.compare(day, exported)
        report.days.append(day)
        report.entries += len(exported)
        report.newest = manifest.link
        before, day = manifest, evidence.following(day)
    for day in sorted({*found.files, *found.odd}):
        # Only the day after the last may have entries without a manifest: it is being exported.
        outside = day not in there and (day < there[0] or day > evidence.following(there[-1]))
        if (day in found.odd or outside) and not (first and day < first) and not (last and end < day < NO_DAY):
            raise Broken(day, found.odd.get(day, "it has entries and no manifest, outside of the chain"))


def _new(outside: Outside, found: Found, journal: Present, now: float) -> bool:
    """Whether there is no evidence, nor can be: the journal's table is as young as that, and so is all in it."""
    if found.files or found.odd:
        return False
    where = outside.deployment
    table = where.aws("dynamodb", "describe_table", TableName=where.table)["Table"]
    made = table["CreationDateTime"].timestamp()
    return bool(now < made + LATE) and not journal.older(evidence.day_of(made))


def _stands(outside: Outside, found: Found, journal: Present, report: Report, now: float) -> None:
    """Look at what the journal says today, which no day's export can be laid beside; raises Broken, AwsError."""
    journal.sound(now)
    rest = warrants(journal, now)
    if rest.unfounded:
        # What was done while the pages were read is on some of them and not on others.
        again = warrants(_present(outside), now).unfounded
        if unfounded := [one for one in rest.unfounded if one in again]:
            raise Broken(TODAY, "; ".join(unfounded))
    report.notes += rest.by_hand
    if older := journal.older(found.exported()[0]) if report.days else []:
        some = ", ".join(older[:SHOWN]) + (" …" if len(older) > SHOWN else "")
        report.notes.append(f"Older than the evidence, so that nothing shows whether they were changed: {some}")


def _manifest(archive: Archive, names: Mapping[str, File], day: str, report: Report) -> Manifest:
    file = names.get(evidence.manifest_file(day))
    if file is None:
        raise Broken(day, "its manifest is missing")
    content: bytes = _read(archive, file, day, report)["Body"].read()
    return evidence.manifest(content, day, archive.stage, archive.account)


def _entries(archive: Archive, names: Mapping[str, File], manifest: Manifest, report: Report) -> dict[str, Any]:
    file = names.get(evidence.entries_file(manifest.day))
    if file is None:
        raise Broken(manifest.day, "its entries are missing")
    body = _read(archive, file, manifest.day, report)["Body"]
    return dict(evidence.entries(manifest, body.iter_lines(chunk_size=65536, keepends=True)))


def _read(archive: Archive, file: File, day: str, report: Report) -> Mapping[str, Any]:
    """Return an object, which must be locked; raises Broken, AwsError."""
    key = {"Key": archive.prefix + file.name, "VersionId": file.version}
    answer = archive("get_object", **key)
    mode, until = answer.get("ObjectLockMode"), answer.get("ObjectLockRetainUntilDate")
    if not (mode and until):
        # S3 tells it with the object only to whoever may ask for it, and now says so.
        try:
            found = archive("get_object_retention", **key).get("Retention", {})
        except AwsError as error:
            if error.code != "NoSuchObjectLockConfiguration":
                raise
            found = {}
        mode, until = found.get("Mode"), found.get("RetainUntilDate")
    if not (mode and until):
        raise Broken(day, f"{file.name} is not locked: whoever may delete there can delete it")
    report.modes.add(mode)
    at = until.timestamp()
    report.locked_until = at if report.locked_until is None else min(report.locked_until, at)
    return answer


def _show(report: Report, as_json: bool) -> None:
    whole, broken = report.broken is None, report.broken
    if as_json:
        output.emit({
            "whole": whole,
            "bucket": report.bucket,
            "since": report.days[0] if report.days else None,
            "until": report.days[-1] if report.days else None,
            "days": len(report.days),
            "entries": report.entries,
            "newest": {"day": report.newest.day, "sha256": report.newest.sha256} if report.newest else None,
            "locked_until": times.iso(report.locked_until) if report.locked_until else None,
            "locked": sorted(report.modes),
            "broken": {"day": broken.day, "what": broken.what} if broken else None,
            "notes": report.notes,
        })  # fmt: skip
        return
    count = f"{len(report.days)} {'day' if len(report.days) == 1 else 'days'}"
    span = f" from {report.days[0]} to {report.days[-1]}" if report.days else ""
    if broken:
        output.say(f"BROKEN in s3://{report.bucket}: {broken}")
        output.say(f"{count}{span} before it are whole." if report.days else "Nothing before it was found whole.")
        return
    if report.newest:
        _whole(report, f"{count}{span}")
    for note in report.notes:
        output.say(note)


def _whole(report: Report, span: str) -> None:
    output.say(f"Whole: {span} with {report.entries} entries, and the journal says the same.")
    assert report.newest
    assert report.locked_until is not None
    until = datetime.fromtimestamp(report.locked_until, UTC).strftime("%Y-%m-%d")
    output.say(f"Kept in s3://{report.bucket}, locked ({', '.join(sorted(report.modes))}) until {until} at least.")
    output.say(
        f"The newest manifest is {report.newest.sha256}: whoever notes it elsewhere can tell if all is replaced."
    )
