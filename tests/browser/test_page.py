"""The page as whoever is on call meets it, in a real browser."""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from chalicelib.services.model import Metric
from tests.browser.conftest import PATIENCE
from tests.browser.oncall import NOW, Oncall, oncall, token
from tests.browser.scenes import Scene, calm, night, saas

pytestmark = pytest.mark.browser
ALARMS = "GET /api/v1/alarms?state=ALARM"
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 360, "height": 740}
NOT_FOUND = "Failed to load resource: the server responded with a status of 404 (Not Found)"


@dataclass
class Visit:
    """Somebody with the page before them."""

    oncall: Oncall
    page: Any
    complaints: list[str] = field(default_factory=list)

    def open(self, brought: str | None = None, choice: str = "") -> None:
        """Open the page with a token kept in the tab, unless it is empty."""
        brought = token() if brought is None else brought
        if brought:
            self.page.add_init_script(f"sessionStorage.setItem('parapet-token', '{brought}')")
        self.page.goto(self.oncall.url + choice)
        self.page.wait_for_load_state()
        if brought:
            self.see(self.page.get_by_role("heading", level=1))
            self.see(self.page.locator(".card-foot").first)
            self.settle()

    def settle(self) -> None:
        """Wait until all that the page asked is answered."""
        quiet = 0
        while quiet < 3:
            self.page.wait_for_timeout(25)
            quiet = 0 if self.oncall.busy else quiet + 1

    def later(self, seconds: float) -> None:
        """Let time pass on the page's clock."""
        self.page.clock.run_for(1000 * seconds)
        self.settle()

    def see(self, what: Any) -> Any:
        what.wait_for()
        return what

    def button(self, name: str, within: str = "main") -> Any:
        return self.page.locator(within).get_by_role("button", name=re.compile(f"^{re.escape(name)}"))

    @property
    def focused(self) -> str:
        return str(self.page.evaluate("document.activeElement.dataset.key ?? document.activeElement.id"))

    def shot(self, name: str) -> None:
        """Keep a picture, for people who want to look."""
        if where := os.environ.get("SCREENSHOTS"):
            self.page.screenshot(path=str(Path(where) / f"{name}.png"), full_page=True)


Visiting = Callable[..., Visit]


@pytest.fixture
def visiting(chromium: Any) -> Iterator[Visiting]:
    """Have people visit; what the browser complains of is in `complaints`, a breach of the page's policy, too."""
    visits: list[tuple[Visit, Any, Any]] = []

    def come(scene: Scene | None = None, size: dict[str, int] = WIDE, theme: str = "light", **options: Any) -> Visit:
        server = oncall(scene or night())
        where = server.__enter__()
        context = chromium.new_context(viewport=size, color_scheme=theme, locale="en-GB", **options)
        visit = Visit(where, context.new_page())
        visit.page.set_default_timeout(PATIENCE)
        visit.page.on("console", lambda line: visit.complaints.append(line.text) if line.type == "error" else None)
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visits.append((visit, context, server))
        return visit

    yield come
    for visit, context, server in visits:
        context.close()
        server.__exit__(None, None, None)
        assert visit.oncall.complaints == []
        # Not even the browser's history has a token.
        assert not [one for one in visit.oncall.seen if "eyJ" in one]


def names(visit: Visit) -> list[str]:
    found: list[str] = visit.page.locator(".stop-name").all_inner_texts()
    return found


def test_what_is_wrong_comes_first_and_each_state_is_a_word(visiting: Visiting) -> None:
    visit = visiting()
    visit.open()
    page = visit.page
    expect(page.get_by_role("heading", level=1)).to_have_text("shop is in trouble")
    expect(page.locator("#tally")).to_have_text(
        "1 in trouble · 1 needs a look · 2 not known · 1 without traffic · 1 well"
    )
    assert page.title() == "1 in trouble · Parapet prod"
    assert names(visit) == ["shop", "images", "archive", "intake", "platform", "saas"]
    assert page.locator("#services .status").all_inner_texts() == [
        "In trouble", "Needs a look", "Not known", "No traffic", "Not known", "Well",
    ]  # fmt: skip
    expect(page.locator("#place")).to_have_text("prod·eu-west-1·123456789012")
    expect(page.locator("#person")).to_contain_text("alice · may operate · 59 min left")
    good = page.locator("#availability")
    expect(good.locator(".number")).to_have_text("91.6 % now, below the goal")
    expect(good).to_contain_text("made by the target")
    expect(good).to_contain_text("made by the load balancer")
    expect(page.locator("#latency .number")).to_contain_text("p95 now, over the bound")
    expect(page.locator("#latency .beside")).to_contain_text("goal: 95 % under 300 ms")
    gauges = page.locator("#saturation .gauge")
    expect(gauges.nth(0)).to_contain_text(
        re.compile(r"Connections.*bad: 9\d %.*database shop · \d+ of 413 · limit: para")
    )
    expect(gauges.nth(1)).to_contain_text("61 GB")
    expect(gauges.nth(1)).to_contain_text("of how much is not known")
    expect(gauges.nth(2)).to_contain_text("The agent is silent")
    expect(page.locator("#budgets")).to_contain_text(re.compile(r"At this rate the month's budget is gone in \d+.h"))
    for name, word in (("intake", "No requests"), ("archive", "No data"), ("platform", "May not look")):
        page.locator(".stop", has_text=name).click()
        expect(page.locator("#name")).to_contain_text(name)
        expect(page.locator("#availability .instead")).to_contain_text(word)
        assert not re.search(r"\b(0|100) %", page.locator("#availability").inner_text())
    expect(page.locator("#availability .instead")).to_contain_text("AWS denies cloudwatch:GetMetricData")
    assert visit.complaints == []


