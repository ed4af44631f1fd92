"""Alerts and silences over HTTP: what is listed and shown, and what one can ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.alerts import office
from tests.api.client import Api
from tests.samples import ACCOUNT, ALICE

HOUR = 3600.0


def carry_out(api: Api) -> list[str]:
    """Have what was asked for done by the function that owns alerts; returns the commands' ids."""
    done = []
    for kind, detail in api.events():
        assert (kind, detail["service"]) == ("Parapet Command", "alert")
        office.dispatch(api.account).carry_out(detail["command"])
        done.append(detail["command"])
    return done


class TestList:
    def test_has_what_fires_the_latest_first(self, api: Api) -> None:
        first = office.fires(api.account)
        api.account.clock.forward(60)
        second = office.fires(api.account, "cart-5xx", service="cart", severity="critical")
        office.fires(api.account, "cart-latency", service="cart")
        found = api.get("/v1/alerts")
        assert found["after"] is None
        assert [one["id"] for one in found["alerts"]] == [second.id, first.id]
        shown = found["alerts"][0]
        assert (shown["status"], shown["severity"], shown["firing"], shown["total"]) == ("firing", "critical", 2, 2)
        assert (shown["title"], shown["service"], shown["account"]) == ("cart-5xx is in ALARM", "cart", ACCOUNT)
        assert shown["destination"] == {"slack": "#parapet", "pagerduty": "", "email": []}
        assert [one["id"] for one in api.get("/v1/alerts", service="checkout")["alerts"]] == [first.id]
        assert api.get("/v1/alerts", source="budget")["alerts"] == []

    def test_shows_what_still_fires_of_an_alert_whose_first_is_over(self, api: Api) -> None:
        first = office.fires(api.account, resource="checkout")
        office.fires(api.account, "checkout-slow", severity="medium")
        office.fires(api.account, "checkout-down", resource="payments")
        office.ends(api.account)
        [shown] = api.get("/v1/alerts")["alerts"]
        assert (shown["id"], shown["name"], shown["resource"]) == (first.id, "checkout-down", "payments")
        assert (shown["title"], shown["firing"], shown["total"]) == ("checkout-down is in ALARM", 2, 3)
        assert api.get(f"/v1/alerts/{first.id}")["name"] == "checkout-down"
        office.ends(api.account, "checkout-down")
        assert api.get(f"/v1/alerts/{first.id}")["name"] == "checkout-slow"
        # Begun anew it leads again; and what is over is known by how it began.
        office.fires(api.account)
        assert api.get(f"/v1/alerts/{first.id}")["name"] == "checkout-5xx"
        for name in ("checkout-slow", "checkout-5xx"):
            office.ends(api.account, name)
        assert api.get(f"/v1/alerts/{first.id}")["name"] == "checkout-5xx"

    def test_goes_on_where_a_page_ended_however_many_opened_at_once(self, api: Api) -> None:
        wanted = {office.fires(api.account, f"{name}-5xx", service=name).id for name in ("a", "b", "c")}
        seen: list[str] = []
        after: dict[str, Any] = {}
        while True:
            page = api.get("/v1/alerts", limit="1", **after)
            seen += [one["id"] for one in page["alerts"]]
            if page["after"] is None:
                break
            after = {"after": page["after"]}
        assert len(seen) == 3
        assert set(seen) == wanted

    def test_has_what_is_over_of_the_last_day_unless_it_says_since_when(self, api: Api) -> None:
        alert = office.fires(api.account)
        api.account.clock.forward(60)
        office.ends(api.account)
        assert api.get("/v1/alerts")["alerts"] == []
        assert [one["id"] for one in api.get("/v1/alerts", status="resolved")["alerts"]] == [alert.id]
        api.account.clock.forward(25 * HOUR)
        assert api.get("/v1/alerts", status="resolved")["alerts"] == []
        assert len(api.get("/v1/alerts", status="resolved", since="2d")["alerts"]) == 1

    @pytest.mark.parametrize(
        ("query", "says"),
        [
            ({"status": "open"}, "status: 'open' is not one"),
            ({"after": "x"}, "is not what an answer of this route had there"),
            ({"limit": "0"}, "limit: '0'"),
            ({"color": "red"}, "knows no query parameter 'color'"),
        ],
    )
    def test_declines_what_it_does_not_know(self, api: Api, query: dict[str, str], says: str) -> None:
        assert says in api.error(400, "GET", "/v1/alerts", query)


