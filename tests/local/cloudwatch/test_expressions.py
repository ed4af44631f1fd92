"""How metric math is read: what binds how tightly, and what is no expression."""

from __future__ import annotations

import pytest

from local.cloudwatch.expressions import Array, Binary, Call, Name, Negative, Node, Number, Text, Word, names, parse
from local.cloudwatch.refused import Refused


def said(node: Node) -> str:
    """A tree with all its parentheses."""
    match node:
        case Number(value):
            return f"{value:g}"
        case Text(value):
            return repr(value)
        case Name(value) | Word(value):
            return value
        case Negative(operand):
            return f"(-{said(operand)})"
        case Binary(sign, left, right, _):
            return f"({said(left)} {sign} {said(right)})"
        case Array(items):
            return f"[{', '.join(map(said, items))}]"
        case Call(function, arguments, _):
            return f"{function}({', '.join(map(said, arguments))})"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("m1", "m1"), ("  m1 ", "m1"), ("1", "1"), (".5", "0.5"), ("1e3", "1000"), ("2.5E-1*m1", "(0.25 * m1)"),
        ("a+b*c", "(a + (b * c))"), ("a-b-c", "((a - b) - c)"), ("a/b*c", "((a / b) * c)"),
        ("(a+b)*c", "((a + b) * c)"),
        ("-5*m1", "((-5) * m1)"), ("-a^2", "(-(a ^ 2))"), ("a^-2", "(a ^ (-2))"), ("--a", "(-(-a))"),
        ("a- -b", "(a - (-b))"),
        ("a+b>c*d", "((a + b) > (c * d))"), ("a>1 AND b<2", "((a > 1) AND (b < 2))"), ("a && b", "(a AND b)"),
        ("a || b AND c", "(a OR (b AND c))"), ("a OR b OR c", "((a OR b) OR c)"), ("a>=1", "(a >= 1)"),
        ("a!=b", "(a != b)"), ("a==b", "(a == b)"), ("[a,b]", "[a, b]"), ("[]", "[]"),
        ("IF(t>=10,(b/t)/0.001,0)", "IF((t >= 10), ((b / t) / 0.001), 0)"), ("METRICS()", "METRICS()"),
        ("FILL(m1,REPEAT)", "FILL(m1, REPEAT)"), ("METRICS(\"5xx\")", "METRICS('5xx')"),
        ("METRICS('a')", "METRICS('a')"),
        ("SLICE(SORT(METRICS(),SUM,DESC),0,10)", "SLICE(SORT(METRICS(), SUM, DESC), 0, 10)"),
        ("SEARCH('{A/B,C} MetricName=\"d\"','Sum',300)", "SEARCH('{A/B,C} MetricName=\"d\"', 'Sum', 300)"),
    ],
)  # fmt: skip
def test_what_is_meant(text: str, tree: str) -> None:
    assert said(parse(text)) == tree


def test_which_ids_are_named() -> None:
    assert names(parse("IF(b > a, [c, -b], 2 ^ d) + MAX(METRICS('x'))")) == ["b", "a", "c", "d"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1 to 2048 characters"), ("m" * 2049, "1 to 2048"), ("   ", "at 4: 'its end'"),
        ("m1 +", "at 5: 'its end'"),
        ("m1 m2", "at 4: 'm2'"), ("m1 $ 2", "read at 4: '. 2'"), ("(m1", "at 4: 'its end'"), ("m1)", r"at 3: '\)'"),
        ("SUM(m1", "at 7"), ("SUM(,m1)", "at 5: ','"), ("SUM(m1,)", r"at 8: '\)'"), ("[m1", "at 4"), ("'open", "at 1"),
        ("a<b<c", "two comparisons in a row at 4"), ("a==b!=c", "two comparisons in a row at 5"),
        ("a^b^c", "two powers in a row at 4"), ("AND b", "at 1: 'AND'"), ("a OR", "at 5"), ("1.2.3", "at 4: '.3'"),
        ("%", "at 1"), ("a + * b", r"at 5: '\*'"), ("SELECT MAX(x) FROM y", "Metrics Insights"), ("!a", "at 1"),
        ("(" * 61 + "a" + ")" * 61, "nested more than 60 deep"), ("-" * 61 + "a", "nested more than 60 deep"),
        ("a" + "+a" * 401, "more than 400 operators in a row"),
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        parse(text)
