"""What a function gave up on becomes a notice that says what to mend, whatever the record looks like."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.model import Notice
from chalicelib.notices import outbox, slack_blocks, trouble
from local import slack_limits
from tests.samples import assumed, cloudtrail

AT = 1_795_000_100.0
ROLE = "parapet-prod-guard-ec2"
DENIED = (
    "ec2:RevokeSecurityGroupIngress answered UnauthorizedOperation: You are not authorized to perform this operation. "
    f"User: arn:aws:sts::123456789012:assumed-role/{ROLE}/session is not authorized to perform: "
    "ec2:RevokeSecurityGroupIngress on resource: arn:aws:ec2:eu-west-1:123456789012:security-group/sg-0a1b because "
    "no identity-based policy allows the ec2:RevokeSecurityGroupIngress action"
)
CALL = cloudtrail("ec2:AuthorizeSecurityGroupIngress", {"groupId": "sg-0a1b"})


def record(
    text: str = DENIED, kind: str = "AwsError", payload: Any = None, condition: str = "RetriesExhausted", **more: Any
) -> dict[str, Any]:
    """Lambda's on-failure record, as its documentation shows it."""
    return {
        "version": "1.0",
        "timestamp": "2026-11-18T11:08:20.568Z",
        "requestContext": {
            "requestId": "00000000-0000-4000-8000-000000000001",
            "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:parapet-prod-guard_ec2:$LATEST",
            "condition": condition,
            "approximateInvokeCount": 3,
        },
        "requestPayload": payload or CALL,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {
            "errorMessage": text,
            "errorType": kind,
            "stackTrace": ['  File "/var/task/chalicelib/aws.py", line 59, in __call__\n    raise problem\n'],
        },
        **more,
    }


def told(**changes: Any) -> Notice:
    return trouble.of_failure(json.dumps(record(**changes)), AT)


def test_it_says_which_function_gave_up_on_whose_call_to_what() -> None:
    notice = told()
    assert notice.title == "parapet-prod-guard_ec2 gave up on AuthorizeSecurityGroupIngress by alice"
    facts = dict(notice.facts)
    assert facts["Who"] == "alice (IAMUser)"
    assert facts["From"] == "198.51.100.7"
    assert facts["Resource"] == "sg-0a1b"
    assert facts["Tries"] == "3"
    assert DENIED[:200] in notice.lines[0]
    assert "dead-letter queue" in notice.lines[-1]
    assert notice.at == pytest.approx(1_795_000_100.568)


@pytest.mark.parametrize(
    ("changes", "mend"),
    [
        ({}, f"Give role {ROLE} the action ec2:RevokeSecurityGroupIngress"),
        (
            {"text": "s3:PutPublicAccessBlock answered AccessDenied: Access Denied"},
            "Give the role of parapet-prod-guard_ec2 the action s3:PutPublicAccessBlock",
        ),
        (
            {"text": DENIED.replace("no identity-based", "with an explicit deny in a service control policy; no")},
            f"A service control policy denies role {ROLE} ec2:RevokeSecurityGroupIngress",
        ),
        (
            {"text": f"{DENIED} (arn:aws:iam::210987654321:role/parapet-prod-member-ec2; update the StackSet of "
             "`./parapet member-template` in account 210987654321)"},
            "Update the StackSet of `./parapet member-template` in account 210987654321, then the next sweep looks",
        ),
        ({"kind": "BadEvent", "text": "the event lacks detail"}, "Another try brings the same"),
        ({"text": "ec2:DescribeSecurityGroupRules answered Throttling: Rate exceeded"}, "the next sweep looks again"),
        ({"text": "s3:GetBucketAcl answered ReadTimeout: no answer"}, "AWS throttled or did not answer"),
        ({"kind": "Busy", "text": "finding abcd1234 is being undone"}, "Another invocation held"),
        ({"kind": "SettingsError", "text": "parapet.toml: x is not a setting"}, "Mend the setting"),
        ({"kind": "ParapetError", "text": "PARAPET_TABLE is not set: it names a table"}, "Mend the setting"),
        ({"kind": "", "text": "2026-11-18T11:08:20Z 0000 Task timed out after 30.00 seconds"}, "ran out of time"),
        ({"kind": "Runtime.ExitError", "text": "Error: Runtime exited: signal: killed"}, "ran out of memory"),
        ({"kind": "Runtime.ImportModuleError", "text": "No module named 'chalicelib'"}, "package and deploy again"),
        ({"condition": "EventAgeExceeded"}, "waited longer than Lambda keeps one"),
        ({"kind": "KeyError", "text": "'groupId'"}, "was not foreseen"),
    ],
)  # fmt: skip
def test_it_says_what_to_mend(changes: dict[str, Any], mend: str) -> None:
    assert mend in told(**changes).lines[1]


