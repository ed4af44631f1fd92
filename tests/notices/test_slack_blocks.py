"""What a person sees in Slack, and that nothing in a notice can break it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.model import COMMANDS, SEVERITIES, STATUSES, CommandKind, Notice, Severity
from chalicelib.notices import slack_blocks, slack_text
from chalicelib.notices.slack_blocks import Earlier
from local import slack_limits
from tests.notices.samples import FIXED, UNDONE, notice

letters = st.characters(codec=None, exclude_categories=())
spice = st.sampled_from(
    ["<!channel>", "<!here|x>", "<@U012>", "*b*", "_i_", "~s~", "`c`", "&amp;", ":fire:", "\u202e", "🔥"]
)
texts = st.lists(st.one_of(st.text(letters, max_size=20), spice), max_size=4).map("".join)
long_texts = st.builds(lambda one, times: one * times, texts, st.sampled_from([1, 1, 1, 80]))
moments = st.one_of(st.floats(), st.just(1_795_000_001.0))
addresses = st.one_of(
    long_texts,
    st.builds("https://example.com/{}".format, long_texts),
    st.builds("https://{}".format, st.text("a1.@:/[]%|<>&?#", max_size=12)),
    st.sampled_from(["javascript:alert(1)", "http://example.com", "https://a@b.example/", "https://x.example/a|b>c"]),
)
notices = st.builds(
    Notice,
    key=long_texts,
    thread=texts,
    kind=st.sampled_from(["finding", "trouble", "alert", "digest"]),
    severity=st.sampled_from(SEVERITIES),
    status=st.one_of(st.sampled_from([*STATUSES, *slack_blocks.SYMBOLS]), texts),
    title=long_texts,
    lines=st.lists(long_texts, max_size=25).map(tuple),
    facts=st.lists(st.tuples(texts, long_texts), max_size=25).map(tuple),
    at=moments,
    finding=st.one_of(st.none(), long_texts),
    guardrail=st.one_of(st.none(), texts),
    actions=st.lists(st.sampled_from(COMMANDS), unique=True).map(tuple),
    question=st.integers(0, 99),
    alert=st.one_of(st.just(""), long_texts),
    service=texts,
    account=texts,
    region=texts,
    since=st.one_of(st.none(), moments),
    links=st.lists(st.tuples(long_texts, addresses), max_size=15).map(tuple),
    test=st.booleans(),
)
pictures = st.sampled_from(["", "F012345678"])
earlier = st.lists(st.builds(Earlier, at=moments, status=texts, line=long_texts), max_size=12)


def texts_of(value: Any, kind: str) -> Iterator[str]:
    """Every text of one type within blocks."""
    if isinstance(value, dict):
        if value.get("type") == kind:
            yield value["text"]
        for inner in value.values():
            yield from texts_of(inner, kind)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner, kind)


def buttons(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [element for block in blocks if block["type"] == "actions" for element in block["elements"]]


patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


class TestAnyNotice:
    @patiently
    @given(notices, earlier, pictures)
    def test_holds_every_limit_of_slack(self, anything: Notice, before: list[Earlier], picture: str) -> None:
        typed = slack_blocks.root(anything, before, interactive=False)
        shown = slack_blocks.root(anything, before, picture=picture)
        for text, blocks in (shown, typed, slack_blocks.reply(anything, picture=picture)):
            slack_limits.blocks(blocks)
            assert 0 < len(text.encode("utf-16-le")) // 2 <= slack_blocks.TEXT
            json.dumps([text, blocks], ensure_ascii=False).encode()

    @patiently
    @given(notices, earlier, pictures)
    def test_is_never_read_as_markup(self, anything: Notice, before: list[Earlier], picture: str) -> None:
        shown = slack_blocks.root(anything, before, picture=picture)
        for text, blocks in (shown, slack_blocks.reply(anything, picture=picture)):
            assert "<" not in text
            assert ">" not in text
            for plain in texts_of(blocks, "plain_text"):
                assert "<" not in plain
                assert ">" not in plain
            for marked in texts_of(blocks, "mrkdwn"):
                rest = re.sub(r"^<https://[^\s<>|@]+(?:@[^\s<>|]*)?\|[^\n<>|]+>$", "", marked)
                rest = re.sub(r"<!date\^\d+\^[{}a-z_ ]+\|[-\d: ]+UTC>", "", rest)
                rest = re.sub(r"(?m)`[^`\n]+`$|`[^`\n]+`(?=  ·)", "", rest)
                rest = re.sub(r"(?m)^\*[^*\n]+\*", "", rest)
                assert not set(rest) & set("<>*_~`@#"), marked
                assert not re.search(r":[^\s:]+:", rest), marked

    def test_holds_the_limits_where_each_is_at_its_worst(self) -> None:
        much = "&🔥`" * 9000
        worst = notice(
            key=much, title=much, lines=(much,) * 99, facts=((much, much),) * 99, finding="x" * 1998, actions=COMMANDS
        )
        before = [Earlier(1e9, "fixed", much)] * 99
        for text, blocks in (slack_blocks.root(worst, before), slack_blocks.reply(worst)):
            slack_limits.blocks(blocks)
            assert len(text.encode("utf-16-le")) // 2 <= slack_blocks.TEXT
        assert len(buttons(slack_blocks.root(worst)[1])) == 7
        assert buttons(slack_blocks.root(notice(finding="x" * 1999))[1]) == []

    @patiently
    @given(notices)
    def test_a_button_carries_the_whole_id_or_is_not_there(self, anything: Notice) -> None:
        for button in buttons(slack_blocks.root(anything)[1]):
            asked = button["action_id"]
            explains = asked == slack_blocks.EXPLAIN and slack_blocks.explainable(anything)
            assert asked in anything.actions or explains
            assert button["value"] == f"{anything.finding or anything.alert}:{anything.question}"

    @given(texts, st.integers(2, 400))
    def test_a_cut_is_never_within_an_escape(self, text: str, limit: int) -> None:
        cut = slack_text.clip(text, limit)
        assert len(cut.encode("utf-16-le", "surrogatepass")) // 2 <= limit
        assert re.fullmatch(r"(?s)(?:[^&<>]|&(?:amp|lt|gt);)*", cut)


class TestAFixedFinding:
    text, blocks = slack_blocks.root(FIXED)
    shown = json.dumps(blocks, ensure_ascii=False)

    def test_says_at_a_glance_what_was_wrong_who_from_where_what_was_done_and_how_fast(self) -> None:
        assert self.blocks[0]["text"]["text"] == f"✅ {FIXED.title}"
        assert self.blocks[1]["text"]["text"] == FIXED.lines[0]
        for said in ("*Who*\\nalice (IAMUser)", "*From*\\n198.51.100.7", "*Resource*\\nsg-0a1b2c3d4e5f60718"):
            assert said in self.shown

    def test_names_its_severity_in_a_word_beside_the_colour(self) -> None:
        assert "*🔴 High* severity" in self.shown

    def test_has_an_undo_button_that_asks_before_it_acts(self) -> None:
        (button,) = buttons(self.blocks)
        assert (button["action_id"], button["value"]) == ("undo", "abcd1234:0")
        assert button["confirm"]["confirm"]["text"] == "Undo"
        assert "sg-0a1b2c3d4e5f60718" in button["confirm"]["text"]["text"]

    def test_is_one_line_in_a_notification(self) -> None:
        assert self.text == (
            f"✅ {FIXED.title} (high). Who: alice (IAMUser) from 198.51.100.7. "
            "Put right 2.4 s after the call with ec2:revoke_security_group_ingress"
        )


def test_a_time_is_not_taken_for_an_address() -> None:
    facts = (("From", "2026-11-22 00:47 UTC"), ("To", "2026-11-22 01:47 UTC"))
    report = replace(FIXED, finding=None, title="Top error messages: nothing", facts=facts, lines=("No rows.",))
    assert slack_blocks.root(report, [])[0] == "✅ Top error messages: nothing (high). No rows"


def test_a_thread_keeps_what_it_told_before() -> None:
    before = [Earlier(FIXED.at, FIXED.status, slack_blocks.summary(FIXED))]
    _, blocks = slack_blocks.root(UNDONE, before)
    assert blocks[0]["text"]["text"].startswith("↩️ Undone: sg-")
    assert buttons(blocks) == []
    line = blocks[-1]["elements"]
    assert line[0]["text"] == "✅ <!date^1795000001^{time}|2026-11-18 11:06 UTC>"
    assert line[1]["text"] == FIXED.lines[0]


def test_a_long_past_is_counted() -> None:
    before = [Earlier(FIXED.at + n, "fixed", f"line {n}") for n in range(9)]
    contexts = [block for block in slack_blocks.root(UNDONE, before)[1] if block["type"] == "context"]
    assert contexts[1]["elements"][0]["text"] == "4 earlier in the thread"
    assert contexts[-1]["elements"][1]["text"] == "line 8"


def test_a_reply_leaves_the_facts_and_the_button_to_the_root() -> None:
    _, blocks = slack_blocks.reply(notice())
    assert [block["type"] for block in blocks] == ["section", "context"]


ASKED = notice(
    status="asked",
    title="Needs a decision: sg-0a1b2c3d4e5f60718 admits 0.0.0.0/0 to port 22 (SSH)",
    lines=("Nothing was changed. The fix would be ec2:revoke_security_group_ingress.", "too many fixes in ten minutes"),
    actions=("approve", "reject", "exempt", "acknowledge"),
    question=2,
)


class TestAQuestion:
    found: ClassVar = {button["action_id"]: button for button in buttons(slack_blocks.root(ASKED)[1])}

    def test_can_be_answered_each_way_it_says(self) -> None:
        labels = {kind: button["text"]["text"] for kind, button in self.found.items()}
        assert labels == {
            "approve": "Fix it",
            "reject": "Leave it",
            "exempt": "Exempt…",
            "acknowledge": "Acknowledge",
        }
        assert {button["value"] for button in self.found.values()} == {"abcd1234:2"}

    def test_says_what_the_fix_will_do_before_it_is_approved(self) -> None:
        assert "ec2:revoke_security_group_ingress" in self.found["approve"]["confirm"]["text"]["text"]

    def test_asks_again_only_before_what_is_carried_out_at_once(self) -> None:
        assert {kind for kind, button in self.found.items() if "confirm" in button} == {"approve", "reject"}

    def test_names_the_command_line_where_nobody_hears_a_press(self) -> None:
        _, blocks = slack_blocks.root(ASKED, interactive=False)
        assert buttons(blocks) == []
        assert blocks[-1]["elements"][0]["text"] == (
            "To answer, on the command line:\n./parapet approve abcd1234\n./parapet reject abcd1234\n"
            "./parapet exempt abcd1234 --until 30d --why REASON\n./parapet acknowledge abcd1234"
        )


@pytest.mark.parametrize("odd", ["", "a\nb", "<b>", "\ud800", "x\u202e"])
def test_a_finding_that_no_button_can_carry_has_none(odd: str) -> None:
    assert buttons(slack_blocks.root(notice(finding=odd))[1]) == []


@pytest.mark.parametrize("kind", [kind for kind in COMMANDS if kind not in ("pause", "resume")])
def test_every_command_about_a_finding_has_a_button(kind: CommandKind) -> None:
    assert [one["action_id"] for one in buttons(slack_blocks.root(notice(actions=(kind,)))[1])] == [kind]


@pytest.mark.parametrize("severity", get_args(Severity))
def test_every_severity_is_a_word(severity: Severity) -> None:
    text, blocks = slack_blocks.root(notice(severity=severity))
    assert severity.capitalize() in json.dumps(blocks)
    assert f"({severity})" in text


@pytest.mark.parametrize("status", [*STATUSES, "trouble"])
def test_every_status_has_a_symbol(status: str) -> None:
    assert status in slack_blocks.SYMBOLS


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<!channel>", "&lt;!channel&gt;"),
        ("*alice*", "`*alice*`"),
        ("a`b", "`aˋb`"),
        ("arn:aws:iam::123456789012:user/x", "`arn:aws:iam::123456789012:user/x`"),
        ("not known: found standing", "not known: found standing"),
        (":fire:", "`:fire:`"),
        ("Tom & Jerry", "Tom &amp; Jerry"),
        ("", "–"),
        ("two\nlines", "two lines"),
        ("moc.live\u202e", "moc.live\ufffd"),
    ],
)
def test_a_name_shows_as_it_is(name: str, shown: str) -> None:
    _, blocks = slack_blocks.root(notice(facts=(("Who", name),)))
    assert blocks[2]["fields"] == [{"type": "mrkdwn", "text": f"*Who*\n{shown}", "verbatim": True}]


def test_a_title_longer_than_a_header_is_shown_in_full_below() -> None:
    _, blocks = slack_blocks.root(notice(title="x" * 400))
    assert len(blocks[0]["text"]["text"]) == 150
    assert blocks[1]["text"]["text"].startswith("x" * 400 + "\n")
