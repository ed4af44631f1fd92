"""The dashboards of the services: as CloudWatch documents them, from what the alarms read, gaps where nothing came."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib import chart, registry
from chalicelib.model import ParapetError
from chalicelib.section import SettingsError
from chalicelib.services import golden, kinds, sli
from chalicelib.services.kinds import DEPENDENCIES, ENTRIES, Field
from chalicelib.services.model import Metric, Objective, Service, Target
from chalicelib.settings import Settings, load
from deploy import derive, example, killer, objectives, widgets
from deploy.resources import dashboards
from local.cloudwatch import data, widget
from local.cloudwatch.data import Line
from local.cloudwatch.store import Metric as Stored
from local.cloudwatch.store import Store
from local.systems import SYSTEMS, writing
from local.systems.faults import Fault
from tests.account import TestAccount
from tests.deploy.dashboard_body import wrong
from tests.test_chart import count

ACCOUNT, REGION, OTHER = "123456789012", "eu-west-1", "210987654321"
FILLED = {"Stage": "prod", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws"}
ROOT = Path(__file__).parent.parent.parent
NOW = 1_795_000_200
BALANCER = Target("alb", {"load_balancer": "app/shop/50dc6c495c0c9188"})
DATABASE = Target("rds", {"instance": "shop-db", "max_connections": 413, "memory": 4})
GOOD = Objective("shop", "availability", "availability")
QUICK = Objective("shop", "latency", "latency", 95.0, 28, 0.3)
SHOP = Service("shop", BALANCER, (DATABASE,), (GOOD, QUICK), "https://wiki.example.com/shop")
SHOWN = derive.shown(Settings())
NAMES = ("500-killer", "images", "intake", "parapet", "platform", "saas", "shop")


def filled(text: str) -> str:
    """What CloudFormation's Fn::Sub makes of a text; raises KeyError for what it does not know."""
    found = re.sub(r"\$\{(?!!)([^}]*)\}", lambda one: FILLED[one[1]], text)
    return found.replace("${!", "${")


def body(*services: Service, each: bool = False, name: str = killer.NAME, page: str = "") -> dict[str, Any]:
    """A dashboard as CloudWatch gets it."""
    made = killer.bodies(services, each=each, page=page)[name]
    found: dict[str, Any] = json.loads(filled(widgets.rendered(made)))
    return found


def titled(title: str, of: Mapping[str, Any]) -> dict[str, Any]:
    """The one widget whose title begins so."""
    [found] = [one for one in of["widgets"] if one["properties"].get("title", "").startswith(title)]
    properties: dict[str, Any] = found["properties"]
    return properties


def words(of: Mapping[str, Any]) -> str:
    """All that stands there in words."""
    return "\n".join(one["properties"]["markdown"] for one in of["widgets"] if one["type"] == "text")


def labels(of: Mapping[str, Any]) -> dict[str, str]:
    """By what its lines are called, the axis of each."""
    return {row[-1]["label"]: row[-1]["yAxis"] for row in of["metrics"] if row[-1].get("visible", True)}