def test_a_good_night_is_told_in_three_words(visiting: Visiting) -> None:
    visit = visiting(calm())
    visit.open()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("All is well")
    expect(visit.page.locator("#availability .number")).to_have_text("100 % now")
    for text in ("No alert is firing.", "No alarm is on.", "Nothing waits for a decision."):
        expect(visit.page.locator("main")).to_contain_text(text)
    assert visit.complaints == []


def test_what_nobody_asks_any_more_has_no_numbers_of_now(visiting: Visiting) -> None:
    def stopped(metric: Metric, ago: float, period: int) -> float | None:
        return saas(metric, ago, period) if ago >= 600 else None

    visit = visiting(Scene({"saas": stopped}, busy=False))
    visit.open()
    for widget in ("availability", "latency"):
        number = visit.page.locator(f"#{widget} .number")
        expect(number).to_have_text(re.compile(r"^— no requests since \d\d:\d\d$"))
    # What was is there to be seen.
    expect(visit.page.locator("#availability .beside")).to_contain_text("over 3 hours")
    visit.see(visit.page.locator("#latency path.line-0").first)
    assert visit.complaints == []


def test_what_is_of_the_service_comes_first_and_its_charts_say_what_their_marks_are(visiting: Visiting) -> None:
    visit = visiting()
    visit.open()
    firsts = [visit.page.locator(f"#{name} .item-title").first for name in ("alarms", "alerts")]
    expect(firsts[0]).to_contain_text("shop-availability-page")
    expect(visit.page.locator("#latency figcaption")).to_contain_text("alarms or alerts began")
    visit.page.locator(".stop", has_text="images").click()
    expect(firsts[0]).to_contain_text("images-availability-ticket")
    expect(firsts[1]).to_contain_text("shop is failing")
    # Its ticket is older than the chart.
    expect(visit.page.locator("#latency .begun")).to_have_count(0)
    visit.page.get_by_role("radio", name="24 h").check()
    expect(visit.page.locator("#latency .begun")).to_have_text("an alarm or alert began")
    assert visit.complaints == []


def test_without_services_it_says_how_to_name_some(visiting: Visiting) -> None:
    visit = visiting(Scene({}))
    visit.page.add_init_script(f"sessionStorage.setItem('parapet-token', '{token()}')")
    visit.page.goto(visit.oncall.url)
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("No service is watched yet")
    expect(visit.page.locator("#tally")).to_contain_text("parapet.toml")
    assert visit.complaints == []


def test_gaps_are_gaps_and_every_chart_is_a_table_too(visiting: Visiting) -> None:
    visit = visiting()
    visit.open()
    latency = visit.page.locator("#latency")
    line = visit.see(latency.locator("path.line-0:not(.is-bad)")).get_attribute("d")
    assert line.count("M") == 2
    assert latency.locator(".unknown").count() >= 1
    assert latency.locator(".goal").count() == 1
    assert latency.locator("svg title").inner_html() == "Latency of shop"
    told = latency.locator("svg desc").inner_html()
    assert "Bound 300 ms." in told
    assert re.search(r"\d of 3[67] periods have no data", told)
    latency.get_by_text("Table").click()
    rows = latency.locator("tbody tr")
    visit.see(rows.first)
    assert rows.count() in (36, 37)
    texts = rows.all_inner_texts()
    assert sum("no data" in text for text in texts) >= 2
    assert latency.locator("thead th").all_inner_texts() == ["From", "p95", "p50", "p99"]
    # It stays open when numbers change.
    visit.page.evaluate("dispatchEvent(new HashChangeEvent('hashchange'))")
    visit.settle()
    assert latency.locator("details").evaluate("node => node.open")
    assert visit.complaints == []


@pytest.mark.parametrize(("window", "points"), [("24h", 288), ("30d", 720)])
def test_the_charts_look_back_further(visiting: Visiting, window: str, points: int) -> None:
    visit = visiting()
    visit.open(choice=f"#saas/{window}")
    expect(visit.page.locator("#name")).to_contain_text("saas")
    expect(visit.page.locator("#availability .beside")).to_contain_text({"24h": "24 hours", "30d": "30 days"}[window])
    top = visit.page.locator("#availability [role=slider]").get_attribute("aria-valuemax")
    assert int(top) in (points - 1, points)
    assert visit.page.get_by_role("radio", name=window.replace("h", " h").replace("d", " d")).is_checked()
    visit.page.get_by_role("radio", name="3 h").check()
    expect(visit.page.locator("#availability .beside")).to_contain_text("3 hours")
    assert visit.page.url.endswith("#saas")
    # How a service is does not depend on it.
    assert names(visit)[0] == "shop"
    assert {one.split("?")[1] for one in visit.oncall.seen if "/services?" in one} == {"window=3h"}
    assert visit.complaints == []


