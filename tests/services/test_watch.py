"""Looking at services again and again: what is asked of AWS, what is remembered, and for how long."""

from __future__ import annotations

import contextvars
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from chalicelib.model import AwsError
from chalicelib.services import golden, watch
from chalicelib.services.golden import Fullness
from chalicelib.services.model import Objective, Service, Target
from chalicelib.services.reading import FRESH, Reader
from chalicelib.services.watch import AGAIN, LASTING, Cost, Seen, Watch
from chalicelib.slo import spending
from deploy import example
from tests.services.test_reading import NOW, CloudWatch

VIEW = golden.view("3h", charts=False)
ALB = Target("alb", {"load_balancer": "app/shop/50dc6c495c0c9188"})
SHOP = Service("shop", ALB, (), (Objective("shop", "availability", "availability", 99.9),))
who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


@dataclass
class Account(CloudWatch):
    """CloudWatch, and Auto Scaling groups of the size that their names say."""

    answer: Callable[[str], int] = len
    sizes: list[str] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        assert (service, operation) == ("autoscaling", "describe_auto_scaling_groups")
        [name] = params["AutoScalingGroupNames"]
        self.sizes.append(name)
        return {"AutoScalingGroups": [{"MinSize": 0, "MaxSize": self.answer(name)}]}


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def watching(account: Account) -> Watch:
    return Watch(lambda region: account, account.defects.append)


def having(*groups: str) -> Service:
    return replace(SHOP, dependencies=tuple(Target("autoscaling", {"group": one}) for one in groups))


def sizes(seen: Sequence[Seen]) -> dict[str, Fullness]:
    """The gauges of how many instances groups have, by what they are of."""
    return {one.of: one for each in seen for one in each.golden.saturation if one.gauge.name == "size"}


def refuse(code: str) -> Callable[[str], int]:
    def answer(_name: str) -> int:
        raise AwsError("autoscaling:DescribeAutoScalingGroups", code, "not now")

    return answer


class TestRemembered:
    def test_a_look_is_for_as_long_as_it_is_fresh(self, account: Account, watching: Watch) -> None:
        first, cost = watching.look([SHOP], VIEW, NOW)
        # The signals; and four spans of the budget, one for each period.
        assert cost.calls == 5
        assert cost.queries == sum(len(one["MetricDataQueries"]) for one in account.asked)
        again, spared = watching.look([SHOP], VIEW, NOW + watch.FRESH - 0.1)
        assert (again, spared) == (first, Cost(0, 0))
        assert len(account.asked) == 5
        later, cost = watching.look([SHOP], VIEW, NOW + watch.FRESH)
        assert (later is first, cost.calls) == (False, 0)
        _, cost = watching.look([SHOP], VIEW, NOW + FRESH)
        assert cost.calls > 0

    def test_another_window_or_other_services_are_another_look(self, watching: Watch) -> None:
        watching.look([SHOP], VIEW, NOW)
        assert watching.look([SHOP], golden.view("24h", charts=False), NOW)[1].calls > 0
        both, _ = watching.look([SHOP, replace(SHOP, name="cart")], VIEW, NOW)
        assert [one.golden.service.name for one in both] == ["shop", "cart"]

    def test_a_service_that_was_changed_is_looked_at_anew(self, watching: Watch) -> None:
        watching.look([SHOP], VIEW, NOW)
        [seen], _ = watching.look([replace(SHOP, runbook="https://wiki.example.com/x")], VIEW, NOW)
        assert seen.golden.service.runbook

    def test_an_older_time_is_not_answered_from_a_newer_one(self, watching: Watch) -> None:
        [newer], _ = watching.look([SHOP], VIEW, NOW)
        [older], _ = watching.look([SHOP], VIEW, NOW - 1)
        assert older is not newer

    def test_no_more_looks_than_fit(self, watching: Watch) -> None:
        for number in range(watch.REMEMBERED + 2):
            watching.look([replace(SHOP, name=f"s{number}")], VIEW, NOW)
        assert len(watching._last) <= watch.REMEMBERED + 1

    def test_budgets_alone_share_what_a_look_has_read(self, watching: Watch) -> None:
        [seen], _ = watching.look([SHOP], VIEW, NOW)
        assert watching.budgets([SHOP], NOW) == (seen.budgets, Cost(0, 0))


