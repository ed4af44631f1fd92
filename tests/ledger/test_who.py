"""Who did it: from the ledger, and from CloudTrail's history where the ledger has nothing or did not exist yet."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.ledger import entry, shown
from chalicelib.ledger.book import Book
from chalicelib.ledger.history import QUESTIONS, History
from chalicelib.ledger.who import ALSO, Also, Known, folded, sorry, who
from chalicelib.model import DAY, AwsError
from tests.enrich.fakes import FakeAws, denied
from tests.ledger.shelf import AT, NAME, Shelf, change
from tests.samples import ALICE, assumed, cloudtrail

LOOKUP = "cloudtrail:lookup_events"


def record(action: str = "s3:DeleteBucket", at: float = AT, name: str = "alice", **more: Any) -> dict[str, Any]:
    """A call as LookupEvents answers it: the record is a text."""
    raw = cloudtrail(action, {"bucketName": "shop-logs"}, at=at, **more)
    detail = raw["detail"]
    return {"EventId": detail["eventID"], "Username": name, "CloudTrailEvent": json.dumps(detail)}


class Trail:
    """CloudTrail's history in one region; `slow` is how often it says that it was asked too much."""

    def __init__(self, *records: Mapping[str, Any], pages: int = 1, slow: int = 0) -> None:
        self.records, self.pages, self.slow, self.slept = records, pages, slow, list[float]()
        self.aws = FakeAws({LOOKUP: self._answer})

    def _answer(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if self.slow:
            self.slow -= 1
            raise AwsError("cloudtrail:LookupEvents", "ThrottlingException", "Rate exceeded")
        [wanted] = params["LookupAttributes"]
        found = [one for one in self.records if self._fits(wanted, one)]
        number = int(params.get("NextToken", 0)) + 1
        return {"Events": found if number == 1 else [], **({"NextToken": str(number)} if number < self.pages else {})}

    @staticmethod
    def _fits(wanted: Mapping[str, str], one: Mapping[str, Any]) -> bool:
        key, value = wanted["AttributeKey"], wanted["AttributeValue"]
        if key == "Username":
            return bool(one["Username"] == value)
        return value in (
            one["CloudTrailEvent"] if key == "ResourceName" else json.loads(one["CloudTrailEvent"])["eventName"]
        )

    @property
    def asked(self) -> list[tuple[str, str]]:
        several = [one["LookupAttributes"][0] for one in self.aws.made(LOOKUP)]
        return [(one["AttributeKey"], one["AttributeValue"]) for one in several]

    def history(self) -> History:
        return History(self.aws, self.slept.append)


@pytest.fixture
def book() -> Book:
    return Book(Shelf(), NAME)


def ask(
    book: Book, *trails: Trail, action: str = "DeleteBucket", resource: str = "", since: float = AT - 7 * DAY
) -> Known:
    return who(book, lambda: [one.history() for one in trails], action, resource, since, AT + 60)


class TestFromTheLedger:
    def test_who_from_where_and_what_else_in_that_hour(self, book: Book) -> None:
        book.begin(AT - 30 * DAY)
        others = [
            change(f"o-{n}", AT - 1750 + n * 100, action="PutBucketPolicy", resources=(f"b-{n}",)) for n in range(30)
        ]
        book.write([change(), *others, change("far", AT - 4000), change("bob", AT - 5, actor="bob", action="X")])
        found = ask(book)
        assert (found.source, found.complete, found.began) == ("ledger", True, AT - 30 * DAY)
        assert [one.change.id for one in found.calls] == ["e-1", "far"]
        also = found.calls[0].also
        assert also is not None
        # Thirty calls alike are one line.
        assert [(one.change.action, one.times, one.last - one.first) for one in also.alike] == [
            ("PutBucketPolicy", 30, 2900.0)
        ]
        assert (also.more, also.complete) == (0, True)
        assert found.calls[1].also is None, "of each person the latest alone"
        document = shown.known(found, "DeleteBucket", "", AT - 7 * DAY, AT)
        assert document["answer"] == (
            "alice called DeleteBucket on shop-logs from 198.51.100.7 with aws-cli at 2026-11-18 11:06:40 UTC. "
            "There is 1 more."
        )
        assert document["calls"][0]["ip"] == "198.51.100.7"
        assert document["ledger_since"] == "2026-10-19T11:06:40Z"

    def test_what_was_done_before_is_not_hidden_by_many_calls_after_it(self, book: Book) -> None:
        book.begin(AT - 30 * DAY)
        topics = [change(f"t-{n}", AT + 60 + n, action="CreateTopic", resources=(f"t-{n}",)) for n in range(22)]
        book.write([change("user", AT - 60, action="CreateUser"), change(), *topics])
        [call] = who(book, list, "DeleteBucket", "", AT - DAY, AT + 900).calls
        assert call.also is not None
        assert [shown.alike(one) for one in call.also.alike] == ["CreateTopic × 22, 11:07–11:08 UTC", "CreateUser"]

    def test_of_too_many_kinds_the_nearest_on_either_side_are_told_and_the_rest_is_counted(self, book: Book) -> None:
        book.begin(AT - 30 * DAY)
        far = [change(f"f-{n}", AT + 900 + n, action=f"Late{n}") for n in range(ALSO)]
        near = [change(f"n-{n}", AT - 10 - n, action=f"Early{n}") for n in range(ALSO - 1)]
        book.write([change(), *near, *far])
        [call] = who(book, list, "DeleteBucket", "", AT - DAY, AT + 1900).calls
        assert call.also is not None
        assert [one.change.action for one in call.also.alike] == ["Late0", *(f"Early{n}" for n in range(ALSO - 1))]
        assert (call.also.more, call.also.complete) == (ALSO - 1, True)
        assert shown.rest(call.also, "alice") == "And 19 more calls of alice, of other kinds and farther away."

    def test_what_was_not_read_is_said(self, book: Book) -> None:
        book.begin(AT - 30 * DAY)
        book.write([change(), *(change(f"t-{n}", AT + n, action="CreateTopic") for n in range(1, 9))])
        found, whole = book.beside(change(), 1800.0, 3)
        assert ([one.id for one in found], whole) == (["t-1", "t-2", "t-3"], False)
        assert book.beside(change(), 1800.0, 8)[1]
        unread = shown.rest(Also((), 0, complete=False), "alice")
        assert unread == "alice did more in that hour than was read: `./parapet changes --actor alice` has all."

    def test_who_is_another_or_comes_from_elsewhere_is_not_folded_away(self) -> None:
        same = [change(f"t-{n}", AT + n, action="CreateTopic") for n in (1, 2)]
        other = change("other", AT + 3, action="CreateTopic", ip="203.0.113.9")
        failed = change("failed", AT + 4, action="CreateTopic", error="AccessDenied")
        found = folded(change(), [*same, other, failed])
        assert [(one.change.id, one.times) for one in found.alike] == [("failed", 1), ("other", 1), ("t-1", 2)]

    def test_cloudtrail_is_not_asked(self, book: Book) -> None:
        book.begin(AT - 30 * DAY)
        book.write([change()])
        trail = Trail()
        ask(book, trail)
        assert trail.asked == []

    def test_one_that_failed_is_told_as_tried(self, book: Book) -> None:
        book.begin(AT - 30 * DAY)
        book.write([change(error="AccessDenied", role="arn:aws:iam::123456789012:role/deployer")])
        found = ask(book)
        assert shown.sentence(found, "DeleteBucket", "", AT) == (
            "alice as arn:aws:iam::123456789012:role/deployer tried DeleteBucket on shop-logs from 198.51.100.7 "
            "with aws-cli, which failed (AccessDenied) at 2026-11-18 11:06:40 UTC."
        )

    def test_what_else_was_done_stands_beside_the_one_that_is_told_of(self, book: Book) -> None:
        book.begin(AT - 30 * DAY)
        failed = [
            change("again", AT - 1, error="NoSuchBucket"),
            change("carol", AT, actor="carol", error="AccessDenied"),
        ]
        book.write([*failed, change("did", AT - 9), change("more", AT - 20, action="PutBucketPolicy")])
        found = ask(book)
        assert shown.sentence(found, "DeleteBucket", "", AT).startswith("alice called DeleteBucket on shop-logs")
        assert [one.change.id for one in found.calls] == ["carol", "again", "did"]
        assert [one.also and [each.change.id for each in one.also.alike] for one in found.calls] == [
            [], None, ["again", "more"],
        ]  # fmt: skip

    def test_of_those_whom_cloudtrail_tells_of_too(self, book: Book) -> None:
        failed = record(at=AT - 1, error="NoSuchBucket")
        found = ask(book, Trail(failed, record(at=AT - 9), record("s3:PutBucketAcl", AT - 20)))
        assert [one.also is not None for one in found.calls] == [False, True]

    def test_more_than_are_asked_for_are_said_to_be(self, book: Book) -> None:
        book.begin(AT - 30 * DAY)
        book.write([change(f"e-{n}", AT - n) for n in range(12)])
        found = ask(book)
        assert (len(found.calls), found.complete) == (10, False)
        assert shown.sentence(found, "DeleteBucket", "", AT).endswith("There are 9 more at least.")


class TestFromCloudTrail:
    def test_where_there_is_no_ledger_yet(self, book: Book) -> None:
        trail, other = (
            Trail(record(), record("s3:PutBucketAcl", AT - 60), record("s3:ListBuckets", AT - 9, readOnly=True)),
            Trail(),
        )
        found = ask(book, trail, other)
        assert (found.source, found.began, found.complete, found.missing) == ("cloudtrail", None, True, ())
        [one] = found.calls
        assert (one.change.actor, one.change.ip, one.change.tool) == ("alice", "198.51.100.7", "aws-cli")
        assert one.also is not None
        assert [each.change.action for each in one.also.alike] == ["PutBucketAcl"]
        assert trail.asked == [("EventName", "DeleteBucket"), ("Username", "alice")]
        assert other.asked == [("EventName", "DeleteBucket")]
        # Two questions a second, in each region.
        assert (trail.slept, other.slept) == ([0.5], [])

    def test_and_for_the_time_before_it(self, book: Book) -> None:
        book.begin(AT - DAY)
        book.write([change()])
        trail = Trail(record(at=AT - 2 * DAY, name="bob", identity={**ALICE, "userName": "bob"}))
        found = ask(book, trail)
        assert (found.source, [one.change.actor for one in found.calls]) == ("both", ["alice", "bob"])
        assert trail.aws.made(LOOKUP)[0]["EndTime"] == int(AT - DAY) + 1

    def test_where_the_ledger_has_nothing(self, book: Book) -> None:
        book.begin(AT - 30 * DAY)
        # A read, which no rule brings.
        trail = Trail(record("secretsmanager:GetSecretValue", readOnly=True))
        found = ask(book, trail, action="GetSecretValue")
        assert [one.change.writes for one in found.calls] == [False]
        assert found.source == "cloudtrail"

    def test_nobody_is_said(self, book: Book) -> None:
        found = ask(book, Trail(), action="DeleteTable", resource="carts")
        assert shown.sentence(found, "DeleteTable", "carts", AT) == (
            "Nobody called DeleteTable on carts since 2026-11-18 11:06:40 UTC, as far as is known."
        )

    def test_a_resource_by_its_arn_and_by_its_name(self, book: Book) -> None:
        trail = Trail(record())
        found = ask(book, trail, action="", resource="arn:aws:s3:::shop-logs")
        assert [key for key in trail.asked if key[0] == "ResourceName"] == [
            ("ResourceName", "arn:aws:s3:::shop-logs"), ("ResourceName", "shop-logs"),
        ]  # fmt: skip
        assert len(found.calls) == 1

    def test_lambdas_calls_by_the_name_that_they_have_there(self, book: Book) -> None:
        trail = Trail(record("lambda:UpdateFunctionCode20150331v2"))
        [one] = ask(book, trail, action="UpdateFunctionCode").calls
        assert trail.asked[0] == ("EventName", "UpdateFunctionCode20150331v2")
        assert one.change.action == "UpdateFunctionCode"

    def test_a_session_by_its_name(self, book: Book) -> None:
        trail = Trail(record(name="ada@example.com", identity=assumed("deployer", "ada@example.com")))
        [one] = ask(book, trail).calls
        assert one.change.role == "arn:aws:iam::123456789012:role/deployer"
        assert trail.asked[-1] == ("Username", "ada@example.com")

    def test_only_so_many_questions_are_asked(self, book: Book) -> None:
        trail = Trail(record(), pages=99)
        found = ask(book, trail)
        assert not found.complete
        assert trail.asked.count(("EventName", "DeleteBucket")) == QUESTIONS
        assert set(trail.slept) == {0.5}

    def test_when_others_ask_too_it_waits_once(self, book: Book) -> None:
        trail = Trail(record(), slow=1)
        assert len(ask(book, trail).calls) == 1
        assert trail.slept[0] == 1.0
        found = ask(book, Trail(slow=9))
        assert found.missing == (
            "CloudTrail's history in eu-west-1: cloudtrail:LookupEvents answered ThrottlingException: Rate exceeded",
        )
        assert not found.complete

    def test_a_region_that_denies_spoils_no_other(self, book: Book) -> None:
        broken = Trail()
        broken.aws = FakeAws({LOOKUP: denied("cloudtrail:LookupEvents")})
        found = ask(book, broken, Trail(record()))
        assert len(found.calls) == 1
        assert "AccessDenied" in found.missing[0]
        assert not found.complete

    @pytest.mark.parametrize(
        "raw",
        [{}, {"EventId": "x"}, {"EventId": "x", "CloudTrailEvent": "no"}, {"EventId": "x", "CloudTrailEvent": "[]"}],
    )
    def test_what_is_no_record_is_passed_over(self, raw: dict[str, Any]) -> None:
        aws = FakeAws({LOOKUP: {"Events": [raw, record()]}})
        assert len(History(aws, lambda _seconds: None).of_action("DeleteBucket", AT, AT).changes) == 1

    def test_a_record_is_what_the_ledger_would_have_kept(self) -> None:
        raw = cloudtrail("s3:DeleteBucket", {"bucketName": "shop-logs"})
        told = {"EventId": raw["detail"]["eventID"], "CloudTrailEvent": json.dumps(raw["detail"])}
        [one] = History(FakeAws({LOOKUP: {"Events": [told]}}), lambda _seconds: None).of_action("x", AT, AT).changes
        assert one == entry.change(raw)


def test_regions_are_asked_side_by_side_since_each_counts_for_itself(book: Book) -> None:
    trails, together = (Trail(pages=2), Trail(pages=2)), threading.Barrier(2, timeout=10)

    def sleep(_seconds: float) -> None:
        together.wait()

    histories = [History(one.aws, sleep) for one in trails]
    assert who(book, lambda: histories, "DeleteBucket", "", AT - DAY, AT).missing == ()
    assert [len(one.asked) for one in trails] == [2, 2]


@pytest.mark.parametrize("action", ["Delete*", "Delete?ucket", "delete%", "Delete.*|x", "[a]", "<b>"])
def test_what_no_call_is_named_is_refused_with_what_to_write(action: str) -> None:
    assert "is no call's name, and nothing stands for others: write one whole (DeleteBucket)" in sorry(action)


@pytest.mark.parametrize("action", ["", "DeleteBucket", "CodeDeploy deployment failed", "RDS failure, notification"])
def test_what_calls_and_services_are_named_is_asked_for(action: str) -> None:
    assert sorry(action) == ""