def test_the_keyboard_does_it_all(visiting: Visiting) -> None:
    visit = visiting()
    visit.open()
    page = visit.page
    page.keyboard.press("ArrowDown")
    expect(page.locator("#name")).to_contain_text("images")
    assert (visit.focused, page.url.split("#")[1]) == ("service images", "images")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#name")).to_contain_text("shop")
    # What somebody chose stays, also after a reload.
    page.keyboard.press("ArrowDown")
    expect(page.locator("#name")).to_contain_text("images")
    page.reload()
    expect(page.locator("#name")).to_contain_text("images")
    visit.see(page.locator("#availability .cursor")).focus()
    slider = page.locator("#availability .cursor")
    before = slider.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowLeft")
    after = slider.get_attribute("aria-valuetext")
    assert before != after
    assert re.fullmatch(r"\d\d:\d\d: 9\d\.\d+ %", after)
    expect(page.locator("#availability .readout")).to_contain_text(after[:5])
    page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text(f"images at {after[:5]}")
    assert visit.focused == "moment-title"
    page.keyboard.press("Escape")
    sheet.wait_for(state="hidden")
    assert visit.focused == "images/availability/cursor"
    expect(slider).to_have_attribute("aria-valuetext", after)
    assert visit.complaints == [NOT_FOUND]


def test_a_refresh_is_seven_questions_and_closes_nothing(visiting: Visiting) -> None:
    visit = visiting()
    visit.page.clock.install()
    visit.open(choice="#shop")
    visit.page.locator("#saturation summary").first.click()
    looks = len(visit.oncall.seen)
    visit.oncall.scene.stories["shop"] = visit.oncall.scene.stories["saas"]
    visit.later(16)
    expect(visit.page.locator("#availability .instead")).to_be_visible()
    asked = Counter(visit.oncall.seen[looks:])
    # The alarms are glanced at in between.
    assert asked.pop(ALARMS) >= 2
    assert len(asked) == 6
    assert set(asked.values()) == {1}
    assert visit.page.locator("#saturation details.more").evaluate("node => node.open")
    assert visit.complaints == []


def test_an_alarm_that_goes_off_has_all_looked_at(visiting: Visiting) -> None:
    scene = calm()
    visit = visiting(scene)
    visit.page.clock.install()
    visit.open()
    expect(visit.page.get_by_role("heading", level=1)).not_to_have_text("saas is in trouble")
    looks = len(visit.oncall.seen)
    visit.later(2)
    assert visit.oncall.seen[looks:] == [ALARMS]
    # A window alone tells nobody.
    scene.on = {"saas": ("parapet-prod-saas-availability-1h",)}
    visit.later(2)
    assert visit.oncall.seen[looks:] == [ALARMS] * 2
    expect(visit.page.locator("#alarms")).to_contain_text("No alarm is on.")
    expect(visit.page.locator("#alarms summary")).to_have_text("1 window over the limit; that alone tells nobody")
    scene.on = {"saas": ("parapet-prod-saas-availability-page", "parapet-prod-saas-availability-1h")}
    visit.later(2)
    visit.settle()
    assert visit.oncall.seen[looks:].count("GET /api/v1/services?window=3h") == 1
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("saas is in trouble")
    assert visit.complaints == []


def test_what_tells_nobody_stands_behind_what_does(visiting: Visiting) -> None:
    scene = night()
    behind = ("parapet-prod-shop-availability-1h", "parapet-prod-shop-availability-5m")
    scene.on["shop"] = (*scene.on["shop"], *behind)
    visit = visiting(scene)
    visit.open()
    alarms = visit.page.locator("#alarms")
    assert alarms.locator(".item").count() == 2
    expect(alarms.locator(".some")).to_have_text("2")
    expect(visit.page.locator("#jumps")).to_contain_text("2 alarms are on")
    alarms.get_by_text("and 2 windows behind them").click()
    for name in behind:
        visit.see(alarms.get_by_text(name))
    assert visit.complaints == []


def test_focus_stays_on_a_chart_that_is_drawn_anew(visiting: Visiting) -> None:
    visit = visiting()
    visit.page.clock.install()
    visit.open(choice="#shop")
    cursor = visit.see(visit.page.locator("#latency .cursor"))
    cursor.focus()
    for _ in range(4):
        visit.page.keyboard.press("ArrowLeft")
    text = cursor.get_attribute("aria-valuetext")
    before = cursor.element_handle()
    told = night().stories["shop"]
    visit.oncall.scene.stories["shop"] = lambda metric, ago, period: (told(metric, ago, period) or 0) * 1.01 or None
    visit.later(16)
    visit.page.wait_for_function("node => !node.isConnected", arg=before)
    assert visit.focused == "shop/latency/cursor"
    assert cursor.get_attribute("aria-valuetext")[:5] == text[:5]
    assert visit.complaints == []


