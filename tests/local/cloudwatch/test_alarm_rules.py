"""The rules of composite alarms: CloudWatch's documented grammar, and nothing that is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cloudwatch.alarm_rules import RuleError, parse

STATES = {"a": "ALARM", "b": "OK", "c": "INSUFFICIENT_DATA", "two words": "ALARM", 'q"': "OK"}
ARN = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a"


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("TRUE", True), ("FALSE", False), ("ALARM(a)", True), ('ALARM("a")', True), ("OK(a)", False), ("OK(b)", True),
        ("INSUFFICIENT_DATA(c)", True), (f'ALARM("{ARN}")', True), (f"OK({ARN})", False), ('ALARM("two words")', True),
        (r'OK("q\"")', True), ("NOT ALARM(a)", False), ("NOT NOT ALARM(a)", True), ("ALARM(a) AND OK(b)", True),
        ("ALARM(a) AND ALARM(b)", False), ("ALARM(b) OR ALARM(a)", True), ("ALARM(b) OR ALARM(c)", False),
        ("ALARM(a) AND NOT ALARM(b)", True), ("(ALARM(b) OR ALARM(a)) AND OK(b)", True),
        ("(NOT (ALARM(a))) OR FALSE", False), ("ALARM(a)AND(OK(b))", True), ("  ALARM ( a ) \n AND TRUE ", True),
        ("ALARM(a) AND OK(b) AND INSUFFICIENT_DATA(c)", True), ("FALSE OR FALSE OR ALARM(a)", True),
        ("AT_LEAST(1, ALARM, (a, b))", True), ("AT_LEAST(2, ALARM, (a, b))", False),
        ("AT_LEAST(2, NOT OK, (a, b, c))", True), ("AT_LEAST(50%, ALARM, (a, b))", True),
        ("AT_LEAST(51%, ALARM, (a, b))", False), (f"AT_LEAST(100%, ALARM, ({ARN}))", True),
    ],
)  # fmt: skip
def test_a_rule_holds(rule: str, holds: bool) -> None:
    assert parse(rule).holds(STATES) is holds


@pytest.mark.parametrize(
    "rule",
    [
        "", " ", "ALARM", "ALARM()", "ALARM(a", "ALARM a", "alarm(a)", "UNKNOWN(a)", "ALARM(a) ALARM(b)", "AND OK(a)",
        "ALARM(a) AND", "ALARM(a) XOR OK(b)", "NOT", "()", "(ALARM(a)", "ALARM(a))", 'ALARM("a)', "ALARM(a, b)",
        "ALARM(a) AND OK(b) OR OK(c)", "AT_LEAST(0, ALARM, (a))", "AT_LEAST(2, ALARM, (a))", "AT_LEAST(101%, OK, (a))",
        "AT_LEAST(1, FINE, (a))", "AT_LEAST(1, ALARM, a)", "AT_LEAST(1, ALARM, ())", "AT_LEAST(x, ALARM, (a))", "true",
        " OR ".join(f"ALARM(a{number})" for number in range(101)), "x" * 10_241, " AND ".join(["TRUE"] * 501),
        "(" * 5000 + "TRUE" + ")" * 5000, "NOT " * 2500 + "TRUE",
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(RuleError):
        parse(rule)


def test_what_is_counted_are_alarms_constants_and_pairs_of_parentheses() -> None:
    assert parse(" AND ".join(["NOT TRUE"] * 500)).holds({}) is False
    assert parse(" AND ".join(["(TRUE)"] * 250)).holds({}) is True
    with pytest.raises(RuleError, match="500 elements"):
        parse(" AND ".join(["(TRUE)"] * 251))


def test_an_alarm_that_is_not_there_is_named() -> None:
    with pytest.raises(RuleError, match="there is no alarm 'x'"):
        parse("ALARM(x)").holds(STATES)


def test_its_children_are_those_it_names_each_once() -> None:
    assert parse(f'ALARM(b) OR (ALARM("{ARN}") AND NOT OK(b) AND AT_LEAST(1, OK, (c, a)))').children == ("b", "a", "c")


@given(st.text(alphabet='ALRMOKNDT_E()",ab 12% ', max_size=40))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        parse(text).holds(STATES)
    except RuleError:
        return
    assert text.strip()
