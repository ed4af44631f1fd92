"""The stand-in for EventBridge's patterns, against what EventBridge and its matcher (event-ruler) document."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.patterns import PatternError, matches

# The event of event-ruler's documentation.
EMPLOYEES = {
    "employees": [
        {"firstName": "John", "lastName": "Doe"},
        {"firstName": "Anna", "lastName": "Smith"},
        {"firstName": "Peter", "lastName": "Jones"},
    ]
}
EXISTS, ABSENT = {"exists": True}, {"exists": False}


class TestValues:
    @pytest.mark.parametrize(
        ("wanted", "value", "expected"),
        [
            (["running", "stopped"], "stopped", True),
            (["running", "stopped"], "Stopped", False),
            ([""], "", True),
            ([None], None, True),
            ([""], None, False),
            ([None], "", False),
            (["22"], 22, False),
            ([22], "22", False),
            ([22], 22, True),
            ([True], True, True),
            ([True], 1, False),
            ([1], True, False),
            (["true"], True, False),
            ([22], 22.0, False),
        ],
    )
    def test_are_compared_with_their_type(self, wanted: list[Any], value: Any, expected: bool) -> None:
        assert matches({"state": wanted}, {"state": value}) is expected

    def test_of_a_missing_field_match_nothing(self) -> None:
        assert not matches({"state": [None, ""]}, {"other": "x"})

    def test_of_every_field_must_match(self) -> None:
        pattern = {"source": ["aws.ec2"], "detail": {"state": ["running"]}}
        assert matches(pattern, {"source": "aws.ec2", "detail": {"state": "running"}, "more": 1})
        assert not matches(pattern, {"source": "aws.rds", "detail": {"state": "running"}})
        assert not matches(pattern, {"source": "aws.ec2", "detail": {"state": "stopped"}})

    @pytest.mark.parametrize("detail", ["running", None, ["running"], {"other": {"state": "running"}}])
    def test_are_looked_for_where_the_pattern_nests_them(self, detail: Any) -> None:
        assert not matches({"detail": {"state": ["running"]}}, {"detail": detail, "state": "running"})

    def test_an_object_is_no_value(self) -> None:
        assert not matches({"detail": ["x", {"anything-but": "y"}, EXISTS]}, {"detail": {"x": "x"}})


class TestOr:
    @pytest.mark.parametrize(
        ("event", "expected"),
        [
            ({"source": "s", "name": "a", "kind": "k"}, True),
            ({"source": "s", "detail": {"id": "b"}}, True),
            ({"source": "s", "name": "a"}, False),
            ({"source": "s"}, False),
            ({"source": "t", "detail": {"id": "b"}}, False),
        ],
    )
    def test_is_one_of_several_beside_the_rest(self, event: dict[str, Any], expected: bool) -> None:
        pattern = {"source": ["s"], "$or": [{"name": ["a"], "kind": ["k"]}, {"detail": {"id": ["b"]}}]}
        assert matches(pattern, event) is expected

    def test_within_an_object_is_about_its_fields(self) -> None:
        pattern = {"detail": {"$or": [{"a": [1]}, {"b": [1]}], "c": [1]}}
        assert matches(pattern, {"detail": {"b": 1, "c": 1}})
        assert not matches(pattern, {"detail": {"b": 1}})
        assert not matches(pattern, {"a": 1, "detail": {"c": 1}})

    def test_in_an_or(self) -> None:
        pattern = {"$or": [{"a": [1], "$or": [{"b": [1]}, {"c": [1]}]}, {"d": [1]}]}
        assert matches(pattern, {"a": 1, "c": 1})
        assert matches(pattern, {"d": 1})
        assert not matches(pattern, {"a": 1})


class TestExists:
    @pytest.mark.parametrize("value", ["x", "", None, 0, False, ["x"]])
    def test_is_about_the_field_and_not_its_value(self, value: Any) -> None:
        assert matches({"detail": {"errorCode": [EXISTS]}}, {"detail": {"errorCode": value}})
        assert not matches({"detail": {"errorCode": [ABSENT]}}, {"detail": {"errorCode": value}})

    @pytest.mark.parametrize(
        "event", [{}, {"detail": {}}, {"detail": {"other": 1}}, {"detail": "text"}, {"detail": None}]
    )
    def test_absence_holds_without_the_field_and_without_its_parents(self, event: dict[str, Any]) -> None:
        assert matches({"detail": {"errorCode": [ABSENT]}}, event)
        assert not matches({"detail": {"errorCode": [EXISTS]}}, event)

    @pytest.mark.parametrize("value", [{"c1": 100}, {}, [], [{"c1": 100}]])
    def test_sees_leaves_only(self, value: Any) -> None:
        # Documented with {"c1": 100}: what holds no value of its own is not there.
        assert matches({"detail": {"c-count": [ABSENT]}}, {"detail": {"c-count": value}})
        assert not matches({"detail": {"c-count": [EXISTS]}}, {"detail": {"c-count": value}})

    def test_absent_or_a_value(self) -> None:
        pattern = {"detail": {"mfa": [ABSENT, "No"]}}
        assert matches(pattern, {"detail": {"mfa": "No"}})
        assert matches(pattern, {"detail": {}})
        assert not matches(pattern, {"detail": {"mfa": "Yes"}})

    def test_in_one_element_of_a_list_is_existence(self) -> None:
        event = {"rules": [{"port": 22}, {"port": 80, "cidr": "0.0.0.0/0"}]}
        assert matches({"rules": {"cidr": [EXISTS]}}, event)
        assert not matches({"rules": {"cidr": [ABSENT]}}, event)


class TestTexts:
    @pytest.mark.parametrize(
        ("rule", "value", "expected"),
        [
            ({"prefix": "eu-"}, "eu-west-1", True),
            ({"prefix": "eu-"}, "us-eu-1", False),
            ({"prefix": "eu-"}, "EU-west-1", False),
            ({"prefix": "2"}, 22, False),
            ({"prefix": ""}, "", True),
            ({"prefix": ""}, None, False),
            ({"suffix": ".png"}, "a.png", True),
            ({"suffix": ".png"}, "a.png.txt", False),
            ({"suffix": "2"}, 22, False),
            ({"anything-but": "a"}, "a", False),
            ({"anything-but": "a"}, "b", True),
            ({"anything-but": "a"}, "A", True),
            ({"anything-but": ["a", "b"]}, "b", False),
            ({"anything-but": ["a", "b"]}, "c", True),
            ({"anything-but": "1"}, 1, True),
            ({"anything-but": "a"}, None, True),
            ({"anything-but": {"prefix": "eu-"}}, "us-east-1", True),
            ({"anything-but": {"prefix": ["eu-", "us-"]}}, "us-east-1", False),
            ({"anything-but": {"wildcard": "*-east-*"}}, "us-east-1", False),
            ({"equals-ignore-case": "Stopped"}, "sTOPPED", True),
            ({"equals-ignore-case": "Stopped"}, "Stop", False),
            ({"wildcard": "arn:*:alarm:prod-*"}, "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:prod-x", True),
            ({"wildcard": "a*b*a"}, "aba", True),
            ({"wildcard": "a*a"}, "a", False),
            ({"wildcard": "a*b*c"}, "acb", False),
            ({"wildcard": "*"}, "", True),
            ({"wildcard": "*"}, 1, False),
            ({"numeric": [">", 0]}, 1, True),
            ({"numeric": [">", 0]}, 0, False),
            ({"numeric": [">=", 4, "<", 7]}, 6.9, True),
            ({"numeric": [">=", 4, "<", 7]}, 7, False),
            ({"numeric": ["=", 1]}, True, False),
            ({"numeric": [">", 0]}, "1", False),
        ],
    )
    def test_operators(self, rule: dict[str, Any], value: Any, expected: bool) -> None:
        assert matches({"field": [rule]}, {"field": value}) is expected

    @pytest.mark.parametrize("rule", [{"prefix": ""}, {"suffix": ""}, {"anything-but": "a"}, {"anything-but": ["a"]}])
    @pytest.mark.parametrize("event", [{}, {"other": "x"}, {"field": []}, {"field": {}}])
    def test_none_matches_a_field_that_is_missing(self, rule: dict[str, Any], event: dict[str, Any]) -> None:
        assert not matches({"field": [rule]}, event)

    def test_any_rule_of_a_list_will_do(self) -> None:
        pattern = {"name": ["Stop", {"prefix": "Delete"}]}
        assert [matches(pattern, {"name": name}) for name in ("Stop", "DeleteTrail", "StopAll")] == [True, True, False]


class TestLists:
    def test_match_by_any_element(self) -> None:
        assert matches({"resources": ["b", "c"]}, {"resources": ["a", "b"]})
        assert not matches({"resources": ["c"]}, {"resources": ["a", "b"]})
        assert matches({"resources": [{"prefix": "b"}]}, {"resources": ["a", "bc"]})
        assert not matches({"resources": ["a"]}, {"resources": []})

    def test_anything_but_wants_one_element_that_is_not_refused(self) -> None:
        assert matches({"field": [{"anything-but": "a"}]}, {"field": ["a", "b"]})
        assert not matches({"field": [{"anything-but": "a"}]}, {"field": ["a", "a"]})

    def test_of_objects_are_looked_into(self) -> None:
        assert matches({"employees": {"firstName": ["Anna"]}}, EMPLOYEES)
        assert not matches({"employees": {"firstName": ["Eve"]}}, EMPLOYEES)

    def test_two_fields_must_be_of_the_same_element(self) -> None:
        assert matches({"employees": {"firstName": ["Anna"], "lastName": ["Smith"]}}, EMPLOYEES)
        assert not matches({"employees": {"firstName": ["Anna"], "lastName": ["Jones"]}}, EMPLOYEES)

    def test_of_lists_are_looked_into(self) -> None:
        staff = EMPLOYEES["employees"]
        event = {"employees": [staff[:2], staff[2:]]}
        assert matches({"employees": {"firstName": ["Anna"], "lastName": ["Smith"]}}, event)
        # John and Peter are each the first of their list.
        assert not matches({"employees": {"firstName": ["John"], "lastName": ["Jones"]}}, event)

    def test_two_lists_do_not_bind_each_other(self) -> None:
        event = {"a": [{"x": 1}, {"x": 2}], "b": [{"x": 1}, {"x": 2}]}
        assert matches({"a": {"x": [1]}, "b": {"x": [2]}}, event)


class TestRefusal:
    @pytest.mark.parametrize(
        ("pattern", "text"),
        [
            ({"a": [{"numeric": [">"]}]}, "a: the operator 'numeric'"),
            ({"a": [{"numeric": ["!=", 1]}]}, "'numeric'"),
            ({"a": [{"numeric": [">", "0"]}]}, "'numeric'"),
            ({"a": [{"numeric": [[], 0]}]}, "'numeric'"),
            ({"a": [{"cidr": "10.0.0.0/8"}]}, "'cidr'"),
            ({"a": [{"wildcard": ["*"]}]}, "'wildcard'"),
            ({"a": [{"equals-ignore-case": 1}]}, "'equals-ignore-case'"),
            ({"a": [{"Prefix": "x"}]}, "'Prefix'"),
            ({"a": [{"exists": "true"}]}, "'exists' with 'true'"),
            ({"a": [{"exists": 0}]}, "'exists' with 0"),
            ({"a": [{"prefix": 1}]}, "'prefix' with 1"),
            ({"a": [{"prefix": {"equals-ignore-case": "x"}}]}, "'prefix'"),
            ({"a": [{"suffix": ["x"]}]}, "'suffix'"),
            ({"a": [{"anything-but": {"exists": True}}]}, "'anything-but'"),
            ({"a": [{"anything-but": {"prefix": []}}]}, "'anything-but'"),
            ({"a": [{"anything-but": [1]}]}, "'anything-but'"),
            ({"a": [{"anything-but": []}]}, "'anything-but'"),
            ({"a": [{"prefix": "x", "suffix": "y"}]}, "a: one operator at a time, not ['prefix', 'suffix']"),
            ({"a": [{}]}, "one operator at a time"),
            ({"a": [1.5]}, "the value 1.5"),
            ({"a": [["x"]]}, "the value ['x']"),
            ({"a": "x"}, "a: a pattern holds objects and lists"),
            ({"a": None}, "not None"),
            ({"a": {"b": 22}}, "a.b: a pattern holds"),
            ({"a": []}, "lists that are not empty"),
            ({"a": {}}, "a: a pattern is an object that is not empty"),
            ({}, "the pattern: a pattern is an object that is not empty"),
            ({"$or": {"a": ["x"]}}, "$or takes a list of two or more"),
            ({"$or": []}, "$or takes a list of two or more"),
            ({"$or": [{"a": ["x"]}]}, "$or takes a list of two or more"),
            ({"$or": [{"a": ["x"]}, "y"]}, "not 'y'"),
            ({"d": {"$or": [{"a": ["x"]}]}}, "d.$or takes a list"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("event", [{}, {"a": "x"}, {"z": "z"}])
    def test_does_not_depend_on_the_event(self, pattern: Any, text: str, event: dict[str, Any]) -> None:
        with pytest.raises(PatternError) as caught:
            matches(pattern, event)
        assert text in str(caught.value)

    def test_comes_even_where_something_else_decides(self) -> None:
        with pytest.raises(PatternError):
            matches({"a": ["no"], "b": [{"cidr": "10.0.0.0/8"}]}, {"a": "yes"})
        with pytest.raises(PatternError):
            matches({"$or": [{"a": ["yes"]}, {"b": [{"cidr": "10.0.0.0/8"}]}]}, {"a": "yes"})


LEAF = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
NAME = st.sampled_from(("a", "b", "c"))
TREE = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAME, inner, max_size=3), max_leaves=8
)
# What a machine under load takes to think events up says nothing about patterns.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
EVENT = st.dictionaries(NAME, TREE, max_size=3)


def paths(value: Any, way: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every leaf with its path, list elements under the list's own path."""
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in paths(inner, (*way, key))]
    if isinstance(value, list):
        return [found for inner in value for found in paths(inner, way)]
    return [(way, value)]


def nested(way: tuple[str, ...], rules: list[Any]) -> Any:
    return {way[0]: nested(way[1:], rules)} if way else rules


class TestLaws:
    @patient
    @given(EVENT, st.lists(NAME, min_size=1, max_size=3).map(tuple))
    def test_exactly_one_of_present_and_absent(self, event: dict[str, Any], way: tuple[str, ...]) -> None:
        present = matches(nested(way, [EXISTS]), event)
        assert present is not matches(nested(way, [ABSENT]), event)
        assert present is (way in dict(paths(event)))

    @patient
    @given(EVENT)
    def test_every_leaf_is_found_by_its_value_and_not_by_another(self, event: dict[str, Any]) -> None:
        for way, value in paths(event):
            assert matches(nested(way, [value]), event)
            assert not matches(nested(way, ["not among them"]), event)

    @patient
    @given(EVENT, NAME, st.text(max_size=3))
    def test_a_text_or_anything_but_it_is_whatever_exists(self, event: dict[str, Any], name: str, text: str) -> None:
        either = matches({"$or": [{name: [text]}, {name: [{"anything-but": text}]}]}, event)
        assert either is matches({name: [EXISTS]}, event)