class TestLimits:
    def test_are_looked_up_side_by_side(self, account: Account, watching: Watch) -> None:
        names = ("a", "bb", "ccc", "dddd")
        together = threading.Barrier(len(names), timeout=5)

        def answer(name: str) -> int:
            together.wait()
            return len(name)

        account.answer = answer
        found = sizes(watching.look([having(*names)], VIEW, NOW)[0])
        assert {of: (one.full, one.source) for of, one in found.items()} == {
            f"group {name}": (float(len(name)), "its largest size") for name in names
        }

    def test_are_asked_for_by_who_looks(self, account: Account, watching: Watch) -> None:
        asking: list[str] = []

        def answer(_name: str) -> int:
            asking.append(who.get())
            return 1

        account.answer = answer
        token = who.set("api_handler")
        watching.look([having("web")], VIEW, NOW)
        who.reset(token)
        assert asking == ["api_handler"]

    def test_nobody_waits_for_one_that_takes_long(
        self, account: Account, watching: Watch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watch, "PATIENCE", 0.05)
        told = threading.Event()
        account.answer = lambda name: 7 if told.wait(5) else 0
        [waiting] = sizes(watching.look([having("web")], VIEW, NOW)[0]).values()
        assert (waiting.state, waiting.full, waiting.source) == ("no_data", None, "it is being looked up")
        watching.look([having("web")], VIEW, NOW + FRESH)
        assert account.sizes == ["web"], "it is asked for once"
        told.set()
        [future] = watching._seeking.values()
        future.result(5)
        [found] = sizes(watching.look([having("web")], VIEW, NOW + 2 * FRESH)[0]).values()
        assert (found.state, found.full) == ("ok", 7)

    def test_that_are_known_last(self, account: Account, watching: Watch) -> None:
        for after in (0, FRESH, LASTING):
            watching.look([having("web")], VIEW, NOW + after)
        assert account.sizes == ["web"]
        watching.look([having("web")], VIEW, NOW + LASTING + FRESH)
        assert account.sizes == ["web", "web"]

    def test_that_do_not_exist_are_not_asked_for_all_the_time(self, account: Account, watching: Watch) -> None:
        # As many at least as at most: nothing can get full.
        account.answer = lambda name: 0
        for after in (0, LASTING):
            [one] = sizes(watching.look([having("web")], VIEW, NOW + after)[0]).values()
            assert (one.state, one.full) == ("ok", None)
        assert account.sizes == ["web"]

    def test_that_may_not_be_known_are_not_asked_for_all_the_time(self, account: Account, watching: Watch) -> None:
        account.answer = refuse("AccessDenied")
        for after in (0, LASTING):
            [one] = sizes(watching.look([having("web")], VIEW, NOW + after)[0]).values()
            assert (one.state, one.why) == ("denied", "AWS denies autoscaling:DescribeAutoScalingGroups")
        assert account.sizes == ["web"]

    def test_that_were_not_told_for_a_passing_reason_are_asked_for_again_soon(
        self, account: Account, watching: Watch
    ) -> None:
        account.answer = refuse("Throttling")
        for after in (0, AGAIN):
            [one] = sizes(watching.look([having("web")], VIEW, NOW + after)[0]).values()
            assert one.state == "no_data"
            assert one.source == "AWS answered autoscaling:DescribeAutoScalingGroups with Throttling"
        assert account.sizes == ["web"]
        account.answer = len
        [one] = sizes(watching.look([having("web")], VIEW, NOW + AGAIN + FRESH)[0]).values()
        assert (one.state, one.full) == ("ok", 3)

    def test_that_we_fail_to_read_fail_nothing_else_and_are_told_where(self, account: Account, watching: Watch) -> None:
        def answer(name: str) -> int:
            return len(name) if name == "web" else int(name)

        account.answer = answer
        [seen], _ = watching.look([having("web", "other")], VIEW, NOW)
        assert seen.golden.availability.state == "ok"
        found = sizes([seen])
        assert (found["group web"].state, found["group web"].full) == ("ok", 3)
        assert (found["group other"].state, found["group other"].full) == ("no_data", None)
        assert found["group other"].source == "a defect of Parapet's (ValueError): please report it"
        [trace] = account.defects
        assert "in group_size" in trace
        watching.look([having("web", "other")], VIEW, NOW + FRESH)
        assert len(account.defects) == 1, "told once for each time that it was looked for"


