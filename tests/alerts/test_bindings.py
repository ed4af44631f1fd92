"""Which guardrails an alarm wakes: the tables of the settings, their errors, and what they make of a signal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chalicelib import registry
from chalicelib.alerts import bindings
from chalicelib.alerts.bindings import Binding, Bound
from chalicelib.alerts.signal import Alarm, Signal
from chalicelib.section import SettingsError
from chalicelib.settings import Settings, load

ACCOUNT, REGION = "123456789012", "eu-west-1"
ARN = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:checkout-5xx"


def settings(tmp_path: Path, text: str, service: str = "") -> Settings:
    file = tmp_path / "parapet.toml"
    file.write_text(text, "utf-8")
    return load({}, registry.names(), registry.of(service) if service else registry.load(), file)


def signal(state: Any = "firing", name: str = "checkout-5xx", **alarm: Any) -> Signal:
    own = None if alarm.pop("none", False) else Alarm(**{"arn": ARN, "kind": "metric", **alarm})
    return Signal(
        "report-1", "alarm", "f", state, "high", name, "5xx", (), (), 100.0, 90.0, ACCOUNT, REGION, alarm=own
    )  # fmt: skip


def query(**dimensions: str) -> dict[str, Any]:
    told = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    return {"Id": "m1", "MetricStat": {"Metric": {"MetricName": "Errors", "Dimensions": told}, "Period": 60}}


class TestSettings:
    def test_a_binding_with_everything(self, tmp_path: Path) -> None:
        text = """
            [[remedies]]
            alarm = ["checkout-*", "pay-*"]
            guardrail = "lambda_alias_failing"
            resource = "checkout:live"
            mode = "enforce"
            account = ["123456789012"]
            region = ["eu-west-1"]
            [[remedies]]
            alarm = "web-stopped"
            guardrail = "ec2_instance_stopped"
        """
        assert settings(tmp_path, text).remedies == (
            Binding(("checkout-*", "pay-*"), "lambda_alias_failing", "checkout:live", "enforce", (ACCOUNT,), (REGION,)),
            Binding(("web-stopped",), "ec2_instance_stopped"),
        )

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("", 'remedies[1].alarm: name the alarm, such as "checkout-*"'),
            ("alarm = []", 'remedies[1].alarm: name the alarm, such as "checkout-*"'),
            ("alarm = ''", "remedies[1].alarm must be a text in quotes, not ''"),
            ("alarm = 3", "remedies[1].alarm must be a list of texts, not 3"),
            ("alarm = 'x'", "remedies[1].guardrail: name the guardrail that mends"),
            (
                "alarm = 'x'\nguardrail = 'lambda_alias_faling'",
                "remedies[1].guardrail: 'lambda_alias_faling' is not a guardrail; did you mean 'lambda_alias_failing'?",
            ),
            (
                "alarm = 'x'\nguardrail = 'ec2_security_group_open'",
                "remedies[1].guardrail: ec2_security_group_open takes no alarm: docs/remedies.md lists those that do",
            ),
            ("alarm = 'x'\nguardrail = 'ec2_instance_stopped'\nmode = 'on'", "remedies[1].mode: 'on' is not a mode"),
            (
                "alarm = 'x'\nguardrail = 'ec2_instance_stopped'\naccount = ['1']",
                "remedies[1].account: '1' is not 12 digits",
            ),
            (
                "alarm = 'x'\nguardrail = 'ec2_instance_stopped'\nregion = ['Ireland']",
                "remedies[1].region: 'Ireland' is not a region such as eu-west-1",
            ),
            ("alarm = 'x'\nguardrial = 'y'", "remedies[1].guardrial is not a setting; did you mean 'guardrail'?"),
        ],
    )
    def test_an_error_names_what_to_mend(self, tmp_path: Path, text: str, error: str) -> None:
        with pytest.raises(SettingsError) as caught:
            settings(tmp_path, f"[[remedies]]\n{text}")
        assert error in str(caught.value)

    def test_a_function_imports_no_other_functions_guardrail_to_read_them(self, tmp_path: Path) -> None:
        text = "[[remedies]]\nalarm = 'x'\nguardrail = 'ec2_security_group_open'"
        assert settings(tmp_path, text, "kms").remedies[0].guardrail == "ec2_security_group_open"


class TestBound:
    @pytest.mark.parametrize(
        ("guardrail", "dimensions", "subject"),
        [
            ("ec2_instance_stopped", {"InstanceId": "i-1"}, "i-1"),
            ("ecs_service_stuck", {"ClusterName": "shop", "ServiceName": "web"}, "shop/web"),
            ("lambda_alias_failing", {"FunctionName": "pay", "Resource": "pay:live"}, "pay:live"),
            ("autoscaling_group_saturated", {"AutoScalingGroupName": "web"}, "web"),
            ("autoscaling_instance_unhealthy", {"AutoScalingGroupName": "web"}, "web"),
            ("autoscaling_instance_unhealthy", {"AutoScalingGroupName": "web", "InstanceId": "i-1"}, "i-1"),
        ],
    )
    def test_dimensions_name_the_resource(self, guardrail: str, dimensions: dict[str, str], subject: str) -> None:
        binding = Binding(("checkout-*",), guardrail)
        whole = (Bound(guardrail, subject, ACCOUNT, REGION, "checkout-5xx"),)
        assert bindings.bound(signal(dimensions=dimensions), [binding]) == whole
        assert bindings.bound(signal(kind="math", metrics=(query(**dimensions), {"Id": "e1"})), [binding]) == whole

    def test_the_binding_names_it_where_dimensions_do_not(self) -> None:
        binding = Binding(("checkout-*",), "ec2_instance_stopped", "i-9")
        [one] = bindings.bound(signal(kind="composite", children=("a", "b")), [binding])
        assert (one.subject, one.problem) == ("i-9", "")

    @pytest.mark.parametrize(
        ("alarm", "told"),
        [
            ({"dimensions": {"ClusterName": "shop"}}, "and the alarm has ClusterName"),
            ({"kind": "composite"}, "and the alarm has none that all of its metrics share"),
            (
                {"kind": "math", "metrics": (query(InstanceId="i-1"), query(InstanceId="i-2"))},
                "and the alarm has none that all of its metrics share",
            ),
        ],
    )
    def test_what_cannot_be_told_is_a_problem_and_never_a_guess(self, alarm: dict[str, Any], told: str) -> None:
        [one] = bindings.bound(signal(**alarm), [Binding(("*",), "ec2_instance_stopped")])
        assert one.subject == ""
        assert "it needs the dimensions {InstanceId}, " + told in one.problem
        assert one.problem.endswith('give `resource = "…"` in its [[remedies]]')

    @pytest.mark.parametrize(
        "other",
        [
            signal(name="pay-5xx", dimensions={"InstanceId": "i-1"}),
            signal("unsure", dimensions={"InstanceId": "i-1"}),
            signal("told", none=True),
            signal(none=True),
        ],
        ids=["another alarm", "without data", "an event", "a budget"],
    )
    def test_leaves_everything_else_alone(self, other: Signal) -> None:
        assert bindings.bound(other, [Binding(("checkout-*",), "ec2_instance_stopped")]) == ()

    def test_of_other_accounts_and_regions_it_wakes_nothing(self) -> None:
        report, name = signal(dimensions={"InstanceId": "i-1"}), "ec2_instance_stopped"
        assert bindings.bound(report, [Binding(("*",), name, account=("210987654321",))]) == ()
        assert bindings.bound(report, [Binding(("*",), name, region=("us-east-1",))]) == ()

    def test_each_once_and_also_when_it_is_over(self) -> None:
        some = [Binding((name,), "ec2_instance_stopped") for name in ("*", "checkout-*")]
        [one] = bindings.bound(signal("resolved", dimensions={"InstanceId": "i-1"}), some)
        assert bindings.detail(one, "report-1", 100.0) == {
            "service": "ec2", "guardrail": "ec2_instance_stopped", "subject": "i-1", "account": ACCOUNT,
            "region": REGION, "alarm": "checkout-5xx", "event": "report-1", "time": 100.0,
        }  # fmt: skip
