"""What is code, a document or a definition is told by its name alone: in every call of AWS's that takes one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.loaders
import pytest

from chalicelib.ledger import entry
from chalicelib.ledger.words import said
from chalicelib.model import plain
from tests.samples import cloudtrail

SECRET = "sfnsecret24"
# Those in which people write programs, templates, queries and messages; a list, since all of them take half a minute.
SERVICES = (
    "amplify", "apigateway", "apigatewayv2", "appconfig", "appsync", "athena", "batch", "bedrock-agent", "cloudcontrol",
    "cloudformation", "cloudfront", "cloudwatch", "codebuild", "codecommit", "codepipeline", "cognito-idp", "config",
    "datapipeline", "dms", "dynamodb", "ecs", "elasticbeanstalk", "emr", "emr-serverless", "events", "firehose", "glue",
    "greengrassv2", "imagebuilder", "iot", "kafka", "kafkaconnect", "lambda", "logs", "mq", "network-firewall", "pipes",
    "proton", "redshift-data", "scheduler", "schemas", "servicecatalog", "ses", "sesv2", "sns", "sqs", "ssm",
    "ssm-incidents", "stepfunctions", "synthetics", "transfer", "wafv2",
)  # fmt: skip
# By these names APIs call what people write.
SPEAKING = re.compile(
    r"definition|body|template|content|document|script(?!ion)|(^|source|function|inline)code$|spec$|input|payload|message|query"
    r"|sql|expression|schema|manifest|recipe|prompt|instruction|zipfile|metadata$|blob",
    re.IGNORECASE,
)
# And by these, what only says which, where, how many or of which kind.
NAMING = re.compile(
    r"(id|identifier|identifiers|arn|name|version|type|format|hash|language|status|ur[il]|path|key|bucket|location|prefix|mode|level|limit|size"
    r"|period|seconds|timeout|encoding|capacity|owner|count|policy|description|ids|arns|names)$"
    r"|^schedule_?expression|policy_?document|launch_?template|(container|task|job|attribute)_?definition|key_?schema"
    r"|treat_?missing_?data|code_?content_?type|query_?string_?(cach|behavior)",
    re.IGNORECASE,
)
READS = re.compile(r"(Get|List|Describe|Search|Lookup|BatchGet|Head|Query|Scan|Select)")
FORMS = (
    json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": SECRET}}}),
    f"version: 0.2\nenv:\n  variables:\n    KEY: {SECRET}\n",
    f"<policies><inbound><set-header name='X'><value>{SECRET}</value></set-header></inbound></policies>",
)


def members(service: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each text that a service's writing calls take: the call, and its path."""
    model = LOADER.load_service_model(service, "service-2")
    shapes: Mapping[str, Any] = model["shapes"]

    def walk(shape: str, path: tuple[str, ...], seen: frozenset[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
        one = shapes[shape]
        mark = (shape, *path[-1:])
        if mark in seen or len(path) > 7:
            return
        seen |= {mark}
        if one["type"] == "structure":
            for name, inner in one.get("members", {}).items():
                yield from walk(inner["shape"], (*path, name[0].lower() + name[1:]), seen)
        elif one["type"] == "list":
            yield from walk(one["member"]["shape"], (*path, "[]"), seen)
        elif one["type"] == "map":
            yield from walk(one["value"]["shape"], (*path, "anything"), seen)
        elif one["type"] in ("string", "blob") and "enum" not in one:
            yield path

    for name, operation in model["operations"].items():
        if "input" in operation and not READS.match(name):
            for path in dict.fromkeys(walk(operation["input"]["shape"], (), frozenset())):
                yield name, path


LOADER = botocore.loaders.Loader()


def request(path: tuple[str, ...], text: str) -> Any:
    """Return a request with a text at a path."""
    if not path:
        return text
    first, *rest = path
    return [request(tuple(rest), text)] if first == "[]" else {first: request(tuple(rest), text)}


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_of_a_document_is_kept_wherever_a_call_takes_one(service: str) -> None:
    kept: list[str] = []
    asked = 0
    for number, (call, path) in enumerate(members(service)):
        name = next((one for one in reversed(path) if one not in ("[]", "anything")), "")
        texts = [FORMS[number % len(FORMS)]]
        if SPEAKING.search(name) and not NAMING.search(name):
            texts.append(SECRET)
        for text in texts:
            asked += 1
            parameters = request(path, text)
            change = entry.change(cloudtrail(f"{service}:{call}", parameters))
            if SECRET in json.dumps(plain(change)):
                kept.append(f"{call} {'.'.join(path)}: {change.what or change.resources}")
    assert asked > 5
    assert not kept, f"{len(kept)} of {asked}: " + "\n".join(kept[:200])


def test_as_the_reviewer_found_it() -> None:
    found = said("states.amazonaws.com", {"name": "orders", "definition": FORMS[0]})
    assert found == "name=orders, definition=(hidden)"


def test_an_address_that_is_a_key_itself_is_not_kept() -> None:
    for address in (
        "https://hooks.slack.com/services/T0/B0/x1y2z3",
        "https://s3.amazonaws.com/b/k?X-Amz-Signature=0f1e2d",
    ):
        assert "(hidden)" in said("x.amazonaws.com", {"endpoint": address})
        assert not {"x1y2z3", "0f1e2d"} & set(re.split(r"\W", said("x.amazonaws.com", {"endpoint": address})))


def test_a_key_is_found_by_its_own_id() -> None:
    answer = {"keyMetadata": {"aWSAccountId": "123456789012", "keyId": "0a1b2c3d", "enabled": True}}
    change = entry.change(cloudtrail("kms:CreateKey", {"keyUsage": "ENCRYPT_DECRYPT"}, answer))
    assert change.resources == ("0a1b2c3d",)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"taskDefinition": "web:7", "desiredCount": 2}, "taskDefinition=web:7, desiredCount=2"),
        ({"containerDefinitions": [{"image": "web:7", "name": "web"}]}, "image=web:7, name=web"),
        ({"launchTemplate": {"launchTemplateId": "lt-1", "version": "3"}}, "launchTemplateId=lt-1"),
        ({"scheduleExpression": "rate(5 minutes)"}, "scheduleExpression=rate(5 minutes)"),
        (
            {"templateURL": "https://shop.s3.amazonaws.com/shop.yaml"},
            "templateURL=https://shop.s3.amazonaws.com/shop.yaml",
        ),
        ({"attributeName": "RedrivePolicy", "redrivePolicy": '{"maxReceiveCount":"5"}'}, "maxReceiveCount=5"),
        ({"policy": '{"Statement":[{"Effect":"Allow","Action":"s3:*"}]}'}, "Effect=Allow, Action=s3:*"),
        ({"messageRetentionPeriod": "345600"}, "messageRetentionPeriod=345600"),
        ({"keySchema": [{"attributeName": "id", "keyType": "HASH"}]}, "keyType=HASH"),
    ],
)
def test_what_says_which_and_how_many_stays(parameters: dict[str, Any], told: str) -> None:
    assert told in said("x.amazonaws.com", parameters)
