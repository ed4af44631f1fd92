"""`make up` as a person meets it: the account in a terminal, its Slack in a browser, nothing in between replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Terminal, eventually, up

pytestmark = pytest.mark.browser
OPEN = "aws ec2 authorize-security-group-ingress --group-id $SG --protocol tcp --port 22 --cidr 0.0.0.0/0"


def status(terminal: Terminal, guardrail: str) -> Any:
    found = terminal.journal(guardrail)
    return found[0]["status"] if found else None


def test_people_stay_in_control(chromium: Any, tmp_path: Path) -> None:
    complaints: list[str] = []
    with up(tmp_path) as terminal:
        page = chromium.new_page(viewport={"width": 1100, "height": 900}, locale="en-GB")
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.set_default_timeout(15000)
        page.goto(f"http://127.0.0.1:{terminal.inbox_port}")

        def be(name: str) -> None:
            page.get_by_role("radio", name=name).check()

        def press(name: str) -> None:
            page.locator("main").get_by_role("button", name=name, exact=True).last.click()

        def say(text: str) -> None:
            page.get_by_label("Message").fill(text)
            page.keyboard.press("Enter")

        def see(text: str) -> None:
            page.locator("main").get_by_text(text).filter(visible=True).last.wait_for()

        page.get_by_text("All quiet").wait_for()
        terminal.run(OPEN)
        see("admits 0.0.0.0/0 to port 22")
        # Who may not is refused, and sees it alone.
        be("mallory")
        press("Undo")
        page.get_by_role("dialog").get_by_role("button", name="Undo").click()
        see("You may not undo anything from Slack")
        assert status(terminal, "ec2_security_group_open") == "fixed"
        # Who may undoes it.
        be("bob")
        press("Undo")
        page.get_by_role("dialog").get_by_role("button", name="Undo").click()
        see("Undone: sg-")
        eventually(lambda: status(terminal, "ec2_security_group_open") == "undone")
        # A question is answered with a modal, mended once.
        terminal.run("aws iam create-access-key --user-name bob")
        see("Needs a decision")
        press("Exempt…")
        modal = page.get_by_role("dialog", name="Exempt")
        modal.get_by_label("Why").fill("the vendor needs it until Friday")
        modal.get_by_label("Or until").fill("2020-01-01")
        modal.get_by_role("button", name="Exempt").click()
        modal.get_by_text("2020-01-01 is in the past").wait_for()
        modal.get_by_label("Or until").fill("")
        modal.get_by_role("button", name="Exempt").click()
        modal.wait_for(state="hidden")
        see("Exempted: alice made the access key")
        eventually(lambda: status(terminal, "iam_access_key_for_other") == "exempted")
        # And the next one is fixed.
        terminal.run("aws iam create-access-key --user-name bob")
        see("Needs a decision")
        press("Fix it")
        page.get_by_role("dialog").get_by_role("button", name="Fix it").click()
        see("Fixed: alice made the access key")
        eventually(lambda: status(terminal, "iam_access_key_for_other") == "fixed")
        # What nobody can take back is taken note of.
        page.get_by_role("button", name="Sign in").click()
        see("Seen: alice signed in")
        press("Acknowledge")
        see("Acknowledged by bob")
        # What is typed is answered.
        say("/parapet help")
        see("What you can ask for")
        say("/parapet status")
        see("Nothing is paused")
        # An alarm goes off in all three channels; who acknowledges it in Slack has done so in PagerDuty.
        terminal.run("./parapet fire alarm")
        incident = page.get_by_label("PagerDuty").locator(".incident").filter(has_text="checkout-errors")
        incident.filter(has_text="Triggered").wait_for()
        page.get_by_label("E-mail").get_by_text("checkout-errors is in alarm").first.wait_for()
        graph = page.locator("main .block-image img").first
        graph.wait_for()
        eventually(lambda: graph.evaluate("picture => picture.naturalWidth > 300"))
        press("Acknowledge")
        incident.filter(has_text="Acknowledged").wait_for()
        terminal.run("./parapet fire alarm --state OK")
        incident.filter(has_text="Resolved").wait_for()
        # Whoever made the changes was told.
        be("alice")
        page.get_by_role("button", name="Direct messages").click()
        see("Your change was put right")
        page.close()
    assert complaints == []