def queries(of: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a widget asks of CloudWatch, wherever each of its metrics is."""
    found = []
    for row in of["metrics"]:
        how = row[-1]
        one = {"Id": how["id"], "ReturnData": how.get("visible", True), "Label": how.get("label", how["id"])}
        period = how.get("period", of["period"])
        if "expression" in how:
            found.append({**one, "Expression": how["expression"], "Period": period})
            continue
        dimensions = [{"Name": name, "Value": value} for name, value in zip(row[2:-1:2], row[3:-1:2], strict=True)]
        metric = {"Namespace": row[0], "MetricName": row[1], "Dimensions": dimensions}
        found.append({**one, "MetricStat": {"Metric": metric, "Period": period, "Stat": how["stat"]}})
    return found


def drawn(of: Mapping[str, Any], store: Store, periods: int = 4, period: int = 300) -> dict[str, list[float | None]]:
    """The points of each of its lines over the last periods, None where there is a gap."""
    lines: Sequence[Line] = data.lines(store, queries(of), NOW - periods * period, NOW, NOW)
    times = range(NOW - periods * period, NOW, period)
    return {line.label: [dict(line.points).get(float(at)) for at in times] for line in lines}


def put(store: Store, metric: Metric, *values: float | None, period: int = 300) -> None:
    """One sample a period, the last in the one before now."""
    stored = Stored.of(metric.namespace, metric.name, dict(metric.dimensions))
    for ago, value in enumerate(reversed(values), 1):
        if value is not None:
            store.put(stored, NOW - period * ago, (value,))


def balanced(store: Store, *minutes: tuple[float | None, float | None, float | None]) -> None:
    """Requests of the load balancer, of which so many failed at targets, and those that it refused itself."""
    metric = kinds.naming(BALANCER, "AWS/ApplicationELB", ("LoadBalancer", "app/shop/50dc6c495c0c9188"))
    names = ("RequestCount", "HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count")
    for name, values in zip(names, zip(*minutes, strict=True), strict=True):
        put(store, metric(name), *values)


class TestAvailability:
    def test_is_told_with_who_made_the_errors(self) -> None:
        store = Store()
        balanced(store, (1000, None, None), (1000, 20, None), (990, 10, 10), (500, None, None))
        found = drawn(titled("shop: availability", body(SHOP)), store)
        assert found == {
            "good": pytest.approx([100.0, 98.0, 100 * (1 - 20 / 990), 100.0]),
            "bad, by target": [0.0, 20.0, 10.0, 0.0],
            "bad, by load balancer": [0.0, 0.0, 10.0, 0.0],
        }

    def test_is_a_gap_where_nothing_came(self) -> None:
        store = Store()
        balanced(store, (1000, 1, None), (None, None, None), (None, None, None), (10, None, None))
        found = drawn(titled("shop: availability", body(SHOP)), store)
        assert found["good"] == [pytest.approx(99.9), None, None, 100.0]

    def test_of_what_never_said_anything_is_a_gap(self) -> None:
        assert drawn(titled("shop: availability", body(SHOP)), Store())["good"] == [None] * 4

    def test_is_0_while_all_targets_are_down(self) -> None:
        store = Store()
        # The load balancer then counts no request at all, only its own 503s.
        balanced(store, (None, None, 400), (None, None, 300), (None, None, 500), (100, None, None))
        assert drawn(titled("shop: availability", body(SHOP)), store)["good"] == [0.0, 0.0, 0.0, 100.0]

    def test_shows_the_goal_and_never_more_than_all(self) -> None:
        found = titled("shop: availability", body(SHOP))
        assert found["annotations"]["horizontal"] == [
            {"value": 99.9, "label": "goal 99.9 %", "color": widgets.RED, "yAxis": "left"}
        ]
        assert (found["yAxis"]["left"]["max"], "min" in found["yAxis"]["left"]) == (100, False)
        assert labels(found) == {"good": "left", "bad, by target": "right", "bad, by load balancer": "right"}

    def test_of_a_distribution_is_counted_by_the_minute_where_its_metrics_are(self) -> None:
        service = Service("cdn", Target("cloudfront", {"distribution": "E2EXAMPLE1"}, "us-east-1"))
        found = titled("cdn: availability", body(service))
        assert (found["region"], found["period"]) == ("us-east-1", 60)
        store = Store()
        metric = kinds.naming(service.entry, "AWS/CloudFront", ("DistributionId", "E2EXAMPLE1"), ("Region", "Global"))
        put(store, metric("5xxErrorRate"), 50, 0, period=60)
        put(store, metric("Requests"), 10, 990, period=60)
        assert drawn(found, store, 2, 60)["good"] == [50.0, 100.0]

    def test_is_said_to_be_unknown_where_nothing_counts(self) -> None:
        service = Service("jobs", Target("sqs", {"queue": "jobs"}))
        assert "**jobs**: nothing counts its requests." in words(body(service))
        assert "availability" not in json.dumps([one["properties"].get("title") for one in body(service)["widgets"]])

    @pytest.mark.parametrize("entry", [one.entry for one in example.services()], ids=lambda one: one.kind)
    def test_says_what_the_alarms_read(self, entry: Target) -> None:
        """The picture and `sli.counted` agree, whatever was measured."""
        indicator = kinds.measures(entry).availability
        assert indicator is not None
        metrics, store = sli.metrics(indicator), Store()
        values = {one: float(number + 1) for number, one in enumerate(metrics) if one.stat == "Sum"}
        for one, value in values.items():
            put(store, one, value)
        counts = {one for one in metrics if one.stat == "SampleCount"}
        for one in counts:
            stored = Stored.of(one.namespace, one.name, dict(one.dimensions))
            store.put(stored, NOW - 300, (1.0,), (5,))
        counted = sli.counted(indicator, {**values, **dict.fromkeys(counts, 5.0)})
        assert counted is not None
        found = drawn(titled("x: availability", body(Service("x", entry))), store)["good"][-1]
        assert found == pytest.approx(100 * (1 - counted.bad / counted.total))


class TestLatency:
    def test_is_shown_with_the_bound(self) -> None:
        found = titled("shop: latency", body(SHOP))
        assert list(labels(found)) == ["p50", "p95", "p99"]
        assert found["yAxis"]["left"]["label"] == "seconds"
        assert [(one["value"], one["label"]) for one in found["annotations"]["horizontal"]] == [
            (0.3, "95 % under 0.3 s")
        ]

    def test_is_in_the_unit_of_its_metric(self) -> None:
        entry = Target("api_http", {"api": "a1b2c3d4e5", "stage": "$default"})
        service = Service("api", entry, (), (replace(QUICK, service="api"),))
        found = titled("api: latency", body(service))
        assert found["yAxis"]["left"]["label"] == "milliseconds"
        assert found["annotations"]["horizontal"][0]["value"] == pytest.approx(300)

    def test_knows_no_percentiles_where_cloudwatch_knows_none(self) -> None:
        target = Target("dynamodb", {"table": "tenants"})
        found = titled("table tenants: latency", body(replace(SHOP, dependencies=(target,)), each=True, name="shop"))
        assert list(labels(found)) == ["Average", "Maximum"]

    def test_is_said_to_be_unknown_where_nothing_tells(self) -> None:
        pool = Target("cognito", {"pool": "eu-west-1_AbCdEfGhI", "client": "1example"})
        assert "**users**: nothing tells how long" in words(body(Service("users", pool)))


class TestSaturation:
    def test_is_the_share_of_what_the_settings_know(self) -> None:
        store = Store()
        metric = kinds.naming(DATABASE, "AWS/RDS", ("DBInstanceIdentifier", "shop-db"))
        put(store, metric("DatabaseConnections"), 380)
        put(store, metric("FreeableMemory"), 2.0**30)
        put(store, metric("CPUUtilization"), 41)
        found = drawn(titled("shop: how full", body(SHOP)), store, 1)
        assert found == {
            "database shop-db: CPU (red from 90 %)": [41.0],
            "database shop-db: connections of 413 (red from 80 %)": [pytest.approx(100 * 380 / 413)],
            "database shop-db: free memory of 4 GiB: what lacks (red above 95 %)": [75.0],
        }

    def test_is_a_number_where_the_settings_do_not_know_of_how_many(self) -> None:
        service = replace(SHOP, dependencies=(Target("rds", {"instance": "shop-db"}),))
        found = titled("shop: how full", body(service))
        assert labels(found) == {
            "database shop-db: CPU (red from 90 %)": "left",
            "database shop-db: connections": "right",
        }
        assert found["yAxis"]["right"]["label"] == "number, of a limit that the settings do not tell"

    def test_of_another_metric_counts_what_lacks(self) -> None:
        tasks = Target("ecs", {"cluster": "platform", "service": "web"})
        store = Store()
        metric = kinds.naming(tasks, "ECS/ContainerInsights", ("ClusterName", "platform"), ("ServiceName", "web"))
        put(store, metric("RunningTaskCount"), 3)
        put(store, metric("DesiredTaskCount"), 4)
        found = drawn(titled("shop: how full", body(replace(SHOP, dependencies=(tasks,)))), store, 1)
        assert found["ECS service web: tasks that run of DesiredTaskCount: what lacks (red above 0 %)"] == [25.0]

    def test_has_a_line_where_it_is_full(self) -> None:
        [bound] = titled("shop: how full", body(SHOP))["annotations"]["horizontal"]
        assert (bound["value"], bound["label"], bound["yAxis"]) == (100, "full", "left")

    def test_is_said_to_be_unknown_where_nothing_tells(self) -> None:
        health = Service("plain", Target("custom", {"namespace": "Shop", "total": "Orders", "bad": "Lost"}))
        assert "**plain**: nothing tells how full it is." in words(body(health))

    def test_rates_and_other_units_are_told_in_detail(self) -> None:
        table = Target("dynamodb", {"table": "tenants"})
        aurora = Target("aurora", {"cluster": "saas-db"})
        of = body(replace(SHOP, dependencies=(table, aurora)), each=True, name="shop")
        store = Store()
        put(store, kinds.naming(table, "AWS/DynamoDB", ("TableName", "tenants"))("ConsumedReadCapacityUnits"), 600)
        dimensions = (("DBClusterIdentifier", "saas-db"), ("Role", "WRITER"))
        put(store, kinds.naming(aurora, "AWS/RDS", *dimensions)("CommitLatency"), 250)
        assert drawn(titled("table tenants: read capacity", of), store, 1)["read capacity"] == [2.0]
        assert drawn(titled("table tenants: read capacity", of), store, 1)["throttled reads"] == [0.0]
        assert drawn(titled("cluster saas-db: up since, commit", of), store, 1)["commit latency"] == [0.25]

    def test_tells_of_a_missing_agent(self) -> None:
        group = Target("autoscaling", {"group": "web"})
        found = titled("group web: CPU", body(replace(SHOP, dependencies=(group,)), each=True, name="shop"))
        assert "memory (red from 90 %) (no line: nothing measures it, the agent is missing)" in labels(found)


class TestDetail:
    def test_has_every_gauge_once(self) -> None:
        for service in example.services():
            found = body(service, each=True, name=service.name)
            for target, gauge in golden.gauges(service):
                name = gauge.label
                of = [
                    label
                    for one in found["widgets"]
                    if one["properties"].get("title", "").startswith(f"{kinds.titled(target)}: ")
                    for label in labels(one["properties"])
                    if label == name or label.startswith((f"{name} of ", f"{name} ("))
                ]
                assert of, f"{service.name} does not show {name} of {kinds.titled(target)}"

    def test_has_the_traffic_and_what_was_refused(self) -> None:
        store = Store()
        balanced(store, (990, 10, 10))
        metric = kinds.naming(BALANCER, "AWS/ApplicationELB", ("LoadBalancer", "app/shop/50dc6c495c0c9188"))
        put(store, metric("HTTPCode_Target_4XX_Count"), 7)
        put(store, metric("HTTPCode_ELB_4XX_Count"), 3)
        found = titled("shop: requests in 5m", body(SHOP, each=True, name="shop"))
        assert drawn(found, store, 1) == {"all": [990.0], "4xx (refused)": [10.0]}
        assert labels(found)["4xx (refused)"] == "right"

    @pytest.mark.parametrize(
        ("target", "name"),
        [
            (Target("api_rest", {"api": "images", "stage": "prod"}), "4XXError"),
            (Target("api_http", {"api": "a1b2c3d4e5", "stage": "prod"}), "4xx"),
            (Target("cloudfront", {"distribution": "E2EXAMPLE1"}, "us-east-1"), "4xxErrorRate"),
            (Target("lambda_function", {"function": "resize"}), None),
            (Target("cognito", {"pool": "eu-west-1_AbCdEfGhI", "client": "1example"}), None),
        ],
    )
    def test_knows_by_which_name_4xx_go(self, target: Target, name: str | None) -> None:
        found = titled("x: requests", body(Service("x", target), each=True, name="x"))
        assert [row[1] for row in found["metrics"] if "4" in str(row[1:2])] == ([name] if name else [])
        assert ("4xx (refused)" in labels(found)) == bool(name)

    def test_has_the_burn_rates_with_the_speeds_that_wake(self) -> None:
        found = titled("shop-availability: burn rate", body(SHOP, each=True, name="shop"))
        assert [(one["value"], one["label"]) for one in found["annotations"]["horizontal"]] == [
            (14.4, "14.4: page"), (6.0, "6: page"), (3.0, "3: ticket"), (1.0, "1: ticket"),
        ]  # fmt: skip
        assert found["start"] == "-P7D"
        store = Store()
        # One in a hundred, of a budget of one in a thousand: ten times as fast as it may.
        balanced(store, *[(1000.0, 10.0, None)] * 12)
        lines = {
            line.label: [value for _, value in line.points]
            for line in data.lines(store, queries(found), NOW - 3600, NOW, NOW)
        }
        assert lines["over 1h"] == [pytest.approx(10.0)]
        assert set(lines) == {"over 1h", "over 6h", "over 1d", "over 3d"}

    def test_of_a_latency_counts_those_that_took_longer(self) -> None:
        found = titled("shop-latency: burn rate", body(SHOP, each=True, name="shop"))
        assert found["annotations"]["horizontal"][0]["value"] == pytest.approx(13.44)
        assert {row[-1]["stat"] for row in found["metrics"] if len(row) > 1} == {"PR(:0.3)", "SampleCount"}

    def test_links_to_the_others_and_says_that_it_is_derived(self) -> None:
        page = "https://parapet.example.com"
        overview, detail = (body(SHOP, each=True, name=name, page=page) for name in ("500-killer", "shop"))
        assert "[shop](#dashboards:name=parapet-prod-shop)" in words(overview)
        assert "[all services](#dashboards:name=parapet-prod-500-killer)" in words(detail)
        for one in (overview, detail):
            assert "[button:primary:Parapet](https://parapet.example.com)" in words(one)
            assert "[runbook](https://wiki.example.com/shop)" in words(one)
            assert "Derived from `parapet.toml`" in words(one)

    def test_that_is_not_there_is_not_linked_to(self) -> None:
        assert "#dashboards" not in words(body(SHOP))
        assert list(killer.bodies((SHOP,), each=False)) == ["500-killer"]


class TestPlaces:
    def test_a_dependency_elsewhere_says_so_of_its_metrics(self) -> None:
        cdn = Target("cloudfront", {"distribution": "E2EXAMPLE1", "additional_metrics": True}, "us-east-1")
        nodes = Target("elasticache", {"node": "images-001"}, "eu-central-1", OTHER)
        found = titled("shop: how full", body(replace(SHOP, dependencies=(DATABASE, cdn, nodes))))
        assert found["region"] == REGION
        elsewhere = {row[0]: (row[-1].get("region"), row[-1].get("accountId")) for row in found["metrics"] if row[1:]}
        assert elsewhere == {
            "AWS/RDS": (None, None), "AWS/CloudFront": ("us-east-1", None),
            "AWS/ElastiCache": ("eu-central-1", OTHER),
        }  # fmt: skip

    def test_a_widget_is_where_its_service_is(self) -> None:
        far = Service("far", replace(BALANCER, region="eu-central-1", account=OTHER), (DATABASE,))
        found = body(far)
        for title in ("far: availability", "far: latency"):
            of = titled(title, found)
            assert (of["region"], of["accountId"]) == ("eu-central-1", OTHER)
            assert not any({"region", "accountId"} & set(row[-1]) for row in of["metrics"])
        near = titled("far: how full", found)
        assert (near["region"], "accountId" in near) == (REGION, False)

    def test_a_metric_of_our_own_among_others_says_whose_it_is(self) -> None:
        other = replace(DATABASE, account=OTHER)
        mine = Target("rds", {"instance": "ours"})
        found = titled("shop: how full", body(replace(SHOP, dependencies=(other, mine))))
        whose = {row[3]: row[-1].get("accountId") for row in found["metrics"] if row[1:]}
        assert (found["accountId"], whose) == (OTHER, {"shop-db": None, "ours": ACCOUNT})


class TestAlarms:
    def test_are_those_that_are_deployed(self) -> None:
        steady = replace(GOOD, service="steady", absent=600)
        cdn = Target("cloudfront", {"distribution": "E2EXAMPLE1"}, "us-east-1")
        far = Service("cdn", cdn, (), (replace(GOOD, service="cdn"),))
        services = (SHOP, Service("steady", BALANCER, (), (steady,)), far)
        made = {
            (place.region, one["Properties"]["AlarmName"])
            for place, template in objectives.templates(services, "prod", REGION, {}).items()
            for one in template["Resources"].values()
            if "AlarmName" in one["Properties"]
        }
        shown = titled("Error budgets", body(*services))["alarms"]
        found = {(arn.split(":")[3], arn.split(":", 6)[6]) for arn in shown}
        assert found <= made
        telling = {one for one in made if one[1].endswith(("-page", "-ticket", "-absent"))}
        assert found == telling
        assert {arn.split(":")[4] for arn in shown} == {ACCOUNT}

    def test_that_one_widget_does_not_hold_are_in_several(self) -> None:
        many = [Service(f"s{n}", BALANCER, (), (Objective(f"s{n}", "a", "availability"),)) for n in range(75)]
        found = body(*many)
        some = [len(one["properties"]["alarms"]) for one in found["widgets"] if one["type"] == "alarm"]
        assert some == [100, 50]
        assert wrong(found) == []

    def test_of_services_without_objectives_are_none(self) -> None:
        assert not [one for one in body(replace(SHOP, objectives=()))["widgets"] if one["type"] == "alarm"]


class TestLimits:
    def test_more_services_than_a_dashboard_takes_are_in_several(self) -> None:
        many = tuple(replace(SHOP, name=f"s{number}", objectives=()) for number in range(140))
        found = killer.bodies(many, each=False)
        assert list(found) == ["500-killer", "500-killer-2"]
        shown = [one for name in found for one in words(body(*many, name=name)).splitlines() if one.startswith("**s")]
        assert len(shown) == 140
        for name in found:
            assert wrong(body(*many, name=name)) == []

    @pytest.mark.parametrize(("many", "each"), [(150, True), (300, False)])
    def test_a_service_with_more_than_a_dashboard_takes_is_named(self, many: int, each: bool) -> None:
        crowd = tuple(Target("rds", {"instance": f"db{number}"}) for number in range(many))
        with pytest.raises(
            ParapetError,
            match=r"^the dashboard of shop: a dashboard takes 500 widgets and 2,500 metrics, .* name fewer depend",
        ):
            killer.bodies((replace(SHOP, dependencies=crowd),), each=each)

    def test_more_than_a_template_takes_is_refused(self) -> None:
        many = tuple(replace(SHOP, name=f"s{number}", objectives=()) for number in range(90))
        with pytest.raises(ParapetError, match=r"90 services have .* set services = false under \[dashboards\]"):
            dashboards.resources(Settings(services=many, dashboards=True))
        assert dashboards.resources(Settings(services=many))

    @pytest.mark.parametrize("name", [".", "..."])
    def test_what_is_called_as_what_is_short_is_refused(self, name: str) -> None:
        odd = Target("custom", {"namespace": "Shop", "total": "Orders", "bad": name})
        with pytest.raises(ParapetError, match=re.escape(f"the dashboard of odd: a dashboard takes {name!r} for")):
            killer.bodies((Service("odd", odd),), each=False)

    def test_no_service_is_called_as_our_own_dashboard(self) -> None:
        with pytest.raises(ParapetError, match="parapet is the dashboard about Parapet itself"):
            dashboards.resources(Settings(services=(replace(SHOP, name="parapet"),)))


class TestTemplate:
    def test_has_ours_and_that_of_all_services(self) -> None:
        def names(of: Settings) -> list[str]:
            return [one["Properties"]["DashboardName"]["Fn::Sub"] for one in dashboards.resources(of).values()]

        ours, whole = "parapet-${Stage}-parapet", "parapet-${Stage}-500-killer"
        assert names(Settings()) == [ours]
        assert names(Settings(services=(SHOP,))) == [ours, whole]
        assert names(Settings(services=(SHOP,), dashboards=True)) == [ours, whole, "parapet-${Stage}-shop"]
        alike = tuple(replace(SHOP, name=name, objectives=()) for name in ("a1b", "a-1b", "a--1b"))
        assert len(names(Settings(services=alike, dashboards=True))) == 5
        for one in dashboards.resources(Settings(services=(SHOP,), dashboards=True)).values():
            assert one["Type"] == "AWS::CloudWatch::Dashboard"
            assert wrong(json.loads(filled(one["Properties"]["DashboardBody"]["Fn::Sub"]))) == []

    def test_fills_in_nothing_that_the_settings_say(self) -> None:
        api = "${AWS::AccountId} ${x} \\u0002"
        service = Service("odd", Target("api_rest", {"api": api, "stage": "prod"}))
        [_, made] = dashboards.resources(Settings(services=(service,))).values()
        text = made["Properties"]["DashboardBody"]["Fn::Sub"]
        row = titled("odd: availability", json.loads(filled(text)))["metrics"][0]
        assert row[:4] == ["AWS/ApiGateway", "5XXError", "ApiName", api]

    def test_makes_dashboards_that_cloudwatch_gives_back(self, account: TestAccount) -> None:
        template = {"Parameters": {"Stage": {"Type": "String"}}, "Resources": dashboards.resources(SHOWN)}
        account.client("cloudformation").create_stack(
            StackName="dashboards",
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": "Stage", "ParameterValue": "prod"}],
        )
        for name in NAMES:
            made = account.client("cloudwatch").get_dashboard(DashboardName=f"parapet-prod-{name}")["DashboardBody"]
            assert wrong(json.loads(made)) == []
            assert json.loads(made) == json.loads(filled((ROOT / "dashboards" / f"{name}.json").read_text("utf-8")))

    @pytest.mark.parametrize(("text", "each"), [("", False), ("[dashboards]\nservices = true\n", True)])
    def test_has_one_for_each_where_the_settings_say_so(self, tmp_path: Path, text: str, each: bool) -> None:
        (tmp_path / "parapet.toml").write_text(text, "utf-8")
        assert load({}, registry.names(), (), tmp_path / "parapet.toml").dashboards is each

    def test_knows_no_other_setting(self, tmp_path: Path) -> None:
        (tmp_path / "parapet.toml").write_text("[dashboards]\nservice = true\n", "utf-8")
        with pytest.raises(SettingsError, match=r"dashboards\.service is not a setting; did you mean 'services'"):
            load({}, registry.names(), (), tmp_path / "parapet.toml")


class TestFiles:
    @pytest.mark.parametrize(("many", "metrics"), [(4, 42), (5, 56)])
    def test_cost_what_the_documentation_says(self, many: int, metrics: int) -> None:
        """Of 50 metrics or fewer, an account's first three are free."""
        found = body(*SHOWN.services[:many])
        assert len({tuple(row[:-1]) for one in graphs(found) for row in one["metrics"] if row[1:]}) == metrics
        assert f"({metrics}" in (ROOT / "docs" / "cost.md").read_text("utf-8")

    def test_are_those_of_the_sample_systems(self) -> None:
        found = sorted(path.stem for path in (ROOT / "dashboards").glob("*.json"))
        assert tuple(found) == NAMES

    @pytest.mark.parametrize("name", NAMES)
    def test_are_as_cloudwatch_documents_them(self, name: str) -> None:
        text = (ROOT / "dashboards" / f"{name}.json").read_text("utf-8")
        assert wrong(json.loads(filled(text))) == []
        assert json.loads(text) == json.loads(widgets.rendered(dashboards.bodies(SHOWN)[name]))

    def test_of_services_that_are_gone_are_removed(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert derive.main([], tmp_path) == 0
        gone = tmp_path / "dashboards" / "gone.json"
        gone.write_text("{}", "utf-8")
        assert derive.main(["--check"], tmp_path) == 1
        assert "dashboards/gone.json" in capsys.readouterr().err
        assert derive.main([], tmp_path) == 0
        assert not gone.exists()

    def test_show_the_services_of_the_settings_where_there_are_any(self) -> None:
        assert derive.shown(Settings(services=(SHOP,))).services == (SHOP,)


def texts(pattern: str) -> st.SearchStrategy[str]:
    """Texts that fit, of printable letters, as CloudWatch wants names."""
    alphabet = st.characters(min_codepoint=32, max_codepoint=126)
    return st.from_regex(pattern, fullmatch=True, alphabet=alphabet).filter(
        lambda text: 0 < len(text) < 60 and text not in (".", "...")
    )


def values(field: Field) -> st.SearchStrategy[Any]:
    """What a key of a target may be given."""
    if field.shape == "flag":
        return st.booleans()
    if field.shape == "list":
        return st.lists(texts(field.pattern), min_size=1, max_size=5, unique=True).map(tuple)
    if field.shape == "table":
        return st.dictionaries(texts("[A-Za-z]{1,9}"), texts(field.pattern), min_size=1, max_size=3)
    return texts(field.pattern) if field.pattern else st.integers(1, 10**6) | st.floats(0.5, 1e9)


@st.composite
def targets(draw: st.DrawFn, among: Sequence[str]) -> Target:
    """A target of one of some kinds, as the settings would take it."""
    kind = kinds.find(draw(st.sampled_from(among)))
    found = st.fixed_dictionaries(
        {key: values(one) for key, one in kind.fields.items() if one.needed},
        optional={key: values(one) for key, one in kind.fields.items() if not one.needed},
    )
    region = kind.region or draw(st.sampled_from(["", "", "eu-central-1"]))
    of = draw(found.filter(lambda given: not kind.checks(given)))
    return Target(kind.name, of, region, draw(st.sampled_from(["", "", OTHER])))


@st.composite
def services(draw: st.DrawFn, number: int = 0) -> Service:
    """A service of any kind, with whatever can be promised of it."""
    entry, name = draw(targets(ENTRIES)), f"s{number}"
    own, promised = kinds.measures(entry), list[Objective]()
    if own.availability is not None:
        goal = draw(st.sampled_from([95.0, 99.9, 99.99]))
        promised.append(Objective(name, "availability", "availability", goal, absent=draw(st.sampled_from([0, 300]))))
    if own.latency is not None and own.percentiles:
        promised.append(Objective(name, "latency", "latency", 95.0, 7, draw(st.floats(0.001, 60))))
    return Service(name, entry, tuple(draw(st.lists(targets(DEPENDENCIES), max_size=4))), tuple(promised))


def graphs(of: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The metric widgets of a dashboard."""
    yield from (one["properties"] for one in of["widgets"] if one["type"] == "metric")


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.tuples(*(services(number) for number in range(2))))
def test_dashboards_of_any_services_are_valid_and_cloudwatch_can_evaluate_them(some: tuple[Service, ...]) -> None:
    store = Store()
    for name in killer.bodies(some, each=True):
        found = body(*some, each=True, name=name)
        assert wrong(found) == []
        for one in graphs(found):
            assert data.lines(store, queries(one), NOW - 3600, NOW, NOW)


class TestJudge:
    """What judges the dashboards sees what is wrong with them."""

    @pytest.mark.parametrize(
        ("path", "value", "said"),
        [
            ("periodOverride", "never", "the body/periodOverride cannot be"),
            ("colour", "red", "the body/colour is not documented"),
            ("widgets.0.x", 25, "/widgets/0/x cannot be"),
            ("widgets.0.width", 0, "/widgets/0/width cannot be"),
            ("widgets.0.type", "graph", "/widgets/0/type cannot be"),
            ("widgets.3.x", 1, "ends at column|lies over"),
            ("widgets.0.properties.markdown", "x" * 4097, "markdown cannot be"),
            ("widgets.1.properties.alarms", [], "alarms cannot be"),
            ("widgets.1.properties.alarms.0", "shop-page", "alarms cannot be"),
            ("widgets.3.properties.region", "", "region cannot be"),
            ("widgets.3.properties.period", 90, "period cannot be"),
            ("widgets.3.properties.period", True, "period cannot be"),
            ("widgets.3.properties.view", "line", "view cannot be"),
            ("widgets.3.properties.titel", "x", "titel is not documented"),
            ("widgets.3.properties.yAxis.left.from", 0, "from is not documented"),
            ("widgets.3.properties.annotations.horizontal.0.color", "red", "color cannot be"),
            ("widgets.3.properties.annotations.horizontal.0.value", "99.9", "value cannot be"),
            ("widgets.3.properties.metrics", [], "metrics cannot be"),
            ("widgets.3.properties.metrics.0", ["AWS/ApplicationELB"], "is not .namespace, metric"),
            ("widgets.3.properties.metrics.0", ["A", "b", "c", "d", "c", "e"], "dimensions twice"),
            ("widgets.3.properties.metrics.0.4.stat", "p", "stat cannot be"),
            ("widgets.3.properties.metrics.0.4.id", "M1", "id cannot be"),
            ("widgets.3.properties.metrics.1.4.id", "m1", "has the id m1 twice"),
            ("widgets.3.properties.metrics.3.0.expression", "m7 + 1", "speaks of m7, which there is not"),
            ("widgets.3.properties.metrics.3.0.stat", "Sum", "stat is not documented"),
        ],
    )
    def test_sees(self, path: str, value: Any, said: str) -> None:
        found = body(SHOP)
        assert wrong(found) == []
        *above, last = path.split(".")
        at: Any = found
        for step in above:
            at = at[int(step)] if isinstance(at, list) else at[step]
        at[int(last) if isinstance(at, list) else last] = value
        assert re.search(said, "\n".join(wrong(found)))

    def test_writes_out_what_is_short(self) -> None:
        found = body(SHOP)
        rows = titled("shop: latency", found)["metrics"]
        rows[1][:4], rows[2][:4] = [".", ".", ".", "."], ["..."]
        assert wrong(found) == []
        rows[1][:4] = [".", ".", "."]
        assert "is not [namespace, metric" in "\n".join(wrong(found))

    def test_sees_a_graph_that_shows_nothing(self) -> None:
        found = body(SHOP)
        for row in titled("shop: latency", found)["metrics"]:
            row[-1]["visible"] = False
        assert wrong(found) == ["/widgets/4/properties shows nothing"]

    def test_sees_too_many(self) -> None:
        found = body(SHOP)
        titled("shop: latency", found)["metrics"] *= 700
        assert "metrics cannot be" in wrong(found)[0]


@pytest.fixture(scope="module")
def lively() -> Store:
    """Four hours of the sample systems; ten minutes with half of everything failing in the last of them."""
    store, beside = Store(), {"shop_i1": "i-1", "shop_i2": "i-2", "shop_i3": "i-3", "shop_image": "ami-1"}
    for system in SYSTEMS.values():
        wrong_then = [Fault(system.name, "db-connections", NOW - 1200, NOW - 600)]
        writing.fine(lambda region: store, system, {**example.IDS, **beside}, wrong_then, NOW - 4 * 3600, NOW)
    return store


class TestSampleSystems:
    @pytest.mark.parametrize("name", [one for one in NAMES if one != "parapet"])
    def test_are_shown_by_every_line(self, lively: Store, name: str) -> None:
        """What the dashboards ask for is what AWS's names for it are, by another hand: `local/systems/parts.py`."""
        found = body(*SHOWN.services, each=True, name=name)
        silent = [
            (one["title"], line.label)
            for one in graphs(found)
            for line in data.lines(lively, queries(one), NOW - 3 * 3600, NOW, NOW)
            if not line.points
        ]
        # Nothing is written to the tenants' table.
        assert [title for title, label in silent if not label.endswith("write capacity")] == []

    def test_are_below_their_goal_while_something_is_wrong(self, lively: Store) -> None:
        for service in SHOWN.services:
            found = titled(f"{service.name}: availability", body(*SHOWN.services))
            good = [value for value in drawn(found, lively)["good"] if value is not None]
            assert min(good) < 60, service.name
            assert max(good) > 99, service.name

    @pytest.mark.parametrize("title", ["shop: availability", "shop: latency", "shop: how full"])
    def test_can_be_drawn(self, lively: Store, title: str) -> None:
        """By the stand-in of GetMetricWidgetImage, which knows one axis, its own colours and one bound."""
        of = titled(title, body(*SHOWN.services))
        plain = [
            [*row[:-1], {key: value for key, value in row[-1].items() if key not in ("yAxis", "color", "region")}]
            for row in of["metrics"]
        ]
        asked = {"title": of["title"], "period": of["period"], "view": of["view"], "metrics": plain}
        assert count(widget.draw(lively, asked, NOW), chart.COLOURS[0]) > 100