def test_an_unforeseen_error_shows_where_it_happened() -> None:
    assert "aws.py" in dict(told(kind="KeyError", text="'groupId'").facts)["Error at"]
    assert "Error at" not in dict(told().facts)


def test_one_cause_is_one_thread_a_day_and_each_event_one_notice() -> None:
    one, again = told(), told()
    assert one == again
    other = trouble.of_failure(
        json.dumps(record() | {"requestContext": record()["requestContext"] | {"requestId": "another"}}), AT
    )
    assert other.thread == one.thread
    assert other.key != one.key
    assert told(kind="BadEvent", text="x").thread != one.thread


def test_a_failure_of_the_service_itself_has_no_answer() -> None:
    bare = record(condition="EventAgeExceeded")
    del bare["responsePayload"], bare["responseContext"]
    notice = trouble.of_failure(json.dumps(bare), AT)
    assert notice.lines[0] == "it left no error"
    assert "AuthorizeSecurityGroupIngress" in notice.title


@pytest.mark.parametrize(
    ("payload", "title", "about"),
    [
        (
            {"source": "parapet", "detail-type": "Parapet Command", "id": "e1", "detail": {"command": "c0ffee"}},
            "Parapet Command",
            "command c0ffee",
        ),
        (
            {"source": "parapet", "detail-type": "Parapet Sweep", "id": "e2", "detail": {"guardrail": "s3_x"}},
            "Parapet Sweep",
            "guardrail s3_x",
        ),
        ({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}, "Scheduled Event", None),
        ({"Records": []}, "an event of unknown shape", None),
        ([1, 2], "an event that is not an object", None),
        ("text", "an event that is not an object", None),
    ],
)  # fmt: skip
def test_other_events_have_a_name_too(payload: Any, title: str, about: str | None) -> None:
    notice = told(payload=payload)
    assert notice.title == f"parapet-prod-guard_ec2 gave up on {title}"
    assert dict(notice.facts).get("About") == about


def test_a_role_session_is_named_as_people_know_it() -> None:
    payload = cloudtrail("iam:CreateAccessKey", {"userName": "bob"}, identity=assumed("ci-deploy", "build-7"))
    assert dict(told(payload=payload).facts)["Who"] == "build-7 as ci-deploy (AssumedRole)"


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
broken = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(record(), json_values)
    | {
        "requestContext": st.fixed_dictionaries({}, optional=dict.fromkeys(record()["requestContext"], json_values)),
        "responsePayload": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(record()["responsePayload"], json_values)
        ),
        "requestPayload": json_values
        | st.builds(lambda name, value: CALL | {"detail": CALL["detail"] | {name: value}},
                    st.sampled_from([*CALL["detail"]]), json_values)
        | st.builds(lambda name, value: CALL | {name: value}, st.sampled_from([*CALL]), json_values),
    },
)  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(st.one_of(broken.map(json.dumps), broken.map(lambda some: json.dumps(record() | some)), st.text(max_size=60)))
def test_any_shape_becomes_a_notice_that_reaches_slack(message: str) -> None:
    notice = trouble.of_failure(message, AT)
    assert notice.title
    assert all(notice.lines)
    assert outbox.load(json.dumps(asdict(notice))) == notice
    slack_limits.blocks(slack_blocks.root(notice)[1])


def test_what_is_not_a_record_is_shown_as_it_came() -> None:
    notice = trouble.of_failure("an alarm of somebody's", AT)
    assert notice.title == "A failure was reported in a shape that is not known"
    assert "an alarm of somebody's" in notice.lines[0]
