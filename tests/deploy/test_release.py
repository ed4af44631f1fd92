"""What a release is and how two differ: guardrails that arrive, modes that change, rights that come and go."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import registry
from chalicelib.model import ORIGINS, Mode, ParapetError
from chalicelib.settings import Settings
from deploy import release, rights, template
from deploy.release import Grant, ModeChange, NotOurs, Release
from tests.samples import ACCOUNT, REGION

RAILS = registry.load()
NAMES = [rail.name for rail in RAILS]
NEW, OTHER = "ec2_image_public", "kms_key_disabled"
OWN: dict[str, Mode] = dict.fromkeys(ORIGINS, "enforce")


def before(without: Iterable[str] = (NEW,), observed: tuple[str, ...] = ()) -> Release:
    """The release of an older version, which did not know some guardrails."""
    modes = {name: dict.fromkeys(ORIGINS, "enforce") for name in NAMES if name not in without}
    return Release(1, "", "c0ffee", "0.0.9", modes, observed)  # type: ignore[arg-type]


def whole(settings: Settings = Settings()) -> dict[str, Any]:  # noqa: B008 - it is frozen
    """A template as it is deployed."""
    made = template.cloudformation(template.render(settings), REGION)
    return release.marked(json.loads(json.dumps(made)), 2, "s3://bucket/1", "c0ffee")


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    return whole()


class TestWhatIsNew:
    def test_changes_nothing_until_promoted(self) -> None:
        assert release.observed(RAILS, Settings(), before(), ()) == (NEW,)
        chosen = Settings(observed=(NEW,))
        assert {chosen.mode(registry.get(NEW), origin) for origin in ORIGINS} == {"observe"}

    def test_is_nothing_in_the_first_installation(self) -> None:
        assert release.observed(RAILS, Settings(), None, ()) == ()

    def test_stays_unpromoted_through_later_upgrades(self) -> None:
        assert release.observed(RAILS, Settings(), before((), observed=(NEW,)), ()) == (NEW,)

    def test_is_promoted_by_name(self) -> None:
        last = before((NEW,), observed=(OTHER,))
        assert release.observed(RAILS, Settings(), last, (NEW,)) == (OTHER,)
        assert release.observed(RAILS, Settings(), last, (OTHER, NEW)) == ()

    def test_is_promoted_with_all(self) -> None:
        assert release.observed(RAILS, Settings(), before((NEW, OTHER)), ("all",)) == ()

    def test_once_promoted_stays_so(self) -> None:
        assert release.observed(RAILS, Settings(), before(()), ()) == ()

    def test_is_promoted_by_modes_of_its_own(self) -> None:
        chosen = Settings(guardrails={NEW: {"mode": OWN}})
        assert release.observed(RAILS, chosen, before(), ()) == ()

    def test_is_not_promoted_by_a_mode_for_one_origin(self) -> None:
        chosen = Settings(guardrails={NEW: {"mode": {"event": "enforce"}}})
        assert release.observed(RAILS, chosen, before(), ()) == (NEW,)
        chosen = replace(chosen, observed=(NEW,))
        assert [chosen.mode(registry.get(NEW), origin) for origin in ORIGINS] == ["enforce", "observe"]

    def test_is_not_promoted_by_the_mode_for_all(self) -> None:
        assert release.observed(RAILS, Settings(default_mode="enforce"), before(), ()) == (NEW,)

    def test_is_not_waited_for_where_it_can_only_tell(self) -> None:
        assert release.observed(RAILS, Settings(), before(("signin_root_used",)), ()) == ()

    def test_brings_no_write_into_any_role(self) -> None:
        chosen = Settings(observed=release.observed(RAILS, Settings(), before((NEW,)), ()))
        allowed = {action for one in rights.policies(chosen)["guard_ec2"]["Statement"] for action in one["Action"]}
        assert "ec2:ModifyImageAttribute" not in allowed
        assert "ec2:RevokeSecurityGroupIngress" in allowed

    def test_that_is_no_guardrail_cannot_be_promoted(self) -> None:
        with pytest.raises(
            ParapetError, match="PROMOTE: 'ec2_image_publik' is not a guardrail; did you mean 'ec2_imag"
        ):
            release.observed(RAILS, Settings(), before(), ("ec2_image_publik",))

    def test_is_refused_when_a_functions_environment_cannot_name_it(self) -> None:
        many = [replace(registry.get(NEW), name=f"ec2_something_that_is_{number:03}_new") for number in range(120)]
        with pytest.raises(ParapetError, match=r"120 guardrails are new.*PROMOTE=name,name"):
            release.observed(many, Settings(), before(), ())


class TestATemplate:
    def test_tells_its_release(self, now: dict[str, Any]) -> None:
        found = release.of(now)
        assert (found.number, found.previous, found.commit) == (2, "s3://bucket/1", "c0ffee")
        assert found.modes == {
            rail.name: {origin: Settings().mode(rail, origin) for origin in ORIGINS} for rail in RAILS
        }
        assert str(found) == f"release 2 (version {found.version}, commit c0ffee)"

    def test_tells_what_waits_for_promotion(self) -> None:
        assert release.of(whole(Settings(observed=(NEW,)))).observed == (NEW,)

    @pytest.mark.parametrize("foreign", ["yaml: text", {}, {"Metadata": {}}, {"Metadata": {"Parapet": {"release": 1}}}])
    def test_of_somebody_else_is_told_apart(self, foreign: object) -> None:
        with pytest.raises(NotOurs):
            release.of(foreign)

    def test_is_the_same_whichever_release_it_is(self, now: dict[str, Any]) -> None:
        later = release.marked(now, 7, "s3://bucket/6", "another")
        assert later != now
        assert release.unmarked(later) == release.unmarked(now)
        other = whole(Settings(default_mode="observe"))
        assert release.unmarked(other) != release.unmarked(now)

    def test_names_in_full_what_outlives_the_stack(self, now: dict[str, Any]) -> None:
        """Only then does CloudFormation import it, when the stack is made anew."""
        found = release.pinned(now, "prod", ACCOUNT)["Resources"]
        assert found["Journal"]["Properties"]["TableName"] == "parapet-prod-journal"
        assert found["EvidenceStore"]["Properties"]["BucketName"] == f"parapet-prod-evidence-{ACCOUNT}"
        other = {name: one for name, one in found.items() if "DeletionPolicy" not in one}
        assert other == {name: now["Resources"][name] for name in other}


class TestRights:
    def test_have_every_statement_of_every_role(self, now: dict[str, Any]) -> None:
        found = release.rights(now)
        for name, policy in rights.policies(Settings()).items():
            role = f"parapet-${{Stage}}-{name.replace('_', '-')}"
            pairs = {
                (action, release.words(resource))
                for one in policy["Statement"]
                for action in one["Action"]
                for resource in (one["Resource"] if isinstance(one["Resource"], list) else [one["Resource"]])
            }
            assert pairs <= {(grant.action, grant.resource) for grant in found[role]}

    def test_have_who_may_assume_a_role(self, now: dict[str, Any]) -> None:
        assert (
            Grant("sts:AssumeRole by lambda.amazonaws.com", "itself") in release.rights(now)["parapet-${Stage}-timer"]
        )

    def test_have_of_a_boundary_what_it_denies(self, now: dict[str, Any]) -> None:
        found = release.rights(now)["parapet-${Stage}-boundary"]
        assert found
        assert all(grant.denied for grant in found)

    def test_show_a_role_that_lost_its_boundary(self, now: dict[str, Any]) -> None:
        changed = json.loads(json.dumps(now))
        del changed["Resources"]["TimerRole"]["Properties"]["PermissionsBoundary"]
        assert release.difference(now, changed).gained == {
            "parapet-${Stage}-timer": frozenset({Grant("no boundary", "*")})
        }

    @pytest.mark.parametrize(
        ("statement", "expected"),
        [
            (
                {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"},
                ["s3:Get* on *"],
            ),
            (
                {"Effect": "Allow", "Action": ["a:B", "a:C"], "Resource": [{"Ref": "X"}, {"Fn::GetAtt": ["Y", "Arn"]}]},
                ["a:B on ${X}", "a:B on ${Y.Arn}", "a:C on ${X}", "a:C on ${Y.Arn}"],
            ),
            (
                {"Effect": "Deny", "Action": ["a:B", "a:C"], "NotResource": [{"Fn::Sub": "x${Y}"}, "z"]},
                ["never a:B, a:C on anything but x${Y}, z"],
            ),
            (
                {"Effect": "Allow", "NotAction": ["a:B"], "Resource": "*"},
                ["anything but a:B on *"],
            ),
            (
                {
                    "Effect": "Allow", "Action": "a:B", "Resource": "*",
                    "Condition": {"StringLike": {"k2": ["b", "a"], "k1": {"Ref": "R"}}, "Bool": {"x": "true"}},
                },
                ["a:B on * if Bool x = true and StringLike k1 = ${R} and StringLike k2 = a, b"],
            ),
            (
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": {"Fn::Sub": "${A}:root"}}},
                ["sts:AssumeRole by ${A}:root on itself"],
            ),
            (
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"},
                ["sts:AssumeRole by * on itself"],
            ),
        ],
    )  # fmt: skip
    def test_are_texts_that_stay_the_same(self, statement: dict[str, Any], expected: list[str]) -> None:
        assert sorted(map(str, release.grants({"Statement": [statement]}))) == expected


class TestADifference:
    def test_is_none_between_equals(self, now: dict[str, Any]) -> None:
        assert not release.difference(now, release.marked(now, 3, "s3://bucket/2", "another"))

    def test_has_a_new_guardrail_and_no_write_right_of_it(self, now: dict[str, Any]) -> None:
        old = json.loads(json.dumps(whole(Settings(guardrails={NEW: {"mode": dict.fromkeys(ORIGINS, "off")}}))))
        del old["Metadata"]["Parapet"]["modes"][NEW]
        found = release.difference(old, whole(Settings(observed=(NEW,))))
        assert found.arrived == {NEW: dict.fromkeys(ORIGINS, "observe")}
        assert found.observed == (NEW,)
        gained = {grant.action for grants in found.gained.values() for grant in grants}
        assert gained == {"ec2:DescribeImages"}
        assert found.lost == {}

    def test_of_a_promotion_has_its_rights_with_resource_and_condition(self, now: dict[str, Any]) -> None:
        found = release.difference(whole(Settings(observed=(NEW,))), now)
        assert found.promoted == (NEW,)
        assert found.modes == (
            ModeChange(NEW, "event", "observe", "enforce"), ModeChange(NEW, "sweep", "observe", "enforce"),
        )  # fmt: skip
        assert [str(grant) for grant in found.gained["parapet-${Stage}-guard-ec2"]] == [
            "ec2:ModifyImageAttribute on arn:${AWS::Partition}:ec2:*::image/* "
            "if StringEquals aws:RequestedRegion = ${AWS::Region}, us-east-1"
        ]

    def test_of_an_install_that_only_watches_has_every_write_as_lost(self, now: dict[str, Any]) -> None:
        found = release.difference(now, whole(Settings(default_mode="observe")))
        lost = {grant.action for grants in found.lost.values() for grant in grants}
        assert {"ec2:RevokeSecurityGroupIngress", "kms:ScheduleKeyDeletion", "s3:PutBucketPolicy"} <= lost
        # What the journal still takes, it takes under a narrower condition.
        gained = {grant.action for grants in found.gained.values() for grant in grants if not grant.denied}
        assert gained <= lost
        assert all(action.startswith("dynamodb:") for action in gained)
        assert {one.new for one in found.modes} == {"observe"}

    def test_has_a_guardrail_that_is_gone(self, now: dict[str, Any]) -> None:
        later = json.loads(json.dumps(now))
        del later["Metadata"]["Parapet"]["modes"][OTHER]
        assert release.difference(now, later).gone == (OTHER,)

    def test_takes_the_end_of_a_denial_for_a_right(self, now: dict[str, Any]) -> None:
        later = json.loads(json.dumps(now))
        boundary = later["Resources"]["Boundary"]["Properties"]["PolicyDocument"]
        boundary["Statement"] = [one for one in boundary["Statement"] if one["Sid"] != "NotOurselves"]
        [grants] = release.difference(now, later).gained.values()
        assert [grant.denied for grant in grants] == [True]
        assert release.difference(later, now).gained == {}

    def test_has_a_condition_that_is_gone(self, now: dict[str, Any]) -> None:
        later = json.loads(json.dumps(now))
        role = later["Resources"]["GuardKmsRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        for one in role:
            one.pop("Condition", None)
        found = release.difference(now, later)
        gained = {str(grant) for grant in found.gained["parapet-${Stage}-guard-kms"]}
        assert "kms:ScheduleKeyDeletion on arn:${AWS::Partition}:kms:*:${AWS::AccountId}:key/*" in gained
        assert found.lost