class TestOne:
    def test_is_shown_with_all_that_is_told_in_its_thread(self, api: Api) -> None:
        alert = office.fires(api.account)
        office.fires(api.account, "checkout-latency")
        found = api.get(f"/v1/alerts/{alert.id}")
        assert {one["name"] for one in found["alerts"]} == {"checkout-5xx", "checkout-latency"}
        assert all(one["told"] and one["quiet"] is None for one in found["alerts"])
        assert (found["history"], found["silences"]) == ([], [])

    @pytest.mark.parametrize("name", ["a-00000000", "abcd1234", "a-xyz"])
    def test_that_is_not_there_is_said(self, api: Api, name: str) -> None:
        assert f"there is no alert '{name}'" in api.error(404, "GET", f"/v1/alerts/{name}")

    def test_can_be_acknowledged_once(self, api: Api) -> None:
        alert = office.fires(api.account)
        status, asked = api.call("POST", f"/v1/alerts/{alert.id}/acknowledge", body={"why": "on it"})
        assert (status, asked["kind"], asked["finding"], asked["service"]) == (202, "acknowledge", alert.id, "alert")
        assert asked["question"] == alert.episode
        assert carry_out(api) == [asked["id"]]
        assert office.known(api.account, alert.id).acknowledged == "alice"
        assert "alice is on it already" in api.error(409, "POST", f"/v1/alerts/{alert.id}/acknowledge", body={})

    def test_that_has_begun_anew_is_not_answered_by_what_was_meant_for_before(self, api: Api) -> None:
        alert = office.fires(api.account)
        text = api.error(409, "POST", f"/v1/alerts/{alert.id}/dismiss", body={"question": alert.episode + 1})
        assert "about an earlier time" in text

    @pytest.mark.parametrize("as_given", [int, str])
    def test_says_as_a_number_which_time_it_is_about(self, api: Api, as_given: Callable[[int], object]) -> None:
        alert = office.fires(api.account)
        path = f"/v1/alerts/{alert.id}/acknowledge"
        asked = api.call("POST", path, body={"question": as_given(alert.episode)})[1]
        told = api.get(f"/v1/commands/{asked['id']}")
        assert [(one["question"], type(one["question"])) for one in (asked, told)] == [(alert.episode, int)] * 2

    @pytest.mark.parametrize("question", [0, -1, 1.5, True, "one", None, [1]])
    def test_is_not_about_what_is_no_whole_number(self, api: Api, question: object) -> None:
        alert = office.fires(api.account)
        text = api.error(400, "POST", f"/v1/alerts/{alert.id}/acknowledge", body={"question": question})
        assert text.startswith("question")

    def test_tells_whether_it_is_silenced(self, api: Api) -> None:
        alert = office.fires(api.account)
        assert [one["silenced"] for one in api.get("/v1/alerts")["alerts"]] == [False]
        api.call("POST", "/v1/silences", body={"name": alert.name, "for": "1h", "why": "w"})
        assert [one["silenced"] for one in api.get("/v1/alerts")["alerts"]] == [True]
        assert api.get(f"/v1/alerts/{alert.id}")["silenced"]

    def test_can_be_silenced_for_a_while(self, api: Api) -> None:
        alert = office.fires(api.account)
        path = f"/v1/alerts/{alert.id}/silence"
        assert "why is missing" in api.error(400, "POST", path, body={"for": "4h"})
        assert "for is missing" in api.error(400, "POST", path, body={"why": "a deployment"})
        assert "within 30 days" in api.error(400, "POST", path, body={"why": "a deployment", "for": "60d"})
        api.call("POST", path, body={"why": "a deployment", "for": "4h"})
        carry_out(api)
        [silence] = api.get("/v1/silences")["silences"]
        assert silence["matcher"] == {"alert": [alert.id]}
        assert api.get(f"/v1/alerts/{alert.id}")["silences"] == [silence]

    def test_is_asked_about_once_under_one_key(self, api: Api) -> None:
        alert = office.fires(api.account)
        key = {"headers": {"Idempotency-Key": "k1"}}
        path = f"/v1/alerts/{alert.id}/acknowledge"
        first, again = (api.call("POST", path, body={"why": "on it"}, **key)[1] for _ in range(2))
        assert first == again
        carry_out(api)
        assert api.call("POST", path, body={"why": "on it"}, **key)[1]["status"] == "done"
        assert "idempotency key" in api.error(409, "POST", f"/v1/alerts/{alert.id}/dismiss", body={}, **key)


class TestSilences:
    def test_begin_at_once_and_end_when_asked(self, api: Api) -> None:
        alert = office.fires(api.account)
        body = {"service": "check*,cart", "severity": "high", "for": "4h", "why": "a migration"}
        status, begun = api.call("POST", "/v1/silences", body=body)
        assert status == 201
        assert begun["covers"] == [alert.id]
        silence = begun["silence"]
        assert silence["matcher"] == {"severity": ["high"], "service": ["check*", "cart"]}
        assert (silence["who"], silence["by"], silence["why"]) == ("alice", ALICE["arn"], "a migration")
        assert api.get("/v1/silences") == {"silences": [silence]}
        status, ended = api.call("DELETE", f"/v1/silences/{silence['id']}", {"why": "done"})
        assert (status, ended) == (200, {"ended": silence})
        assert api.get("/v1/silences") == {"silences": []}
        assert "there is no silence" in api.error(404, "DELETE", f"/v1/silences/{silence['id']}")

    def test_that_are_over_are_not_listed(self, api: Api) -> None:
        api.call("POST", "/v1/silences", body={"name": "x", "for": "1h", "why": "w"})
        assert len(api.get("/v1/silences")["silences"]) == 1
        api.account.clock.forward(HOUR + 1)
        assert api.get("/v1/silences") == {"silences": []}

    @pytest.mark.parametrize(
        ("body", "says"),
        [
            ({"for": "4h", "service": "x"}, "why is missing"),
            ({"why": "w", "service": "x"}, "for is missing"),
            ({"why": "w", "for": "4h"}, "say what it is about"),
            ({"why": "w", "for": "4h", "name": "my alarm"}, "has a blank"),
            ({"why": "w", "for": "4h", "severity": "bad"}, "'bad' is not a severity"),
            ({"why": "w", "for": "90d", "name": "x"}, "within 30 days"),
            ({"why": "w", "for": "4h", "named": "x"}, "did you mean 'name'"),
        ],
    )
    def test_that_cannot_be_say_why(self, api: Api, body: dict[str, str], says: str) -> None:
        assert says in api.error(400, "POST", "/v1/silences", body=body)
