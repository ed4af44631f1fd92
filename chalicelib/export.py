"""The journal's export: every complete day that has no manifest yet, in order, each exactly once.

A day's entries are written first and its manifest last, neither over what is there. What was interrupted goes on with
what was written: entries without a manifest are the day's entries, since nobody can change them any more.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from chalicelib import evidence, items, times
from chalicelib.archive import Archive
from chalicelib.evidence import ANSWER, COMMAND, CONTROL, EXEMPTIONS, FINDING, HEAD, Item, Manifest
from chalicelib.model import Aws, ParapetError

# More than this lies on the disk while it is sorted and sent.
IN_MEMORY = 16_000_000
_KINDS = {":finding": FINDING, ":command": COMMAND, ":answer": ANSWER, ":control": CONTROL, ":exemptions": EXEMPTIONS}


def catch_up(aws: Aws, table: str, archive: Archive, now: float, more: Callable[[], bool]) -> Iterator[Manifest]:
    """Export the days that are complete and have no manifest, oldest first; yields each one's manifest once it is kept.

    Args:
        aws: calls to the journal's account and region.
        table: the journal's.
        archive: where the evidence goes.
        now: epoch seconds; without any manifest, the day before is the first one.
        more: whether there is time for another day.

    Raises:
        ParapetError: for a bucket that is not locked, and for what is there and is not ours.
        AwsError: for what AWS does not do; the next run goes on where this one ended.
    """
    archive.locked()
    there, last = archive.days(), evidence.complete(now)
    done = [day for day, names in there.items() if evidence.manifest_file(day) in names]
    if done and done[-1] > last:
        raise ParapetError(
            f"s3://{archive.bucket}/{archive.prefix} has a manifest of {done[-1]}, a day that is not over: it is not "
            "Parapet's. ./parapet verify says what is whole; CloudTrail's data events know who wrote it"
        )
    before = archive.manifest(done[-1]) if done else None
    day = evidence.following(before.day) if before else last
    while day <= last and more():
        begun = evidence.entries_file(day) in there.get(day, ())
        before = _exported(aws, table, archive, day, before, times.iso(now), begun=begun)
        yield before
        day = evidence.following(day)


def _exported(
    aws: Aws, table: str, archive: Archive, day: str, before: Manifest | None, made: str, *, begun: bool
) -> Manifest:
    found = None if begun else _written(aws, table, archive, day)
    entries, digest = found or _taken_up(archive, day)
    manifest = Manifest(archive.stage, archive.account, day, made, entries, digest, before.link if before else None)
    content = manifest.content()
    if archive.put(evidence.manifest_file(day), content, evidence.sha256(content)):
        return manifest
    # Another run was quicker; what it wrote is what counts.
    there = archive.manifest(day)
    if (there.entries_sha256, there.previous) != (manifest.entries_sha256, manifest.previous):
        raise ParapetError(f"{day} has a manifest already, of other entries or of another chain: ./parapet verify")
    return there


Hashed = tuple[tuple[tuple[str, str], ...], str]


def _written(aws: Aws, table: str, archive: Archive, day: str) -> Hashed | None:
    """Write a day's entries and return their hashes, or None when some are there by now."""
    # Compressed, so that a day on which the whole journal moved fits into a function's memory.
    lines = sorted((name, zlib.compress(evidence.line(name, item), 1)) for name, item in moved(aws, table, day))
    whole, hashes = hashlib.sha256(), []
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        for name, packed in lines:
            line = zlib.decompress(packed)
            hashes.append((name, evidence.sha256(line)))
            whole.update(line + b"\n")
            file.write(line + b"\n")
        del lines
        file.seek(0)
        written = archive.put(evidence.entries_file(day), file, whole.hexdigest())
    return (tuple(hashes), whole.hexdigest()) if written else None


def _taken_up(archive: Archive, day: str) -> Hashed:
    """Return the hashes of the entries that a run before has left without a manifest; raises ParapetError."""
    whole, hashes = hashlib.sha256(), []
    for line in archive.lines(evidence.entries_file(day)):
        whole.update(line)
        hashes.append((_name(line, archive, day), evidence.sha256(line.removesuffix(b"\n"))))
    if [name for name, _ in hashes] != sorted({name for name, _ in hashes}):
        raise _foreign(archive, day)
    return tuple(hashes), whole.hexdigest()


def _name(line: bytes, archive: Archive, day: str) -> str:
    try:
        said = json.loads(line)
        name, item = said["id"], said["item"]
    except (ValueError, TypeError, KeyError):
        raise _foreign(archive, day) from None
    if evidence.line(name, item) + b"\n" != line:
        raise _foreign(archive, day)
    return str(name)


def _foreign(archive: Archive, day: str) -> ParapetError:
    key = archive.prefix + evidence.entries_file(day)
    return ParapetError(
        f"s3://{archive.bucket}/{key} is not what Parapet writes: CloudTrail's data events know who wrote it. Point "
        "the parameter EvidenceBucket to one that only Parapet writes to, where a new chain begins (docs/evidence.md)"
    )


def moved(aws: Aws, table: str, day: str) -> Iterator[tuple[str, Item]]:
    """Yield the entries of a day: what moved on it, what was asked for, pauses and waivers as they stand."""
    commands: list[Item] = []
    answers: dict[str, Item] = {}
    for raw in scanned(aws, table):
        name = raw["pk"]
        if name.startswith(FINDING):
            if day in evidence.days_of(raw):
                yield name, evidence.of_finding(raw, day)
        elif name.startswith(COMMAND):
            if day in evidence.days_of(raw):
                commands.append(raw)
        elif name.startswith(ANSWER):
            answers[name] = raw
        elif item := evidence.told(raw):
            yield name, item
    for raw in commands:
        yield raw["pk"], evidence.of_command(raw, answers.get(ANSWER + raw["pk"].removeprefix(COMMAND), {}))


def scanned(aws: Aws, table: str, *, heads: bool = False) -> Iterator[Item]:
    """Yield every item of the journal that evidence is made of, page by page; raises Foreign, AwsError.

    Args:
        aws: calls to the journal's account and region.
        table: the journal's.
        heads: whether to yield the heads too, which are no evidence.
    """
    wanted = "begins_with(pk, :finding) OR begins_with(pk, :command) OR begins_with(pk, :answer) "
    wanted += "OR pk = :control OR pk = :exemptions"
    kinds = {**_KINDS, ":head": HEAD} if heads else _KINDS
    start: dict[str, Any] = {}
    while True:
        answer = aws(
            "dynamodb",
            "scan",
            TableName=table,
            ConsistentRead=True,
            FilterExpression=f"{wanted} OR begins_with(pk, :head)" if heads else wanted,
            ExpressionAttributeValues=items.item(kinds),
            **start,
        )
        for raw in answer["Items"]:
            try:
                yield items.values(raw)
            except TypeError as error:
                raise evidence.Foreign(raw["pk"]["S"], error) from error
        if "LastEvaluatedKey" not in answer:
            return
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
