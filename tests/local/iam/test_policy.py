"""What policies say, by the rules of IAM's own reference; and what the evaluator refuses to guess."""

from __future__ import annotations

from typing import Any

import pytest

from local.iam import CannotEvaluate
from local.iam.conditions import Context
from local.iam.policy import Policy

GROUP = "arn:aws:ec2:eu-west-1:123456789012:security-group/sg-1"
READ, WRITE = "ec2:DescribeImages", "ec2:RevokeSecurityGroupIngress"


def statement(**changes: Any) -> dict[str, Any]:
    """An Allow of one action on everything, with elements changed, or taken out where None."""
    whole = {"Effect": "Allow", "Action": WRITE, "Resource": "*", **changes}
    return {name: value for name, value in whole.items() if value is not None}


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def verdict(*statements: Any, action: str = WRITE, resource: str = GROUP, context: Context | None = None) -> str:
    return Policy("a policy", document(*statements), {}).verdict(action, resource, context or {})


def under(operator: str, wanted: Any, held: Any) -> bool:
    """Whether a condition on one key holds."""
    conditioned = statement(Condition={operator: {"aws:Key": wanted}})
    return verdict(conditioned, context={"aws:key": held}) == "allowed"


class TestEffects:
    def test_nothing_is_allowed_by_itself(self) -> None:
        assert verdict() == "not allowed"
        assert verdict(statement(), action=READ) == "not allowed"

    def test_an_explicit_deny_wins_in_any_order(self) -> None:
        no = statement(Effect="Deny")
        assert verdict(statement(), no) == verdict(no, statement()) == "denied"

    def test_a_deny_elsewhere_changes_nothing(self) -> None:
        assert verdict(statement(), statement(Effect="Deny", Action=READ)) == "allowed"

    def test_one_statement_need_not_be_a_list(self) -> None:
        one = {"Version": "2012-10-17", "Statement": statement()}
        assert Policy("a policy", one, {}).verdict(WRITE, GROUP, {}) == "allowed"


class TestActions:
    @pytest.mark.parametrize(
        "action", [WRITE, WRITE.lower(), "EC2:revokesecuritygroupingress", "ec2:*", "ec2:Revoke*", "ec2:?evoke*s", "*"]
    )
    def test_match(self, action: str) -> None:
        assert verdict(statement(Action=action)) == "allowed"

    @pytest.mark.parametrize("action", ["ec2:Revoke", "ec2:RevokeSecurityGroup?ngres", "rds:*", "ec2:*Egress"])
    def test_do_not_match(self, action: str) -> None:
        assert verdict(statement(Action=action)) == "not allowed"

    def test_all_but_some(self) -> None:
        all_but = statement(Action=None, NotAction=["ec2:Describe*"])
        assert verdict(all_but) == "allowed"
        assert verdict(all_but, action=READ) == "not allowed"


class TestResources:
    @pytest.mark.parametrize(
        "pattern",
        [
            GROUP,
            "*",
            "arn:aws:ec2:*:123456789012:security-group/*",
            "arn:*:ec2:eu-west-?:*:security-group/sg-*",
            "arn:aws:ec2:*:*:*",
        ],
    )
    def test_match(self, pattern: str) -> None:
        assert verdict(statement(Resource=pattern)) == "allowed"

    @pytest.mark.parametrize(
        "pattern",
        [
            "arn:aws:ec2:*:123456789012:security-group/SG-1",
            "arn:aws:ec2:*:210987654321:security-group/*",
            "arn:aws:ec2::123456789012:security-group/*",
            "arn:aws:ec2:eu*:security-group/sg-1:*",
            "arn:aws:ec2:*:123456789012:security-group",
            "arn:aws-cn:ec2:*:123456789012:security-group/*",
        ],
    )
    def test_do_not_match(self, pattern: str) -> None:
        assert verdict(statement(Resource=pattern)) == "not allowed"

    def test_a_wildcard_stays_in_its_segment_but_the_last_holds_the_rest(self) -> None:
        log = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/x:log-stream:y"
        assert verdict(statement(Resource="arn:aws:logs:*:log-group:*:*"), resource=log) == "not allowed"
        assert verdict(statement(Resource="arn:aws:logs:*:*:log-group:*:y"), resource=log) == "allowed"

    def test_what_has_no_resource_must_be_allowed_on_all(self) -> None:
        assert verdict(statement(Resource="arn:aws:ec2:*:*:*"), resource="*") == "not allowed"
        assert verdict(statement(), resource="*") == "allowed"

    def test_all_but_some(self) -> None:
        all_but = statement(Effect="Deny", Resource=None, NotResource=[GROUP, "arn:aws:ec2:*:*:image/*"])
        assert verdict(statement(), all_but) == "allowed"
        assert verdict(statement(), all_but, resource=GROUP + "2") == "denied"


