"""What happened, over HTTP: at once, and thoroughly by the function that has the time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from chalicelib import times
from chalicelib.explain import asked
from chalicelib.explain.kept import GIVEN_UP, Kept
from chalicelib.ledger.book import Book
from chalicelib.model import Aws, Destination
from tests.account import TABLE, TestAccount
from tests.alerts import office
from tests.api.client import event
from tests.api.explaining import FUNCTION, Explaining, busy, explaining
from tests.api.slacking import ALICE, MALLORY, slacking
from tests.api.test_slack_alerts import root
from tests.explain.rehearsals.stage import change
from tests.functions import test_enrich as enriching
from tests.machine.table import Table
from tests.rights import LEDGER


@pytest.fixture
def room(account: TestAccount) -> Iterator[Explaining]:
    with explaining(account) as found:
        found.fails()
        found.account.client("cloudwatch").put_metric_alarm(
            AlarmName="disk-full", Namespace="Shop", MetricName="Errors", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
        yield found


def ids(document: dict[str, Any]) -> dict[str, str]:
    return {one["id"]: one["status"] for one in document["sections"]}


def test_a_release_that_fails_is_told_at_once(room: Explaining) -> None:
    found = room.api.get("/v1/services/shop/explain")
    assert found["answer"].startswith("shop fails 40 % of its requests (usually 0 %) since ")
    assert "UpdateFunctionCode20150331v2 of checkout by bob, 60 s before" in found["answer"]
    assert found["onset"]["at"] == times.iso(room.since)
    assert (found["done"], found["depth"], found["about"]["service"]) == (True, "quick", "shop")
    first = found["suspects"][0]
    assert (first["kind"], first["change"]) == ("change", f"UpdateFunctionCode20150331v2-{room.since - 60:.3f}")
    assert "from 198.51.100.7" in first["evidence"][0]
    assert {"signals", "changes", "alarms", "remediations", "past"} <= ids(found).keys()
    assert found["cost"]["api_calls"] >= 5
    assert found["revert"]["command"] is None
    assert "does not know how to take this back" in found["revert"]["why"]
    assert found["next"][0].startswith("/v1/services/shop/explain?depth=full&at=")


def test_the_whole_is_worked_out_by_the_function(room: Explaining) -> None:
    at = times.iso(room.since + 300)
    query = {"depth": "full", "at": at}
    status, begun = room.api.call("GET", "/v1/services/shop/explain", query)
    assert (status, begun["done"], begun["answer"]) == (202, False, "shop is being looked at.")
    # Asked again it is the same, and is not worked out twice.
    assert room.api.call("GET", "/v1/services/shop/explain", query)[1]["id"] == begun["id"]
    assert room.api.get(f"/v1/explanations/{begun['id']}") == begun
    assert room.work() == []
    found = room.api.get(f"/v1/explanations/{begun['id']}")
    assert found["done"]
    assert ids(found)["errors"] == ids(found)["traces"] == "ok"
    [line] = next(one["data"] for one in found["sections"] if one["id"] == "errors")
    assert (line["count"], line["before"], line["group"]) == (12, 0, "/aws/lambda/checkout")
    assert room.api.call("GET", "/v1/services/shop/explain", query) == (200, found)
    assert room.work() == []


def test_what_was_never_finished_does_not_look_as_if_it_was_and_can_be_asked_for_again(room: Explaining) -> None:
    query = {"depth": "full", "at": times.iso(room.since + 300)}
    _, begun = room.api.call("GET", "/v1/services/shop/explain", query)
    assert begun["status"] == "looking"
    # The function takes its message, and dies.
    taken = room.account.client("sqs").receive_message(QueueUrl=room.queue)["Messages"][0]
    room.account.client("sqs").delete_message(QueueUrl=room.queue, ReceiptHandle=taken["ReceiptHandle"])
    room.account.clock.forward(GIVEN_UP + 1)
    found = room.api.get(f"/v1/explanations/{begun['id']}")
    assert (found["status"], found["done"], found["suspects"], found["revert"]) == ("given_up", False, [], None)
    assert found["answer"].startswith("Looking at shop was not brought to its end")
    status, again = room.api.call("GET", "/v1/services/shop/explain", query)
    assert (status, again["status"]) == (202, "looking")
    assert room.work() == []
    assert room.api.get(f"/v1/explanations/{begun['id']}")["done"]


def test_whoever_may_only_read_asks_thoroughly_twenty_times_an_hour(room: Explaining) -> None:
    def ask(minutes: int, scope: str = "read") -> tuple[int, Any]:
        query = {"depth": "full", "at": times.iso(room.since - 60 * minutes)}
        return room.api.call("GET", "/v1/services/shop/explain", query, scope=scope)

    began = room.account.clock()
    assert [ask(number)[0] for number in range(20)] == [202] * 20
    room.account.clock.forward(30)
    status, told = ask(20)
    assert (status, told["title"]) == (429, "Too Many Requests")
    assert f"the next one from {times.iso(began + 3600)} on" in told["detail"]
    # What is there already, what is asked for at once, and whoever operates.
    assert ask(19)[0] == 202
    assert room.api.call("GET", "/v1/services/shop/explain", scope="read")[0] == 200
    assert ask(20, "read operate")[0] == 202
    assert ask(21)[0] == 429
    room.account.clock.forward(3570)
    assert ask(21)[0] == 202


def test_it_is_told_in_how_long_another_may_be_asked_for(room: Explaining) -> None:
    at = float(int(room.account.clock()))
    kept = Kept(room.account.ours, TABLE)
    assert [kept.count(at) for _ in range(20)] == [None] * 20
    raw = event("GET", "/v1/services/shop/explain", {"depth": ["full"]}, at=at + 600, scope="read")
    answer = room.api.respond(raw)
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (429, "3000")


def test_who_is_counted_at_the_same_time_is_counted_too() -> None:
    table, other = Table(TABLE), [True]

    def aws(service: str, operation: str, /, *, absent: Any = (), **params: Any) -> dict[str, Any]:
        answer = dict(table.call(operation, params))
        if operation == "get_item" and other:
            other.clear()
            assert Kept(cast(Aws, aws), TABLE).count(1000.0) is None
        return answer

    kept = Kept(cast(Aws, aws), TABLE)
    assert [kept.count(1000.0 + number) for number in range(19)] == [None] * 19
    assert kept.count(1100.0) == 4600.0
    assert kept.count(4600.0) is None


def test_lines_that_are_too_many_are_counted_by_a_query(room: Explaining) -> None:
    at = times.iso(room.since + 300)
    with busy((0.0, 0.1), 60.0):
        _, begun = room.api.call("GET", "/v1/services/shop/explain", {"depth": "full", "at": at})
        assert room.work() == []
    found = room.api.get(f"/v1/explanations/{begun['id']}")
    [lines] = [one for one in found["sections"] if one["id"] == "errors"]
    assert (lines["status"], lines["reason"]) == ("ok", None)
    [line] = lines["data"]
    assert (line["count"], line["before"], line["text"]) == (12, 0, "[ERROR] KeyError: 'price' …")
    assert line["first"] == times.iso(room.since)
    assert found["cost"]["bytes_scanned"] > 0


def test_where_the_query_is_not_done_what_was_read_is_told(room: Explaining) -> None:
    at = times.iso(room.since + 300)
    with busy((0.0, 600.0), 10.0):
        _, begun = room.api.call("GET", "/v1/services/shop/explain", {"depth": "full", "at": at})
        assert room.work() == []
    found = room.api.get(f"/v1/explanations/{begun['id']}")
    [lines] = [one for one in found["sections"] if one["id"] == "errors"]
    assert lines["status"] == "partial"
    assert "not all were read (Logs Insights was not done in time)" in lines["reason"]
    assert 0 < lines["data"][0]["count"] < 12


def test_an_alarm_that_watches_something_of_its_own_is_explained(room: Explaining) -> None:
    found = room.api.get("/v1/alarms/disk-full/explain")
    assert (found["about"]["kind"], found["about"]["service"]) == ("alarm", None)
    assert found["answer"].startswith("Nothing unusual is seen of disk-full")
    assert found["suspects"] == []


def test_a_composite_is_explained_by_what_it_is_made_of(room: Explaining) -> None:
    client = room.account.client("cloudwatch")
    for name, function in (("checkout-well", "other"), ("checkout-errors", "checkout")):
        client.put_metric_alarm(
            AlarmName=name, Namespace="AWS/Lambda", MetricName="Errors", Statistic="Sum", Period=60,
            EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
            Dimensions=[{"Name": "FunctionName", "Value": function}],
        )  # fmt: skip
    client.put_composite_alarm(AlarmName="checkout-page", AlarmRule="ALARM(checkout-well) OR ALARM(checkout-errors)")
    at = times.iso(room.since + 200)
    found = room.api.get("/v1/alarms/checkout-page/explain", at=at)
    [section] = [one for one in found["sections"] if one["id"] == "alarm"]
    assert section["status"] == "no_data"
    assert "nothing that it is made of does and is in alarm now" in section["reason"]
    client.set_alarm_state(AlarmName="checkout-errors", StateValue="ALARM", StateReason="too many")
    found = room.api.get("/v1/alarms/checkout-page/explain", at=at)
    [section] = [one for one in found["sections"] if one["id"] == "alarm"]
    assert (section["status"], section["data"]["watches"]) == ("ok", "Errors (Sum)")
    assert found["answer"].startswith("Errors (Sum) of checkout-page is 40 (before: 0) since ")
    assert found["onset"]["at"] == times.iso(room.since)


def test_what_is_not_there_is_said(room: Explaining) -> None:
    assert "there is no service 'shup': GET /v1/services" in room.api.error(404, "GET", "/v1/services/shup/explain")
    assert "there is no alarm 'x' here: GET /v1/alarms" in room.api.error(404, "GET", "/v1/alarms/x/explain")
    assert "there is no explanation" in room.api.error(404, "GET", "/v1/explanations/0123456789abcdef")
    assert "there is no explanation" in room.api.error(404, "GET", "/v1/explanations/x")
    assert "is in the future" in room.api.error(400, "GET", "/v1/services/shop/explain", {"at": "2999-01-01"})
    assert "is no time of day such as 14:02" in room.api.error(400, "GET", "/v1/services/shop/explain", {"at": "99:99"})
    assert "not one" in room.api.error(400, "GET", "/v1/services/shop/explain", {"depth": "deep"})


def test_a_right_that_is_missing_is_named_and_fails_nothing(room: Explaining) -> None:
    own = room.account.roles.documents["api_handler"]
    kept = [one for one in own["Statement"] if one["Sid"] not in ("Ledger", "Map")]
    room.account.hold("api_handler", {**own, "Statement": kept})
    found = room.api.get("/v1/services/shop/explain")
    assert found["status"] == "partial"
    assert ids(found)["changes"] == ids(found)["traces"] == "denied"
    reasons = {one["id"]: one["reason"] for one in found["sections"]}
    assert "dynamodb:Query" in reasons["changes"]
    assert "xray:GetServiceGraph" in reasons["traces"]
    assert found["onset"]["sign"] == "errors"
    assert [one["kind"] for one in found["suspects"]] == ["errors"]


def test_without_signals_nothing_is_called_well(room: Explaining) -> None:
    own = room.account.roles.documents["api_handler"]
    kept = [one for one in own["Statement"] if one["Sid"] != "Services"]
    room.account.hold("api_handler", {**own, "Statement": kept})
    found = room.api.get("/v1/services/shop/explain")
    assert found["status"] == "denied"
    assert "is not known without its signals" in found["answer"]


def test_a_button_in_the_alerts_thread_has_it_explained_there(
    room: Explaining, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    account = room.account
    account.client("cloudwatch").put_metric_alarm(
        AlarmName="checkout-5xx", Namespace="AWS/Lambda", MetricName="Errors", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
        Dimensions=[{"Name": "FunctionName", "Value": "checkout"}],
    )  # fmt: skip
    with slacking(account, monkeypatch, tmp_path) as slack:
        slack.settings(f'[commands]\npeople = ["{ALICE.id}"]\n{FUNCTION}')
        account.clock.at = room.since + 200
        group = office.fires(account)
        account.clock.at = time.time()
        ts = root(slack, group)
        assert slack.tell(slack.pressed(MALLORY, ts, "explain")) == (200, None)
        assert "may not look into Parapet" in slack.told(MALLORY)[-1]
        assert slack.tell(slack.pressed(ALICE, ts, "explain")) == (200, None)
        assert "comes into the thread" in slack.told(ALICE)[-1]
        account.notices()
        assert room.work() == []
    first, whole = [one for one in account.notices() if ":explained:" in one.key]
    assert (first.thread, whole.thread, whole.alert) == (group.thread, group.thread, group.id)
    assert first.lines[-1].startswith("This is what was seen first")
    assert whole.lines[0].startswith("shop fails 40 % of its requests")
    assert whole.lines[1].startswith("1. UpdateFunctionCode20150331v2 of checkout by bob")
    assert not whole.page
    assert whole.destination == Destination(slack="#parapet")


def test_an_alarm_that_is_gone_is_said_to_be(room: Explaining) -> None:
    group = office.fires(room.account, "deleted-since")
    body = asked.dump(asked.Asked("alarm", "deleted-since", group.opened, group.id))
    room.account.notices()
    assert enriching.invoke(room.account, body, '{"explain": 7}') == ["1"]
    [told] = [one for one in room.account.notices() if ":explained:" in one.key]
    assert told.lines[0].startswith("Not explained: there is no alarm 'deleted-since'")
    assert "GET /v1" not in told.lines[0]


def test_what_it_is_asked_for_again_it_remembers(room: Explaining) -> None:
    query = {"depth": "full", "at": times.iso(room.since + 300)}
    room.api.call("GET", "/v1/services/shop/explain", query)
    room.work()
    table = room.account.client("dynamodb").scan(TableName=TABLE)["Items"]
    [kept] = [one for one in table if one["pk"]["S"] == "EXPLAINED#shop"]
    assert kept["same"]["S"] == "change:UpdateFunctionCode20150331v2:checkout"
    assert json.loads(kept["expires"]["N"]) > room.since + 80 * 86_400


def test_the_timeline_has_what_happened_in_its_order(room: Explaining) -> None:
    account = room.account
    account.clock.at = room.since + 120
    group = office.fires(account, service="shop", title="checkout fails | a lot")
    account.clock.at = time.time()
    room.api.call("GET", "/v1/services/shop/explain", {"depth": "full", "at": times.iso(room.since + 300)})
    room.work()
    found = room.api.get("/v1/timeline", service="shop", **{"from": "1h"})
    kinds = [one["kind"] for one in found["entries"]]
    assert kinds == ["change", "explained", "alert"]
    release, answer, told = found["entries"]
    assert release["what"].startswith("UpdateFunctionCode20150331v2 of checkout")
    assert release["who"] == "bob (with console, from 198.51.100.7)"
    assert answer["what"].startswith("shop fails 40 %")
    assert told["at"] == times.iso(group.opened)
    lines = found["markdown"].splitlines()
    assert lines[0] == "# Timeline of shop"
    assert lines[4:6] == ["| when | what | who |", "| --- | --- | --- |"]
    assert r"checkout fails \| a lot" in found["markdown"], "nothing from outside is markup"
    assert found["missing"] == []
    assert room.api.get("/v1/timeline", service="shop", **{"from": "30d", "to": "29d"})["entries"] == []
    assert "there is no service" in room.api.error(404, "GET", "/v1/timeline", {"service": "shup"})
    assert "7 days at most" in room.api.error(400, "GET", "/v1/timeline", {"service": "shop", "from": "30d"})


def test_the_timeline_has_what_was_suspected_though_nothing_says_whose_it_is(room: Explaining) -> None:
    closed = change(room.since - 30, "RevokeSecurityGroupIngress", "ec2.amazonaws.com", ("sg-0123456789abcdef0",))
    other = change(room.since - 30.5, "CreateTags", "ec2.amazonaws.com", ("sg-0123456789abcdef0",))
    assert closed.services == other.services == ()
    Book(room.account.ours, LEDGER).write([closed, other])

    def told() -> list[str]:
        found = room.api.get("/v1/timeline", service="shop", **{"from": "1h"})["entries"]
        return [one["what"].split()[0] for one in found if one["kind"] == "change"]

    assert told() == ["UpdateFunctionCode20150331v2"]
    room.api.call("GET", "/v1/services/shop/explain", {"depth": "full", "at": times.iso(room.since + 300)})
    room.work()
    assert told() == ["UpdateFunctionCode20150331v2", "RevokeSecurityGroupIngress"]


def test_what_the_timeline_lacks_is_named_in_it(room: Explaining) -> None:
    own = room.account.roles.documents["api_handler"]
    kept = [one for one in own["Statement"] if one["Sid"] != "Ledger"]
    room.account.hold("api_handler", {**own, "Statement": kept})
    found = room.api.get("/v1/timeline", service="shop")
    assert [one.split(":")[0] for one in found["missing"]] == ["changes"]
    assert "Not all could be read:" in found["markdown"]
