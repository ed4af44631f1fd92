"""Alerts, silences and routes at a terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.alerts import decide
from chalicelib.alerts.book import Book
from chalicelib.alerts.model import Group
from chalicelib.model import Destination
from chalicelib.notices.routes import Route
from tests.account import TABLE
from tests.alerts import office
from tests.cli.terminal import Terminal
from tests.cli.test_exemptions import rows

ROUTES = """
[slack]
channel = "#parapet"
[pagerduty]
checkout = "ssm:/parapet/pagerduty/checkout"
[[routes]]
route = "nights"
severity = ["critical"]
hours = "mon-fri 22:00-06:00 Europe/Berlin"
slack = "#checkout"
pagerduty = "checkout"
escalate_after = "10m"
escalate_to = "checkout"
[[routes]]
route = "checkout"
service = ["check*"]
tag = ["team=shop"]
email = ["shop@example.com"]
"""


@pytest.fixture
def alert(terminal: Terminal) -> Group:
    return office.fires(terminal.account)


class TestAlerts:
    def test_lists_the_worst_first(self, terminal: Terminal, alert: Group) -> None:
        worse = office.fires(terminal.account, "cart-5xx", severity="critical", service="cart")
        found = rows(terminal.out("alerts") + "\n")
        assert [one[0] for one in found] == [worse.id, alert.id]
        assert found[1][2:] == [
            "high", "checkout-5xx is in ALARM", "checkout · 123456789012 · eu-west-1", "1 of 1", "–",
        ]  # fmt: skip
        assert [one["id"] for one in terminal.json("alerts", "--service", "cart")["alerts"]] == [worse.id]
        limited = terminal.out("alerts", "--limit", "1")
        assert "and 1 more: --limit shows them." in limited

    def test_marks_what_is_silenced_and_who_was_called(self, terminal: Terminal, alert: Group) -> None:
        paged = office.fires(terminal.account, "cart-5xx", service="cart")
        book = Book(terminal.account.ours, TABLE)
        book.write((), replace(paged, escalated=True, escalate_to="nights"))
        terminal.out("silence", "name=checkout-5xx", "--for", "4h", "--why", "a deployment")
        assert {one[0]: one[-1] for one in rows(terminal.out("alerts") + "\n")} == {
            alert.id: "silenced", paged.id: "escalated to nights",
        }  # fmt: skip
        found = {one["id"]: (one["silenced"], one["escalated"]) for one in terminal.json("alerts")["alerts"]}
        assert found == {alert.id: (True, False), paged.id: (False, True)}
        terminal.account.clock.forward(4 * 3600 + 1)
        assert not any(one["silenced"] for one in terminal.json("alerts")["alerts"])

    def test_lists_what_is_over(self, terminal: Terminal, alert: Group) -> None:
        terminal.account.clock.forward(60)
        office.ends(terminal.account)
        assert terminal.out("alerts") == "Nothing fires.\n"
        assert terminal.json("alerts", "--status", "resolved")["total"] == 1
        assert terminal.json("alerts", "--status", "resolved", "--since", "10s")["total"] == 0

    def test_shows_one_and_what_can_be_done(self, terminal: Terminal, alert: Group) -> None:
        said = terminal.out("alert", alert.id[:6])
        for part in ("checkout-5xx is in ALARM", "alarm: checkout-5xx", "1 of 1", "nobody"):
            assert part in said
        document = terminal.json("alert", alert.id)
        assert document["next"] == [
            f"./parapet acknowledge {alert.id}",
            f"./parapet silence {alert.id} --for 4h --why REASON",
            f"./parapet dismiss {alert.id}",
        ]
        assert [one["name"] for one in document["alerts"]] == ["checkout-5xx"]

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ("a-zzzz", "'a-zzzz' is not an alert's id"),
            ("abcd1234", "'abcd1234' is not an alert's id"),
            ("a-00000000", "there is no alert 'a-00000000'"),
            ("a-0", "no alert starts with 'a-0' in the last 90 days"),
        ],
    )
    def test_says_which_id_names_nothing(self, terminal: Terminal, given: str, says: str) -> None:
        assert says in terminal.fails(2, "alert", given)

    @pytest.mark.parametrize("command", ["show", "approve", "undo"])
    def test_is_named_where_a_finding_is_wanted(self, terminal: Terminal, command: str) -> None:
        text = terminal.fails(2, command, "A-3f9k2m1q")
        assert "is an alert's id, not a finding's: `./parapet alert a-3f9k2m1q` shows" in text

    def test_says_when_an_id_could_be_several(self, terminal: Terminal) -> None:
        first: dict[str, str] = {}
        for name in map(str, range(40)):
            report, route = office.signal(terminal.account, name, service=name), Route("otherwise", Destination())
            other = first.setdefault(decide.place(report, route)[0][:3], name)
            if other != name:
                break
        one, two = (office.fires(terminal.account, which, service=which) for which in (other, name))
        text = terminal.fails(2, "alert", one.id[:3])
        assert one.id in text
        assert two.id in text
        assert text.endswith("type more of it")


class TestAnswers:
    def test_acknowledge_says_that_somebody_is_on_it(self, terminal: Terminal, alert: Group) -> None:
        assert terminal.out("acknowledge", alert.id) == "Acknowledged: checkout-5xx is in ALARM.\n"
        assert office.known(terminal.account, alert.id).acknowledged == "moto"
        assert terminal.fails(1, "acknowledge", alert.id) == "refused: moto is on it already"
        assert "moto" in terminal.out("alert", alert.id)

    def test_acknowledge_still_takes_findings(self, terminal: Terminal) -> None:
        assert "no finding starts with 'abcd'" in terminal.fails(2, "acknowledge", "abcd")

    def test_dismiss_is_counted(self, terminal: Terminal, alert: Group) -> None:
        assert terminal.out("dismiss", alert.id, "--why", "a spike") == (
            "Counted as not actionable: checkout-5xx is in ALARM.\n"
        )

    def test_what_is_over_is_refused(self, terminal: Terminal, alert: Group) -> None:
        terminal.account.clock.forward(60)
        office.ends(terminal.account)
        document = terminal.run("acknowledge", alert.id, "--json")
        assert (document.exit_code, '"status": "refused"' in document.stdout) == (1, True)

    def test_no_answer_says_where_to_look(self, terminal: Terminal, alert: Group) -> None:
        terminal.answering = False
        assert "/aws/lambda/parapet-test-alert" in terminal.fails(3, "acknowledge", alert.id, "--wait", "2s")


class TestSilence:
    def test_an_alert_is_silenced_by_who_owns_it(self, terminal: Terminal, alert: Group) -> None:
        said = terminal.out("silence", alert.id, "--for", "4h", "--why", "a deployment")
        assert said.startswith("Silenced until 2026-11-18 15:06:41 UTC (in ")
        assert "Silenced" in terminal.out("alert", alert.id)

    def test_whatever_fits_is_silenced_at_once_and_ended(self, terminal: Terminal, alert: Group) -> None:
        said = terminal.out("silence", "service=check*", "severity=high,low", "--for", "4h", "--why", "a migration")
        assert "severity=high,low service=check*" in said
        assert f"It covers {alert.id}, which fires now." in said
        [one] = rows(terminal.out("silences"))
        assert one[2:] == ["severity=high,low service=check*", "moto", "a migration"]
        ended = terminal.out("silence", "--end", one[1][:5], "--why", "done")
        assert "is not silenced any longer" in ended
        assert terminal.out("silences") == "Nothing is silenced.\n"
        assert "there is no silence" in terminal.fails(2, "silence", "--end", one[1], "--why", "done")

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("--for", "4h"), "takes the ID of an alert, or FIELD=VALUE"),
            (("name=x",), "every silence has an end"),
            (("name=x", "--for", "4h", "--until", "2026-12-31"), "every silence has an end"),
            (("name=x", "--end", "abcd"), "takes the ID of an alert, or FIELD=VALUE"),
            (("--end", "abcd", "--for", "4h"), "leave --for and --until out"),
            (("nam=x", "--for", "4h"), "'nam=x' is not FIELD=VALUE"),
            (("name=x", "--for", "60d"), "within 30 days"),
            (("name=x", "--for", "soon"), "--for: 'soon' is not a duration"),
            (("a-00000000", "--for", "4h"), "there is no alert"),
        ],
    )
    def test_says_what_to_mend(self, terminal: Terminal, arguments: tuple[str, ...], says: str) -> None:
        assert says in terminal.fails(2, "silence", *arguments, "--why", "w")


class TestRoutes:
    def test_are_listed_in_order(self, terminal: Terminal) -> None:
        terminal.settings(ROUTES)
        [nights, checkout, otherwise] = rows(terminal.out("routes") + "\n")
        assert nights == [
            "nights", "severity=critical", "mon-fri 22:00-06:00 Europe/Berlin",
            "Slack #checkout; PagerDuty checkout", "source, service, account, region", "after 4 h",
            "to checkout after 10 min",
        ]  # fmt: skip
        assert checkout[3] == "shop@example.com"
        assert otherwise[:4] == ["otherwise", "all", "always", "Slack #parapet"]

    @pytest.mark.parametrize(
        ("about", "at", "route"),
        [
            (("severity=critical",), "2026-11-20 23:00", "nights"),
            (("severity=critical",), "2026-11-20 12:00", "otherwise"),
            (("severity=critical",), "2026-11-21T03:00+01:00", "nights"),
            (("severity=critical",), "2026-11-22 23:00", "otherwise"),
            (("service=checkout", "tag=team=shop"), "2026-11-20 12:00", "checkout"),
            (("service=checkout",), "2026-11-20 12:00", "otherwise"),
        ],
    )
    def test_say_where_an_alert_would_go(self, terminal: Terminal, about: tuple[str, ...], at: str, route: str) -> None:
        terminal.settings(ROUTES)
        assert terminal.json("routes", *about, "--at", at)["route"]["route"] == route
        assert f"Route           {route}" in terminal.out("routes", *about, "--at", at)

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("service=a,b",), "one alert has one service"),
            (("service=*",), "one alert has one service"),
            (("alert=a-00000000",), "leave it out"),
            (("--at", "tonight"), "'tonight' is not a time"),
            (("severity=bad",), "not a severity"),
        ],
    )
    def test_say_what_to_mend(self, terminal: Terminal, arguments: tuple[str, ...], says: str) -> None:
        assert says in terminal.fails(2, "routes", *arguments)