def test_a_fix_is_undone(visiting: Visiting) -> None:
    visit = visiting()
    visit.open()
    page = visit.page
    visit.button("Undo").first.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("sg-0a1b2c3d4e5f60718 admits 0.0.0.0/0 to port 22 (SSH)")
    assert visit.focused == "why"
    dialog.get_by_role("button", name="Undo").click()
    expect(dialog).to_contain_text("Say why in a few words")
    assert visit.oncall.asked == []
    page.keyboard.press("Escape")
    assert visit.focused == "undo abcd1234"
    page.keyboard.press("Enter")
    dialog.get_by_label("Why").fill("the vendor connects today")
    dialog.get_by_role("button", name="Undo").click()
    expect(page.locator("#requests")).to_contain_text("Undone. sg-0a1b2c3d4e5f60718 admits")
    assert visit.oncall.asked == [("/v1/findings/abcd1234/undo", {"why": "the vendor connects today"})]
    expect(page.locator("#remediations")).to_contain_text("Undone: sg-0a1b2c3d4e5f60718")
    assert visit.button("Undo", "#remediations").count() == 1
    visit.button("Dismiss").click()
    expect(page.locator("#requests")).to_be_empty()
    assert visit.complaints == []


def test_a_refusal_says_why(visiting: Visiting) -> None:
    visit = visiting()
    visit.open()
    visit.oncall.refuses = "the group was deleted meanwhile"
    visit.button("Undo").first.click()
    visit.page.get_by_label("Why").fill("the vendor connects today")
    visit.page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    expect(visit.page.locator("#requests")).to_contain_text("Refused: the group was deleted meanwhile")
    assert visit.button("Undo", "#remediations").count() == 2
    assert visit.complaints == []


def test_questions_are_answered_and_alerts_acknowledged(visiting: Visiting) -> None:
    visit = visiting()
    visit.open()
    page = visit.page
    dialog = page.get_by_role("dialog")
    visit.button("Acknowledge").click()
    dialog.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#alerts")).to_contain_text("alice is on it")
    visit.button("Fix it").first.click()
    dialog.get_by_label("Why").fill("nobody may read it")
    dialog.get_by_role("button", name="Fix it").click()
    expect(page.locator("#requests")).to_contain_text("Fixed. bucket payroll")
    visit.button("Leave it").first.click()
    dialog.get_by_label("Why").fill("the audit needs it")
    dialog.get_by_role("button", name="Leave it").click()
    expect(page.locator("#waiting")).to_contain_text("Nothing waits for a decision.")
    assert visit.oncall.asked == [
        ("/v1/alerts/a-0123abcd/acknowledge", {"question": "3"}),
        ("/v1/findings/9k2m4x7q/approve", {"why": "nobody may read it", "question": "2"}),
        ("/v1/findings/b05vng1q/reject", {"why": "the audit needs it", "question": "2"}),
    ]
    assert visit.complaints == []


def test_who_may_only_read_is_told_so(visiting: Visiting) -> None:
    visit = visiting()
    visit.open(token("read"))
    expect(visit.page.locator("#may")).to_contain_text("Your token may only read")
    expect(visit.page.locator("#person")).to_contain_text("alice · may read")
    for one in visit.page.locator(".item .button").all():
        assert one.get_attribute("aria-disabled") == "true"
        assert one.get_attribute("aria-describedby") == "may"
        one.click(force=True)
    assert visit.page.get_by_role("dialog").count() == 0
    assert visit.complaints == []


def test_without_a_token_there_is_nothing(visiting: Visiting) -> None:
    visit = visiting()
    visit.open("")
    page = visit.page
    dialog = visit.see(page.get_by_role("dialog", name="Who is asking?"))
    expect(dialog).to_contain_text("./parapet token")
    expect(dialog).to_contain_text("/parapet login")
    assert visit.focused == "token"
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    visit.see(page.get_by_role("dialog", name="Who is asking?"))
    assert [one for one in visit.oncall.seen if "/v1/" in one] == []
    for given, said in (
        ("", "Paste the token here."),
        ("hello", "not a token of Parapet's"),
        (token(lasts=-60), "has expired already"),
    ):
        dialog.get_by_label("Token").fill(given)
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("alert")).to_contain_text(said)
    dialog.get_by_label("Token").fill(f" {token()}\n")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("shop is in trouble")
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    visit.button("Undo").first.click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Token").click()
    page.get_by_role("button", name="Forget mine").click()
    visit.see(page.get_by_role("dialog", name="Who is asking?"))
    assert page.evaluate("sessionStorage.length") == 0
    assert "shop" not in page.content()
    assert visit.complaints == []


def test_a_token_that_counts_no_more_takes_the_data_with_it(visiting: Visiting) -> None:
    visit = visiting()
    visit.page.clock.install()
    brought = token()
    visit.open(brought)
    visit.oncall.scene.revoked.add(brought)
    visit.later(16)
    dialog = visit.see(visit.page.get_by_role("dialog", name="Who is asking?"))
    expect(dialog).to_contain_text("The token does not count any more")
    assert "payroll" not in visit.page.content()
    assert visit.page.evaluate("sessionStorage.length") == 0
    assert set(visit.complaints) == {NOT_FOUND.replace("404 (Not Found)", "401 (Unauthorized)")}


