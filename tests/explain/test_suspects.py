"""Who is suspected, by tables: what speaks for each, what against, and when nobody is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.explain import harm, sentence, suspects
from chalicelib.explain.kept import Past
from chalicelib.explain.model import Filled, Fixed, Hop, Pattern, Scene, Sibling, Suspect, Symptom
from chalicelib.explain.onset import NONE, Onset
from chalicelib.ledger.model import Change
from tests.samples import ACCOUNT, REGION

AT = 1_795_000_020.0
ERRORS = Symptom("errors", "errors", "share", Onset("step", AT, None, 0.001, 0.34, 0.97))
SCENE = Scene("shop", ACCOUNT, REGION, ERRORS, frozenset({"shop-web", "shop-db"}))


def change(before: float = 60, action: str = "UpdateService", **more: Any) -> Change:
    given: dict[str, Any] = {
        "source": "ecs.amazonaws.com", "kind": "call", "account": ACCOUNT, "region": REGION,
        "resources": ("shop-web",), "services": ("shop",), "actor": "bob", "role": "", "ip": "198.51.100.7",
        "tool": "terraform", "what": "image=shop:42", **more,
    }  # fmt: skip
    return Change(f"{action}-{before}", AT - before, action, **given)


def ranked(**more: Any) -> tuple[Suspect, ...]:
    return suspects.rank(replace(SCENE, **more))


def titles(**more: Any) -> list[str]:
    return [one.title for one in ranked(**more)]


FULL = Filled("database shop-db", "rds", "connections", "connections", AT - 30, "200 of 200", "80 of 200")
TYPE_ERROR = Pattern("TypeError: unsupported operand", 40, 0, "/shop/web", AT + 5)
TIMEOUT = Pattern("could not connect: timed out", 40, 0, "/shop/web", AT + 5)
SLOW = Hop("shop", "payments.example.com", "remote", 60, 0.0, 0.0, 2.1, 0.2)


class TestNobody:
    def test_where_nothing_is_wrong(self) -> None:
        assert ranked(symptom=None, changes=(change(),)) == ()
        assert ranked(symptom=replace(ERRORS, onset=NONE), changes=(change(),), filled=(FULL,)) == ()

    @pytest.mark.parametrize(
        "innocent",
        [
            change(error="AccessDenied"), change(writes=False), change(before=-600), change(before=4 * 3600),
            change(action="TagResource"), change(action="PutMetricAlarm"), change(action="CreateSnapshot"),
            change(services=("orders",), resources=("orders-web",)), change(before=3600),
            change(services=(), resources=("build-agent",), action="CreateRole"),
            change(account="210987654321", services=(), resources=("other",)),
            change(region="us-east-1", services=(), resources=("other",)),
        ],
        ids=lambda one: f"{one.action} {AT - one.at:.0f} s before",
    )  # fmt: skip
    def test_who_cannot_have_done_it(self, innocent: Change) -> None:
        assert ranked(changes=(innocent,)) == ()


class TestChanges:
    def test_is_told_with_who_from_where_and_what(self) -> None:
        [one] = ranked(changes=(change(),), patterns=(replace(TYPE_ERROR, count=1),))
        assert (one.kind, one.title, one.change) == ("change", "UpdateService of shop-web by bob", "UpdateService-60")
        assert one.evidence[0].startswith("bob with terraform from 198.51.100.7, 60 s before (")
        assert "it touches shop" in one.evidence
        assert "image=shop:42" in one.evidence
        assert one.score > 0.95
        assert not one.against

    def test_scores_fall_with_time_and_by_what_it_breaks(self) -> None:
        scores = [ranked(changes=(change(before=minutes * 60),)) for minutes in (1, 5, 10, 15)]
        found = [some[0].score for some in scores]
        assert found == sorted(found, reverse=True)
        assert found[0] == found[1] > found[2] > found[3]
        creeping = replace(ERRORS, onset=replace(ERRORS.onset, shape="ramp"))
        assert ranked(symptom=creeping, changes=(change(before=3000),)), "what creeps up may have begun long before"
        assert not ranked(changes=(change(before=3000),))

    def test_what_was_done_before_without_harm_is_less_likely_and_that_is_said(self) -> None:
        again = (change(), change(before=3600), change(before=7200))
        [one] = ranked(changes=again)
        assert one.score < 0.5
        assert [line[:11] for line in one.against] == ["the same at"] * 2
        assert ranked(changes=(change(), change(before=100)))[0].score > 0.95, "two steps of one deployment"
        assert ranked(changes=again, unseen=frozenset({"past"}))[0].against == (), "it may have brought the like"

    def test_what_was_explained_by_the_same_call_does_not_speak_against_it(self) -> None:
        now, harmed, calm = again = (change(), change(before=3600), change(before=7200))
        then = Past(AT - 3540, "shop fails", "a change", "change:UpdateService:shop-web", "e-1", {harmed.id: harmed.at})
        [one] = ranked(changes=again[:2], past=(then,))
        assert (one.score, one.against) == (ranked(changes=again[:1])[0].score, ())
        assert not any("nothing like it" in line for line in one.evidence)
        [one] = ranked(changes=again, past=(then,))
        assert one.against == (f"the same at {suspects._clock(calm.at)} brought nothing like this",)
        # What was explained of this very trouble, minutes ago, tells nothing of the time before.
        [one] = ranked(changes=again[:2], past=(replace(then, at=AT, changes={now.id: now.at, harmed.id: harmed.at}),))
        assert len(one.against) == 1

    def test_a_group_that_nobody_knows_is_suspected_more_where_the_errors_speak_of_it(self) -> None:
        closed = change(
            action="RevokeSecurityGroupIngress",
            source="ec2.amazonaws.com",
            services=(),
            resources=("sg-1",),
            what="",
        )
        [quietly] = ranked(changes=(closed,))
        spoken = next(one for one in ranked(changes=(closed,), patterns=(TIMEOUT,)) if one.kind == "change")
        assert quietly.against == ("what depends on sg-1 is not known",)
        assert spoken.score > quietly.score
        assert "the errors speak of that" in spoken.evidence
        other = next(one for one in ranked(changes=(closed,), patterns=(TYPE_ERROR,)) if one.kind == "change")
        assert "the errors speak of code" in other.against
        named = ranked(changes=(replace(closed, resources=("sg-1", "shop-database")),))
        assert named[0].score > quietly.score
        assert "by its name, sg-1 belongs to shop" in named[0].evidence

    def test_of_two_that_are_as_likely_the_nearer_to_the_onset_is_first(self) -> None:
        both = (
            change(before=240, action="UpdateFunctionConfiguration"),
            change(before=60, action="UpdateFunctionCode"),
        )
        found = ranked(changes=both, patterns=(TYPE_ERROR,))
        assert [(one.score, one.at) for one in found[:2]] == [(0.99, AT - 60), (0.99, AT - 240)]


class TestDependencies:
    def test_what_is_full_is_told_with_how_it_was(self) -> None:
        [one] = ranked(filled=(FULL,))
        assert one.title == "the database shop-db has no connection left"
        assert one.evidence[:2] == ("connections: 200 of 200, since 11:06 UTC", "before: 80 of 200")

    def test_of_targets_that_are_ill_that_none_is_left_is_told(self) -> None:
        ill = Filled("load balancer shop", "alb", "unhealthy", "unhealthy targets", AT - 30, "3", "0")
        [one] = ranked(filled=(ill, replace(ill, gauge="healthy", label="healthy targets", said="0", before="3")))
        assert one.title == "no target of the load balancer shop is healthy"
        assert "unhealthy targets: 3" in one.evidence

    def test_who_else_uses_it_and_is_well_speaks_against_it(self) -> None:
        [alone] = ranked(filled=(FULL,))
        [shared] = ranked(filled=(replace(FULL, sharing={"orders": True}),))
        [ill] = ranked(filled=(replace(FULL, sharing={"orders": False}),))
        assert shared.against == ("orders uses it too, and is well",)
        assert shared.score < alone.score == ill.score
        assert "orders uses it too, and is not well" in ill.evidence

    def test_more_traffic_comes_before_what_it_fills(self) -> None:
        more = Onset("step", AT - 60, None, 600, 2400, 0.99)
        first, second = ranked(filled=(FULL,), traffic=more)
        assert (first.kind, first.title) == ("traffic", "4 times the usual traffic")
        assert "there is 4 times the usual traffic at the same time: it may be full of that" in second.against
        assert titles(traffic=replace(more, after=700)) == []
        assert titles(traffic=replace(more, at=AT + 900)) == []

    def test_dead_letters_may_be_a_consequence_and_over_http_are_no_reason(self) -> None:
        letters = Filled("dead letters jobs-dead", "dead_letters", "letters", "messages", AT, "31", "0")
        [queued] = ranked(filled=(letters,), entry="step_functions")
        assert "what fails for another reason ends there, too: that may be a consequence" in queued.against
        [http] = ranked(filled=(letters,), entry="api_http")
        assert http.score < queued.score
        assert http.against == queued.against
        told = sentence.answer("shop", ERRORS, ranked(filled=(letters,), entry="api_http"), AT)
        assert told.endswith("; nothing else that was looked at explains it.")
        assert "because" in sentence.answer("shop", ERRORS, ranked(filled=(letters,), entry="step_functions"), AT)

    def test_what_became_full_long_after_is_a_consequence(self) -> None:
        assert ranked(filled=(replace(FULL, at=AT + 900),)) == ()

    def test_the_release_before_comes_before_what_it_filled(self) -> None:
        assert [one.kind for one in ranked(changes=(change(),), filled=(FULL,))] == ["change", "dependency"]


class TestCalls:
    def test_the_end_of_a_chain_is_suspected(self) -> None:
        middle = Hop("api", "orders", "remote", 60, 0.4, 0.0, 0.2, 0.2)
        end = Hop("orders", "orders-db", "Database::SQL", 60, 0.4, 0.0, 0.2, 0.2)
        first, *others = ranked(hops=(middle, end))
        assert first.title == "orders-db fails"
        assert all("it fails because of what it calls itself" in one.against for one in others)

    def test_what_is_slow_is_told_with_how_fast_it_was(self) -> None:
        [one] = ranked(hops=(SLOW,))
        assert one.title == "payments.example.com is slow"
        assert one.evidence == ("calls from shop take 2.1 s; before: 200 ms",)
        [less] = ranked(hops=(replace(SLOW, well=("orders",)),))
        assert less.score < one.score
        assert less.against == ("orders calls it too, and is well",)

    def test_whom_several_call_is_one_and_none_of_them_is_well(self) -> None:
        # By who fails both are well: what the others feel of it is that it is slow.
        first, second = replace(SLOW, well=("orders",)), replace(SLOW, caller="orders", seconds=0.9, well=("shop",))
        [one] = ranked(hops=(first, second))
        assert one.evidence == (
            "calls from shop take 2.1 s; before: 200 ms", "calls from orders take 900 ms; before: 200 ms",
        )  # fmt: skip
        assert one.against == ()
        [outside] = ranked(hops=(replace(SLOW, caller="client", callee="web"),))
        assert outside.evidence == ("calls from outside take 2.1 s; before: 200 ms",)

    @pytest.mark.parametrize(
        "hop",
        [
            replace(SLOW, seconds=0.21), replace(SLOW, calls=2), replace(SLOW, took=None),
            replace(SLOW, seconds=0.2, failing=0.02), replace(SLOW, seconds=0.2, failing=0.3, failed=0.28),
        ],
        ids=["hardly", "few", "new", "one failed", "as ever"],
    )  # fmt: skip
    def test_what_is_no_worse_than_ever_is_not(self, hop: Hop) -> None:
        assert ranked(hops=(hop,)) == ()

    def test_lines_that_say_why_come_before_those_that_say_what(self) -> None:
        expired = replace(TYPE_ERROR, text="ExpiredTokenException: the security token is expired", count=10)
        assert titles(patterns=(TYPE_ERROR, expired))[0].startswith("a credential that is refused")
        assert ranked(patterns=(replace(TYPE_ERROR, before=30),)) == ()

    def test_lines_that_came_minutes_after_it_began_are_suspected_less(self) -> None:
        expired = replace(TYPE_ERROR, text="ExpiredTokenException: the security token is expired")
        [soon], [late] = ranked(patterns=(expired,)), ranked(patterns=(replace(expired, first=AT + 300),))
        assert late.score < soon.score
        assert "the first came only 5 min after it began" in late.against
        assert ranked(patterns=(replace(expired, first=AT + 900),)) == ()

    def test_calls_that_were_counted_are_not_called_sampled(self) -> None:
        bad = replace(SLOW, failing=0.4, seconds=0.2)
        [sampled], [counted] = ranked(hops=(bad,)), ranked(hops=(replace(bad, sampled=False),))
        assert sampled.evidence[0] == "40 % of 60 sampled calls from shop fail; before: 0 %"
        assert counted.evidence[0] == "40 % of 60 calls from shop fail; before: 0 %"


class TestWide:
    OTHERS = (Sibling("a", AT + 30, "orders"), Sibling("b", AT - 20, "search"))

    def test_several_services_at_once_have_something_in_common(self) -> None:
        first, *others = ranked(siblings=self.OTHERS, patterns=(TYPE_ERROR,), hops=(SLOW,))
        assert first.title == "something that 3 services have in common"
        assert all("orders, search are in trouble too, at the same time" in one.against for one in others)
        assert ranked(siblings=self.OTHERS[:1]) == ()

    def test_aws_says_so_itself(self) -> None:
        told = change(
            before=-600, action="AWS_EC2_OPERATIONAL_ISSUE", source="aws.health", kind="notice", services=(),
            resources=(), actor="", what="increased error rates",
        )  # fmt: skip
        [one] = ranked(siblings=self.OTHERS, changes=(told,))
        assert one.title == f"trouble of AWS in {REGION}"
        assert "orders, search" in one.evidence[1]
        alone = ranked(changes=(told,))[0]
        assert alone.score < one.score
        assert alone.against == ("nothing else in the account is in trouble",)

    def test_what_touches_several_is_not_less_likely(self) -> None:
        both = change(services=("shop", "orders"))
        own = change(action="UpdateFunctionCode")
        first, *_ = ranked(siblings=self.OTHERS, changes=(both, own))
        assert first.change == both.id


def test_our_own_fix_is_suspected_like_anybodys() -> None:
    fixed = Fixed("abcd1234", "ec2_security_group_open", "sg-1", "port 5432 was open", AT - 60)
    [one] = ranked(ours=(fixed,))
    assert (one.kind, one.change) == ("remediation", "abcd1234")
    assert one.against == ("nothing says that shop stands on sg-1",)
    first = ranked(ours=(fixed,), patterns=(TIMEOUT,))[0]
    assert first.score > one.score
    assert ranked(ours=(replace(fixed, standing=False),)) == ()
    [near] = ranked(ours=(replace(fixed, services=("shop",)),))
    assert near.score > one.score


@pytest.mark.parametrize(
    ("action", "topic", "least", "most"),
    [
        ("UpdateFunctionCode20150331v2", "code", 1, 1), ("RevokeSecurityGroupIngress", "network", 1, 1),
        ("DetachRolePolicy", "rights", 0.9, 1), ("PutBucketPolicy", "rights", 0.9, 1),
        ("RotateSecret", "credentials", 0.9, 1), ("DisableKey", "credentials", 0.9, 1),
        ("ModifyDBInstance", "data", 0.9, 1), ("UpdateTable", "data", 0.9, 1), ("TerminateInstances", "stop", 1, 1),
        ("PutFunctionConcurrency", "capacity", 0.9, 0.9), ("DeleteNetworkAclEntry", "network", 1, 1),
        ("CreateTags", "other", 0, 0.1), ("TagResource", "other", 0, 0.1), ("PutDashboard", "other", 0, 0.1),
        ("CreateDBSnapshot", "other", 0, 0.1), ("ConsoleLogin", "other", 0, 0.1), ("CreateBucket", "other", 0.1, 0.5),
        ("AuthorizeSecurityGroupIngress", "other", 0.1, 0.5), ("FlipTheSwitch", "other", 0.5, 0.7),
    ],
)  # fmt: skip
def test_what_a_call_can_break(action: str, topic: str, least: float, most: float) -> None:
    found = harm.of(change(action=action))
    assert (found.topic, least <= found.weight <= most) == (topic, True), found


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("FATAL: password authentication failed for user app", "credentials"),
        ("ExpiredTokenException: the security token included in the request is expired", "credentials"),
        ("x509: certificate has expired or is not yet valid", "credentials"),
        ("AccessDeniedException: not authorized to perform dynamodb:GetItem", "rights"),
        ("FATAL: remaining connection slots are reserved", "capacity"), ("Error: Too many connections", "capacity"),
        ("ThrottlingException: Rate exceeded", "capacity"), ("java.lang.OutOfMemoryError", "capacity"),
        ("connect ETIMEDOUT 198.51.100.7:5432", "network"), ("getaddrinfo ENOTFOUND db.internal", "network"),
        ("TypeError: cannot read properties of undefined", "code"), ("panic: runtime error", "code"),
        ("the session has expired, please log in", "other"), ("no room left at the inn", "other"),
    ],
)  # fmt: skip
def test_what_errors_speak_of(text: str, topic: str) -> None:
    assert harm.spoken(text) == topic


class TestSentence:
    def test_says_what_since_when_and_why(self) -> None:
        some = ranked(changes=(change(),))
        assert sentence.answer("shop", ERRORS, some, AT) == (
            "shop fails 34 % of its requests (usually 0.1 %) since 11:07 UTC; most likely because of UpdateService of "
            "shop-web by bob, 60 s before (11:06 UTC)."
        )

    def test_says_what_it_did_not_see(self) -> None:
        assert sentence.answer("shop", None, (), AT, ["traces", "errors"]) == (
            "Nothing unusual is seen of shop around 11:07 UTC, as far as can be told without traces and errors."
        )
        assert sentence.answer("shop", ERRORS, (), AT, ["changes"]).endswith(
            "; nothing that was looked at explains it; changes could not be looked at."
        )

    def test_says_when_two_are_as_likely(self) -> None:
        two = ranked(changes=(change(), change(before=120, action="UpdateFunctionCode")))
        assert ", or of " in sentence.answer("shop", ERRORS, two, AT)

    def test_what_has_a_verb_is_said_with_it(self) -> None:
        full = sentence.answer("shop", ERRORS, ranked(filled=(FULL,)), AT)
        assert "because the database shop-db has no connection left, since 11:06 UTC" in full

    def test_numbers_are_told_as_people_say_them(self) -> None:
        told = [sentence.value(one, "seconds") for one in (0.205, 1.94, 2.0, 45.0, 900.0)]
        assert told == ["205 ms", "1.9 s", "2 s", "45 s", "15 min"]

    def test_lines_that_came_before_too_are_new_where_they_are_four_times_as_many(self) -> None:
        assert [replace(TYPE_ERROR, before=one).new for one in (0, 1, 10, 11)] == [True, True, True, False]
        assert not replace(TYPE_ERROR, count=2).new

    def test_of_the_region_it_says_when_aws_told_and_no_more(self) -> None:
        others = tuple(Sibling(f"parapet-test-{one}", AT + 30, one) for one in ("images", "saas"))
        told = sentence.answer("shop", ERRORS, ranked(siblings=others), AT)
        assert told.endswith("because of something that 3 services have in common.")
        health = change(-73, "issue", kind="notice", source="aws.health", services=(), what="increased error rates")
        told = sentence.answer("shop", ERRORS, ranked(siblings=others, changes=(health,)), AT)
        assert told.endswith("because of trouble of AWS in eu-west-1, of which AWS tells since 11:08 UTC.")

    def test_lines_that_say_what_are_no_reason_why(self) -> None:
        told = sentence.answer("shop", ERRORS, ranked(patterns=(TYPE_ERROR,)), AT)
        assert told.endswith(
            "; new with it: “TypeError: unsupported operand”; nothing else that was looked at explains it."
        )
        both = ranked(patterns=(TYPE_ERROR,), hops=(replace(SLOW, seconds=0.5),))
        assert [one.kind for one in both] == ["errors", "edge"]
        assert "operand”; perhaps because payments.example.com is slow." in sentence.answer("shop", ERRORS, both, AT)
        expired = ranked(patterns=(replace(TYPE_ERROR, text="ExpiredTokenException: the token is expired"),))
        assert "; new with it: a credential that is refused: “" in sentence.answer("shop", ERRORS, expired, AT)

    def test_the_service_itself_is_no_reason_why(self) -> None:
        itself = Hop("gateway", "shop", "AWS::EC2::Instance", 60, 0.4, 0.0, 0.2, 0.2)
        found = ranked(hops=(itself,))
        assert [one.title for one in found] == ["shop fails"]
        assert "because" not in sentence.answer("shop", ERRORS, found, AT)
        assert titles(hops=(replace(itself, own=True),)) == ["shop fails"]
        part = Hop("gateway", "checkout", "AWS::Lambda::Function", 60, 0.4, 0.0, 0.2, 0.2, own=True)
        assert "because its own checkout fails" in sentence.answer("shop", ERRORS, ranked(hops=(part,)), AT)
        two = ranked(hops=(itself, SLOW))
        assert "because payments.example.com is slow" in sentence.answer("shop", ERRORS, two, AT)

    def test_what_was_on_another_day_is_told_with_it(self) -> None:
        assert " around 2026-11-18 11:07 UTC." in sentence.answer("shop", None, (), AT, now=AT + 3 * 86_400)
        told = sentence.answer("shop", ERRORS, (), AT, now=AT + 86_400)
        assert " since 2026-11-18 11:07 UTC;" in told
        assert " since 11:07 UTC;" in sentence.answer("shop", ERRORS, (), AT, now=AT + 600)

    @pytest.mark.parametrize(
        ("symptom", "words"),
        [
            (Symptom("latency", "p95 latency", "seconds", Onset("ramp", AT, None, 0.2, 1.5)),
             "p95 latency of shop is 1.5 s (usually 200 ms), and it creeps up"),
            (replace(ERRORS, sign="traffic", unit="count", onset=Onset("ramp", AT, None, 184.0, 87.0)),
             "shop gets 87 requests a minute (usually 184), and it creeps down"),
            (replace(ERRORS, sign="silence", unit="count", onset=Onset("step", AT, None, 600.0, 0.0)),
             "shop gets no requests any more (usually 600 a minute)"),
            (replace(ERRORS, sign="traffic", unit="count", onset=Onset("flap", AT, None, 600.0, 1800.0)),
             "shop gets 1,800 requests a minute (usually 600), on and off"),
            (replace(ERRORS, sign="alarm", label="CPU", unit="%", onset=Onset("step", AT, None, 40.0, 97.5)),
             "CPU of shop is 97.5 % (before: 40 %)"),
        ],
    )  # fmt: skip
    def test_names_every_sign(self, symptom: Symptom, words: str) -> None:
        assert sentence.wrong("shop", symptom) == words

    def test_is_as_sure_as_its_first_suspect_stands_out(self) -> None:
        clear, open_ = ranked(changes=(change(),)), ranked(filled=(FULL,), hops=(SLOW,))
        assert sentence.confidence(ERRORS, clear) > sentence.confidence(ERRORS, open_) > sentence.confidence(ERRORS, ())
        assert sentence.confidence(None, ()) == 0
