from __future__ import annotations

import pytest

from chalicelib.insights import plan, queries
from chalicelib.insights.chosen import Insights
from chalicelib.insights.groups import NoGroups
from chalicelib.insights.plan import Plan, Where
from chalicelib.insights.price import GB, Dear
from chalicelib.model import DAY, ParapetError
from chalicelib.services.model import Service, Target
from tests.insights.logs import Logs, group
from tests.insights.logs import groups as empty

NOW = 1_795_000_001.0
HOUR = 3600.0
ALB = Target("alb", {"load_balancer": "app/shop/50dc6c495c0c9188"})
SHOP = Service("shop", ALB, logs={"app": ("/ecs/shop",), "alb": ("/alb/shop",)})
CART = Service("cart", ALB, logs={"app": ("/ecs/cart", "/ecs/shop")})
QUIET = Service("quiet", ALB)
ANYWHERE = Where()
SERVICES = (SHOP, CART, QUIET)


def logs() -> Logs:
    return Logs(groups=empty(["/ecs/shop", "/ecs/cart", "/alb/shop", "/vpc", "trail"]))


def planned(aws: Logs, name: str, where: Where = ANYWHERE, *, budget: int = 20, **more: float | bool) -> Plan:
    return plan.of(
        aws, queries.find(name), {}, where, NOW, SERVICES, Insights(budget, {"vpc": ("/vpc",)}), **more  # type: ignore[arg-type]
    )  # fmt: skip


class TestTheLogGroups:
    def test_are_those_of_a_service(self) -> None:
        assert planned(logs(), "errors-top", Where(service="shop")).names == ("/ecs/shop",)

    def test_are_those_of_all_services_each_once(self) -> None:
        assert planned(logs(), "errors-top").names == ("/ecs/shop", "/ecs/cart")

    def test_of_several_kinds_come_together(self) -> None:
        found = plan.of(
            logs(), queries.find("trace"), {"request": "1-69b1f3a0"}, Where(service="shop"), NOW, SERVICES, Insights()
        )
        assert found.names == ("/ecs/shop", "/alb/shop")

    def test_are_the_account_s_where_no_service_has_them(self) -> None:
        assert planned(logs(), "vpc-rejects").names == ("/vpc",)

    def test_are_what_somebody_names(self) -> None:
        assert planned(logs(), "vpc-rejects", Where(groups=("/ecs/*", "trail"))).names == (
            "/ecs/shop",
            "/ecs/cart",
            "trail",
        )

    @pytest.mark.parametrize(
        ("name", "where", "said"),
        [
            ("errors-top", Where(service="shpo"), "there is no service 'shpo'"),
            ("errors-top", Where(service="quiet"), "nobody knows where quiet has its logs of kind app"),
            ("apigw-routes", Where(), "nobody knows where shop or cart or quiet has its logs of kind apigw"),
        ],
    )
    def test_that_nobody_knows_are_said(self, name: str, where: Where, said: str) -> None:
        with pytest.raises(NoGroups, match=said):
            planned(logs(), name, where)

    def test_without_services_have_to_be_named(self) -> None:
        with pytest.raises(NoGroups, match=r"has no .*services.* whose logs could be read"):
            plan.of(logs(), queries.find("errors-top"), {}, Where(), NOW, (), Insights())


class TestTheWindow:
    def test_is_as_far_back_as_the_query_says(self) -> None:
        found = planned(logs(), "errors-top")
        assert (found.start, found.end) == (NOW - HOUR, NOW)

    def test_ends_where_somebody_says(self) -> None:
        found = planned(logs(), "changes", Where(groups=("trail",)), end=NOW - DAY)
        assert (found.start, found.end) == (NOW - DAY - 1800, NOW - DAY)

    @pytest.mark.parametrize("days", [7.0, 7.01])
    def test_is_not_too_long(self, days: float) -> None:
        if days == 7.0:
            assert planned(logs(), "errors-top", start=NOW - days * DAY).start == NOW - 7 * DAY
            return
        with pytest.raises(ParapetError, match="looks back 168 hours at the most"):
            planned(logs(), "errors-top", start=NOW - days * DAY)

    def test_of_what_somebody_types_is_as_they_say(self) -> None:
        found = plan.of(logs(), "fields @message", {}, Where(("/vpc",)), NOW, (), Insights(), start=NOW - 90 * DAY)
        assert (found.start, found.columns) == (NOW - 90 * DAY, ())

    def test_begins_before_it_ends(self) -> None:
        with pytest.raises(ParapetError, match="ends before it begins"):
            planned(logs(), "errors-top", start=NOW, end=NOW)


