"""What datapoints make of an alarm: CloudWatch's own tables, and its words for why."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cloudwatch.judgement import BREACHES, SAID, Terms, judge, reason, reason_data

AT = 1_795_000_200.0
TREATS = ("missing", "ignore", "breaching", "notBreaching")
VALUES = {"0": 1.0, "X": 9.0, "-": None}
OK, ALARM, LACKING, STAYS = "OK", "ALARM", "INSUFFICIENT_DATA", None


def points(drawn: str) -> list[float | None]:
    """As CloudWatch's documentation draws them: 0 does not breach, X does, - is missing; the latest on the right."""
    return [VALUES[one] for one in drawn.split()]


def terms(enough: int, missing: str = "missing") -> Terms:
    return Terms("GreaterThanThreshold", 5.0, 3, enough, missing)


class TestTheTablesOfTheUserGuide:
    """Configuring how CloudWatch alarms treat missing data: three datapoints are evaluated, five looked at."""

    @pytest.mark.parametrize(
        ("drawn", "states"),
        [
            ("0 - X - X", (OK, OK, OK, OK)),
            ("0 - - - -", (OK, OK, OK, OK)),
            ("- - - - -", (LACKING, STAYS, ALARM, OK)),
            ("0 X X - X", (ALARM, ALARM, ALARM, ALARM)),
            ("- - X - -", (ALARM, STAYS, ALARM, OK)),
            # From the text below it, and from the page's earlier edition.
            ("- - - - X", (LACKING, STAYS, ALARM, OK)),
            ("- - - X -", (LACKING, STAYS, ALARM, OK)),
            ("- - - X 0", (OK, OK, OK, OK)),
            ("- - X - 0", (OK, OK, OK, OK)),
            ("X - - - -", (ALARM, STAYS, ALARM, OK)),
        ],
    )
    def test_three_of_three(self, drawn: str, states: tuple[str | None, ...]) -> None:
        assert tuple(judge(points(drawn), terms(3, treat)) for treat in TREATS) == states

    @pytest.mark.parametrize(
        ("drawn", "states"),
        [
            ("0 - X - X", (ALARM, ALARM, ALARM, ALARM)),
            ("0 0 X 0 X", (ALARM, ALARM, ALARM, ALARM)),
            ("0 - X - -", (OK, OK, ALARM, OK)),
            ("- - - - 0", (OK, OK, ALARM, OK)),
            ("- - - X -", (ALARM, STAYS, ALARM, OK)),
            ("- - - - X", (LACKING, STAYS, ALARM, OK)),
        ],
    )
    def test_two_of_three(self, drawn: str, states: tuple[str | None, ...]) -> None:
        assert tuple(judge(points(drawn), terms(2, treat)) for treat in TREATS) == states


@pytest.mark.parametrize(
    ("comparison", "states"),
    [
        ("GreaterThanThreshold", (OK, OK, ALARM)), ("GreaterThanOrEqualToThreshold", (OK, ALARM, ALARM)),
        ("LessThanThreshold", (ALARM, OK, OK)), ("LessThanOrEqualToThreshold", (ALARM, ALARM, OK)),
    ],
)  # fmt: skip
def test_each_comparison(comparison: str, states: tuple[str, ...]) -> None:
    assert tuple(judge([None, None, one], Terms(comparison, 5.0)) for one in (4.9, 5.0, 5.1)) == states


DRAWN = st.lists(st.sampled_from((1.0, 9.0, None)), min_size=5, max_size=5)


@given(DRAWN, st.integers(1, 3), st.sampled_from(TREATS))
def test_with_enough_real_datapoints_it_does_not_matter_how_missing_ones_are_treated(
    drawn: list[float | None], enough: int, treat: str
) -> None:
    real = [one for one in drawn if one is not None][-3:]
    if len(real) == 3:
        assert judge(drawn, terms(enough, treat)) == (ALARM if sum(one > 5 for one in real) >= enough else OK)


