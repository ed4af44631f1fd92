"""Alerts, groups and silences come back from the table as they went in, and what is newer is not misread."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chalicelib.alerts import quiet, records
from chalicelib.alerts.model import Silence
from chalicelib.alerts.signal import Alarm
from chalicelib.matcher import Matcher
from chalicelib.section import Section, SettingsError
from tests.alerts.desk import NOW, Desk, paged


@pytest.fixture
def desk() -> Desk:
    return Desk(paged(escalate_after=600.0, escalate_to="managers"))


def test_a_group_and_its_alert_come_back(desk: Desk) -> None:
    alarm = Alarm("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:one", "metric", ({"Id": "m1"},), 5.0, "Greater")
    desk.fires("one", alarm=alarm, links=(("Alarm", "https://example.com"),), tags={"team": "payments"})
    desk.fires("two")
    group = desk.only()
    assert records.group(records.group_item(group)) == group
    for alert in desk.book.alerts(group.id):
        assert records.alert(records.alert_item(alert)) == alert
    assert {alert.name for alert in desk.book.alerts(group.id)} == {"one", "two"}


def test_a_signal_comes_back(desk: Desk) -> None:
    signal = desk.signal(alarm=Alarm("arn", "math", ({"Id": "e1", "Expression": "m1/m2"},), children=("a",)))
    assert records.signal(json.loads(json.dumps(records.signal_record(signal)))) == signal


def test_silences_come_back(desk: Desk) -> None:
    made = desk.silences(Matcher(service=("checkout",), tag=("team=payments",)), 3600.0)
    (silence,) = desk.book.silences()
    assert silence == Silence(
        made, Matcher(service=("checkout",), tag=("team=payments",)), NOW + 3600, "alice", "deploy", NOW, silence.by
    )


def test_what_a_newer_version_has_written_is_read_as_far_as_it_is_known(desk: Desk) -> None:
    desk.fires()
    item = records.group_item(desk.only())
    told = {**json.loads(item["record"]), "mood": "bad"}
    # After a rollback alerts must go on.
    assert records.group({**item, "record": json.dumps(told)}) == desk.only()


def test_what_is_not_sent_yet_is_due_at_once(desk: Desk) -> None:
    desk.fires()
    group = desk.only()
    assert group.notice
    assert records.group_item(replace(group, unsent=(group.notice,)))["due"] == group.at


class TestInhibit:
    def read(self, content: dict[str, object]) -> object:
        return quiet.read(Section("parapet.toml", "", {"inhibit": [content]}).tables("inhibit"))[1]

    def test_a_rule_is_read(self) -> None:
        rule = self.read({"source": {"name": ["region-*"]}, "target": {"source": ["alarm"]}, "equal": ["account"]})
        assert rule == quiet.Inhibit(Matcher(name=("region-*",)), Matcher(source=("alarm",)), ("account",))

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ({"source": {"name": ["x"]}}, "say what keeps what quiet"),
            ({"source": {"nam": ["x"]}}, "did you mean 'name'"),
            ({"equal": ["colour"]}, "is not one of name"),
            ({"sauce": {}}, "is not a setting"),
        ],
    )
    def test_errors_name_what_would_do(self, content: dict[str, object], why: str) -> None:
        with pytest.raises(SettingsError, match=why):
            self.read(content)