class TestThePrice:
    def test_is_of_what_arrived(self) -> None:
        aws = logs()
        aws.incoming = {"/ecs/shop": 2 * GB, "/ecs/cart": GB}
        assert planned(aws, "errors-top").price.bytes == 3 * GB
        assert planned(aws, "errors-top").price.usd == pytest.approx(0.015)

    def test_is_of_what_is_stored_where_nobody_counted(self) -> None:
        aws = Logs(groups=[group("/ecs/shop", 240 * GB, NOW - 10 * DAY)])
        assert planned(aws, "errors-top", Where(service="shop")).price.bytes == pytest.approx(GB)

    def test_is_of_both_spans_where_two_are_compared(self) -> None:
        aws = Logs(groups=[group("/ecs/shop", 240 * GB, NOW - 10 * DAY)])
        assert planned(aws, "errors-new", Where(service="shop")).price.bytes == pytest.approx(2 * GB)
        [asked] = aws.made("cloudwatch:get_metric_data")
        assert asked["StartTime"] <= NOW - 2 * HOUR

    def test_above_the_budget_is_refused_before_anything_starts(self) -> None:
        aws = logs()
        aws.incoming = {"/ecs/shop": 21 * GB}
        with pytest.raises(Dear):
            planned(aws, "errors-top")
        assert planned(aws, "errors-top", force=True).price.bytes == 21 * GB
        assert planned(aws, "errors-top", budget=21).price.bytes == 21 * GB
        aws.incoming = {"/ecs/shop": 501 * GB}
        with pytest.raises(Dear, match=r"force_gb in parapet.toml lets nobody read more than 500 GB"):
            planned(aws, "errors-top", force=True)
        assert not aws.made("logs:start_query")


@pytest.mark.parametrize("text", ["", "   "])
def test_an_empty_query_is_refused(text: str) -> None:
    with pytest.raises(ParapetError, match="the query is empty"):
        plan.of(logs(), text, {}, Where(("/vpc",)), NOW, (), Insights())


@pytest.mark.parametrize(
    "text",
    [
        "SOURCE logGroups() | fields @message",
        "source logGroups(namePrefix: ['/ecs']) | fields @message",
        "fields @message | filter id in (SOURCE logGroups(namePrefix: ['/ecs']) | fields id)",
        "fields @message | join (SOURCE # every\nlogGroups() | fields id)",
    ],
)
def test_no_query_reads_log_groups_that_nobody_has_priced(text: str) -> None:
    with pytest.raises(ParapetError, match="SOURCE reads log groups whose price nobody knows"):
        plan.of(logs(), text, {}, Where(("/vpc",)), NOW, (), Insights())


@pytest.mark.parametrize(
    "text", ["fields source, event", "filter source like /source (a|b)/", 'filter a = "the source"']
)
def test_a_field_of_that_name_is_one(text: str) -> None:
    assert plan.of(logs(), text, {}, Where(("/vpc",)), NOW, (), Insights()).text == text


@pytest.mark.parametrize(("text", "twice"), [("pattern @message | diff", 2), ("filter diff > 1", 1)])
def test_what_is_compared_with_the_time_before_is_priced_twice(text: str, twice: int) -> None:
    aws = Logs(groups=[group("/vpc", 100 * HOUR, NOW - 100 * HOUR)])
    found = plan.of(aws, text, {}, Where(("/vpc",)), NOW, (), Insights())
    assert found.price.bytes == pytest.approx(twice * HOUR)