def test_a_token_is_asked_for_in_time(visiting: Visiting) -> None:
    visit = visiting()
    visit.page.clock.install()
    visit.open(token(lasts=600))
    assert visit.page.get_by_text("Your token ends").count() == 0
    visit.later(301)
    visit.see(visit.page.get_by_text("Your token ends in a few minutes."))
    visit.page.locator("#banners").get_by_role("button", name="New token").click()
    expect(visit.page.get_by_role("dialog")).to_contain_text("before this one ends")
    visit.page.get_by_role("button", name="Not now").click()
    expect(visit.page.locator("main")).to_be_visible()
    visit.later(300)
    expect(visit.page.get_by_role("dialog")).to_contain_text("Your token has ended")
    expect(visit.page.locator("main")).to_be_hidden()
    assert visit.complaints == []


def test_old_numbers_are_told_loudly(visiting: Visiting) -> None:
    visit = visiting()
    page = visit.page
    page.clock.install()
    visit.open()
    expect(page.locator("#fresh")).to_contain_text("Live · as of")
    visit.oncall.broken["services"] = (503, "CloudWatch throttles Parapet.")
    visit.later(16)
    banners = page.locator("#banners")
    expect(banners).to_contain_text("CloudWatch throttles Parapet. What you see is from the last look")
    expect(page.locator("#fresh")).to_contain_text("Not refreshing")
    looks = sum("/services?" in one for one in visit.oncall.seen)
    # It asks less and less often: after 15, 30 and 60 s.
    for _ in range(11):
        visit.later(10)
    assert sum("/services?" in one for one in visit.oncall.seen) - looks in (2, 3)
    expect(banners.get_by_role("alert")).to_contain_text("These numbers are 2 min old.")
    expect(page.get_by_role("heading", level=1)).to_have_text("shop is in trouble")
    visit.shot("stale")
    visit.oncall.broken.clear()
    banners.get_by_role("button", name="Try again").click()
    expect(banners).to_be_empty()
    expect(page.locator("#fresh")).to_contain_text("Live")
    assert set(visit.complaints) == {NOT_FOUND.replace("404 (Not Found)", "503 (Service Unavailable)")}


def test_it_rests_while_nobody_looks(visiting: Visiting) -> None:
    visit = visiting()
    page = visit.page
    page.clock.install()
    visit.open()
    looks = len(visit.oncall.seen)
    hide = "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
    hide += " document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(hide, True)
    visit.later(60)
    assert len(visit.oncall.seen) == looks
    page.evaluate(hide, False)
    visit.settle()
    assert len(visit.oncall.seen) - looks == 7
    assert visit.complaints == []


@pytest.mark.parametrize("family", ["alarms", "alerts", "findings", "remediations", "health"])
def test_what_cannot_be_read_hides_nothing_else(visiting: Visiting, family: str) -> None:
    visit = visiting()
    visit.oncall.broken[family] = (503, "AWS denies something.")
    visit.open()
    part = {"findings": "waiting"}.get(family, family)
    if family != "health":
        expect(visit.page.locator(f"#{part}")).to_contain_text("Could not be read: AWS denies something.")
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("shop is in trouble")
    expect(visit.page.locator("#availability .number")).to_contain_text("91.6 %")
    assert all("503" in one for one in visit.complaints)


def test_parapet_tells_that_it_is_not_well_itself(visiting: Visiting) -> None:
    scene = calm()
    scene.health |= {
        "status": "degraded", "reasons": ["AWS denies dynamodb:GetItem"],
        "paused": {"who": "bob", "why": "a game day", "at": "2026-11-21T02:00:00Z", "until": None, "scope": {}},
    }  # fmt: skip
    visit = visiting(scene)
    visit.open()
    expect(visit.page.locator("#banners")).to_contain_text("Parapet itself is not well: AWS denies dynamodb:GetItem")
    expect(visit.page.locator("#banners")).to_contain_text("Nothing is fixed by itself: bob paused it (a game day).")


def explanation() -> dict[str, Any]:
    """What the API makes of a moment."""
    evil = '<img src=x onerror="document.title=1">'
    return {
        "id": "0123456789abcdef", "as_of": "2026-11-21T14:05:00Z", "depth": "quick", "done": True, "status": "partial",
        "about": {"kind": "service", "name": "shop", "service": "shop", "at": "2026-11-21T14:04:00Z"},
        "answer": "shop fails 9 % of its requests since 14:02 UTC; most likely because of UpdateService of shop by bob",
        "confidence": 0.83,
        "onset": {
            "sign": "errors", "label": "errors", "unit": "share", "shape": "step", "at": "2026-11-21T14:02:00Z",
            "until": None, "before": 0.0, "after": 0.09, "confidence": 0.97, "suffering": 212.0,
        },
        "suspects": [
            {
                "kind": "change", "title": "UpdateService of shop by bob", "at": "2026-11-21T14:00:10Z", "score": 0.91,
                "evidence": ["bob with terraform from 198.51.100.7, 2 min before", evil], "change": "e-1",
                "against": ["the same at 09:00 brought nothing like this"],
            }
        ],
        "sections": [
            {
                "id": "traces", "status": "denied", "took_ms": 40, "answer": None, "data": None, "evidence": [],
                "reason": "not allowed: xray:GetServiceGraph",
            }
        ],
        "revert": {
            "change": "e-1", "guardrail": "ecs_service_changed", "what": "deploy shop:41 again",
            "ask": "POST /v1/changes/e-1/revert", "command": "./parapet revert e-1", "why": None,
        },
        "before": [], "cost": {"api_calls": 9, "usd": 0.0004, "bytes_scanned": 0}, "next": [],
    }  # fmt: skip


