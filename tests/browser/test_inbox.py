"""The inbox as people use it, in a real browser."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.model import CommandKind, Notice, ParapetError
from chalicelib.notices import slack_blocks, slack_modals
from local.pagerduty import KEY
from local.slack import SlackStandIn
from local.workspace import ALICE, BOB, MALLORY
from tests.browser.conftest import PATIENCE
from tests.local.receiving import Desk, Received, desk
from tests.notices.samples import FIXED, UNDONE, notice

pytestmark = pytest.mark.browser
TITLE = "Fixed: sg-0a1b2c3d4e5f60718 admits 0.0.0.0/0 to port 22 (SSH)"
REFUSAL = "You may not undo anything from Slack. <!subteam^S0PARAPET0> may: commands.people in parapet.toml says so."
ASKED = notice(
    key="s3", thread="s3", finding="9k2m4x7q", severity="critical", status="asked", question=1,
    actions=("approve", "reject", "exempt", "acknowledge"),
    title="Needs a decision: bucket payroll-2026-exports can be read by anybody",
    lines=("Nothing was changed. The fix would be s3:put_public_access_block.",),
    facts=(
        ("Resource", "arn:aws:s3:::payroll-2026-exports"), ("Account", "123456789012, eu-west-1"),
        ("Who", "not known: found standing"), ("Guardrail", "s3_bucket_public"),
    ),
)  # fmt: skip


@dataclass
class Visitor:
    """Somebody at the inbox, and the app behind it."""

    desk: Desk
    page: Any
    complaints: list[str] = field(default_factory=list)

    @property
    def slack(self) -> SlackStandIn:
        return self.desk.slack

    @property
    def pressed(self) -> list[tuple[str, str, str]]:
        """Who pressed what about what, as the app was told."""
        told = [one.payload for one in self.desk.app.received if "payload" in one.form]
        return [
            (one["user"]["name"], one["actions"][0]["action_id"], one["actions"][0]["value"])
            for one in told
            if one["type"] == "block_actions"
        ]

    def tell(self, one: Notice, root: str = "", channel: str = "parapet") -> str:
        """Post as the adapter does."""
        text, blocks = slack_blocks.reply(one) if root else slack_blocks.root(one)
        given = {"channel": channel, "text": text, "blocks": blocks, **({"thread_ts": root} if root else {})}
        return str(self.desk.call("chat.postMessage", **given)["ts"])

    def rewrite(self, root: str, one: Notice, earlier: Notice) -> None:
        before = [slack_blocks.Earlier(earlier.at, earlier.status, slack_blocks.summary(earlier))]
        text, blocks = slack_blocks.root(one, before)
        channel = self.slack.channels[0].id
        assert self.desk.call("chat.update", channel=channel, ts=root, text=text, blocks=blocks)["ok"]

    def exempting(self, received: Received) -> str:
        """Open the modal when asked to, and want an end in the future."""
        payload = received.payload
        if payload["type"] == "block_actions":
            view = slack_modals.exempt(str(payload["message"]["text"]), {"finding": "9k2m4x7q"})
            assert self.desk.call("views.open", trigger_id=payload["trigger_id"], view=view)["ok"]
        elif payload["view"]["state"]["values"]["until"]["until"]["selected_date"] == "2020-01-01":
            return json.dumps({"response_action": "errors", "errors": {"until": "2020-01-01 is in the past"}})
        return ""

    def exempt(self) -> Any:
        """Be asked for a decision, and open the modal."""
        self.tell(now(ASKED))
        self.desk.app.answer = self.exempting
        self.page.goto(self.desk.url)
        self.button("Exempt…").click()
        return self.page.get_by_role("dialog", name="Exempt")

    def be(self, name: str) -> None:
        self.page.get_by_role("radio", name=name).check()

    def button(self, name: str) -> Any:
        return self.page.get_by_role("button", name=name, exact=True)

    def see(self, text: str) -> Any:
        found = self.page.get_by_text(text).first
        found.wait_for()
        return found


@pytest.fixture
def visitor(chromium: Any) -> Iterator[Visitor]:
    def sign_in(user: str, mfa: bool) -> str:
        if user == "nobody":
            raise ParapetError("there is no user nobody")
        return f"{user} signed in {'with' if mfa else 'without'} MFA"

    with desk(SlackStandIn(limited=False), sign_in, seconds=1.0) as there:
        someone = Visitor(there, chromium.new_page(viewport={"width": 1100, "height": 820}, locale="en-GB"))
        page = someone.page
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda line: someone.complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: someone.complaints.append(str(error)))
        page.on("requestfailed", lambda request: someone.complaints.append(f"{request.url}: {request.failure}"))
        yield someone
        page.close()


def now(one: Notice, ago: float = 0.0) -> Notice:
    return replace(one, at=time.time() - ago)


def test_a_finding_is_undone_with_the_keyboard_alone(visitor: Visitor) -> None:
    root = visitor.tell(now(FIXED))

    def undo(_received: Received) -> str:
        undone = now(UNDONE)
        visitor.tell(undone, root)
        visitor.rewrite(root, undone, FIXED)
        return ""

    visitor.desk.app.answer = undo
    page = visitor.page
    page.goto(visitor.desk.url)
    visitor.see(TITLE)
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.action") == "undo":
            break
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    assert visitor.pressed == []
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    assert page.evaluate("document.activeElement.id") == "confirm-deny"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    visitor.see("Undone: sg-0a1b2c3d4e5f60718 admits 0.0.0.0/0 to port 22 (SSH)")
    visitor.see("1 reply")
    assert visitor.pressed == [("alice", "undo", "abcd1234:0")]
    assert visitor.button("Undo").count() == 0
    assert page.evaluate("document.activeElement.tagName") == "ARTICLE"
    toggle = visitor.button("1 reply")
    toggle = page.get_by_role("button", name="1 reply")
    toggle.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("button", name="1 reply").get_attribute("aria-expanded") == "true"
    page.locator(".thread").get_by_text("the bastion needs it until Friday").wait_for()
    assert visitor.complaints == []


def test_a_question_that_is_asked_again_at_once_is_answered_once(visitor: Visitor) -> None:
    visitor.tell(now(FIXED))
    page = visitor.page
    page.goto(visitor.desk.url)
    visitor.button("Undo").click()
    page.get_by_role("dialog").wait_for()
    # In one task: the browser tells of the first one's end when the second is open, as a loaded machine does by itself.
    page.evaluate("""() => {
        document.getElementById("confirm").close("deny");
        document.querySelector("[data-action=undo]").click();
    }""")
    page.wait_for_timeout(100)
    assert visitor.pressed == []
    with page.expect_response("**/inbox/actions"):
        page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    assert visitor.pressed == [("alice", "undo", "abcd1234:0")]


@pytest.mark.parametrize(
    ("label", "kind"), [("Fix it", "approve"), ("Leave it", "reject"), ("Acknowledge", "acknowledge")]
)
def test_a_question_is_answered(visitor: Visitor, label: str, kind: CommandKind) -> None:
    root = visitor.tell(now(ASKED))

    def answered(received: Received) -> str:
        message, who = received.payload["message"], received.payload["user"]["name"]
        blocks = slack_blocks.asked(message["blocks"], kind, who, time.time())
        channel = received.payload["channel"]["id"]
        assert visitor.desk.call("chat.update", channel=channel, ts=root, text=message["text"], blocks=blocks)["ok"]
        return ""

    visitor.desk.app.answer = answered
    visitor.page.goto(visitor.desk.url)
    visitor.be("bob")
    visitor.button(label).click()
    if slack_blocks.BUTTONS[kind].question:
        dialog = visitor.page.get_by_role("dialog")
        dialog.get_by_role("button", name=label).click()
    visitor.see("asked for by bob")
    assert visitor.pressed == [("bob", kind, "9k2m4x7q:1")]
    assert visitor.button(label).count() == 0
    assert visitor.complaints == []


def test_a_modal_is_mended_and_submitted_with_the_keyboard(visitor: Visitor) -> None:
    visitor.tell(now(ASKED))
    visitor.desk.app.answer = visitor.exempting
    page = visitor.page
    page.goto(visitor.desk.url)
    visitor.button("Exempt…").focus()
    page.keyboard.press("Enter")
    modal = page.get_by_role("dialog", name="Exempt")
    modal.wait_for()
    assert page.evaluate("document.activeElement.dataset.block") == "for"
    assert modal.get_by_label("For how long").input_value() == "7d"
    modal.get_by_role("button", name="Exempt").click()
    why = modal.get_by_label("Why")
    modal.get_by_text("Please complete this required field.").wait_for()
    assert page.evaluate("document.activeElement.dataset.block") == "why"
    assert why.get_attribute("aria-invalid") == "true"
    page.keyboard.type("the vendor reads it")
    modal.get_by_label("Or until the end of a day").fill("2020-01-01")
    modal.get_by_role("button", name="Exempt").click()
    modal.get_by_text("2020-01-01 is in the past").wait_for()
    until = modal.get_by_label("Or until the end of a day")
    assert page.evaluate("document.activeElement.dataset.block") == "until"
    assert "2020-01-01 is in the past" in page.evaluate(
        "id => document.getElementById(id.split(' ')[0]).textContent", until.get_attribute("aria-describedby")
    )
    assert why.get_attribute("aria-invalid") == "false"
    assert why.input_value() == "the vendor reads it"
    until.fill("2027-01-01")
    modal.get_by_role("button", name="Exempt").click()
    modal.wait_for(state="hidden")
    values = visitor.desk.app.last["view"]["state"]["values"]
    assert values["why"]["why"] == {"type": "plain_text_input", "value": "the vendor reads it"}
    assert values["for"]["for"]["selected_option"]["value"] == "7d"
    assert values["until"]["until"] == {"type": "datepicker", "selected_date": "2027-01-01"}
    assert visitor.slack.modals == {}
    page.locator("[data-action=exempt]:focus").wait_for()
    assert visitor.complaints == []


@pytest.mark.parametrize("way", ["Escape", "Cancel"])
def test_a_modal_is_closed_and_not_opened_again_by_itself(visitor: Visitor, way: str) -> None:
    visitor.tell(now(ASKED))
    visitor.desk.app.answer = visitor.exempting
    page = visitor.page
    page.goto(visitor.desk.url)
    for _ in range(2):
        visitor.button("Exempt…").click()
        modal = page.get_by_role("dialog", name="Exempt")
        modal.wait_for()
        if way == "Escape":
            page.keyboard.press("Escape")
        else:
            modal.get_by_role("button", name="Cancel").click()
        modal.wait_for(state="hidden")
        page.locator("[data-action=exempt]:focus").wait_for()
        page.wait_for_timeout(600)
        assert modal.is_hidden()
        assert visitor.slack.modals == {}
    assert [one.payload["type"] for one in visitor.desk.app.received] == ["block_actions"] * 2
    assert visitor.complaints == []


def test_a_modal_that_follows_another_at_once_stays_open(visitor: Visitor) -> None:
    page, modal = visitor.page, visitor.exempt()
    modal.wait_for()
    # The next one is of this page alone: Slack, which knows nothing of it, must not say so in between.
    page.route("**/inbox/messages*", lambda _route: None)
    with page.expect_response("**/inbox/close"):
        page.evaluate("""async () => {
            const { follow } = await import("/modal.js");
            const title = { type: "plain_text", text: "Exempt" };
            document.getElementById("modal").close();
            follow({ id: "next", title, submit: title, blocks: [] });
        }""")
    page.wait_for_timeout(100)
    assert modal.is_visible()
    assert visitor.slack.modals == {}, "the first one's end was told"


def test_a_modal_that_the_app_does_not_take_stays_open_and_says_so(visitor: Visitor) -> None:
    modal = visitor.exempt()
    modal.get_by_label("Why").fill("the vendor reads it")
    visitor.desk.app.answer = lambda _: (500, "oh")
    modal.get_by_role("button", name="Exempt").click()
    modal.get_by_text("We had some trouble connecting. Try again?").wait_for()
    assert modal.get_by_label("Why").input_value() == "the vendor reads it"
    visitor.desk.app.answer = lambda _: ""
    modal.get_by_role("button", name="Exempt").click()
    modal.wait_for(state="hidden")


def test_who_may_not_is_told_so_alone(visitor: Visitor) -> None:
    visitor.tell(now(FIXED))

    def refuse(received: Received) -> str:
        visitor.desk.respond(received.payload["response_url"], text=REFUSAL, replace_original=False)
        return ""

    visitor.desk.app.answer = refuse
    page = visitor.page
    page.goto(visitor.desk.url)
    visitor.be("mallory")
    visitor.button("Undo").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    visitor.see("You may not undo anything from Slack.")
    visitor.see("Only visible to you")
    assert visitor.pressed == [("mallory", "undo", "abcd1234:0")]
    assert page.locator(".mention").inner_text() == "@parapet"
    visitor.be("alice")
    visitor.see(TITLE)
    assert page.get_by_text("You may not undo").count() == 0
    visitor.be("mallory")
    visitor.see("You may not undo anything from Slack.")
    visitor.button("Dismiss").click()
    page.get_by_text("You may not undo").wait_for(state="detached")
    assert visitor.slack.ephemerals == []
    assert visitor.complaints == []


def test_what_is_typed_is_answered_to_whoever_typed_it(visitor: Visitor) -> None:
    visitor.desk.app.answer = lambda one: f"Nothing is paused, {one.form['user_name']}: {one.form['text']}"
    page = visitor.page
    page.goto(visitor.desk.url)
    visitor.be("bob")
    message = page.get_by_label("Message")
    message.fill("/parapet status")
    page.keyboard.press("Enter")
    visitor.see("Nothing is paused, bob: status")
    visitor.see("Only visible to you")
    assert message.input_value() == ""
    message.fill("good morning")
    page.keyboard.press("Enter")
    assert "failed" in visitor.see("Only commands go anywhere from here").get_attribute("class")
    visitor.desk.app.answer = lambda _: (503, "not now")
    message.fill("/parapet status")
    page.keyboard.press("Enter")
    visitor.see("/parapet failed: the app answered with HTTP 503: not now")
    assert message.input_value() == "/parapet status", "it can be sent again"


def test_what_is_told_to_one_person_is_shown_to_them(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(visitor.desk.url)
    visitor.see("All quiet")
    channel = visitor.desk.call("conversations.open", users=ALICE.id)["channel"]["id"]
    visitor.tell(now(FIXED), channel=channel)
    page.get_by_role("button", name="Direct messages 1 new").click()
    visitor.see(TITLE)
    assert page.title() == "Direct messages"
    assert page.get_by_role("button", name="Direct messages", exact=True).get_attribute("aria-current") == "page"
    visitor.be("bob")
    visitor.see("Parapet has not written to bob directly")
    visitor.be("alice")
    visitor.see(TITLE)
    page.get_by_role("button", name="parapet", exact=True).click()
    visitor.see("Break a guardrail in another terminal")
    assert visitor.complaints == []


def test_who_one_is_outlives_a_reload(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(visitor.desk.url)
    assert page.get_by_role("radio", name="alice").is_checked()
    visitor.be("mallory")
    page.reload()
    visitor.see("All quiet")
    assert page.get_by_role("radio", name="mallory").is_checked()


def test_messages_appear_by_themselves_and_are_announced(visitor: Visitor) -> None:
    visitor.page.goto(visitor.desk.url)
    visitor.see("All quiet")
    visitor.tell(now(FIXED))
    visitor.see("Fixed: sg-0a1b2c3d4e5f60718")
    assert "All quiet" not in visitor.page.locator("main").inner_text()
    assert "Fixed: sg-" in visitor.page.locator("#announcer").text_content()
    assert visitor.complaints == []


def test_what_went_wrong_is_shown(visitor: Visitor) -> None:
    visitor.desk.app.answer = lambda _: (time.sleep(1.5), "")[1]  # type: ignore[func-returns-value]
    visitor.tell(now(FIXED))
    visitor.page.goto(visitor.desk.url)
    visitor.button("Undo").click()
    visitor.page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    visitor.see("Working…")
    assert "failed" in visitor.see("operation_timeout: the app did not answer within 1 s").get_attribute("class")
    assert visitor.button("Undo").is_enabled()


def test_signing_in(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(visitor.desk.url)
    page.get_by_role("button", name="Sign in").click()
    visitor.see("alice signed in without MFA")
    page.get_by_label("with MFA").check()
    page.get_by_label("as", exact=True).fill("nobody")
    page.keyboard.press("Enter")
    visitor.see("there is no user nobody")


def test_nothing_from_outside_becomes_html(visitor: Visitor) -> None:
    evil = "<img src=x onerror=alert(1)> *bold* `code` <!channel> &amp;"
    visitor.tell(now(notice(title=evil, lines=(evil,), facts=(("Who", evil), ("From", "<script>alert(1)</script>")))))
    visitor.page.goto(visitor.desk.url)
    visitor.page.locator("article").wait_for()
    assert visitor.page.locator("article img").count() == 1
    assert visitor.page.locator("article script").count() == 0
    assert visitor.page.locator(".mention").count() == 0
    assert visitor.page.locator("h3").inner_text().endswith(evil)
    assert visitor.complaints == []


def test_it_says_when_the_account_is_gone(chromium: Any) -> None:
    page = chromium.new_page()
    with desk(SlackStandIn()) as there:
        page.goto(there.url)
        page.get_by_text("All quiet").wait_for()
    page.get_by_text("Not connected").wait_for()
    page.close()


SIZES = {"wide": (1100, 900), "phone": (390, 844)}
SCENES = ("channel", "confirm", "modal", "ephemeral", "direct", "empty")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scene", SCENES)
def test_it_looks_right(visitor: Visitor, tmp_path: Path, scene: str, size: str, scheme: str) -> None:
    page, (width, height) = visitor.page, SIZES[size]
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": height})
    if scene != "empty":
        _scene(visitor)
    page.goto(visitor.desk.url)
    if scene == "empty":
        page.wait_for_load_state("networkidle")
        visitor.be("mallory")
    elif scene == "direct":
        page.get_by_role("button", name="Direct messages").click()
        visitor.see("Who changed this? You did")
    else:
        page.get_by_role("button", name="1 reply").click()
    if scene == "confirm":
        visitor.button("Undo").last.click()
    if scene == "modal":
        visitor.desk.app.answer = visitor.exempting
        visitor.button("Exempt…").click()
        modal = page.get_by_role("dialog", name="Exempt")
        modal.get_by_label("Or until").fill("2020-01-01")
        modal.get_by_label("Why").fill("the vendor reads it until the migration is over")
        modal.get_by_role("button", name="Exempt").click()
        modal.get_by_text("2020-01-01 is in the past").wait_for()
    if scene == "ephemeral":
        visitor.be("mallory")
        visitor.desk.app.answer = lambda _: json.dumps({"text": REFUSAL})
        page.get_by_label("Message").fill("/parapet undo abcd1234")
        page.keyboard.press("Enter")
        visitor.see("You may not undo")
    page.wait_for_timeout(300)
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    page.screenshot(path=folder / f"inbox-{scene}-{size}-{scheme}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert visitor.complaints == []


def _scene(visitor: Visitor) -> None:
    role = "arn:aws:iam::123456789012:role/ci-deploy"
    root = visitor.tell(now(FIXED, 400))
    undone = now(UNDONE, 300)
    visitor.tell(undone, root)
    visitor.rewrite(root, undone, now(FIXED, 400))
    visitor.tell(now(ASKED, 120))
    visitor.tell(
        now(
            notice(
                key="failure:1", thread="failure:1", kind="trouble", status="trouble", finding=None, actions=(),
                title="guard_iam gave up on CreateAccessKey by terraform",
                lines=(
                    "AwsError: iam:UpdateAccessKey answered AccessDenied: not authorized",
                    f"Give role {role.rsplit('/', 1)[-1]} the action iam:UpdateAccessKey, then deliver it again: "
                    "the next sweep looks again",
                ),
                facts=(("Function", "guard_iam"), ("Who", role), ("From", "2001:db8::7"), ("Tries", "3")),
            ),
            60,
        )
    )  # fmt: skip
    visitor.tell(now(notice(key="last", thread="last"), 3))
    for person in (ALICE, BOB, MALLORY):
        direct = visitor.desk.call("conversations.open", users=person.id)["channel"]["id"]
        visitor.tell(now(notice(lines=("Who changed this? You did, a moment ago.",), actions=()), 3), channel=direct)


def _paged(visitor: Visitor) -> None:
    payload = {
        "summary": "checkout answers 14 % of requests with an error", "source": "checkout", "severity": "critical",
        "custom_details": {"Value": "14.2 %, usually 0.3 %", "Threshold": "5 %"},
    }  # fmt: skip
    event = {
        "routing_key": KEY, "event_action": "trigger", "dedup_key": "a", "payload": payload,
        "links": [{"href": "https://wiki.example.com/checkout", "text": "Runbook"}],
    }  # fmt: skip
    assert visitor.desk.page(event) == 202
    text = "checkout fails.\n\nRunbook: https://wiki.example.com/checkout."
    visitor.desk.mailbox.deliver("oncall@example.com", "parapet-local-email", "[critical] checkout fails", text)


def test_pagerduty_and_mails_appear_beside_slack_and_follow_what_becomes_of_them(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(visitor.desk.url)
    visitor.see("Nobody is paged.")
    visitor.see("No mail.")
    _paged(visitor)
    incident = page.get_by_label("PagerDuty").locator(".incident")
    incident.filter(has_text="Triggered").wait_for()
    incident.get_by_text("Details").click()
    assert incident.get_by_text("14.2 %, usually 0.3 %").is_visible()
    assert incident.get_by_role("link", name="Runbook").get_attribute("href") == "https://wiki.example.com/checkout"
    assert "PagerDuty, triggered: checkout answers" in page.locator("#announcer").text_content()
    mails = page.get_by_label("E-mail")
    mails.get_by_text("1 unread").wait_for()
    mails.get_by_text("[critical] checkout fails").click()
    assert mails.get_by_role("link").get_attribute("href") == "https://wiki.example.com/checkout", (
        "without the full stop"
    )
    mails.get_by_text("1 unread").wait_for(state="detached")
    assert visitor.desk.page({"routing_key": KEY, "event_action": "acknowledge", "dedup_key": "a"}) == 202
    incident.filter(has_text="Acknowledged").wait_for()
    assert incident.get_by_text("14.2 %, usually 0.3 %").is_visible(), "what was opened stays open"
    assert visitor.complaints == []


def test_on_a_narrow_screen_there_is_one_channel_at_a_time(visitor: Visitor) -> None:
    page = visitor.page
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(visitor.desk.url)
    visitor.see("All quiet")
    _paged(visitor)
    views = page.get_by_label("Channels")
    views.get_by_role("button", name="PagerDuty 1").click()
    page.get_by_label("PagerDuty").locator(".incident").wait_for()
    assert not page.locator("main").is_visible()
    views.get_by_role("button", name="E-mail 1").click()
    page.get_by_label("E-mail").get_by_text("[critical] checkout fails").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    views.get_by_role("button", name="Slack").click()
    assert page.locator("main").is_visible()
    assert visitor.complaints == []