class TestConditions:
    @pytest.mark.parametrize(
        ("operator", "wanted", "held", "holds"),
        [
            ("StringEquals", "eu-west-1", "eu-west-1", True),
            ("StringEquals", ["us-east-1", "eu-west-1"], "eu-west-1", True),
            ("StringEquals", "eu-west-1", "EU-WEST-1", False),
            ("StringEquals", "eu-*", "eu-west-1", False),
            ("StringEqualsIgnoreCase", "eu-west-1", "EU-WEST-1", True),
            ("StringNotEquals", ["a", "b"], "b", False),
            ("StringNotEquals", ["a", "b"], "c", True),
            ("StringNotEqualsIgnoreCase", "B", "b", False),
            ("StringLike", "eu-*-?", "eu-west-1", True),
            ("StringLike", "eu-*", "us-east-1", False),
            ("StringNotLike", "eu-*", "us-east-1", True),
            ("ArnLike", "arn:*:iam::aws:policy/*", "arn:aws:iam::aws:policy/AdministratorAccess", True),
            ("ArnEquals", "arn:aws:iam::*:role/x", "arn:aws:iam::1:role/x", True),
            ("ArnLike", "arn:aws:iam:*:2:role/x", "arn:aws:iam:x:1:2:role/x", False),
            ("ArnLike", "arn:aws:iam::*:role/x", "no arn", False),
            ("ArnNotLike", "arn:aws:iam::*:role/x", "arn:aws:iam::1:role/y", True),
            ("NumericEquals", "30", "30", True),
            ("NumericEquals", 30, "30.0", True),
            ("NumericNotEquals", 30, "7", True),
            ("NumericLessThan", 30, "30", False),
            ("NumericLessThanEquals", 30, "30", True),
            ("NumericGreaterThan", 9, "30", True),
            ("NumericGreaterThanEquals", "31", "30", False),
            ("Bool", True, "true", True),
            ("Bool", "false", "true", False),
        ],
    )  # fmt: skip
    def test_of_one_value(self, operator: str, wanted: Any, held: str, holds: bool) -> None:
        assert under(operator, wanted, held) == holds

    @pytest.mark.parametrize(
        ("operator", "holds"),
        [
            ("StringEquals", False), ("StringLike", False), ("NumericEquals", False), ("ArnLike", False),
            ("Bool", False), ("StringNotEquals", True), ("ArnNotLike", True),
            ("StringEqualsIfExists", True), ("NumericLessThanIfExists", True), ("BoolIfExists", True),
        ],
    )  # fmt: skip
    def test_of_a_key_that_the_call_does_not_have(self, operator: str, holds: bool) -> None:
        wanted = {"N": "1", "A": "arn:aws:iam::1:role/x", "B": "true"}.get(operator[0], "x")
        assert under(operator, wanted, None) == holds

    @pytest.mark.parametrize(("wanted", "held", "holds"), [
        ("true", None, True), ("true", (), True), ("false", None, False), ("true", "x", False), ("false", "", True),
    ])  # fmt: skip
    def test_of_being_there(self, wanted: str, held: Any, holds: bool) -> None:
        assert under("Null", wanted, held) == holds

    @pytest.mark.parametrize(
        ("operator", "held", "holds"),
        [
            ("ForAllValues:StringLike", ("FINDING#1", "HEAD#2"), True),
            ("ForAllValues:StringLike", ("FINDING#1", "COMMAND#2"), False),
            ("ForAllValues:StringLike", (), True),
            ("ForAnyValue:StringLike", ("FINDING#1", "COMMAND#2"), True),
            ("ForAnyValue:StringLike", ("COMMAND#2",), False),
            ("ForAnyValue:StringLike", (), False),
            ("ForAnyValue:StringLikeIfExists", (), True),
            ("ForAllValues:StringNotLike", ("COMMAND#2",), True),
            ("ForAllValues:StringNotLike", ("COMMAND#2", "HEAD#1"), False),
            ("ForAnyValue:StringNotLike", ("COMMAND#2", "HEAD#1"), True),
        ],
    )
    def test_of_several_values(self, operator: str, held: tuple[str, ...], holds: bool) -> None:
        assert under(operator, ["FINDING#*", "HEAD#*"], held) == holds

    def test_must_all_hold(self) -> None:
        both = statement(Condition={"StringEquals": {"aws:A": "1", "aws:B": "2"}, "Bool": {"aws:C": "true"}})
        held: dict[str, Any] = {"aws:a": "1", "aws:b": "2", "aws:c": "true"}
        assert verdict(both, context=held) == "allowed"
        for key in held:
            assert verdict(both, context={**held, key: "0"}) == "not allowed"

    def test_are_not_asked_where_the_statement_does_not_apply(self) -> None:
        elsewhere = statement(Resource="arn:aws:ec2:*:*:image/*", Condition={"StringEquals": {"aws:Unknown": "x"}})
        assert verdict(elsewhere, statement()) == "allowed"


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ({"Effect": "Permit"}, "neither Allow nor Deny"),
            ({"Principal": "*"}, "element Principal is not known"),
            ({"Action": None}, "either Action or NotAction"),
            ({"NotAction": "ec2:*"}, "either Action or NotAction"),
            ({"Action": []}, "Action must be texts"),
            ({"Action": [{"Ref": "AWS::NoValue"}]}, "nobody said what AWS::NoValue"),
            ({"Action": "RevokeSecurityGroupIngress"}, "is no action"),
            ({"Action": "e*2:Revoke"}, "is no action"),
            ({"Resource": None}, "either Resource or NotResource"),
            ({"Resource": "sg-1"}, "no ARN of six segments"),
            ({"Resource": "arn:aws:ec2:*"}, "no ARN of six segments"),
            ({"Resource": "arn:aws:*:*:*:*"}, "leaves the service open"),
            ({"Resource": "arn:aws:s3:::${!aws:username}"}, "no ARN|policy variables"),
            ({"Resource": {"Fn::Sub": "arn:aws:s3:::${!aws:username}"}}, "policy variables"),
            ({"Resource": {"Fn::Join": ["", ["a"]]}}, "Fn::Join in this form is not known"),
            ({"Resource": {"Fn::Sub": ["${A}", {"A": "b"}]}}, "Fn::Sub in this form is not known"),
            ({"Condition": {"DateLessThan": {"aws:CurrentTime": "x"}}}, "DateLessThan of aws:CurrentTime.*not known"),
            ({"Condition": {"StringNotNotEquals": {"a": "x"}}}, "operator is not known"),
            ({"Condition": {"NumericNotLessThan": {"a": "1"}}}, "operator is not known"),
            ({"Condition": {"NumericEquals": {"a": "thirty"}}}, "'thirty' is no number"),
            ({"Condition": {"Bool": {"a": "yes"}}}, "neither true nor false"),
            ({"Condition": {"Null": {"a": ["true", "false"]}}}, "neither true nor false"),
            ({"Condition": {"ArnLike": {"a": "role/x"}}}, "no ARN of six segments"),
            ({"Condition": {"StringEquals": {"a": []}}}, "names no value"),
            ({"Condition": {"StringEquals": {"a": [{"b": 1}]}}}, "no value of a condition"),
            ({"Condition": {"StringEquals": {"a": "${aws:PrincipalAccount}"}}}, "policy variables"),
        ],
    )
    def test_of_what_is_not_known(self, changes: Any, told: str) -> None:
        with pytest.raises(CannotEvaluate, match=told):
            Policy("a policy", document(statement(Sid="One", **changes)), {})

    def test_name_the_statement(self) -> None:
        with pytest.raises(CannotEvaluate, match=r"a policy, statement 1 \(Two\): 'x' is no action"):
            Policy("a policy", document(statement(), statement(Sid="Two", Action="x")), {})

    @pytest.mark.parametrize("version", [None, "2008-10-17"])
    def test_of_old_versions(self, version: Any) -> None:
        with pytest.raises(CannotEvaluate, match="must be of version"):
            Policy("a policy", {**document(statement()), "Version": version}, {})

    @pytest.mark.parametrize(
        ("operator", "held", "told"),
        [
            ("StringEquals", ("a", "b"), "several values, say ForAllValues: or ForAnyValue:"),
            ("ForAllValues:StringEquals", "a", "would also hold without any"),
        ],
    )
    def test_of_set_operators_where_they_do_not_belong(self, operator: str, held: Any, told: str) -> None:
        with pytest.raises(CannotEvaluate, match=told):
            under(operator, "a", held)

    def test_of_keys_that_nobody_told(self) -> None:
        keyed = statement(Condition={"StringEquals": {"aws:ResourceTag/team": "x"}})
        with pytest.raises(CannotEvaluate, match="aws:ResourceTag/team: nobody said what this key is"):
            verdict(keyed)
