"""The stacks of objectives: what is in them, where each objective is, and how they come and go with a release."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.aws import Connect
from chalicelib.model import ParapetError
from chalicelib.patterns import matches
from chalicelib.services.model import Objective, Service, Target
from chalicelib.slo import alarms
from deploy import objectives, plan, site
from deploy.objectives import Objectives, Place, promises, templates
from deploy.release import KEY
from deploy.resources import rules
from local.cloudwatch.simulation import Simulation
from local.cloudwatch.store import Metric as Stored
from local.cloudwatch.store import Store
from local.iam import intrinsics
from tests.account import TestAccount
from tests.deploy.cloudformation import CloudFormation, StackOf
from tests.deploy.deployed import PSEUDO, SHIPPED
from tests.deploy.office import Office, bend
from tests.deploy.test_deploy_cli import Uploaded
from tests.samples import ACCOUNT, REGION

ROOT = Path(__file__).parent.parent.parent
HOME, FAR = Place(REGION, 1), Place("us-east-1", 1)
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse")


def service(name: str, *promised: Objective, region: str = "") -> Service:
    """A service behind a load balancer."""
    entry = Target("alb", {"load_balancer": f"app/{name}/50dc6c495c0c9188"}, region)
    return Service(name, entry, objectives=promised or (promise(name),), runbook="https://wiki.example.com/x")


def promise(name: str, goal: float = 99.9, absent: int = 0) -> Objective:
    return Objective(name, "availability", "availability", goal, absent=absent)


SHOP, BLOG, CDN = service("shop", promise("shop", absent=600)), service("blog"), service("cdn", region="us-east-1")
WHOLE = templates([SHOP, BLOG, CDN], "prod", REGION, {})


class TestTemplates:
    def test_are_one_for_each_region(self) -> None:
        assert set(WHOLE) == {HOME, FAR}
        assert [place.stack("prod") for place in WHOLE] == ["parapet-prod-objectives-1"] * 2
        # What pages without Parapet is at home, whatever the objective is about.
        assert set(promises({HOME: WHOLE[HOME]})) == {"shop-availability", "blog-availability", "cdn-availability"}
        assert set(promises({FAR: WHOLE[FAR]})) == {"cdn-availability"}

    def test_pass_cfn_lint(self, tmp_path: Path) -> None:
        files = []
        for place, template in WHOLE.items():
            files.append(tmp_path / f"{place.region}.json")
            files[-1].write_text(json.dumps(template), "utf-8")
        program = str(Path(sys.executable).with_name("cfn-lint"))
        command = [program, "--regions", REGION, "us-east-1", "--template", *map(str, files)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.stdout + done.stderr == ""

    def test_tell_the_topics_of_the_stage(self) -> None:
        resources = WHOLE[HOME]["Resources"]
        page = resources[alarms.logical("shop-availability", "page")]["Properties"]
        unheard = resources[alarms.logical("shop-availability", "unheard")]["Properties"]
        assert said(page["AlarmActions"]) == [f"arn:aws:sns:{REGION}:{ACCOUNT}:parapet-prod-alerts"]
        assert said(unheard["AlarmActions"]) == [f"arn:aws:sns:{REGION}:{ACCOUNT}:parapet-prod-page"]

    def test_cost_what_the_price_list_says(self) -> None:
        found = promises(WHOLE)
        # $0.10 a metric of an alarm, $0.50 a composite: 8 alarms on 3 metrics, and page, ticket, unheard.
        assert found["blog-availability"].cost == pytest.approx(3.90)
        assert found["shop-availability"].cost == pytest.approx(4.20)
        # The state of its page is mirrored at home, by an alarm on two metrics.
        assert found["cdn-availability"].cost == pytest.approx(4.10)

    def test_cost_what_is_documented(self) -> None:
        page = (ROOT / "docs" / "objectives.md").read_text("utf-8")
        told = re.findall(r"^\| .* \| (\d) \| (\d\.\d\d) \| (\d\.\d\d) \|$", page, re.MULTILINE)
        entries = [
            SHOP.entry,
            Target("api_http", {"api": "a1b2c3d4e5", "stage": "prod"}),
            Target("alb", {**SHOP.entry.given, "target_group": "targetgroup/shop/0123456789abcdef"}),
            Target("cloudfront", {"distribution": "E2EXAMPLE1"}, REGION),
            SHOP.entry,
        ]
        latency = Objective("shop", "latency", "latency", 95, under=0.3)
        promised = [promise("shop")] * 4 + [latency]
        # How many alarms there are beside the eight: nothing left, or single minutes.
        for row, entry, one, more in zip(told, entries, promised, (0, 0, 1, 2, 0), strict=True):
            assert float(row[1]) == pytest.approx((8 + more) * int(row[0]) * 0.10 + 3 * 0.50)
            for price, each in ((row[1], one), (row[2], replace(one, absent=600))):
                [found] = templates([Service("shop", entry, objectives=(each,))], "prod", REGION, {}).values()
                assert alarms.cost(found["Resources"].values()) == float(price)

    def test_two_objectives_of_one_name_are_refused(self) -> None:
        one = service("a-b", Objective("a-b", "c", "availability"))
        other = service("a", Objective("a", "b-c", "availability"))
        with pytest.raises(ParapetError, match="two objectives are called a-b-c"):
            templates([one, other], "prod", REGION, {})

    def test_of_nothing_are_none(self) -> None:
        assert templates([Service("shop", SHOP.entry)], "prod", REGION, {}) == {}


def said(value: Any) -> Any:
    return intrinsics.resolve(value, PSEUDO)


class TestElsewhere:
    RESOURCES: Mapping[str, Any] = WHOLE[FAR]["Resources"]

    def test_eventbridge_tells_home_of_the_alarms_that_tell_people(self) -> None:
        rule = self.RESOURCES[alarms.logical("cdn-availability", "told")]["Properties"]
        names = rule["EventPattern"]["detail"]["alarmName"]
        assert names == ["parapet-prod-cdn-availability-page", "parapet-prod-cdn-availability-ticket"]
        made = {one["Properties"].get("AlarmName") for one in self.RESOURCES.values()}
        assert set(names) <= made
        [target] = rule["Targets"]
        assert said(target["Arn"]) == f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"

    def test_the_rule_may_do_that_and_nothing_else(self) -> None:
        role = self.RESOURCES["ForwardRole"]["Properties"]
        assert role["RoleName"] == "parapet-prod-told-1-us-east-1"
        assert said(role["PermissionsBoundary"]) == f"arn:aws:iam::{ACCOUNT}:policy/parapet-prod-boundary"
        [policy] = role["Policies"]
        [statement] = policy["PolicyDocument"]["Statement"]
        assert statement["Action"] == "events:PutEvents"
        assert said(statement["Resource"]) == f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"

    def test_longest_names_fit_a_role_and_a_rule(self) -> None:
        long = Service("s" * 40, CDN.entry, objectives=(Objective("s" * 40, "n" * 22, "availability"),))
        both = templates([long], "twenty-letters-long1", "ap-southeast-1", {}).values()
        for one in [one for found in both for one in found["Resources"].values()]:
            if one["Type"] == "AWS::IAM::Role":
                assert len(one["Properties"]["RoleName"]) <= 64
            if one["Type"] == "AWS::Events::Rule":
                assert len(one["Properties"]["Name"]) <= 64

    def test_home_takes_what_comes_from_there_and_only_then(self) -> None:
        [pattern] = self.taken(SHOP, CDN)
        assert pattern["region"] == [{"anything-but": [REGION]}]
        ends = ("page", "ticket", "absent")
        assert pattern["detail"] == {"alarmName": [f"parapet-prod-cdn-availability-{end}" for end in ends]}
        told = {"source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change", "region": "us-east-1"}
        assert matches(pattern, {**told, "detail": {"alarmName": "parapet-prod-cdn-availability-page"}})
        # Another stage that lives here, too, is called `prod-eu`.
        assert not matches(pattern, {**told, "detail": {"alarmName": "parapet-prod-eu-cdn-availability-page"}})
        assert self.taken(SHOP, BLOG) == []

    def test_home_takes_it_however_much_that_is(self) -> None:
        """EventBridge takes a pattern of 2,048 characters."""
        many = [service("s" * 38 + f"{number:02}", Objective("s" * 38 + f"{number:02}", "n" * 40, "availability"),
                        region="us-east-1") for number in range(9)]  # fmt: skip
        found = self.taken(*many, stage="twenty-letters-long1")
        assert [len(one["detail"]["alarmName"]) for one in found] == [12, 12, 3]
        assert max(len(json.dumps(one)) for one in found) <= 2048

    def taken(self, *services: Service, stage: str = "prod") -> list[Any]:
        found = rules.resources(replace(SHIPPED, services=services))
        return [
            intrinsics.resolve(one["Properties"]["EventPattern"], {**PSEUDO, "Stage": stage})
            for name, one in found.items()
            if name.startswith("AlertElsewhere")
        ]

    def test_pages_without_parapet_by_a_mirror_at_home(self) -> None:
        home = {one["Properties"].get("AlarmName"): one for one in WHOLE[HOME]["Resources"].values()}
        mirror, unheard = (home[f"parapet-prod-cdn-availability-{end}"] for end in ("page-there", "unheard"))
        assert unheard["Properties"]["AlarmRule"] == (
            'ALARM("parapet-prod-cdn-availability-page-there") AND ALARM("parapet-prod-unhealthy")'
        )
        assert said(unheard["Properties"]["AlarmActions"]) == [f"arn:aws:sns:{REGION}:{ACCOUNT}:parapet-prod-page"]
        counted = [
            one["MetricStat"]["Metric"]["Dimensions"][0]["Value"]
            for one in mirror["Properties"]["Metrics"]
            if "MetricStat" in one
        ]
        rules = {one["Properties"]["Name"]: one["Properties"] for one in WHOLE[HOME]["Resources"].values()
                 if one["Type"] == "AWS::Events::Rule"}  # fmt: skip
        assert sorted(rules) == counted
        states = [rules[name]["EventPattern"]["detail"]["state"]["value"] for name in counted]
        assert states == [["ALARM"], [{"anything-but": ["ALARM"]}]]
        for rule in rules.values():
            assert rule["EventPattern"]["region"] == ["us-east-1"]
            assert rule["EventPattern"]["detail"]["alarmName"] == ["parapet-prod-cdn-availability-page"]
            # The queue's policy lets rules of this name in.
            assert rule["Name"].startswith("parapet-prod-")
            [target] = rule["Targets"]
            assert said(target["Arn"]) == f"arn:aws:sqs:{REGION}:{ACCOUNT}:parapet-prod-alerts"

    def test_the_mirror_is_on_from_the_event_that_begins_the_page_to_the_one_that_ends_it(self) -> None:
        """At 30 the page ends and begins anew within the minute, at 100 it begins and ends within it."""
        alarm = next(
            one["Properties"] for one in WHOLE[HOME]["Resources"].values()
            if one["Properties"].get("AlarmName", "").endswith("page-there")
        )  # fmt: skip
        store, now, on = Store(), 1_795_000_020, []
        simulation = Simulation([alarm], store)
        begun, ended = (
            Stored.of(
                "AWS/Events", "TriggeredRules", {"RuleName": one["MetricStat"]["Metric"]["Dimensions"][0]["Value"]}
            )
            for one in alarm["Metrics"][:2]
        )
        for minute in range(120):
            for metric, times in ((begun, (10, 30, 80, 100)), (ended, (30, 50, 83, 100))):
                if minute in times:
                    store.put(metric, now, [1.0])
            now += 60
            simulation.step(now)
            on.append(simulation.state(alarm["AlarmName"]).value == "ALARM")
        assert on == [10 <= minute < 50 or 80 <= minute < 83 for minute in range(120)]

    def test_regions(self) -> None:
        assert objectives.elsewhere([SHOP, CDN], REGION) == ("us-east-1",)
        assert objectives.elsewhere([SHOP, CDN], "us-east-1") == ()


class TestPlaces:
    MANY = tuple(service(f"s{number:03}") for number in range(90))

    def placed(self, found: Mapping[Place, Any]) -> dict[str, int]:
        return {id_: place.number for place, one in found.items() for id_ in one["Metadata"][KEY]["objectives"]}

    def test_no_stack_holds_more_than_cloudformation_takes(self) -> None:
        found = templates(self.MANY, "prod", REGION, {})
        assert [place.number for place in sorted(found)] == [1, 2, 3]
        for template in found.values():
            assert len(template["Resources"]) <= 500
            assert len(json.dumps(template)) <= 1_000_000
        assert len(self.placed(found)) == 90

    def test_an_objective_stays_where_it_is_whatever_comes_and_goes(self) -> None:
        before = templates(self.MANY, "prod", REGION, {})
        fewer = [one for one in self.MANY if not one.name.endswith("5")]
        after = templates([service("a"), *fewer, service("z")], "prod", REGION, before)
        was, is_ = self.placed(before), self.placed(after)
        assert all(was[id_] == number for id_, number in is_.items() if id_ in was)
        # What is new goes where there is room by now.
        assert (is_["a-availability"], is_["z-availability"]) == (1, 1)

    def test_a_stack_that_nothing_is_left_in_goes(self) -> None:
        before = templates(self.MANY, "prod", REGION, {})
        last = {id_.removesuffix("-availability") for id_, number in self.placed(before).items() if number == 2}
        after = templates([one for one in self.MANY if one.name not in last], "prod", REGION, before)
        found = Objectives(after, before)
        assert found.gone == (Place(REGION, 2),)
        assert not found.unchanged
        assert Objectives(after, after).unchanged

    def test_a_changed_promise_changes_its_own_alarms_alone(self) -> None:
        before = templates([SHOP, BLOG], "prod", REGION, {})
        stricter = service("blog", promise("blog", 99.95))
        after = templates([SHOP, stricter], "prod", REGION, before)
        then, now = promises(after), promises(before)
        assert then["shop-availability"] == now["shop-availability"]
        assert then["blog-availability"].says == "99.95 % availability, 30 days"
        assert set(then["blog-availability"].resources) == set(now["blog-availability"].resources)


class TestAStage:
    """From what a person types to the stacks that are there, on a strict CloudFormation."""

    @pytest.fixture
    def regions(self) -> dict[str, CloudFormation]:
        return {REGION: CloudFormation(), "us-east-1": CloudFormation()}

    @pytest.fixture
    def office(
        self, account: TestAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, regions: dict[str, CloudFormation]
    ) -> Office:
        bend(monkeypatch)
        connect: Connect = site._clients()
        found = Office(account, connect, tmp_path)
        for one in regions.values():
            one.urls = Uploaded(found)
            # What is not its own is there all the same.
        found.connect = lambda name, region: regions[region] if name == "cloudformation" else connect(name, region)
        return found

    @pytest.fixture
    def declare(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        def declared(*services: Service) -> None:
            monkeypatch.setattr(plan, "shipped", lambda: replace(SHIPPED, services=services))

        return declared

    def deploy(self, office: Office, *command: str) -> str:
        """Deploy; there are no functions behind this CloudFormation's stacks, so that the check at the end fails."""
        found = office.run(*(command or ("deploy",)), YES="1")
        assert "smoke check failed" in found.stderr, found.output
        return found.stdout

    def stacks(self, regions: dict[str, CloudFormation]) -> dict[str, list[str]]:
        return {
            region: sorted(name for name, one in found.stacks.items() if one.status != "DELETE_COMPLETE")
            for region, found in regions.items()
        }

    def test_has_the_stacks_that_its_settings_ask_for(
        self, office: Office, regions: dict[str, CloudFormation], declare: Any
    ) -> None:
        declare(SHOP, CDN)
        shown = self.deploy(office)
        assert "Objectives, whose alarms are about $8.30 a month:" in shown
        assert "shop-availability  99.9 % availability, 30 days" in shown
        both = ["parapet-prod", "parapet-prod-objectives-1"]
        assert self.stacks(regions) == {REGION: both, "us-east-1": both[1:]}
        [*_, main, beside] = [name for name, _ in order(regions[REGION])]
        assert (main, beside) == ("parapet-prod", "parapet-prod-objectives-1"), "its alarms name one of Parapet's own"

        # Nothing changed: nothing is done.
        before = len(order(regions[REGION]))
        self.deploy(office)
        assert len(order(regions[REGION])) == before

        # Another promise, and a service that is gone.
        declare(service("shop", promise("shop", 99.99)))
        office.commit("b" * 40)
        shown = office.run("changes").stdout
        assert "changed  shop-availability  99.99 % availability, 30 days" in shown
        assert "removed  cdn-availability" in shown
        assert self.stacks(regions)["us-east-1"] == both[1:], "only shown"
        self.deploy(office)
        assert self.stacks(regions) == {REGION: both, "us-east-1": []}

        # And back: the very alarms of the release before.
        self.deploy(office, "rollback")
        assert self.stacks(regions) == {REGION: both, "us-east-1": both[1:]}
        template = regions[REGION].stacks["parapet-prod-objectives-1"].template
        assert promises({HOME: template})["shop-availability"].says == "99.9 % availability, 30 days"

        out = office.out("destroy")
        assert "the alarms of objectives in us-east-1, parapet-prod-objectives-1" in out
        assert self.stacks(regions) == {REGION: [], "us-east-1": []}

    def test_whose_objectives_failed_is_mended_by_deploying_again(
        self, office: Office, regions: dict[str, CloudFormation], declare: Any
    ) -> None:
        declare(SHOP)
        page = alarms.logical("shop-availability", "page")
        regions[REGION].failing[page] = "AlarmRule: x does not exist"
        line = office.fails(1, "deploy")
        assert "the change of parapet-prod-objectives-1 failed" in line
        assert f"First to fail: {page}" in line
        regions[REGION].failing.clear()
        shown = self.deploy(office)
        assert "new  shop-availability" in shown
        assert regions[REGION].stacks["parapet-prod-objectives-1"].status == "CREATE_COMPLETE"

    def test_interrupted_before_a_stack_is_removed_has_it_removed_by_the_next_deployment(
        self, office: Office, regions: dict[str, CloudFormation], declare: Any
    ) -> None:
        declare(SHOP, CDN)
        self.deploy(office)
        declare(SHOP)
        office.commit("b" * 40)
        regions["us-east-1"].denied.add("delete_stack")
        assert "AWS denies cloudformation:DeleteStack" in office.run("deploy", YES="1").stderr
        assert self.stacks(regions)["us-east-1"] == ["parapet-prod-objectives-1"], "its alarms page on"
        told = regions[REGION].stacks["parapet-prod"].template["Metadata"][KEY]["objectives"]
        assert told == [str(HOME), str(FAR)], "remembered while it is there"
        regions["us-east-1"].denied.clear()
        # The same release: of Parapet's own stack there is nothing to change.
        assert "parapet-prod-objectives-1 in us-east-1 is removed" in self.deploy(office)
        assert self.stacks(regions)["us-east-1"] == []
        before = len(regions[REGION].called("create_change_set"))
        assert "nothing to do" in self.deploy(office)
        assert len(regions[REGION].called("create_change_set")) == before

    def test_going_back_remembers_what_is_to_be_removed(
        self, office: Office, regions: dict[str, CloudFormation], declare: Any
    ) -> None:
        declare(SHOP)
        self.deploy(office)
        declare(SHOP, CDN)
        office.commit("b" * 40)
        self.deploy(office)
        regions["us-east-1"].denied.add("delete_stack")
        assert "AWS denies cloudformation:DeleteStack" in office.run("rollback", YES="1").stderr
        told = regions[REGION].stacks["parapet-prod"].template["Metadata"][KEY]["objectives"]
        assert told == [str(HOME), str(FAR)]

    @pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", "ROLLBACK_COMPLETE"])
    def test_whose_stack_is_broken_when_it_is_to_go_has_it_removed(
        self, office: Office, regions: dict[str, CloudFormation], declare: Any, status: str
    ) -> None:
        declare(SHOP, CDN)
        self.deploy(office)
        regions["us-east-1"].stacks["parapet-prod-objectives-1"].status = status
        declare(SHOP)
        office.commit("b" * 40)
        self.deploy(office)
        assert self.stacks(regions)["us-east-1"] == []

    def test_that_is_gone_itself_is_removed_with_what_was_beside_it(
        self, office: Office, regions: dict[str, CloudFormation], declare: Any
    ) -> None:
        declare(SHOP, CDN)
        self.deploy(office)
        regions[REGION].stacks["parapet-prod"].status = "DELETE_COMPLETE"
        # Another stage's own stack is called as one of ours would be.
        other = regions[REGION].stacks["parapet-prod-objectives-7"] = StackOf(
            "parapet-prod-objectives-7", "arn:7", "UPDATE_COMPLETE", {"Metadata": {KEY: {"objectives": []}}}
        )
        out = office.out("destroy")
        assert "There is no stack parapet-prod, but there are some that were beside it:" in out
        assert "the alarms of objectives in us-east-1, parapet-prod-objectives-1" in out
        assert self.stacks(regions) == {REGION: [other.name], "us-east-1": []}
        assert "nothing to remove" in office.out("destroy")

    def test_without_services_has_no_such_stack(
        self, office: Office, regions: dict[str, CloudFormation], declare: Any
    ) -> None:
        declare()
        assert "Objectives" not in self.deploy(office)
        assert self.stacks(regions) == {REGION: ["parapet-prod"], "us-east-1": []}


def order(found: CloudFormation) -> list[tuple[str, str]]:
    """The stacks whose change sets were executed, in order."""
    sets = {params["ChangeSetName"]: params["StackName"] for name, params in found.calls if name == "create_change_set"}
    done = [params["ChangeSetName"] for name, params in found.calls if name == "execute_change_set"]
    return [(next(stack for short, stack in sets.items() if short in arn), arn) for arn in done]