def test_an_hour_of_the_page_costs_what_is_documented() -> None:
    """Each 15 s all services and the charts of one; how often a series is asked for depends on no value of it."""

    class Mute(CloudWatch):
        def _result(self, query: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
            return {"Id": query["Id"], "StatusCode": "Complete", "Timestamps": [], "Values": []}

    systems = example.services()
    shown, spent = (Reader(lambda region: Mute()) for _ in range(2))

    def look(now: float) -> int:
        views = [golden.wanted(one, VIEW, now) for one in systems], [golden.wanted(systems[0], golden.view("3h"), now)]
        read = [shown.read(chain(*some), now) for some in views]
        read.append(spent.read(chain(*(spending.wanted(one, now) for one in systems)), now))
        return sum(one.queries for one in read)

    first, hour = look(NOW), sum(look(NOW + after) for after in range(15, 3601, 15))
    page = " ".join((Path(__file__).parents[2] / "docs" / "cost.md").read_text("utf-8").split())
    said = f"{first} series when the page is opened, and then {round(hour, -2):,} an hour: **{hour / 1e5:.2f} an hour**"
    assert said in page
    [each] = re.findall(r"([\d,]+) × S × p_metric", page)
    assert float(each.replace(",", "")) * len(systems) == pytest.approx(hour, rel=0.02)
    assert f"{round(720 * hour / 1e5)} for metrics" in page


class TestTrouble:
    REFUSAL = AwsError("cloudwatch:GetMetricData", "Throttling", "Rate exceeded")

    def test_is_raised_and_not_remembered(self, account: Account, watching: Watch) -> None:
        account.error = self.REFUSAL
        with pytest.raises(AwsError, match="Throttling"):
            watching.look([SHOP], VIEW, NOW)
        account.error = None
        [seen], _ = watching.look([SHOP], VIEW, NOW)
        assert seen.golden.availability.state == "ok"

    def test_of_the_budgets_alone_is_raised_too(self, account: Account, watching: Watch) -> None:
        # What is shown is known already; what is spent is asked for.
        watching.look([replace(SHOP, objectives=())], VIEW, NOW)
        account.error = self.REFUSAL
        with pytest.raises(AwsError, match="Throttling"):
            watching.look([SHOP], VIEW, NOW)

    def test_a_denial_is_a_state(self, account: Account, watching: Watch) -> None:
        account.error = AwsError("cloudwatch:GetMetricData", "AccessDenied", "no identity-based policy allows it")
        [seen], _ = watching.look([SHOP], VIEW, NOW)
        assert (seen.golden.availability.state, seen.golden.latency.state) == ("denied", "denied")
        [budget] = seen.budgets
        assert (budget.state, budget.left) == ("denied", None)

    def test_leaves_nothing_running(self, account: Account) -> None:
        """Lambda freezes what still runs, and it would go on while another request is answered."""
        here, came, ended = threading.current_thread(), threading.Event(), threading.Event()

        class Slow(Account):
            def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
                if threading.current_thread() is here:
                    came.wait(5)
                    raise TestTrouble.REFUSAL
                came.set()
                time.sleep(0.05)
                ended.set()
                return super().all(service, operation, key, **params)

        with pytest.raises(AwsError, match="Throttling"):
            Watch(lambda region: Slow(), account.defects.append).look([SHOP], VIEW, NOW)
        assert ended.is_set()
