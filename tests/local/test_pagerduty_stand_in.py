"""PagerDuty's stand-in is as strict as PagerDuty, and its incidents become what events make of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.test import Client

from local.pagerduty import KEY, PagerDutyStandIn

OTHER = "f" * 32
PAYLOAD = {"summary": "checkout fails", "source": "checkout", "severity": "critical"}
TRIGGER = {"routing_key": KEY, "event_action": "trigger", "dedup_key": "a", "payload": PAYLOAD}


@pytest.fixture
def pagerduty() -> PagerDutyStandIn:
    return PagerDutyStandIn({KEY: "shop", OTHER: "platform"}, now=lambda: 100.0)


def send(pagerduty: PagerDutyStandIn, event: Any = None, **changes: Any) -> Any:
    return Client(pagerduty).post("/v2/enqueue", json={**TRIGGER, **changes} if event is None else event)


def act(pagerduty: PagerDutyStandIn, action: str, key: str = "a", routing: str = KEY) -> Any:
    return send(pagerduty, {"routing_key": routing, "event_action": action, "dedup_key": key})


def test_an_incident_is_triggered_acknowledged_and_resolved(pagerduty: PagerDutyStandIn) -> None:
    answer = send(pagerduty, links=[{"href": "https://wiki.example.com", "text": "Runbook"}])
    assert (answer.status_code, answer.get_json()) == (
        202, {"status": "success", "message": "Event processed", "dedup_key": "a"}
    )  # fmt: skip
    act(pagerduty, "acknowledge")
    send(pagerduty, payload={**PAYLOAD, "summary": "checkout fails still"})
    [incident] = pagerduty.incidents
    assert (incident.status, incident.service) == ("acknowledged", "shop")
    act(pagerduty, "resolve")
    shown = incident.shown()
    assert [one["action"] for one in shown["timeline"]] == ["trigger", "acknowledge", "trigger", "resolve"]
    assert (shown["summary"], shown["status"]) == ("checkout fails still", "resolved")


def test_after_its_end_a_trigger_opens_another_and_the_rest_is_dropped(pagerduty: PagerDutyStandIn) -> None:
    for action in ("acknowledge", "resolve"):
        assert act(pagerduty, action).status_code == 202
    assert pagerduty.incidents == []
    send(pagerduty)
    act(pagerduty, "resolve")
    act(pagerduty, "acknowledge")
    send(pagerduty)
    assert [one.status for one in pagerduty.incidents] == ["resolved", "triggered"]


def test_another_service_has_other_incidents(pagerduty: PagerDutyStandIn) -> None:
    send(pagerduty)
    act(pagerduty, "resolve", routing=OTHER)
    assert pagerduty.incidents[0].status == "triggered"


def test_without_a_key_each_trigger_is_another(pagerduty: PagerDutyStandIn) -> None:
    event = {name: value for name, value in TRIGGER.items() if name != "dedup_key"}
    keys = {send(pagerduty, event).get_json()["dedup_key"] for _ in range(2)}
    assert len(keys) == len(pagerduty.incidents) == 2


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"routing_key": "short"}, "Length of 'routing_key' is incorrect (should be 32 characters)"),
        ({"routing_key": "-" * 32}, "'routing_key' cannot contain non-alphanumeric characters."),
        ({"event_action": "close"}, "'event_action' must be one of trigger, acknowledge, resolve"),
        ({"dedup_key": "k" * 256}, "'dedup_key' is too long (maximum 255 characters)"),
        ({"event_action": "resolve", "dedup_key": None}, "'dedup_key' is missing or blank"),
        ({"payload": None}, "'payload' is missing or blank"),
        ({"payload": {**PAYLOAD, "summary": "s" * 1025}}, "'summary' is too long (maximum 1024 characters)"),
        ({"payload": {**PAYLOAD, "source": " "}}, "'source' is missing or blank"),
        ({"payload": {**PAYLOAD, "severity": "high"}}, "'payload.severity' must be one of"),
        ({"payload": {**PAYLOAD, "timestamp": "soon"}}, "'payload.timestamp' is not a time in ISO 8601"),
        ({"payload": {**PAYLOAD, "custom_details": []}}, "'payload.custom_details' must be an object"),
        ({"payload": {**PAYLOAD, "colour": "red"}}, "'payload.colour' is not a field that the stand-in knows"),
        ({"images": [{"src": "http://example.com/a.png"}]}, "'images.src' must be an address: https://…"),
        ({"links": [{"text": "nowhere"}]}, "'links.href' must be an address: https://…"),
        ({"links": "https://example.com"}, "'links' must be a list of objects"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_name(pagerduty: PagerDutyStandIn, changes: dict[str, Any], error: str) -> None:
    answer = send(pagerduty, **changes)
    assert (answer.status_code, answer.get_json()["status"]) == (400, "invalid event")
    assert any(one.startswith(error) for one in answer.get_json()["errors"])
    assert pagerduty.incidents == []


def test_what_is_longest_is_taken(pagerduty: PagerDutyStandIn) -> None:
    assert send(pagerduty, dedup_key="k" * 255, payload={**PAYLOAD, "summary": "s" * 1024}).status_code == 202


def test_other_refusals(pagerduty: PagerDutyStandIn) -> None:
    client = Client(pagerduty)
    assert client.post("/v2/enqueue", data="{").get_json()["errors"] == ["JSON parse error"]
    whole = json.dumps({**TRIGGER, "payload": {**PAYLOAD, "custom_details": {"log": "x" * 530_000}}})
    assert "cannot exceed" in client.post("/v2/enqueue", data=whole).get_json()["errors"][0]
    unknown = send(pagerduty, routing_key="0" * 32)
    assert (unknown.status_code, unknown.text) == (400, "Invalid routing key")
    assert client.get("/v2/enqueue").status_code == 404
    assert client.post("/v2/change/enqueue", json={}).status_code == 404


def test_misbehaviour_is_as_asked_for_and_ends(pagerduty: PagerDutyStandIn) -> None:
    pagerduty.fail("429", seconds=7)
    answer = send(pagerduty)
    assert (answer.status_code, answer.headers["Retry-After"], pagerduty.incidents) == (429, "7", [])
    pagerduty.fail("500 after")
    assert send(pagerduty).status_code == 500
    assert len(pagerduty.incidents) == 1, "it was taken all the same"
    pagerduty.fail("rubbish")
    assert "proxy" in send(pagerduty).text
    assert send(pagerduty).status_code == 202


def test_the_plain_way_takes_an_alarm_from_sns(pagerduty: PagerDutyStandIn) -> None:
    def notified(state: str) -> int:
        alarm = {"AlarmName": "unhealthy", "AlarmArn": "arn:a", "NewStateValue": state, "NewStateReason": "why"}
        body = {"Type": "Notification", "Subject": f"{state}: unhealthy", "Message": json.dumps(alarm)}
        return Client(pagerduty).post(f"/integration/{KEY}/enqueue", data=json.dumps(body)).status_code

    assert [notified("ALARM"), notified("OK")] == [202, 202]
    [incident] = pagerduty.incidents
    assert (incident.status, incident.event["payload"]["summary"]) == ("resolved", "ALARM: unhealthy")
    assert Client(pagerduty).post(f"/integration/{'0' * 32}/enqueue", data="{}").status_code == 400