@given(DRAWN, st.integers(1, 3))
def test_what_is_missing_counts_as_few_times_as_possible(drawn: list[float | None], enough: int) -> None:
    real = [one for one in drawn if one is not None][-3:]
    for treat, value in (("breaching", 9.0), ("notBreaching", 1.0)):
        filled = [*real, *[value] * (3 - len(real))]
        assert judge(drawn, terms(enough, treat)) == (ALARM if sum(one > 5 for one in filled) >= enough else OK)


@given(DRAWN, st.integers(1, 3))
def test_only_what_is_ignored_leaves_it_as_it_is(drawn: list[float | None], enough: int) -> None:
    kept = judge(drawn, terms(enough, "ignore"))
    assert all(judge(drawn, terms(enough, treat)) for treat in TREATS if treat != "ignore")
    assert kept is not None or len([one for one in drawn if one is not None]) < 3


def timed(drawn: str) -> dict[float, float | None]:
    return {AT + 60 * number: value for number, value in enumerate(points(drawn))}


class TestWords:
    @pytest.mark.parametrize(
        ("value", "drawn", "given", "why"),
        [
            (
                ALARM, "0 X 0 X X", terms(2),
                "Threshold Crossed: 2 out of the last 3 datapoints [9.0 (18/11/26 11:14:00), 9.0 (18/11/26 11:13:00)] "
                "were greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition).",
            ),
            (
                OK, "X X X X 0", terms(3),
                "Threshold Crossed: 1 out of the last 3 datapoints [1.0 (18/11/26 11:14:00)] was not greater than the "
                "threshold (5.0) (minimum 1 datapoint for ALARM -> OK transition).",
            ),
            (
                ALARM, "- - - - -", terms(3, "breaching"),
                "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as "
                "[Breaching].",
            ),
            (
                OK, "- - - X -", terms(3, "notBreaching"),
                "Threshold Crossed: 1 datapoint was received for 3 periods and 2 missing datapoints were treated as "
                "[NonBreaching].",
            ),
            (
                OK, "- - -", Terms("LessThanThreshold", 1.0, missing="notBreaching"),
                "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
                "[NonBreaching].",
            ),
            (LACKING, "- - -", Terms("LessThanThreshold", 1.0), "Insufficient Data: 1 datapoint was unknown."),
            (LACKING, "- - - - X", terms(3), "Insufficient Data: 2 datapoints were unknown."),
        ],
    )  # fmt: skip
    def test_a_reason_is_said_as_cloudwatch_says_it(self, value: str, drawn: str, given: Terms, why: str) -> None:
        assert judge(points(drawn), given) == value
        assert reason(value, timed(drawn), given) == why

    def test_and_told_as_data(self) -> None:
        told = json.loads(
            reason_data(timed("X - 0 - X"), terms(2), 60, datetime.fromtimestamp(AT + 360.5, UTC), "Sum", "Count")
        )
        assert told == {
            "version": "1.0", "queryDate": "2026-11-18T11:16:00.500+0000", "startDate": "2026-11-18T11:10:00.000+0000",
            "unit": "Count", "statistic": "Sum", "period": 60, "recentDatapoints": [9.0, 1.0, 9.0], "threshold": 5.0,
            "evaluatedDatapoints": [
                {"timestamp": "2026-11-18T11:14:00.000+0000", "value": 9.0},
                {"timestamp": "2026-11-18T11:12:00.000+0000", "value": 1.0},
                {"timestamp": "2026-11-18T11:10:00.000+0000", "value": 9.0},
            ],
        }  # fmt: skip

    def test_nothing_received_has_no_beginning(self) -> None:
        told = json.loads(reason_data(timed("- - - - -"), terms(2), 60, datetime.fromtimestamp(AT, UTC)))
        assert (told["recentDatapoints"], "startDate" in told, "statistic" in told) == ([], False, False)


def test_every_comparison_has_its_words() -> None:
    assert set(SAID) == set(BREACHES)
