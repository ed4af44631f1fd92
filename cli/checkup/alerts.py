"""Do alarms and costs reach people, and does anything lie where it could not be delivered?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.model import Aws
from chalicelib.secrets import STORES, place
from chalicelib.settings import PREFIX
from cli.checkup.patient import Patient
from cli.checkup.slack import secret
from cli.checkup.verdict import NOT_HERE, Verdict, cannot_tell, ok, wrong
from deploy.resources.topics import PUBLISHERS
from local.iam import CannotEvaluate, arns, conditions

TOPIC = "AlertTopic"
NO_QUEUE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")


def topics(patient: Patient) -> Verdict:
    """May CloudWatch, Budgets and Cost Anomaly Detection publish alerts?"""
    if patient.local:
        return NOT_HERE
    topic = patient.stack.resources.get(TOPIC, ("", ""))[1]
    if not topic:
        return cannot_tell(f"the stack has no {TOPIC}", f"{patient.deploy}: this version has one")
    attributes = patient.aws("sns", "get_topic_attributes", TopicArn=topic)["Attributes"]
    key = attributes.get("KmsMasterKeyId", "")
    policy = "{}"
    if key and not key.endswith("alias/aws/sns"):
        policy = patient.aws("kms", "get_key_policy", KeyId=_key_of(patient, key), PolicyName="default")["Policy"]
    return judge_topic(topic, json.loads(attributes["Policy"]), key, json.loads(policy), patient.deploy)


def _key_of(patient: Patient, key: str) -> str:
    # GetKeyPolicy takes no alias.
    if "alias/" not in key:
        return key
    return str(patient.aws("kms", "describe_key", KeyId=key)["KeyMetadata"]["KeyId"])


def judge_topic(topic: str, policy: Mapping[str, Any], key: str, key_policy: Mapping[str, Any], deploy: str) -> Verdict:
    """Judge a topic by its policy, its key ('': not encrypted by one) and that key's policy."""
    _, partition, _, region, account, _ = topic.split(":", 5)
    problems: list[str] = []
    try:
        for _, service, source in PUBLISHERS:
            where = source.replace("${AWS::Region}", region).replace("${AWS::AccountId}", account).replace("*", "any")
            context = {
                "aws:sourcearn": f"arn:{partition}:{where}", "aws:sourceaccount": account,
                "aws:securetransport": "true", "aws:sourceowner": account,
            }  # fmt: skip
            if not admits(policy, service, "sns:Publish", topic, context):
                problems.append(f"its policy does not let {service} publish")
            if key_policy and not all(admits(key_policy, service, one, "*", context) for one in KEY_ACTIONS):
                problems.append(f"its key does not let {service} encrypt")
    except CannotEvaluate as error:
        return cannot_tell(f"{topic}: {error}", "read the policies of the topic and its key")
    if key.endswith("alias/aws/sns"):
        problems.append("it is encrypted with alias/aws/sns, which no service may use")
    if problems:
        return wrong(f"{topic}: {'; '.join(problems)}", f"{deploy}, unless somebody changed it: put it back")
    return ok(f"{', '.join(service for _, service, _ in PUBLISHERS)} may publish to {topic.rsplit(':', 1)[-1]}")


