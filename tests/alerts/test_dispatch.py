"""What people are told of alerts over time: grouping, repeats, silences, escalation, recoveries, crashes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib import commands
from chalicelib.alerts import quiet
from chalicelib.alerts.decide import AGAIN, GATHER, INHIBITED, MOST, REOPENS, SPOKEN, WINDOW
from chalicelib.alerts.quiet import Inhibit
from chalicelib.alerts.signal import Alarm
from chalicelib.functions import reminders
from chalicelib.matcher import Matcher
from chalicelib.model import Destination, ParapetError
from chalicelib.notices.routes import Route, Routes
from tests.alerts.desk import ACCOUNT, ALICE, BOB, NOW, REGION, Crash, Desk, paged

HOUR = 3600.0


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def paging() -> Desk:
    return Desk(paged(escalate_after=600.0, escalate_to="managers"))


class TestOneAlert:
    def test_is_told_at_once_and_its_end_in_the_same_thread(self, desk: Desk) -> None:
        desk.fires()
        desk.passes(720)
        desk.ends()
        first, last = desk.told()
        assert (first.status, last.status) == ("firing", "resolved")
        assert first.thread == last.thread == first.fingerprint == last.fingerprint
        assert first.key != last.key
        assert first.title == "checkout-5xx is in ALARM"
        assert last.title == "Resolved: checkout-5xx is OK"
        assert last.lines == ("It is over, 12 min after it began.",)
        assert last.facts == first.facts

    def test_is_told_once_however_often_it_is_reported(self, desk: Desk) -> None:
        signal = desk.fires()
        desk.report(signal, signal)
        desk.report(desk.signal())
        assert desk.news() == ["firing"]

    def test_a_report_that_comes_late_changes_nothing(self, desk: Desk) -> None:
        early = desk.signal()
        desk.passes(60)
        desk.ends()
        desk.report(early)
        assert desk.news() == []

    def test_an_end_without_a_beginning_is_nobodys_news(self, desk: Desk) -> None:
        desk.ends()
        assert desk.news() == []

    def test_what_has_no_end_is_told_and_not_repeated(self, desk: Desk) -> None:
        desk.report(desk.signal("task stopped", "told"))
        desk.passes(24 * HOUR)
        assert desk.news() == ["told"]
        assert desk.told()[0].actions == ("dismiss",)

    def test_without_data_nobody_is_told_that_it_is_over(self, desk: Desk) -> None:
        desk.fires()
        desk.passes(60)
        desk.report(desk.signal(state="unsure", title="checkout-5xx has no data"))
        desk.passes(60)
        assert desk.news() == ["firing", "joined"]
        assert desk.told()[-1].lines == ("No data: checkout-5xx has no data",)
        desk.ends()
        assert desk.news()[-1] == "resolved"

    def test_what_begins_again_soon_goes_on_in_its_thread_loudly(self, desk: Desk) -> None:
        desk.fires()
        desk.passes(60)
        desk.ends()
        desk.passes(REOPENS - 60)
        desk.fires()
        assert desk.news() == ["firing", "resolved", "firing"]
        first, _, again = desk.told()
        assert again.thread == first.thread
        assert again.loud
        assert again.page == "trigger"
        desk.ends()
        assert desk.told()[-1].title == "Resolved: checkout-5xx is OK"

    def test_what_begins_again_later_has_a_thread_of_its_own(self, desk: Desk) -> None:
        desk.fires()
        desk.ends(at=NOW + 1)
        desk.passes(REOPENS + 60)
        desk.fires()
        assert len({notice.thread for notice in desk.told()}) == 2
        assert [notice.question for notice in desk.told()] == [1, 1, 2]

    def test_what_nobody_foresaw_is_told_as_it_came(self, desk: Desk) -> None:
        desk.report(desk.signal(state="told", source="unknown", raw='{"surprise": 1}'))
        assert desk.told()[0].lines[-1] == 'As it came: {"surprise": 1}'

    def test_what_happened_once_is_told_however_late_and_in_whatever_order(self, desk: Desk) -> None:
        late = desk.signal("export", "told", title="export of customers failed")
        desk.clock.at += 1
        desk.report(desk.signal("export", "told", title="export of orders failed"))
        desk.report(late, late)
        desk.passes(60)
        said = [text for notice in desk.told() for text in (notice.title, *notice.lines)]
        assert sum("customers" in text for text in said) == 1

    def test_what_nobody_foresaw_is_shown_each_time(self, desk: Desk) -> None:
        for number in (1, 2):
            desk.report(desk.signal("jobs", "told", source="unknown", raw=f'{{"surprise": {number}}}', at=NOW + number))
        desk.passes(60)
        assert any('"surprise": 2' in line for notice in desk.told() for line in notice.lines)

    def test_budgets_are_each_their_own_matter(self, desk: Desk) -> None:
        for name in ("team-shop", "team-search"):
            desk.report(desk.signal(name, "told", source="budget", service=""))
        assert [notice.name for notice in desk.told()] == ["team-shop", "team-search"]
        assert len({notice.thread for notice in desk.told()}) == 2

    def test_what_has_no_end_does_not_fire(self, desk: Desk) -> None:
        for number in (1, 2):
            desk.report(desk.signal(f"task-{number}", "told", at=NOW + number, title=f"task {number} stopped"))
        desk.passes(60)
        assert desk.news() == ["told", "also"]
        assert desk.told()[-1].lines == (f"Also: task 2 stopped ({ACCOUNT}, {REGION})",)
        assert desk.told()[-1].title == "task 1 stopped (and others: 2 in all)"

    def test_whoever_is_on_it_stays_on_it_when_something_joins(self, desk: Desk) -> None:
        desk.fires("one")
        desk.asks("acknowledge")
        desk.report(desk.signal("one", "unsure", title="one has no data", at=NOW + 1))
        desk.passes(60)
        last = desk.told()[-1]
        assert (last.status, last.title, last.actions) == ("acknowledged", "one is in ALARM", ("silence", "dismiss"))

    def test_critical_events_call_people_each_unless_it_becomes_a_storm(self, desk: Desk) -> None:
        for number in range(SPOKEN + 3):
            desk.report(desk.signal(f"threat-{number}", "told", severity="critical", at=NOW + number))
        desk.passes(60)
        assert desk.news() == ["told"] * SPOKEN + ["also"]

    def test_after_no_data_it_is_told_that_all_is_well(self, desk: Desk) -> None:
        desk.report(desk.signal(state="unsure", title="checkout-5xx has no data"))
        desk.passes(60)
        desk.ends()
        desk.passes(60)
        assert desk.news() == ["told", "also"]
        assert "Resolved" in desk.told()[-1].lines[0]

    def test_of_a_thread_the_news_comes_in_the_order_of_its_times(self, desk: Desk) -> None:
        # Kept quiet, or late: what is told after the end of another must not look older than that.
        desk.silences(Matcher(name=("b",)), 900.0)
        desk.fires("a")
        desk.fires("b")
        desk.passes(600)
        desk.ends("a")
        desk.passes(2 * AGAIN + 60)
        times = [notice.at for notice in desk.told()]
        assert times == sorted(times)
        assert [notice.name for notice in desk.told() if notice.status == "firing"] == ["a", "b"]

    def test_evidence_and_remedies_follow_what_is_told_and_what_ends(self, desk: Desk) -> None:
        signal = desk.fires()
        end = desk.ends(at=NOW + 1)
        assert [(one.signal.id, one.notice is not None) for one in desk.moved] == [(signal.id, True), (end.id, False)]


class TestGroups:
    def test_a_storm_is_one_thread_with_all_of_it_in_lines(self, desk: Desk) -> None:
        names = [f"alarm-{number}" for number in range(60)]
        desk.report(*(desk.signal(name, at=NOW + number / 100) for number, name in enumerate(names)))
        desk.passes(GATHER + 60)
        first, *rest = desk.told()
        assert {notice.thread for notice in rest} == {first.thread}
        assert [len(notice.lines) for notice in rest] == [MOST, MOST, 9]
        said = {line for notice in rest for line in notice.lines}
        assert said == {f"Fires: {name} is in ALARM ({ACCOUNT}, {REGION})" for name in names[1:]}
        assert rest[-1].title == "alarm-0 is in ALARM (and others: 60 of 60 firing)"
        assert desk.only().firing == 60

    def test_it_is_over_when_all_of_it_is(self, desk: Desk) -> None:
        desk.fires("one")
        desk.fires("two")
        desk.passes(60)
        desk.ends("one")
        desk.passes(60)
        assert "resolved" not in desk.news()
        desk.ends("two")
        assert desk.news()[-1] == "resolved"
        last = desk.told()[-1]
        assert last.lines[0] == "All 2 alerts are over, 2 min after it began."
        assert last.title == "Resolved: two is OK (and others: 2 in all)"

    def test_what_is_worse_is_told_at_once_and_takes_the_acknowledgement_away(self, desk: Desk) -> None:
        desk.fires("one", severity="medium")
        desk.asks("acknowledge")
        desk.fires("two", severity="critical")
        assert desk.news() == ["firing", "acknowledged", "firing"]
        assert desk.told()[-1].loud
        assert desk.only().acknowledged == ""

    def test_services_have_threads_of_their_own(self, desk: Desk) -> None:
        desk.fires("one", service="checkout")
        desk.fires("two", service="search")
        assert len({notice.thread for notice in desk.told()}) == 2

    def test_what_has_nothing_in_common_belongs_together_when_it_begins_together(self, desk: Desk) -> None:
        desk.fires("one", service="")
        desk.fires("two", service="")
        desk.passes(WINDOW)
        # What is told there goes on there, whatever the hour.
        desk.ends("two", service="")
        desk.fires("two", service="", at=desk.clock() + 1)
        desk.clock.at += 2
        desk.fires("three", service="")
        desk.passes(0.1)
        first, joined, third = desk.told()
        assert desk.book.look([(two := desk.signal("two").fingerprint)], []).alerts[two].group == first.alert
        assert (joined.thread, joined.status) == (first.thread, "joined")
        assert (third.thread != first.thread, third.status) == (True, "firing")


class TestTime:
    def test_what_nobody_answers_is_repeated(self, desk: Desk) -> None:
        desk.fires()
        desk.passes(9 * HOUR)
        assert desk.news() == ["firing", "repeated", "repeated"]
        assert all(notice.loud for notice in desk.told()[1:])

    def test_an_acknowledgement_ends_that_until_it_is_over(self, desk: Desk) -> None:
        desk.fires()
        assert desk.asks("acknowledge", BOB).status == "done"
        desk.passes(9 * HOUR)
        assert desk.news() == ["firing", "acknowledged"]
        desk.ends()
        assert "bob was on it." in desk.told()[-1].lines
        desk.passes(60)
        desk.fires()
        desk.passes(5 * HOUR)
        assert desk.news()[-1] == "repeated"

    def test_somebody_else_is_paged_when_nobody_answers(self, paging: Desk) -> None:
        paging.fires()
        paging.passes(660)
        assert paging.news() == ["firing", "escalated"]
        first, second = paging.told("pagerduty")
        assert (first.page, first.destination and first.destination.pagerduty) == ("trigger", "checkout")
        assert (second.page, second.destination and second.destination.pagerduty) == ("trigger", "managers")
        paging.asks("acknowledge")
        paging.passes(60)
        paging.ends()
        pages = [(one.page, one.destination and one.destination.pagerduty) for one in paging.told("pagerduty")[2:]]
        assert pages == [
            ("acknowledge", "checkout"),
            ("acknowledge", "managers"),
            ("resolve", "checkout"),
            ("resolve", "managers"),
        ]
        assert len({one.fingerprint for one in paging.told("pagerduty")}) == 1

    def test_what_gets_worse_escalates_after_its_own_time_and_its_end_reaches_all_who_were_paged(self) -> None:
        route = Route("watched", Destination("#checkout"), escalate_after=600.0, escalate_to="managers")
        desk = Desk(Routes(given=(route,)))
        desk.fires("one", severity="medium")
        desk.passes(660)
        assert [one.page for one in desk.told("pagerduty")] == ["trigger"]
        desk.fires("two", severity="critical")
        desk.passes(300)
        assert [one.page for one in desk.told("pagerduty")] == ["trigger"], "it has its time, too"
        desk.asks("acknowledge")
        for name in ("one", "two"):
            desk.ends(name)
        assert [one.page for one in desk.told("pagerduty")] == ["trigger", "acknowledge", "resolve"]

    def test_nobody_else_is_paged_once_somebody_answers(self, paging: Desk) -> None:
        paging.fires()
        paging.passes(300)
        paging.asks("acknowledge")
        paging.passes(2 * HOUR)
        assert [one.page for one in paging.told("pagerduty")] == ["trigger", "acknowledge"]


class TestChannels:
    def test_a_mailbox_gets_no_more_than_beginning_and_end(self, paging: Desk) -> None:
        paging.fires("one")
        paging.fires("two")
        paging.asks("acknowledge")
        paging.passes(60)
        for name in ("one", "two"):
            paging.ends(name)
        assert paging.news() == ["firing", "acknowledged", "acknowledged", "resolved"]
        assert paging.news("email") == ["firing", "resolved"]


class TestSilence:
    def test_what_is_silenced_is_told_when_that_is_over_and_it_still_fires(self, desk: Desk) -> None:
        desk.silences(Matcher(service=("checkout",)), HOUR)
        desk.fires()
        desk.passes(HOUR - 60)
        assert desk.news() == []
        desk.passes(120)
        assert desk.news() == ["firing"]
        assert desk.told()[0].facts == (("Value", "12"), ("Threshold", "5"))

    def test_what_begins_and_ends_under_a_silence_is_nobodys_news(self, desk: Desk) -> None:
        desk.silences(Matcher(name=("checkout-*",)), HOUR)
        desk.fires()
        desk.passes(60)
        desk.ends()
        desk.passes(2 * HOUR)
        assert desk.news() == []

    def test_a_recovery_is_told_also_under_a_silence(self, desk: Desk) -> None:
        desk.fires()
        desk.asks("silence", until=NOW + HOUR)
        desk.passes(60)
        desk.ends()
        assert desk.news() == ["firing", "silenced", "resolved"]

    def test_nothing_is_repeated_under_a_silence(self, paging: Desk) -> None:
        paging.fires()
        paging.asks("silence", until=NOW + 10 * HOUR, why="known")
        paging.passes(9 * HOUR)
        assert paging.news() == ["firing", "silenced"]
        paging.passes(HOUR + AGAIN + 60)
        assert paging.news()[2:] == ["escalated"]

    def test_of_one_alert_keeps_nobody_from_being_reminded_of_the_others(self, paging: Desk) -> None:
        paging.fires("one")
        paging.fires("two")
        paging.silences(Matcher(name=("one",)), 10 * HOUR)
        paging.passes(660)
        assert "escalated" in paging.news()

    def test_of_what_is_together_by_chance_it_is_of_the_alarms(self, desk: Desk) -> None:
        desk.fires("one", service="")
        desk.fires("two", service="")
        desk.asks("silence", until=NOW + HOUR)
        for name in ("one", "two"):
            desk.ends(name, service="", at=NOW + 1)
        desk.passes(WINDOW + REOPENS)
        desk.fires("two", service="")
        desk.fires("three", service="")
        assert [notice.name for notice in desk.told() if notice.status == "firing"] == ["one", "three"]

    def test_its_end_can_be_asked_for(self, desk: Desk) -> None:
        silence = desk.silences(Matcher(service=("checkout",)), 10 * HOUR)
        desk.fires()
        ended = commands.end_silence(desk.book, desk.settings, BOB, "done", desk.clock(), silence)
        assert ended.id == silence
        desk.passes(AGAIN + 60)
        assert desk.news() == ["firing"]
        with pytest.raises(ParapetError, match="there is no silence"):
            commands.end_silence(desk.book, desk.settings, BOB, "done", desk.clock(), silence)

    def test_a_silence_of_everything_or_for_ever_cannot_be(self, desk: Desk) -> None:
        with pytest.raises(ParapetError, match="everything"):
            desk.silences(Matcher(), HOUR)
        with pytest.raises(ParapetError, match="within 30 days"):
            desk.silences(Matcher(service=("checkout",)), 31 * 86400.0)


class TestInhibition:
    COMPOSITE = Alarm("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:whole", "composite", children=("part",))

    def test_a_composite_says_it_for_the_alarms_that_it_is_made_of(self, desk: Desk) -> None:
        desk.fires("whole", alarm=self.COMPOSITE, service="shop")
        desk.fires("part", service="parts")
        desk.passes(HOUR)
        assert desk.news() == ["firing"]

    def test_until_it_is_over(self, desk: Desk) -> None:
        desk.fires("whole", alarm=self.COMPOSITE, service="shop")
        desk.fires("part", service="parts")
        desk.passes(60)
        desk.ends("whole", alarm=self.COMPOSITE)
        desk.passes(AGAIN + 60)
        assert [notice.name for notice in desk.told()] == ["whole", "whole", "part"]

    def test_only_in_the_same_account_and_region(self, desk: Desk) -> None:
        desk.fires("whole", alarm=self.COMPOSITE, service="shop")
        desk.fires("part", service="parts", region="us-east-1")
        assert desk.news() == ["firing", "firing"]

    def test_a_page_keeps_the_ticket_of_its_objective_quiet(self, desk: Desk) -> None:
        tags = {"objective": "checkout-availability"}
        desk.fires("page", severity="critical", tags=tags, service="a")
        desk.fires("ticket", severity="medium", tags=tags, service="b")
        desk.fires("other", severity="medium", tags={"objective": "search"}, service="c")
        assert [notice.name for notice in desk.told()] == ["page", "other"]

    def test_not_what_is_worse_nor_when_nobody_was_told_of_it(self, desk: Desk) -> None:
        desk.fires("whole", alarm=self.COMPOSITE, service="shop")
        desk.fires("part", service="parts", severity="critical")
        assert [notice.name for notice in desk.told()] == ["whole", "part"]
        silent = Desk()
        silent.silences(Matcher(name=("whole",)), HOUR)
        silent.fires("whole", alarm=self.COMPOSITE, service="shop")
        silent.fires("part", service="parts")
        assert [notice.name for notice in silent.told()] == ["part"]

    def test_from_when_a_silenced_one_is_told(self, desk: Desk) -> None:
        desk.silences(Matcher(name=("whole",)), HOUR)
        desk.fires("whole", alarm=self.COMPOSITE, service="shop")
        desk.passes(HOUR + AGAIN + 60)
        desk.fires("part", service="parts")
        assert [notice.name for notice in desk.told()] == ["whole"]

    def test_for_a_day_at_most(self, desk: Desk) -> None:
        # Its composite was deleted, say, and nobody tells that it is over.
        desk.fires("whole", alarm=self.COMPOSITE, service="shop")
        desk.fires("part", service="parts")
        desk.passes(INHIBITED - HOUR)
        assert "part" not in {notice.name for notice in desk.told()}
        desk.passes(HOUR + AGAIN + 60)
        assert "part" in {notice.name for notice in desk.told()}

    def test_a_storm_of_pages_does_not_outgrow_the_table(self, desk: Desk) -> None:
        for number in range(quiet.MOST + 5):
            tags = {"objective": f"objective-{number}"}
            desk.fires(f"page-{number}", severity="critical", tags=tags, service="a")
        desk.fires("untagged", severity="critical", service="a")
        assert len(desk.book.look([], []).inhibitors) == quiet.MOST

    def test_as_the_settings_say(self) -> None:
        rule = Inhibit(Matcher(name=("region-down",)), Matcher(source=("alarm",)), ("account",))
        desk = Desk(inhibit=(rule,))
        desk.fires("region-down")
        desk.fires("checkout", service="x")
        assert [notice.name for notice in desk.told()] == ["region-down"]


class TestCommands:
    def test_about_an_earlier_episode_are_refused_and_told(self, desk: Desk) -> None:
        desk.fires()
        old = desk.only()
        desk.ends(at=NOW + 1)
        desk.passes(REOPENS + 60)
        desk.fires()
        answered = desk.asks("acknowledge", group=old)
        assert (answered.status, "earlier time" in answered.answer) == ("refused", True)
        assert desk.told()[-1].lines == ("alice asked to acknowledge it, in vain.", answered.answer)

    def test_once_it_is_over_nobody_can_be_on_it(self, desk: Desk) -> None:
        desk.fires()
        desk.ends(at=NOW + 1)
        assert desk.asks("acknowledge").answer == "it is over already"

    def test_two_cannot_both_be_on_it(self, desk: Desk) -> None:
        desk.fires()
        assert desk.asks("acknowledge", ALICE).status == "done"
        assert desk.asks("acknowledge", BOB).answer == "alice is on it already"

    def test_void_is_what_waited_for_too_long(self, desk: Desk) -> None:
        desk.fires()
        about = desk.only()
        command = commands.new("acknowledge", ALICE, desk.clock(), desk.settings, alert=about.id, question=1)
        desk.journal.ask(command)
        desk.clock.at += 2 * HOUR
        desk.dispatch.carry_out(command.id)
        found = desk.journal.command(command.id)
        assert found
        assert found.status == "refused"

    def test_delivered_twice_they_are_done_once(self, desk: Desk) -> None:
        desk.fires()
        command = desk.asks("acknowledge")
        desk.dispatch.carry_out(command.id)
        assert desk.news() == ["firing", "acknowledged"]

    def test_what_is_not_actionable_is_counted_by_week(self, desk: Desk) -> None:
        desk.fires(tags={"objective": "availability"})
        desk.asks("dismiss", why="flaps")
        desk.ends(at=NOW + 1)
        desk.passes(REOPENS + 60)
        desk.fires(tags={"objective": "availability"})
        desk.asks("dismiss", BOB)
        (noise,) = desk.book.noise("2026-W47")
        assert (noise.name, noise.dismissed, noise.fired, noise.objective) == ("checkout-5xx", 2, 2, "availability")

    def test_and_on_mondays_it_is_proposed_what_to_change(self, desk: Desk) -> None:
        desk.fires()
        desk.asks("dismiss", why="flaps")
        monday = datetime(2026, 11, 23, 7, tzinfo=UTC).timestamp()
        assert reminders.proposal(desk.book, monday + 86400) is None
        notice = reminders.proposal(desk.book, monday)
        assert notice
        assert notice.kind == "digest"
        assert notice.title == "1 alert that called people for nothing in week 2026-W47"
        assert notice.lines[0].startswith("checkout-5xx: not actionable once; it has fired once.")
        assert reminders.proposal(desk.book, monday + 7 * 86400) is None

    def test_one_person_counts_once(self, desk: Desk) -> None:
        desk.fires()
        assert desk.asks("dismiss").status == "done"
        assert desk.asks("dismiss").answer == "you said so already, and it is counted"
        assert desk.asks("dismiss", BOB).status == "done"
        assert [one.dismissed for one in desk.book.noise("2026-W47")] == [2]

    def test_only_what_there_is_about_alerts_can_be_asked_for(self, desk: Desk) -> None:
        desk.fires()
        with pytest.raises(ParapetError, match="about a finding"):
            desk.asks("approve")

    def test_an_alert_that_is_not_there_is_answered(self, desk: Desk) -> None:
        command = commands.new("acknowledge", ALICE, desk.clock(), desk.settings, alert="a-00000000")
        desk.journal.ask(command)
        desk.dispatch.carry_out(command.id)
        found = desk.journal.command(command.id)
        assert found
        assert found.answer == "there is no alert a-00000000"


def scenes(desk: Desk, crash: int) -> None:
    """One story, in which the invocation that makes a certain call dies, and what it was about is delivered again."""

    def lived(act: Any, *args: Any) -> None:
        for _ in range(2):
            desk.cloud.mortal = True
            try:
                act(*args)
            except Crash:
                desk.cloud.crash_at = 0
                continue
            finally:
                desk.cloud.mortal = False
            return

    desk.cloud.crash_at = crash
    signals = [desk.signal("one"), desk.signal("two", at=NOW + 1)]
    lived(desk.report, *signals)
    lived(desk.passes, 60)
    about = desk.only()
    command = commands.new("acknowledge", ALICE, desk.clock(), desk.settings, alert=about.id, question=about.episode)
    desk.journal.ask(command)
    lived(desk.dispatch.carry_out, command.id)
    for name in ("one", "two"):
        lived(desk.report, desk.signal(name, "resolved"))
    lived(desk.passes, 120)


class TestCrashes:
    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    def test_wherever_it_dies_all_is_told_once(self, after: bool) -> None:
        whole = Desk()
        scenes(whole, 0)
        expected = whole.news()
        assert expected == ["firing", "joined", "acknowledged", "resolved"]
        for call in range(1, whole.cloud.calls + 1):
            desk = Desk()
            scenes(desk, -call if after else call)
            told = desk.told()
            assert len({notice.key for notice in told}) == len(told)
            assert desk.news()[0] == "firing", call
            assert desk.news()[-1] == "resolved", call
            assert "acknowledged" in desk.news(), call
            assert any("two is in ALARM" in line for notice in told for line in (*notice.lines, notice.title)), call
            assert desk.only().unsent == ()
