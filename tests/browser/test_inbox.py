"""The inbox as a person uses it, in a real browser."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.model import Notice, ParapetError
from chalicelib.notices import slack_blocks
from local.inbox import Inbox
from local.slack import SlackStandIn
from tests.notices.samples import FIXED, UNDONE, notice
from tests.notices.serving import serving

pytestmark = pytest.mark.browser
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


@dataclass
class Person:
    """A person at the inbox, and the account behind it."""

    slack: SlackStandIn
    page: Any
    url: str
    complaints: list[str]
    acted: list[tuple[str, str]] = field(default_factory=list)
    act: Callable[[str, str], str] = lambda _action, _value: "undone"

    def tell(self, one: Notice, root: str = "") -> str:
        """Post as the adapter does, without the network."""
        text, blocks = slack_blocks.reply(one) if root else slack_blocks.root(one)
        given = {"channel": "parapet", "text": text, "blocks": blocks, **({"thread_ts": root} if root else {})}
        return str(self.slack._post(given)["ts"])

    def rewrite(self, root: str, one: Notice, earlier: Notice) -> None:
        before = [slack_blocks.Earlier(earlier.at, earlier.status, slack_blocks.summary(earlier))]
        text, blocks = slack_blocks.root(one, before)
        self.slack._update({"channel": self.slack.channels[0].id, "ts": root, "text": text, "blocks": blocks})

    def see(self, text: str) -> Any:
        found = self.page.get_by_text(text).first
        found.wait_for(timeout=5000)
        return found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    # Here, so that the other tests need no Playwright.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def person(chromium: Any) -> Iterator[Person]:
    slack = SlackStandIn(limited=False)
    someone = Person(slack, None, "", [])

    def act(action: str, value: str) -> str:
        someone.acted.append((action, value))
        return someone.act(action, value)

    def sign_in(user: str, mfa: bool) -> str:
        if user == "nobody":
            raise ParapetError("there is no user nobody")
        return f"{user} signed in {'with' if mfa else 'without'} MFA"

    with serving(Inbox(slack, act, sign_in)) as url:
        page = chromium.new_page(viewport={"width": 1100, "height": 820})
        page.on("console", lambda line: someone.complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: someone.complaints.append(str(error)))
        page.on("requestfailed", lambda request: someone.complaints.append(f"{request.url} failed"))
        someone.page, someone.url = page, url
        yield someone
        page.close()


def now(one: Notice, ago: float = 0.0) -> Notice:
    return replace(one, at=time.time() - ago)


def test_a_finding_is_undone_with_the_keyboard_alone(person: Person) -> None:
    root = person.tell(now(FIXED))

    def act(_action: str, _value: str) -> str:
        undone = now(UNDONE)
        person.tell(undone, root)
        person.rewrite(root, undone, FIXED)
        return "undone"

    person.act = act
    page = person.page
    page.goto(person.url)
    person.see("Fixed: sg-0a1b2c3d4e5f60718 admits 0.0.0.0/0 to port 22 (SSH)")
    for _ in range(5):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.action") == "undo":
            break
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    assert person.acted == []
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    assert page.evaluate("document.activeElement.id") == "confirm-deny"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    person.see("Undone: sg-0a1b2c3d4e5f60718 admits 0.0.0.0/0 to port 22 (SSH)")
    person.see("1 reply")
    assert person.acted == [("undo", "abcd1234")]
    assert page.get_by_role("button", name="Undo", exact=True).count() == 0
    assert page.evaluate("document.activeElement.tagName") == "ARTICLE"
    toggle = page.get_by_role("button", name="1 reply")
    toggle.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("button", name="1 reply").get_attribute("aria-expanded") == "true"
    page.locator(".thread").get_by_text("the bastion needs it until Friday").wait_for()
    assert person.complaints == []


def test_messages_appear_by_themselves_and_are_announced(person: Person) -> None:
    person.page.goto(person.url)
    person.see("All quiet")
    person.tell(now(FIXED))
    person.see("Fixed: sg-0a1b2c3d4e5f60718")
    assert "All quiet" not in person.page.locator("main").inner_text()
    assert "Fixed: sg-" in person.page.locator("#announcer").text_content()
    assert person.complaints == []


def test_what_went_wrong_is_shown(person: Person) -> None:
    def act(_action: str, _value: str) -> str:
        raise ParapetError("the journal does not answer")

    person.act = act
    person.tell(now(FIXED))
    person.page.goto(person.url)
    person.page.get_by_role("button", name="Undo", exact=True).click()
    person.page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    assert "failed" in person.see("the journal does not answer").get_attribute("class")
    assert person.page.get_by_role("button", name="Undo", exact=True).is_enabled()


def test_signing_in(person: Person) -> None:
    page = person.page
    page.goto(person.url)
    page.get_by_role("button", name="Sign in").click()
    person.see("alice signed in without MFA")
    page.get_by_label("with MFA").check()
    page.get_by_label("as", exact=True).fill("nobody")
    page.keyboard.press("Enter")
    person.see("there is no user nobody")


def test_nothing_from_outside_becomes_html(person: Person) -> None:
    evil = "<img src=x onerror=alert(1)> *bold* `code` <!channel> &amp;"
    person.tell(now(notice(title=evil, lines=(evil,), facts=(("Who", evil), ("From", "<script>alert(1)</script>")))))
    person.page.goto(person.url)
    person.page.locator("article").wait_for()
    assert person.page.locator("article img").count() == 1
    assert person.page.locator("article script").count() == 0
    assert person.page.locator(".mention").count() == 0
    assert person.page.locator("h3").inner_text().endswith(evil)
    assert person.complaints == []


def test_it_says_when_the_account_is_gone(chromium: Any) -> None:
    page = chromium.new_page()
    with serving(Inbox(SlackStandIn(), lambda *_: "", lambda *_: "")) as url:
        page.goto(url)
        page.get_by_text("All quiet").wait_for()
    page.get_by_text("Not connected").wait_for(timeout=8000)
    page.close()


@pytest.mark.parametrize(
    ("name", "scheme", "width", "height"),
    [
        ("light", "light", 1100, 900), ("dark", "dark", 1100, 900), ("phone", "light", 390, 844),
        ("phone-dark", "dark", 390, 844), ("confirm", "light", 1100, 900), ("empty", "light", 1100, 700),
    ],
)  # fmt: skip
def test_it_looks_right(person: Person, tmp_path: Path, name: str, scheme: str, width: int, height: int) -> None:
    page = person.page
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": height})
    if name != "empty":
        _scene(person)
    page.goto(person.url)
    page.wait_for_load_state("networkidle") if name == "empty" else page.locator("article").first.wait_for()
    if name.startswith(("light", "phone-dark")):
        page.get_by_role("button", name="1 reply").click()
    if name == "confirm":
        page.get_by_role("button", name="Undo", exact=True).last.click()
    page.wait_for_timeout(300)
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    page.screenshot(path=folder / f"inbox-{name}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert person.complaints == []


def _scene(person: Person) -> None:
    role = "arn:aws:iam::123456789012:role/ci-deploy"
    root = person.tell(now(FIXED, 400))
    undone = now(UNDONE, 300)
    person.tell(undone, root)
    person.rewrite(root, undone, now(FIXED, 400))
    person.tell(
        now(
            notice(
                key="s3", thread="s3", finding="9k2m4x7q", severity="critical", status="asked", undoable=False,
                title="Needs a decision: bucket payroll-2026-exports can be read by anybody",
                lines=("Nothing was changed. The fix would be s3:put_public_access_block.",),
                facts=(
                    ("Resource", "arn:aws:s3:::payroll-2026-exports"), ("Account", "123456789012, eu-west-1"),
                    ("Who", "not known: found standing"), ("Guardrail", "s3_bucket_public"),
                ),
            ),
            120,
        )
    )  # fmt: skip
    person.tell(
        now(
            notice(
                key="failure:1", thread="failure:1", kind="trouble", status="trouble", finding=None, undoable=False,
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
    person.tell(now(notice(key="last", thread="last"), 3))
