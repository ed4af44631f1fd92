"""Where notices go: matchers, hours, and what is said of settings that cannot be."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib import matcher
from chalicelib.matcher import Matcher
from chalicelib.model import Channel, Destination, Notice, ParapetError
from chalicelib.notices import outbox, routes, slack_blocks
from chalicelib.notices.outbox import Outbox
from chalicelib.notices.routes import Route, Routes
from chalicelib.section import Section, SettingsError


def notice(**changes: object) -> Notice:
    told: dict[str, object] = {
        "key": "k", "thread": "t", "kind": "alert", "severity": "high", "status": "firing", "title": "x",
        "lines": (), "facts": (), "at": 1_795_000_000.0, "source": "alarm", "service": "checkout",
        "name": "[prod] checkout",
    }  # fmt: skip
    return Notice(**{**told, **changes})  # type: ignore[arg-type]


def read(text: str) -> Routes:
    section = Section("parapet.toml", "", tomllib.loads(text))
    return routes.read(section.tables("routes"), "#parapet", ("default", "payments"))


class TestMatcher:
    @pytest.mark.parametrize(
        ("given", "fits"),
        [
            (Matcher(), True),
            (Matcher(severity=("critical", "high")), True),
            (Matcher(severity=("critical",)), False),
            (Matcher(service=("check*",), source=("alarm",)), True),
            (Matcher(service=("check*",), source=("budget",)), False),
            (Matcher(tag=("team=pay*",)), True),
            (Matcher(tag=("team",)), True),
            (Matcher(tag=("team=search", "owner")), False),
            (Matcher(alert=("a-3f9k2m1q",)), True),
            (Matcher(name=("[prod] checkout",)), True),
            (Matcher(alert=("a-00000000",)), False),
        ],
    )
    def test_each_field_that_is_given_must_fit(self, given: Matcher, fits: bool) -> None:
        assert given.fits(notice(), {"team": "payments"}, "a-3f9k2m1q") is fits

    @pytest.mark.parametrize("text", ["service=checkout severity=high,low", "tag=team=payments", "alert=a-3f9k2m1q"])
    def test_is_written_as_it_is_read(self, text: str) -> None:
        assert set(str(matcher.parse(text)).split()) == set(text.split())

    @pytest.mark.parametrize(
        ("text", "why"),
        [("", "say what it is about"), ("checkout", "is not FIELD=VALUE"), ("team=x", "is not FIELD=VALUE"),
         ("service=", "is not FIELD=VALUE"), ("severity=bad", "is not a severity")],
    )  # fmt: skip
    def test_refuses_what_is_none(self, text: str, why: str) -> None:
        with pytest.raises(ParapetError, match=why):
            matcher.parse(text)

    @pytest.mark.parametrize(
        ("text", "narrow"),
        [("name=*", False), ("name=* alert=**", False), ("severity=critical,high,medium,low", False),
         ("severity=critical,high", True), ("name=* service=checkout", True), ("tag=team,*", False)],
    )  # fmt: skip
    def test_leaves_something_out_or_not(self, text: str, narrow: bool) -> None:
        assert matcher.parse(text).narrow is narrow


class TestRoutes:
    @pytest.mark.parametrize(
        "channel", ["#ops", "ops", "#ops_2-night", "#größe", "C012AB3CD", "G012AB3CD", "D012AB3CD"]
    )
    def test_a_channel_has_a_name_or_an_id(self, channel: str) -> None:
        found = routes.read([Section("parapet.toml", "routes[1]", {"slack": channel})], "#parapet", ())
        assert found.given[0].destination.slack == channel

    @pytest.mark.parametrize(
        "channel", ["#", "#Ops", "#on call", "ops@example.com", "https://x.slack.com/ops", "##ops"]
    )
    def test_what_is_no_channel_is_refused(self, channel: str) -> None:
        with pytest.raises(SettingsError, match=r"routes\[1\]\.slack: .* is not a channel such as #shop or C012AB3CD"):
            routes.read([Section("parapet.toml", "routes[1]", {"slack": channel})], "#parapet", ())

    def test_the_first_that_fits_counts_and_else_all_goes_to_parapets_channel(self) -> None:
        found = read(
            """
            [[routes]]
            route = "payments at night"
            service = ["payments"]
            severity = ["critical"]
            pagerduty = "payments"
            slack = "#payments"
            email = ["payments@example.com"]
            [[routes]]
            source = ["budget"]
            email = ["money@example.com"]
            """
        )
        assert found.destination(notice()) == Destination("#parapet")
        assert found.destination(notice(service="payments")) == Destination("#parapet")
        paged = found.destination(notice(service="payments", severity="critical"))
        assert paged == Destination("#payments", "payments", ("payments@example.com",))
        # Who names other channels alone means those alone.
        assert found.destination(notice(source="budget")) == Destination("", "", ("money@example.com",))
        assert found.addresses == ("payments@example.com", "money@example.com")

    def test_a_notice_that_says_where_goes_there(self) -> None:
        there = Destination(pagerduty="managers")
        assert Routes().destination(notice(destination=there)) == there

    def test_what_is_for_one_person_goes_to_no_pager(self) -> None:
        everything = Routes(given=(Route("all", Destination("#all", "default", ("a@example.com",))),))
        assert everything.destination(notice(to="arn:aws:iam::123456789012:user/alice")) == Destination("#parapet")

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ('pagerduty = "paymnts"', "did you mean 'payments'"),
            ('hours = "always"', "is not hours such as"),
            ('hours = "mon-fri 25:00-26:00"', "is not a time of day"),
            ('hours = "mon-fun 08:00-18:00"', "'fun' is not a day"),
            ('hours = "08:00-18:00 Europe/Berlinn"', "is not a time zone"),
            ('escalate_after = "10m"', "belong together"),
            ('severity = ["bad"]', "is not a severity"),
            ('email = ["nobody"]', "is not an e-mail address"),
            ('group_by = ["colour"]', "is not one of severity"),
            ('repeat = "1m"', "less than"),
            ('chanel = "#x"', "is not a setting"),
        ],
    )
    def test_errors_name_the_route_and_what_would_do(self, text: str, why: str) -> None:
        with pytest.raises(SettingsError, match=why) as error:
            read(f"[[routes]]\n{text}")
        assert "routes[1]" in str(error.value)


class TestHours:
    @pytest.mark.parametrize(
        ("text", "moment", "within"),
        [
            ("08:00-18:00", (2026, 11, 21, 8, 0), True),
            ("08:00-18:00", (2026, 11, 21, 18, 0), False),
            ("mon-fri 08:00-18:00", (2026, 11, 21, 12, 0), False),
            ("fri-mon 08:00-18:00", (2026, 11, 21, 12, 0), True),
            ("sat 08:00-18:00 Europe/Berlin", (2026, 11, 21, 7, 30), True),
            ("fri 22:00-06:00", (2026, 11, 21, 5, 59), True),
            ("fri 22:00-06:00", (2026, 11, 21, 6, 0), False),
            ("sat 22:00-06:00", (2026, 11, 21, 5, 59), False),
            ("00:00-24:00", (2026, 11, 21, 23, 59), True),
            ("Sat 08:00-18:00 CET", (2026, 11, 21, 7, 30), True),
        ],
    )
    def test_are_of_the_day_on_which_they_start(self, text: str, moment: tuple[int, ...], within: bool) -> None:
        at = datetime(*moment, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]
        assert routes.hours(text, "here").at(at) is within

    def test_count_when_the_notice_is_told(self) -> None:
        found = read('[[routes]]\nhours = "08:00-18:00"\nslack = "#day"')
        assert found.route(notice(), {}, datetime(2026, 11, 21, 9, tzinfo=UTC).timestamp()).destination.slack == "#day"
        assert found.route(notice(), {}, datetime(2026, 11, 21, 19, tzinfo=UTC).timestamp()) == found.otherwise


class Queues:
    """SQS, which remembers how it was called."""

    account, region = "123456789012", "eu-west-1"

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[Notice]]] = []

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        assert (service, operation, absent) == ("sqs", "send_message_batch", ())
        entries = params["Entries"]
        assert len(entries) <= 10
        assert sum(len(entry["MessageBody"].encode()) for entry in entries) <= 262_144
        self.batches.append((params["QueueUrl"], [outbox.load(entry["MessageBody"]) for entry in entries]))
        return {}

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        raise AssertionError(operation)

    def told(self, queue: str) -> list[str]:
        return [notice.key for name, notices in self.batches for notice in notices if name == queue]


CHANNELS: dict[Channel, str] = {"slack": "slack", "pagerduty": "pagerduty", "email": "email"}
PAGED = Routes(given=(Route("paged", Destination("#x", "default", ("a@example.com",)), Matcher(severity=("high",))),))


class TestOutbox:
    def test_each_channel_gets_what_goes_there(self) -> None:
        queues = Queues()
        Outbox(queues, CHANNELS, PAGED).send(
            notice(key="page", page="trigger"), notice(key="ticket", severity="low", page="trigger"),
            notice(key="talk", status="joined"),
        )  # fmt: skip
        assert queues.told("slack") == ["page", "ticket", "talk"]
        assert queues.told("pagerduty") == ["page"]
        assert queues.told("email") == ["page"]

    def test_the_end_of_a_page_reaches_pagerduty_whatever_the_route_says_by_then(self) -> None:
        queues = Queues()
        Outbox(queues, CHANNELS, PAGED).send(notice(key="over", kind="finding", severity="low", page="resolve"))
        assert queues.told("pagerduty") == ["over"]
        Outbox(queues, CHANNELS, Routes()).send(notice(key="nobody", kind="finding", page="resolve"))
        assert queues.told("pagerduty") == ["over"]

    def test_pictures_go_to_slack_alone_and_no_batch_is_too_large_for_sqs(self) -> None:
        queues = Queues()
        some = [notice(key=str(number), page="trigger", picture="x" * 120_000) for number in range(5)]
        Outbox(queues, CHANNELS, PAGED).send(*some)
        assert queues.told("slack") == ["0", "1", "2", "3", "4"]
        assert {len(one.picture) for name, notices in queues.batches if name != "slack" for one in notices} == {0}
        assert [len(notices) for name, notices in queues.batches if name == "pagerduty"] == [5]

    def test_what_its_channels_are_not_for_goes_to_our_own(self) -> None:
        queues = Queues()
        only = Routes(given=(Route("pager", Destination("", "default", ("a@example.com",))),))
        Outbox(queues, CHANNELS, only).send(notice(key="line", status="joined"), notice(key="page", page="trigger"))
        assert (queues.told("slack"), queues.told("pagerduty")) == (["line"], ["page"])
        assert {
            one.destination.slack
            for name, some in queues.batches
            for one in some
            if one.destination and name == "slack"
        } == {"#parapet"}

    def test_without_routes_all_goes_to_slack_which_knows_where(self) -> None:
        queues = Queues()
        Outbox(queues, CHANNELS, None).send(notice(key="trouble", page="trigger"))
        assert (queues.told("slack"), queues.told("pagerduty")) == (["trouble"], [])

    def test_what_goes_where_nothing_is_set_up_is_told_to_the_others_and_complained_about(self) -> None:
        queues = Queues()
        with pytest.raises(ParapetError, match="goes to pagerduty, of which"):
            Outbox(queues, {"slack": "slack", "email": "email"}, PAGED).send(notice(key="page", page="trigger"))
        assert (queues.told("slack"), queues.told("email")) == (["page"], ["page"])


class TestMention:
    def test_who_is_called_by_name_is_checked(self) -> None:
        assert read('[[routes]]\nmention = "S012AB3CD"').given[0].destination.mention == "S012AB3CD"
        with pytest.raises(SettingsError, match="is no id of a Slack user"):
            read('[[routes]]\nmention = "@oncall"')

    @pytest.mark.parametrize(
        ("who", "mark"), [("S012AB3CD", "<!subteam^S012AB3CD>"), ("U012AB3CD", "<@U012AB3CD>"), ("here", "<!here>")]
    )
    def test_people_are_called_when_it_fires_and_not_when_it_is_over(self, who: str, mark: str) -> None:
        there = Destination("#x", mention=who)
        fires = slack_blocks.root(notice(destination=there))[1]
        assert [one["text"]["text"] for one in fires if one["type"] == "section"] == [mark]
        for status in ("resolved", "acknowledged", "joined", "silenced"):
            for blocks in (
                slack_blocks.root(notice(destination=there, status=status))[1],
                slack_blocks.reply(notice(destination=there, status=status))[1],
            ):
                assert mark not in json.dumps(blocks)
