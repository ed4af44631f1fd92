"""Search expressions: which metrics they find, and which are not evaluated."""

from __future__ import annotations

import pytest

from local.cloudwatch.refused import Refused
from local.cloudwatch.searching import search
from local.cloudwatch.store import Metric

METRICS = {
    "errors of a": Metric.of("AWS/Lambda", "Errors", {"FunctionName": "a"}),
    "errors of b": Metric.of("AWS/Lambda", "Errors", {"FunctionName": "b"}),
    "errors of b's alias": Metric.of("AWS/Lambda", "Errors", {"FunctionName": "b", "Resource": "b:live"}),
    "throttles of a": Metric.of("AWS/Lambda", "Throttles", {"FunctionName": "a"}),
    "all errors": Metric.of("AWS/Lambda", "Errors"),
    "latency": Metric.of("My Shop", "Latency (all)", {"Service@Name": 'say "cart"'}),
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{AWS/Lambda,FunctionName} MetricName="Errors"', {"errors of a", "errors of b"}),
        (' {AWS/Lambda, FunctionName}, MetricName="Errors" ', {"errors of a", "errors of b"}),
        ('{AWS/Lambda,Resource,FunctionName} MetricName="Errors"', {"errors of b's alias"}),
        ('{AWS/Lambda,FunctionName} MetricName="Errors" FunctionName="a"', {"errors of a"}),
        ('{AWS/Lambda} "Throttles"', {"throttles of a"}),
        ('{AWS/Lambda,FunctionName} "a"', {"errors of a", "throttles of a"}),
        ('Namespace="AWS/Lambda" FunctionName="b"', {"errors of b", "errors of b's alias"}),
        ('"Service@Name"', {"latency"}),
        ('MetricName="Throttles" OR FunctionName="b" AND NOT Resource="b:live"', {"throttles of a", "errors of b"}),
        ('(MetricName="Throttles" OR FunctionName="b") NOT "b:live"', {"throttles of a", "errors of b"}),
        ('NOT Namespace="AWS/Lambda"', {"latency"}), ('{"My Shop","Service@Name"}', {"latency"}),
        ('{Other,a} "a"', set()),
        ('"Latency \\(all\\)" "say \\"cart\\""', {"latency"}), ('{AWS/Lambda,FunctionName} NOT "a" NOT "b"', set()),
    ],
)  # fmt: skip
def test_what_it_finds(text: str, found: set[str]) -> None:
    assert {name for name, metric in METRICS.items() if search(text)(metric)} == found


@pytest.mark.parametrize(
    ("term", "name", "found"),
    [
        # The documentation's own.
        ("count", "CustomCount1", True), ("Count", "CustomCount1", True), ("COUNT", "CustomCount1", True),
        ("couNT", "CustomCount1", False), ("CustomCount", "CustomCount1", True), ("Count1", "CustomCount1", True),
        ("customcount", "CustomCount1", False), ("count1", "CustomCount1", False),
        ("customcount1", "CustomCount1", True),
        ("sdb", "SDBFailure", True), ("failure", "SDBFailure", True), ("fail", "SDBFailure", False),
        ("333", "Project2-trial333", True), ("trial", "Project2-trial333", True), ("33", "Project2-trial333", False),
        ("network/errors", "Network-Errors-2", True), ("network+errors", "NetworkErrors2", True),
        ("network-errors", "Network_Errors_2", True), ("Network_Errors", "NetworkErrors2", True),
        ("errors-network", "NetworkErrors2", False), ("ReadOps", "VolumeReadOps", True), ("AWS", "AWS/EC2", True),
        # Ours.
        ("parapet", "parapet-test-guard_ec2", True), ("parapet-test", "parapet-test-guard_ec2", True),
        ("guard", "parapet-test-guard_ec2", True), ("parapet", "parapets", False),
        ("parapet-prod", "parapet-test-x", False),
    ],
)  # fmt: skip
def test_a_term_without_quotes_is_a_part(term: str, name: str, found: bool) -> None:
    assert search(f"MetricName={term}")(Metric.of("n", name)) is found
    assert search(f"{{n,Name}} Name={term}")(Metric.of("n", "m", {"Name": name})) is found
    assert search(f"{term} NOT zzz")(Metric.of("n", "m", {"Other": "x", "Name": name})) is found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "cannot be read at its end"), ("{AWS/EC2", "at its end"), ("{}", "at '}'"), ("{A,}", "at '}'"),
        ("{A} (", "at its end"),
        ('{A} ("x"', "at its end"), ('{A} "x")', r"at '\)'"), ('{A} OR "x"', "at 'OR'"), ('"x" AND', "at its end"),
        ("MetricName=", "at its end"), ("MetricName=AND", "at 'AND'"), ("{A} --", "neither a letter"),
        ("x= +", "neither a letter"),
        ('{A} "x', "cannot be read at 5"), ('"' + "x" * 1024, "at most 1024 characters"), ('"x" = , ', "at ','"),
        ('{A} {B}', "at '{'"),
    ],
)  # fmt: skip
def test_what_is_no_search_is_refused(text: str, problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        search(text)