def test_a_spike_tells_what_was_going_on(visiting: Visiting) -> None:
    visit = visiting()
    visit.open()
    visit.see(visit.page.locator("#availability .cursor"))
    box = visit.page.locator("#availability .cursor").bounding_box()
    visit.page.mouse.click(box["x"] + box["width"] * 0.95, box["y"] + 40)
    sheet = visit.page.get_by_role("dialog")
    expect(sheet).to_contain_text("No explanation: there is no service 'shop'")
    expect(sheet).to_contain_text("Alarm parapet-prod-shop-availability-page went off")
    expect(sheet).to_contain_text("Fixed: sg-0a1b2c3d4e5f60718")
    expect(sheet.get_by_role("row", name="Availability")).to_contain_text("91.")
    expect(sheet.get_by_role("row", name="Latency p95")).to_contain_text("ms")
    visit.shot("moment")
    sheet.get_by_role("button", name="Close").click()
    visit.oncall.explanation = explanation()
    visit.page.mouse.click(box["x"] + box["width"] * 0.95, box["y"] + 40)
    expect(sheet).to_contain_text("most likely because of UpdateService of shop by bob")
    first = sheet.get_by_role("listitem").filter(has_text="UpdateService of shop by bob").first
    expect(first).to_contain_text("91 %")
    expect(first.get_by_role("list", name="against it")).to_contain_text("the same at 09:00 brought nothing like this")
    expect(sheet.get_by_role("group")).to_contain_text("not everything could be")
    visit.shot("explained")
    expect(sheet).to_contain_text("It can be taken back: deploy shop:41 again.")
    sheet.get_by_role("button", name="Ask to take it back").click()
    expect(sheet).to_contain_text("Asked whether to deploy shop:41 again")
    assert any(one.startswith("POST ") and one.endswith("/v1/changes/e-1/revert") for one in visit.oncall.seen)
    sheet.get_by_role("button", name="Look thoroughly").click()
    expect(sheet).not_to_contain_text("Looking at traces")
    assert [one for one in visit.oncall.seen if "/v1/explanations/" in one]
    at = [one for one in visit.oncall.seen if "/explain?" in one][-1].partition("?at=")[2].partition("&")[0]
    assert abs(time.time() - 540 - time.mktime(time.strptime(at, "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 900
    assert visit.complaints == [NOT_FOUND]


def asked_about(visit: Visit) -> float:
    """The time that the last explanation was asked for."""
    at = [one for one in visit.oncall.seen if "/explain?" in one][-1].partition("?at=")[2].partition("&")[0]
    return datetime.fromisoformat(at).timestamp()


def test_trouble_is_explained_at_the_press_of_a_button(visiting: Visiting) -> None:
    visit = visiting(timezone_id="Asia/Tokyo")
    visit.oncall.explanation = explanation()
    visit.open()
    page = visit.page
    button = visit.see(visit.button("Explain", "#head"))
    assert button.inner_text().startswith("Explain")
    button.focus()
    page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("most likely because of UpdateService of shop by bob")
    # As what the alarm's own explanation is about: when it went off.
    assert asked_about(visit) == pytest.approx(NOW - 17 * 60, abs=1)
    page.keyboard.press("Escape")
    sheet.wait_for(state="hidden")
    assert visit.focused == "explain"
    # What went off long ago is not on the chart, and nothing is told of its numbers then.
    page.locator(".stop", has_text="images").click()
    expect(page.locator("#name")).to_contain_text("images")
    visit.button("Explain", "#head").click()
    expect(sheet).to_contain_text("most likely because")
    assert asked_about(visit) == pytest.approx(NOW - 9 * 3600, abs=1)
    expect(sheet).not_to_contain_text("no data")
    page.keyboard.press("Escape")
    for name in ("saas", "intake", "platform"):
        page.locator(".stop", has_text=name).click()
        expect(page.locator("#name")).to_contain_text(name)
        assert page.get_by_role("button", name="Explain").count() == 0
    assert visit.complaints == []


def test_without_an_alarm_the_newest_minute_is_explained(visiting: Visiting) -> None:
    scene = night()
    scene.on = {}
    visit = visiting(scene)
    visit.oncall.explanation = explanation()
    visit.open()
    visit.button("Explain", "#head").click()
    sheet = visit.page.get_by_role("dialog")
    expect(sheet).to_contain_text("most likely because of UpdateService of shop by bob")
    assert asked_about(visit) == pytest.approx(NOW, abs=200)
    expect(sheet.get_by_role("row", name="Availability")).to_contain_text("91.")
    assert visit.complaints == []


def test_the_sheet_writes_all_times_in_one_way_and_names_as_they_are(visiting: Visiting) -> None:
    visit = visiting(timezone_id="Asia/Tokyo")
    told = explanation()
    titles = ("shop@shop-db fails", "payments.example.com is slow", "shop fails", "connections of shop-db are used up")
    kinds = ("edge", "edge", "edge", "dependency")
    told["suspects"] = [
        {**told["suspects"][0], "kind": kind, "title": title, "at": "2026-11-20T23:58:10Z"}
        for kind, title in zip(kinds, titles, strict=True)
    ]
    told["before"] = [{"at": "2026-11-21T09:22:35Z", "answer": "shop failed", "id": "0"}]
    visit.oncall.explanation = told
    visit.open()
    visit.button("Explain", "#head").click()
    sheet = visit.page.get_by_role("dialog")
    expect(sheet).to_contain_text("It was so before: 2026-11-21 09:22 UTC")
    shown = sheet.locator(".suspect-title > span:first-child").all_text_contents()
    assert shown == [*titles[:3], "Connections of shop-db are used up"]
    assert sheet.locator(".suspect time").all_text_contents() == ["2026-11-20 23:58 UTC"] * 4
    began = time.gmtime(NOW - 17 * 60)
    expect(sheet.get_by_role("heading", level=2)).to_contain_text(time.strftime("%H:%M UTC", began))
    for one in sheet.locator(".events time").all_text_contents():
        assert re.fullmatch(r"(\d{4}-\d\d-\d\d )?\d\d:\d\d UTC", one)
    # And how that is called where somebody sits.
    expect(sheet).to_contain_text(time.strftime("%H:%M", time.gmtime(NOW - 17 * 60 + 9 * 3600)))
    assert visit.complaints == []


def test_a_budget_is_not_calm_while_its_alarm_is_on_or_it_burns_like_that(visiting: Visiting) -> None:
    def easing(metric: Metric, ago: float, period: int) -> float | None:
        """Bad for half an hour, and in the last minutes only somewhat."""
        if metric.name in ("5xx", "5XXError"):
            return period * 3 * (0.06 if 600 < ago < 2400 else 0.003 if ago <= 600 else 0.0)
        return saas(metric, ago, period)

    scene = Scene({"saas": easing}, busy=False)
    visit = visiting(scene)
    visit.open()
    budgets = visit.page.locator("#budgets .budget")
    expect(budgets.nth(0)).to_contain_text("At this rate the month's budget is gone in")
    expect(budgets.nth(0)).to_have_class("budget is-amber")
    expect(budgets.nth(1)).to_have_class("budget is-green")
    expect(budgets.nth(1)).not_to_contain_text("alarm")
    alarm = {**night().alarms(NOW)[0], "service": "saas", "objective": "saas-latency"}
    alarm["name"] = "parapet-prod-saas-latency-page"
    scene.alarms = lambda now: [alarm]  # type: ignore[method-assign]
    visit.page.reload()
    expect(budgets.nth(1)).to_have_class("budget is-red")
    expect(budgets.nth(1)).to_contain_text("Its alarm is on.")
    alarm["name"] = "parapet-prod-saas-latency-ticket"
    visit.page.reload()
    expect(budgets.nth(1)).to_have_class("budget is-amber")
    assert visit.complaints == []


def test_the_local_account_says_that_its_clocks_differ(visiting: Visiting) -> None:
    scene = calm()
    visit = visiting(scene)
    visit.open()
    expect(visit.page.locator("#place")).not_to_contain_text("chaos")
    scene.health["stage"] = "local"
    visit.page.reload()
    expect(visit.page.locator("#place")).to_contain_text("after chaos, metrics and alarms run ahead of alerts")
    assert visit.complaints == []


def test_what_is_under_way_or_was_given_up_is_not_shown_as_if_it_were_all(visiting: Visiting) -> None:
    visit = visiting()
    visit.open()
    visit.see(visit.page.locator("#availability .cursor"))
    box = visit.page.locator("#availability .cursor").bounding_box()
    # Nothing is known, then something, then nobody looks any more.
    nothing = {"done": False, "status": "looking", "answer": "shop is being looked at.", "onset": None, "suspects": []}
    some = {**nothing, "answer": "shop fails 34 %; traces are still being looked at.", "onset": explanation()["onset"]}
    visit.oncall.explanation = {**explanation(), "revert": None}
    visit.oncall.under_way = [nothing, some, {**some, "status": "given_up", "answer": "It was not brought to its end."}]
    visit.page.mouse.click(box["x"] + box["width"] * 0.95, box["y"] + 40)
    sheet = visit.page.get_by_role("dialog")
    expect(sheet).to_contain_text("most likely because of UpdateService of shop by bob")
    sheet.get_by_role("button", name="Look thoroughly").click()
    expect(sheet).to_contain_text("Looking at traces")
    expect(sheet).to_contain_text("most likely because of UpdateService of shop by bob")
    expect(sheet).to_contain_text("traces are still being looked at")
    expect(sheet).not_to_contain_text("% sure")
    expect(sheet).not_to_contain_text("What was looked at")
    expect(sheet).to_contain_text("It was not brought to its end.")
    expect(sheet).to_contain_text("Nobody has finished looking")
    assert visit.complaints == []


def test_alarms_that_nobody_knows_are_not_called_off(visiting: Visiting) -> None:
    scene = calm()
    scene.mute = {"us-east-1": "AWS denies cloudwatch:DescribeAlarms"}
    visit = visiting(scene)
    visit.open()
    expect(visit.page.locator("#alarms")).to_contain_text("us-east-1: AWS denies cloudwatch:DescribeAlarms")
    expect(visit.page.locator("#alarms")).not_to_contain_text("No alarm is on.")
    assert visit.complaints == []


def test_what_comes_from_outside_is_text(visiting: Visiting) -> None:
    scene = night()
    evil = '<img src=x onerror="document.title=1">'
    scene.on = {"shop": ("parapet-prod-shop-availability-page",), "images": ()}
    scene.health |= {"region": evil}
    visit = visiting(scene)
    visit.open()
    expect(visit.page.locator("#place")).to_contain_text(evil)
    assert visit.page.locator("img").count() == 1
    assert visit.complaints == []


def test_links_lead_to_the_web_only(visiting: Visiting) -> None:
    scene = night()
    told = scene.alarms
    scene.alarms = lambda now: [{**one, "console": "javascript:alert(1)"} for one in told(now)]  # type: ignore[method-assign]
    visit = visiting(scene)
    visit.open()
    expect(visit.page.locator("#alarms")).to_contain_text("parapet-prod-shop-availability-page")
    assert visit.page.locator("#alarms a").count() == 0


def shut_out(page: Any) -> list[str]:
    """Whom a page shuts out, and how, as axe finds it."""
    page.evaluate(resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    return [f"{one['id']}: {node['html'][:120]} {node['failureSummary']}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_nobody_is_shut_out(visiting: Visiting, size: dict[str, int], theme: str) -> None:
    visit = visiting(size=size, theme=theme, reduced_motion="reduce")
    visit.oncall.explanation = explanation()
    visit.open("")
    visit.see(visit.page.get_by_role("dialog"))
    assert shut_out(visit.page) == []
    visit.page.get_by_label("Token").fill(token("read"))
    visit.page.keyboard.press("Enter")
    visit.see(visit.page.locator("#latency .cursor"))
    visit.page.locator("#latency").get_by_text("Table").click()
    visit.page.locator("#saturation summary").first.click()
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert shut_out(visit.page) == []
    visit.shot(f"night-{theme}-{size['width']}")
    for name in ("images", "intake", "platform"):
        visit.page.locator(".stop", has_text=name).click()
        expect(visit.page.locator("#name")).to_contain_text(name)
    assert shut_out(visit.page) == []
    visit.page.evaluate(f"sessionStorage.setItem('parapet-token', {json.dumps(token())})")
    visit.page.reload()
    visit.see(visit.page.locator(".card-foot").first)
    visit.button("Undo").first.click()
    assert shut_out(visit.page) == []
    visit.page.get_by_label("Why").fill("the vendor connects today")
    visit.page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    expect(visit.page.locator("#requests")).to_contain_text("Undone.")
    visit.page.locator(".stop", has_text="shop").click()
    visit.see(visit.page.locator("#availability .cursor")).focus()
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("dialog")).to_contain_text("It can be taken back")
    assert shut_out(visit.page) == []


def test_a_page_that_is_zoomed_to_four_times_fits(visiting: Visiting) -> None:
    visit = visiting(size={"width": 320, "height": 640})
    visit.open()
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert visit.complaints == []


def test_a_gauge_gets_the_chart(visiting: Visiting) -> None:
    visit = visiting()
    visit.open()
    saturation = visit.page.locator("#saturation")
    expect(saturation.locator("figcaption")).to_contain_text("Connections, database shop")
    # Where it is bad its curve is red, as the others' are.
    expect(saturation.locator("figcaption .bound")).to_have_text("bad from 80 %")
    expect(saturation.locator(".goal")).to_have_count(1)
    visit.see(saturation.locator("path.line-0.is-bad"))
    saturation.locator("summary").first.click()
    saturation.get_by_role("button", name=re.compile("^CPU.*database shop")).click()
    expect(saturation.locator("figcaption")).to_contain_text("CPU, database shop")
    expect(saturation.locator(".gauge[aria-pressed=true]")).to_have_count(1)
    assert visit.focused == "gauge database shop cpu"
    assert visit.complaints == []


def test_no_service_is_left_out_and_long_lists_stay_short(visiting: Visiting) -> None:
    scene = night()
    told = scene.remediations
    scene.remediations = lambda now: [  # type: ignore[method-assign]
        {**told(now)[0], "id": f"{number:08d}"} for number in range(9)
    ]
    visit = visiting(scene)
    visit.oncall.a_page = 4
    visit.open()
    # The first page has not the worst.
    assert names(visit) == ["shop", "images", "archive", "intake", "platform", "saas"]
    assert visit.page.locator("#remediations .item:visible").count() == 6
    visit.page.locator("#remediations").get_by_text("3 more").click()
    assert visit.page.locator("#remediations .item:visible").count() == 9
    assert visit.complaints == []
