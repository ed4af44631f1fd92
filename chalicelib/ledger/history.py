"""CloudTrail's own history, for what the ledger does not know: 90 days, one attribute, two questions a second."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.events import API_CALL
from chalicelib.ledger import entry
from chalicelib.ledger.model import Change
from chalicelib.model import Aws, AwsError, BadEvent
from chalicelib.people import Person

# So many questions at most, so long apart; each has fifty answers.
QUESTIONS, APART, SIZE = 4, 0.5, 50
THROTTLED = ("ThrottlingException", "Throttling")
# How Lambda's calls are named, by the version of its API that is part of the name.
_LAMBDA = {
    "20150331v2": ("AddPermission", "RemovePermission", "UpdateFunctionCode", "UpdateFunctionConfiguration"),
    "20150331": (
        "CreateAlias", "CreateEventSourceMapping", "CreateFunction", "DeleteAlias", "DeleteEventSourceMapping",
        "DeleteFunction", "PublishVersion", "UpdateAlias", "UpdateEventSourceMapping",
    ),
    "20171031": ("DeleteFunctionConcurrency", "PutFunctionConcurrency"),
    "20181031": (
        "AddLayerVersionPermission", "DeleteLayerVersion", "PublishLayerVersion", "RemoveLayerVersionPermission",
    ),
}  # fmt: skip
_NAMED = {name: name + version for version, names in _LAMBDA.items() for name in names}


@dataclass(frozen=True, slots=True)
class Found:
    """What CloudTrail has answered: calls, newest first; who made each, in its words; whether that is all."""

    changes: tuple[Change, ...]
    names: Mapping[str, str]
    complete: bool = True


class History:
    """The history of one account in one region."""

    def __init__(self, aws: Aws, sleep: Callable[[float], None], somebody: Iterable[Person] = ()) -> None:
        """Take calls to the account and region, how to wait, and the people of the settings."""
        self._aws, self._sleep, self._somebody = aws, sleep, tuple(somebody)
        self._asked, self.region = False, aws.region

    def of_action(self, action: str, since: float, until: float) -> Found:
        """Return the calls of a name; raises AwsError."""
        return self._look("EventName", _NAMED.get(action, action), since, until)

    def of_resource(self, resource: str, since: float, until: float) -> Found:
        """Return the calls that name a resource, by its id, name or ARN as CloudTrail knows it; raises AwsError."""
        return self._look("ResourceName", resource, since, until)

    def of_name(self, name: str, since: float, until: float) -> Found:
        """Return the calls of a user or session, by CloudTrail's name of them; raises AwsError."""
        return self._look("Username", name, since, until)

    def _look(self, key: str, value: str, since: float, until: float) -> Found:
        changes, names, more = list[Change](), dict[str, str](), dict[str, Any]()
        for _ in range(QUESTIONS):
            answer = self._ask(
                LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}], StartTime=int(since),
                EndTime=int(until) + 1, MaxResults=SIZE, **more,
            )  # fmt: skip
            for raw in answer.get("Events", ()):
                if change := self._change(raw):
                    changes.append(change)
                    names[change.id] = str(raw.get("Username") or "")
            if not answer.get("NextToken"):
                return Found(tuple(changes), names)
            more = {"NextToken": answer["NextToken"]}
        return Found(tuple(changes), names, complete=False)

    def _ask(self, **params: Any) -> dict[str, Any]:
        if self._asked:
            self._sleep(APART)
        self._asked = True
        try:
            return self._aws("cloudtrail", "lookup_events", **params)
        except AwsError as error:
            if error.code not in THROTTLED:
                raise
        # Somebody else asks, too: the limit is the account's.
        self._sleep(2 * APART)
        return self._aws("cloudtrail", "lookup_events", **params)

    def _change(self, raw: Mapping[str, Any]) -> Change | None:
        """Return what an answer tells; None for what is no record, such as one too large for CloudTrail to show."""
        try:
            # Text, not an object: whoever overlooks that finds no address.
            detail = json.loads(raw["CloudTrailEvent"])
            frame = {
                "id": raw["EventId"], "account": detail.get("recipientAccountId") or self._aws.account,
                "region": detail.get("awsRegion") or self._aws.region, "time": detail["eventTime"],
                "source": detail["eventSource"], "detail-type": API_CALL, "detail": detail,
            }  # fmt: skip
            return entry.change(frame, (), self._somebody)
        except (BadEvent, ValueError, KeyError, TypeError, AttributeError):
            return None
