"""The service map on the page: drawn, read by keyboard and by screen readers, and leading to traces and log lines."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from playwright.sync_api import expect

from chalicelib.api import page
from chalicelib.tracing.layout import lay
from local.systems import SYSTEMS
from tests.browser import test_page
from tests.browser.oncall import token
from tests.browser.scenes import calm
from tests.browser.test_page import PHONE, WIDE, Visit, Visiting, shut_out
from tests.tracing.test_layout import maps

pytestmark = pytest.mark.browser
visiting = test_page.visiting
MAP = "GET /api/v1/traces/map"
HEIGHT = 56


def opened(visit: Visit, choice: str = "#shop") -> Any:
    visit.open(choice=choice)
    visit.button("Service map", "#head").click()
    found = visit.page.locator("#map")
    visit.see(found.locator(".node").first)
    return found


def passing(visit: Visit, seconds: int) -> None:
    """Let time pass, slowly enough for answers to come in between."""
    for _ in range(seconds // 10):
        visit.later(10)


def test_it_is_drawn_where_it_hurts_and_asked_for_when_it_is_seen(visiting: Visiting) -> None:
    visit = visiting()
    visit.open(choice="#shop")
    assert not [one for one in visit.oncall.seen if "/traces" in one]
    visit.button("Service map", "#head").click()
    found = visit.page.locator("#map")
    visit.see(found.locator(".node").first)
    assert visit.focused == "map"
    expect(found.locator(".map-says")).to_contain_text(
        re.compile(r"Most of what fails begins where shop calls shop@shop-db: \d\d.% of 300 sampled calls fail")
    )
    assert found.locator(".node.is-red .node-name").all_text_contents() == ["shop", "shop@shop-db"]
    labels = [one.get_attribute("aria-label") for one in found.locator(".node").all()]
    assert labels[0] == "Calls from outside"
    assert re.fullmatch(
        r"shop@shop-db, database, hurts: \d+ % of 300 sampled calls fail, [\d.]+ % before; p95 .*, .* before",
        labels[-1],
    )
    assert found.locator(".edge").count() == 3
    assert found.locator(".edge.is-red title").all_text_contents()[0].startswith("outside calls shop: ")
    expect(found.locator(".card-foot")).to_contain_text(
        "shares are estimates, CloudWatch's metrics count every request."
    )
    assert [one for one in visit.oncall.seen if "/traces" in one] == [f"{MAP}?service=shop"]
    visit.shot("map-shop")
    found.get_by_role("button", name="All services").click()
    expect(found.locator(".node-name", has_text="images-resize")).to_be_visible()
    assert visit.focused == "map true"
    # Everybody and every call is there, who calls from outside as well.
    assert found.locator(".node").count() == 1 + sum(len(one.nodes) for one in SYSTEMS.values())
    assert found.locator(".edge").count() == len(SYSTEMS) + sum(len(one.edges) for one in SYSTEMS.values())
    visit.shot("map-all")
    # What is chosen in the list is shown alone again.
    found.get_by_role("button", name="shop", exact=True).click()
    visit.page.locator(".stop", has_text="images").click()
    expect(found.locator(".map-says")).to_contain_text("images/prod calls images-resize")
    assert visit.complaints == []


def test_a_click_shows_traces_and_their_log_lines(visiting: Visiting) -> None:
    visit = visiting()
    found = opened(visit)
    # On the line itself, which is thin.
    found.locator(".edge.is-red .edge-hit").last.click()
    sheet = visit.see(visit.page.get_by_role("dialog"))
    expect(sheet.get_by_role("heading", level=2)).to_have_text("shop → shop@shop-db")
    expect(sheet.get_by_role("row", name=re.compile("^Fail "))).to_contain_text(re.compile(r"\d\d %"))
    expect(sheet.get_by_role("heading", level=3)).to_have_text("Traces that failed here")
    visit.see(sheet.locator(".trace").first)
    [asked] = [one for one in visit.oncall.seen if "/traces?" in one]
    for part in (
        "kind=fault",
        "node=shop%40shop-db",
        "type=Database%3A%3ASQL",
        "caller=shop",
        "caller_type=AWS%3A%3AEC2",
    ):
        assert part in asked
    for number in range(8):
        one = sheet.locator(".trace").nth(number)
        expect(one).to_contain_text(
            re.compile(r"failed with 500 after .*in shop@shop-db: FATAL: remaining connection slots")
        )
        one.locator("summary").click()
        expect(one.locator(".trace-says")).to_contain_text("shop@shop-db failed: OperationalError: FATAL")
        assert one.locator(".step-name").all_text_contents()[:2] == ["failed:  shop", "failed:  shop@shop-db"]
        if one.locator(".lines").count():
            break
    lines = one.locator(".lines code")
    expect(lines.first).to_contain_text("remaining connection slots")
    expect(one.get_by_role("link", name="In AWS's console")).to_have_attribute("href", re.compile("#xray:traces/1-"))
    visit.shot("map-trace")
    visit.page.keyboard.press("Escape")
    sheet.wait_for(state="hidden")
    assert visit.complaints == []


def test_the_keyboard_walks_it(visiting: Visiting) -> None:
    visit = visiting()
    found = opened(visit)
    page = visit.page
    found.get_by_role("button", name="All services").focus()
    walked = []
    for _ in range(4):
        page.keyboard.press("Tab")
        walked.append(visit.focused)
    names = ("client", "AWS::EC2::Instance shop", "remote payments.example.com", "Database::SQL shop@shop-db")
    assert walked == [f"node {one}" for one in names]
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("heading", level=2)).to_have_text("shop@shop-db")
    page.keyboard.press("Escape")
    assert visit.focused == walked[-1]
    found.locator("summary").press("Enter")
    rows = found.locator("tbody tr")
    assert rows.count() == 3
    expect(rows.first).to_contain_text(re.compile(r"shop\s*hurts: shop@shop-db\s*300"))
    rows.last.get_by_role("button", name="Traces of calls from shop to payments.example.com").press("Enter")
    expect(page.get_by_role("dialog").get_by_role("heading", level=3)).to_have_text("Traces that were slow here")
    expect(page.get_by_role("dialog").locator(".trace").first).to_be_visible()
    assert [one for one in visit.oncall.seen if "slower=" in one]
    assert visit.complaints == []


@pytest.mark.parametrize(("state", "word"), [("no_data", "No traces"), ("denied", "May not look")])
def test_states_are_states(visiting: Visiting, state: str, word: str) -> None:
    scene = calm()
    scene.traces = state
    visit = visiting(scene)
    visit.open()
    visit.button("Service map", "#head").click()
    expect(visit.page.locator("#map .instead")).to_contain_text(word)
    assert visit.page.locator("#map .node").count() == 0
    assert visit.complaints == []


def test_what_cannot_be_read_is_said_and_tried_again(visiting: Visiting) -> None:
    visit = visiting()
    visit.page.clock.install()
    visit.oncall.broken["traces"] = (503, "X-Ray throttles Parapet.")
    visit.open(choice="#shop")
    visit.button("Service map", "#head").click()
    expect(visit.page.locator("#map")).to_contain_text("Could not be read: X-Ray throttles Parapet.")
    visit.oncall.broken.clear()
    passing(visit, 70)
    expect(visit.page.locator("#map .node").first).to_be_visible()
    looks = sum(MAP in one for one in visit.oncall.seen)
    passing(visit, 30)
    assert sum(MAP in one for one in visit.oncall.seen) == looks
    # What was read stays when it cannot be read again.
    visit.oncall.broken["traces"] = (503, "X-Ray throttles Parapet.")
    passing(visit, 70)
    expect(visit.page.locator("#map")).to_contain_text("Could not be read: X-Ray throttles Parapet.")
    expect(visit.page.locator("#map .node").first).to_be_visible()
    visit.page.locator("#map .node.is-red").first.click()
    expect(visit.page.get_by_role("dialog")).to_contain_text("Could not be read: X-Ray throttles Parapet.")
    assert set(visit.complaints) == {test_page.NOT_FOUND.replace("404 (Not Found)", "503 (Service Unavailable)")}


def test_a_token_that_is_forgotten_takes_the_map_with_it(visiting: Visiting) -> None:
    visit = visiting()
    found = opened(visit)
    found.locator(".node.is-red").first.click()
    visit.see(visit.page.locator(".trace").first)
    visit.page.keyboard.press("Escape")
    visit.page.get_by_role("button", name="Token").click()
    visit.page.get_by_role("button", name="Forget mine").click()
    assert "shop-db" not in visit.page.content()
    visit.page.get_by_label("Token").fill(token())
    visit.page.keyboard.press("Enter")
    visit.button("Service map", "#head").click()
    visit.see(visit.page.locator("#map .node").first)
    assert visit.complaints == []


MORE = "There is more to the right: scroll the picture sideways."


@pytest.mark.parametrize(("across", "scrolls"), [(360, False), (375, False), (760, True), (1280, False)])
def test_all_services_fit_the_width_or_it_is_said_that_they_do_not(
    visiting: Visiting, across: int, scrolls: bool
) -> None:
    visit = visiting(size={"width": across, "height": 800})
    found = opened(visit)
    found.get_by_role("button", name="All services").click()
    expect(found.locator(".node")).to_have_count(1 + sum(len(one.nodes) for one in SYSTEMS.values()))
    cut = found.locator(".map-frame").evaluate("frame => frame.scrollWidth > frame.clientWidth")
    assert cut == scrolls
    assert found.get_by_text(MORE).is_visible() == scrolls
    visit.shot(f"map-all-{across}")
    assert visit.complaints == []


@pytest.mark.parametrize(("size", "theme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide", "phone"])
def test_nobody_is_shut_out(visiting: Visiting, size: dict[str, int], theme: str) -> None:
    visit = visiting(size=size, theme=theme, reduced_motion="reduce")
    found = opened(visit)
    visit.shot(f"map-{theme}-{size['width']}")
    found.locator("summary").click()
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert visit.page.evaluate(fits)
    found.get_by_role("button", name="All services").click()
    expect(found.locator(".node-name", has_text="images-cache")).to_have_count(1)
    assert visit.page.evaluate(fits)
    assert shut_out(visit.page) == []
    found.locator(".node.is-red").first.click()
    visit.page.locator(".trace summary").first.click()
    visit.see(visit.page.locator(".step").first)
    assert shut_out(visit.page) == []
    assert visit.complaints == []


def test_no_two_nodes_lie_on_each_other_and_all_calls_are_drawn(visiting: Visiting) -> None:
    visit = visiting(calm())
    visit.open()
    code = """async ([map, width]) => {
        const { place, way } = await import('./map.js');
        const places = place(map, width);
        const layer = new Map(map.nodes.map((one) => [one.id, one.layer]));
        return [places.size, places.width, places.height, [...places.found].map(([id, { x, y }]) => [id, x, y]),
            map.edges.map((one) => way(one, (id) => layer.get(id), places))];
    }"""

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(maps())
    def drawn(made: tuple[list[str], list[tuple[str, str]]]) -> None:
        nodes, calls = made
        layout = lay(nodes, calls)
        known = [pair for pair in dict.fromkeys(calls) if pair[0] != pair[1] and set(pair) <= set(nodes)]
        told = {
            "nodes": [{"id": one, "layer": at[0], "row": at[1]} for one, at in layout.places.items()],
            "edges": [{"caller": one, "callee": to, "bends": layout.bends.get((one, to), ())} for one, to in known],
            "rows": layout.rows,
        }  # fmt: skip
        for room in (1046, 318):
            size, width, height, found, ways = visit.page.evaluate(code, [told, room])
            assert {one for one, _, _ in found} == set(nodes)
            at = {one: (x, y) for one, x, y in found}
            if room < 640:
                # One layer below the other, however many stand in each.
                assert width <= room
                for one, (layer, _) in layout.places.items():
                    assert all(at[one][1] < at[to][1] for to, (below, _) in layout.places.items() if layer < below)
            for one, (x, y) in at.items():
                assert 0 <= x <= width - size
                assert 0 <= y <= height - HEIGHT + 5
                for other, (beside, below) in at.items():
                    assert one == other or abs(x - beside) >= size or abs(y - below) >= HEIGHT
            assert len(ways) == len(known)
            for (caller, callee), line in zip(known, ways, strict=True):
                # From the edge of the one to the edge of the other.
                begun = [float(number) for number in re.findall(r"-?[\d.]+", line["path"])[:2]]
                (x, y), (to_x, to_y) = at[caller], at[callee]
                assert begun in ([x + size, y + HEIGHT / 2], [x + size / 2, y + HEIGHT])
                assert line["end"] in ([to_x, to_y + HEIGHT / 2], [to_x + size / 2, to_y])
                assert "NaN" not in line["path"]

    drawn()
    assert visit.complaints == []


def test_the_whole_page_stays_light() -> None:
    files: list[Path] = sorted(page.WEB.iterdir())
    assert {one.name for one in files} >= {"map.js", "map.css", "page.js"}
    assert sum(len(gzip.compress(one.read_bytes())) for one in files) < 60_000
