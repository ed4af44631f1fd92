"""Where alerts, pages, e-mails and failures are published, and the key that encrypts them on their way.

EventBridge is not among those that may publish alerts: SNS does not support conditions about the source in a key's
policy for it, and without them any account's rules could use the key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from deploy.intrinsics import allow, arn, document, named, ref, resource, sub

ACCOUNT = {"aws:SourceAccount": ref("AWS::AccountId")}
# Who publishes alerts: a name for its statements, its principal, and the ARN that it names as the source.
PUBLISHERS = (
    ("Alarms", "cloudwatch.amazonaws.com", "cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"),
    ("Budgets", "budgets.amazonaws.com", "budgets::${AWS::AccountId}:*"),
    ("CostAnomalies", "costalerts.amazonaws.com", "ce::${AWS::AccountId}:anomalysubscription/*"),
)
# What publishing to an encrypted topic takes.
ENCRYPT = ["kms:Decrypt", "kms:GenerateDataKey*"]


def resources(addresses: Iterable[str]) -> dict[str, Any]:
    """Return the key, the topics, and who hears of what.

    Args:
        addresses: those that routes send e-mail to.
    """
    return {
        "AlertKey": resource(
            "AWS::KMS::Key",
            Description=sub("Encrypts what parapet-${Stage}'s topics carry"),
            EnableKeyRotation=True,
            PendingWindowInDays=7,
            KeyPolicy=_key_policy(),
        ),
        "AlertKeyAlias": resource(
            "AWS::KMS::Alias", AliasName=sub("alias/parapet-${Stage}-alerts"), TargetKeyId=ref("AlertKey")
        ),
        "AlertTopic": _topic("alerts"),
        "AlertTopicPolicy": resource(
            "AWS::SNS::TopicPolicy",
            Topics=[ref("AlertTopic")],
            PolicyDocument=document(
                *(
                    allow(name, service, "sns:Publish", ref("AlertTopic"), **_from(source))
                    for name, service, source in PUBLISHERS
                )
            ),
        ),
        # With its envelope: the function must know which topic it was.
        "AlertSubscription": _subscription(
            "AlertTopic",
            "sqs",
            arn("AlertQueue"),
            RedrivePolicy={"deadLetterTargetArn": arn("AlertDeadLetters")},
        ),
        **_page(),
        **_email(addresses),
        "FailuresTopic": _topic("failures"),
        "DeadLettersSubscription": _subscription("FailuresTopic", "sqs", arn("DeadLetters"), RawMessageDelivery=True),
    }


def _page() -> dict[str, Any]:
    """Return the way to people that needs nothing of ours: CloudWatch publishes, SNS delivers."""
    [(name, service, source)] = [one for one in PUBLISHERS if one[0] == "Alarms"]
    allowed = allow(name, service, "sns:Publish", ref("PageTopic"), **_from(source))
    return {
        "PageTopic": _topic("page"),
        "PageTopicPolicy": resource(
            "AWS::SNS::TopicPolicy", Topics=[ref("PageTopic")], PolicyDocument=document(allowed)
        ),
        "PageMail": _subscription("PageTopic", "email", ref("PageEmail"), "HasPageEmail"),
        "PagePagerDuty": _subscription("PageTopic", "https", ref("PagerDutyUrl"), "HasPagerDutyUrl"),
    }


def _email(addresses: Iterable[str]) -> dict[str, Any]:
    """Return the topic through which notices go out by e-mail: each address gets what is for it."""
    found = {"EmailTopic": _topic("email")}
    for address in sorted(set(addresses)):
        digest = hashlib.sha256(address.encode()).hexdigest()[:12]
        found[f"Email{digest}"] = _subscription("EmailTopic", "email", address, FilterPolicy={"to": [address]})
    return found


def _subscription(topic: str, protocol: str, endpoint: Any, condition: str = "", **more: Any) -> dict[str, Any]:
    return resource(
        "AWS::SNS::Subscription", condition, TopicArn=ref(topic), Protocol=protocol, Endpoint=endpoint, **more
    )


def _topic(name: str) -> dict[str, Any]:
    return resource("AWS::SNS::Topic", TopicName=named(name), KmsMasterKeyId=arn("AlertKey"))


def _key_policy() -> dict[str, Any]:
    # The account, so that IAM's policies count too: those of its administrators, and of our functions' roles.
    administration = {
        "Sid": "Account",
        "Effect": "Allow",
        "Principal": {"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")},
        "Action": "kms:*",
        "Resource": "*",
    }
    # The topic's own policy says whose alarms, budgets and anomalies; that all of them tell their source to KMS as well
    # nobody has written down.
    ours = {"StringEquals": ACCOUNT}
    return document(administration, *(allow(name, service, ENCRYPT, "*", **ours) for name, service, _ in PUBLISHERS))


def _from(source: str) -> dict[str, Any]:
    return {"StringEquals": ACCOUNT, "ArnLike": {"aws:SourceArn": sub("arn:${AWS::Partition}:" + source)}}
