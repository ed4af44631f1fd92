"""CloudTrail's event history on the laptop: what was called lately, found by an attribute, which moto does not keep."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from moto.cloudtrail.responses import CloudTrailResponse
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult

from local import pages
from local.cloudwatch.clock import seconds

Record = Mapping[str, Any]
KEPT = 5000
# What a request gets at once, unless it asks for less.
PAGE = 50
ATTRIBUTES: Mapping[str, Callable[[Record], object]] = {
    "AccessKeyId": lambda record: record.get("userIdentity", {}).get("accessKeyId"),
    "EventId": lambda record: record.get("eventID"),
    "EventName": lambda record: record.get("eventName"),
    "EventSource": lambda record: record.get("eventSource"),
    "ReadOnly": lambda record: str(bool(record.get("readOnly"))).lower(),
    "Username": lambda record: _who(record),
}


class InvalidAttribute(JsonRESTError):  # type: ignore[misc]
    """What CloudTrail answers to an attribute that it does not know, or to several at once."""

    code = 400

    def __init__(self, message: str) -> None:
        """Say what would do."""
        super().__init__("InvalidLookupAttributesException", message)


class History:
    """The latest calls, newest first; `told` tells when something was, for who asks now."""

    def __init__(self, told: Callable[[float], float] = lambda at: at) -> None:
        self._told = told
        self._records: deque[Record] = deque(maxlen=KEPT)

    def remember(self, record: Record) -> None:
        """Keep one CloudTrail record."""
        self._records.appendleft(record)

    def plug_in(self) -> None:
        """Have moto answer `LookupEvents` from it."""

        def lookup_events(response: Any) -> ActionResult:
            given = {name: response._get_param(name) for name in ("LookupAttributes", "StartTime", "EndTime")}
            if len(given["LookupAttributes"] or ()) > 1:
                raise InvalidAttribute("CloudTrail takes one attribute at a time")
            if (first := pages.place(response._get_param("NextToken"))) is None:
                raise JsonRESTError("InvalidNextTokenException", "the token was not given out here")
            size = min(PAGE, int(response._get_param("MaxResults") or PAGE))
            # Each region has a history of its own.
            found = [one for one in self.found(given) if one.get("awsRegion", response.region) == response.region]
            page, token = pages.page(found, first, size)
            return ActionResult({"Events": [_shown(one) for one in page], **({"NextToken": token} if token else {})})

        CloudTrailResponse.lookup_events = lookup_events

    def found(self, given: Mapping[str, Any]) -> Iterator[Record]:
        """Yield the records that a request is for; raises InvalidAttribute for an attribute not known here."""
        start, end = (_seconds(given.get(name)) for name in ("StartTime", "EndTime"))
        for kept in list(self._records):
            at = self._told(_time(kept).timestamp())
            record = {**kept, "eventTime": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
            if (start is None or at >= start) and (end is None or at <= end) and _fits(record, given):
                yield record


def _time(record: Record) -> datetime:
    return datetime.fromisoformat(record["eventTime"])


def _fits(record: Record, given: Mapping[str, Any]) -> bool:
    for attribute in given.get("LookupAttributes") or ():
        name, wanted = attribute["AttributeKey"], attribute["AttributeValue"]
        if name == "ResourceName":
            if wanted not in _texts([record.get("requestParameters"), record.get("responseElements")]):
                return False
        elif name not in ATTRIBUTES:
            known = ", ".join(("ResourceName", *ATTRIBUTES))
            raise InvalidAttribute(f"the local CloudTrail does not look up by {name}: it does by {known}")
        elif ATTRIBUTES[name](record) != wanted:
            return False
    return True


def _who(record: Record) -> str:
    """Return who made a call as the history names them: a user, or the session of a role."""
    identity = record.get("userIdentity", {})
    session = str(identity.get("arn", "")).rpartition("/")[2] if identity.get("type") == "AssumedRole" else ""
    return identity.get("userName") or session or ("root" if identity.get("type") == "Root" else "")


def _texts(value: Any) -> set[str]:
    """Return each text that something holds, and the last part of each ARN: what CloudTrail calls its resources."""
    if isinstance(value, str):
        return {value, value.rsplit("/", 1)[-1].rsplit(":", 1)[-1]}
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return {text for one in inner for text in _texts(one)}


def _seconds(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    return seconds(value if isinstance(value, datetime) else datetime.fromisoformat(str(value)))


def _shown(record: Record) -> dict[str, Any]:
    return {
        **({"AccessKeyId": key} if (key := record.get("userIdentity", {}).get("accessKeyId")) else {}),
        "EventId": record["eventID"],
        "EventName": record["eventName"],
        "ReadOnly": str(bool(record.get("readOnly"))).lower(),
        "EventTime": _time(record).astimezone(UTC),
        "EventSource": record["eventSource"],
        "Username": _who(record),
        "Resources": [],
        "CloudTrailEvent": json.dumps(record),
    }
