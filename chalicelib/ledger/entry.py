"""EventBridge frames, and records of CloudTrail's own history, into changes: pure; bounded, and without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chalicelib import people
from chalicelib.events import envelope, issuer, parse
from chalicelib.ledger import telling, touched
from chalicelib.ledger.model import ARN, CALL, ID, NOTICE, WORD, Change
from chalicelib.ledger.words import HIDDEN, clean, said
from chalicelib.model import BadEvent
from chalicelib.people import Person
from chalicelib.services.model import Service

TRAIL, SIGN_IN = " via CloudTrail", "ConsoleLogin"
RELEASES = ("CreateFunction", "UpdateFunctionCode", "PublishVersion")
_ID = re.compile(ID)
_SHA256 = re.compile(r"[A-Za-z0-9+/]{43}=")
# Lambda's calls carry the version of its API: UpdateFunctionCode20150331v2.
_VERSIONED = re.compile(r"(?<=[a-z])20\d{6}(v\d+)?$")
# As whom somebody calls tells with what, before the agent does.
_CONSOLE = re.compile(
    r"console\.amazonaws\.com|signin\.amazonaws\.com|AWS-Console|Mozilla/|aws-internal/3.*S3Console|\[S3Console"
)
_TOOLS = (
    ("pulumi", re.compile(r"\bpulumi", re.IGNORECASE)),
    ("terraform", re.compile(r"\b(terraform|opentofu)/|terraform-provider-", re.IGNORECASE)),
    ("cdk", re.compile(r"\b(aws-cdk|cdk)[/-]", re.IGNORECASE)),
    ("sam", re.compile(r"\baws-sam-cli", re.IGNORECASE)),
    ("serverless", re.compile(r"\bserverless", re.IGNORECASE)),
    ("ansible", re.compile(r"\bansible", re.IGNORECASE)),
    ("eksctl", re.compile(r"\beksctl", re.IGNORECASE)),
    ("kubectl", re.compile(r"\bkubectl", re.IGNORECASE)),
    ("cloudshell", re.compile(r"exec-env/CloudShell")),
    ("aws-cli", re.compile(r"\baws-cli/")),
    ("boto3", re.compile(r"\b(Boto3|Botocore|aiobotocore)/", re.IGNORECASE)),
    ("powershell", re.compile(r"\bAWSPowerShell", re.IGNORECASE)),
    ("sdk", re.compile(r"\b(aws-sdk-\w+|aws-rust-sdk|APN/)", re.IGNORECASE)),
)


def change(raw: object, known: Sequence[Service] = (), somebody: Iterable[Person] = ()) -> Change:
    """Return the change that a frame tells of; raises BadEvent naming what about it cannot be read.

    Args:
        raw: the frame.
        known: the services of the settings.
        somebody: the people of the settings.
    """
    frame = envelope(raw)
    if not _ID.fullmatch(frame["id"]):
        raise BadEvent("the event's id is not letters, digits and dashes")
    found = _call(frame, somebody) if frame["detail-type"].endswith(TRAIL) else telling.change(frame)
    if not _ID.fullmatch(found.id):
        raise BadEvent(f"event {frame['id']} has a detail.eventID that is not letters, digits and dashes")
    return replace(found, services=touched.services(found.resources, known))


def plain(action: str) -> str:
    """Return an action's name as people know it, without the version of its API."""
    return _VERSIONED.sub("", action)


def tool(detail: Mapping[str, Any]) -> str:
    """Return with what a call was made, in a word, by its record: `console`, `terraform`, or a service's name."""
    agent, ip = (value if isinstance(value := detail.get(key), str) else "" for key in ("userAgent", "sourceIPAddress"))
    for text in (agent, ip):
        # Where a service calls for somebody, it stands in both places.
        if re.fullmatch(r"[a-z0-9-]+\.amazonaws\.com", text) and not _CONSOLE.search(text):
            return text.split(".")[0]
    if detail.get("sessionCredentialFromConsole") == "true" or _CONSOLE.search(agent):
        return "console"
    first = clean(agent, WORD).strip("[").split("/")[0].split(" ")[0]
    return next((name for name, shape in _TOOLS if shape.search(agent)), "") or first[:40].lower() or "unknown"


def _call(frame: Mapping[str, Any], somebody: Iterable[Person]) -> Change:
    event = parse(frame)
    detail, error = event.detail, event.detail.get("errorCode")
    action = plain(event.name)
    source = detail.get("eventSource")
    source = source if isinstance(source, str) else frame["source"]
    arn = event.actor.arn
    person = people.of(somebody, arn)
    session = arn.rsplit("/", 1)[-1] if event.actor.kind == "AssumedRole" and arn else ""
    asked = detail.get("requestParameters")
    if event.name == SIGN_IN:
        asked, error = _signed_in(detail, error)
    return Change(
        id=event.id,
        at=event.time,
        action=clean(action, WORD),
        source=clean(source, WORD),
        kind=NOTICE if frame["detail-type"].startswith("AWS Service Event") else CALL,
        account=clean(frame["account"], WORD),
        region=clean(frame["region"], WORD),
        # Of what has no id, such as a password policy: whose it is.
        resources=touched.resources(action, detail) or (frame["account"],),
        services=(),
        actor=clean(person.name if person else session or _short(event.actor.who), WORD),
        role=clean(issuer(detail) or arn, ARN),
        ip=clean(event.actor.ip if event.actor.ip != "unknown" else "", WORD),
        tool=clean(tool(detail), WORD),
        what=said(source, asked, _released(action, detail)),
        error=clean(error, WORD) or (HIDDEN if error else ""),
        writes=detail.get("readOnly") is not True,
    )


def _signed_in(detail: Mapping[str, Any], error: object) -> tuple[object, object]:
    """Return what there is to say of a sign-in, which asks for nothing, and why it failed if it did."""
    answer, more = detail.get("responseElements"), detail.get("additionalEventData")
    failed = isinstance(answer, Mapping) and answer.get(SIGN_IN) == "Failure"
    told = {"MFAUsed": more.get("MFAUsed")} if isinstance(more, Mapping) else None
    return told, error or ("Failure" if failed else None)


def _released(action: str, detail: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield which code a function has now, as Lambda answers: what was asked for may be nothing but its name."""
    answer = detail.get("responseElements")
    if action not in RELEASES or not isinstance(answer, Mapping):
        return
    version, sha = answer.get("version"), answer.get("codeSha256")
    if isinstance(version, str) and re.fullmatch(r"[0-9]{1,9}", version):
        yield "version", version
    if isinstance(sha, str) and _SHA256.fullmatch(sha):
        # As much of it as people compare.
        yield "codeSha256", f"{sha[:12]}…"


def _short(who: str) -> str:
    """Return a name without its path, and a service's without where it is."""
    return who.removesuffix(".amazonaws.com").rsplit("/", 1)[-1]