def admits(policy: Mapping[str, Any], service: str, action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Whether a resource's policy lets a service do something; raises CannotEvaluate for what is not known here."""
    allowed = False
    statements = policy["Statement"]
    for one in statements if isinstance(statements, list) else [statements]:
        if set(one) - {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}:
            raise CannotEvaluate(f"the statement {one.get('Sid', one)} has elements that are not known here")
        principal = one["Principal"]
        who = ["*"] if principal == "*" else _listed(principal.get("Service", [])) + _listed(principal.get("AWS", []))
        if service not in who and "*" not in who:
            continue
        if not any(arns.like(given, ignore_case=True)(action) for given in _listed(one["Action"])):
            continue
        if resource != "*" and not any(arns.pattern(given)(resource) for given in _listed(one["Resource"])):
            continue
        if all(holds(context) for holds in conditions.parse(one.get("Condition", {}), one.get("Sid", "a statement"))):
            if one["Effect"] == "Deny":
                return False
            # An AWS service is nobody that `*` means, unless a statement denies.
            allowed = allowed or service in who
    return allowed


def subscriptions(patient: Patient) -> Verdict:
    """Does somebody hear, without any function of ours, when Parapet is not well?"""
    if patient.local:
        return NOT_HERE
    topic = patient.stack.resources.get("PageTopic", ("", ""))[1]
    if not topic:
        return cannot_tell("the stack has no PageTopic", f"{patient.deploy}: this version has one")
    return judge_subscriptions(_subscribed(patient, topic), patient.deploy)


def _subscribed(patient: Patient, topic: str) -> list[Any]:
    return patient.aws.all("sns", "list_subscriptions_by_topic", "Subscriptions", TopicArn=topic)


def judge_subscriptions(found: Sequence[Mapping[str, str]], deploy: str) -> Verdict:
    """Judge the page topic by its subscriptions, as SNS lists them."""
    waiting = [one["Endpoint"] for one in found if not one["SubscriptionArn"].startswith("arn:")]
    if waiting:
        # An address of PagerDuty's is a secret.
        shown = ", ".join(one if "@" in one else "PagerDuty" for one in waiting)
        return wrong(f"{shown} has not confirmed", "follow the link in AWS's mail, or deploy again: docs/operations.md")
    if not found:
        return wrong(
            "nobody hears when Parapet itself is not well",
            f"{deploy} with PARAMETERS='PageEmail=oncall@example.com', or PagerDutyUrl: docs/operations.md",
        )
    return ok(f"{len(found)} confirmed: {', '.join(sorted({one['Protocol'] for one in found}))}")


def mailboxes(patient: Patient) -> Verdict:
    """Has each address that a route names confirmed that it wants mail?"""
    if patient.local:
        return NOT_HERE
    addresses = patient.settings.addresses
    if not addresses:
        return ok("no route sends e-mail")
    topic = patient.stack.resources.get("EmailTopic", ("", ""))[1]
    if not topic:
        return cannot_tell("the stack has no EmailTopic", f"{patient.deploy}: this version has one")
    return judge_mailboxes(addresses, _subscribed(patient, topic), patient.deploy)


def judge_mailboxes(addresses: Sequence[str], found: Sequence[Mapping[str, str]], deploy: str) -> Verdict:
    """Judge the addresses of the routes by the subscriptions that there are, as SNS lists them."""
    known = {one["Endpoint"]: one["SubscriptionArn"] for one in found}
    if missing := [one for one in addresses if one not in known]:
        return wrong(f"{', '.join(missing)} is not subscribed", f"{deploy}: a route is newer than the stack")
    if waiting := [one for one in addresses if not known[one].startswith("arn:")]:
        return wrong(f"{', '.join(waiting)} has not confirmed", "follow the link in AWS's mail: docs/email.md")
    return ok(f"{len(addresses)} confirmed")


def pagerduty(patient: Patient) -> Verdict:
    """Is there a routing key for each PagerDuty service that a route names?"""
    routes = patient.settings.routes.given
    used = sorted({name for one in routes for name in (one.destination.pagerduty, one.escalate_to) if name})
    if not used:
        return ok("no route pages by PagerDuty")
    for service in used:
        where = patient.settings.pagerduty.get(service) or patient.stack.parameter("PagerDutyKey")
        if not where:
            return wrong(
                f"the service {service} has no routing key",
                f"{patient.deploy} with PARAMETERS='PagerDutyKey=/parapet/pagerduty-key': docs/pagerduty.md",
            )
        store, name = place(where)
        if secret(patient, store, name) is None:
            return wrong(f"there is no {STORES[store]} {name}", "put the integration key there: docs/pagerduty.md")
    return ok(f"there is a key for {', '.join(used)}; ./parapet page-test says whether PagerDuty takes it")


def dead_letters(patient: Patient) -> Verdict:
    """Does anything lie in a dead-letter queue?"""
    queues = patient.stack.of("AWS::SQS::Queue")
    held = {queue: _held(patient.aws, queue) for logical, queue in queues.items() if "DeadLetters" in logical}
    for region in patient.watched:
        # There only where the StackSet forwards events of our own account from that region.
        aws = patient.where.at(region)
        name = f"{PREFIX}-{patient.stage}-member-dead-letters"
        if region != patient.region and (found := aws("sqs", "get_queue_url", absent=NO_QUEUE, QueueName=name)):
            held[found["QueueUrl"]] = _held(aws, found["QueueUrl"])
    return judge_dead_letters(held)


def _held(aws: Aws, queue: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = aws("sqs", "get_queue_attributes", QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(answer[name]) for name in names)


def judge_dead_letters(held: Mapping[str, int]) -> Verdict:
    """Judge dead-letter queues by how many messages lie in each."""
    full = {queue: count for queue, count in held.items() if count}
    if full:
        shown = ", ".join(f"{count} in {queue.rsplit('/', 1)[-1]}" for queue, count in sorted(full.items()))
        if theirs := sorted(queue for queue in full if "-member-" in queue):
            look = "aws sqs receive-message --message-system-attribute-names All --queue-url"
            return wrong(shown, f"look with: {look} {theirs[0]}; docs/operations.md says what to do with them")
        return wrong(shown, "./parapet redrive shows what and why, and puts it back once the cause is mended")
    return ok(f"all {len(held)} are empty")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
