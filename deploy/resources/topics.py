"""Where alerts and failures are published, and the key that encrypts both on their way.

EventBridge is not among those that may publish alerts: SNS does not support conditions about the source in a key's
policy for it, and without them any account's rules could use the key.
"""

from __future__ import annotations

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


def resources() -> dict[str, Any]:
    """Return the key, the topics, and who hears of what."""
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
        "AlertMail": resource(
            "AWS::SNS::Subscription",
            "HasAlertEmail",
            TopicArn=ref("AlertTopic"),
            Protocol="email",
            Endpoint=ref("AlertEmail"),
        ),
        "FailuresTopic": _topic("failures"),
        "DeadLettersSubscription": resource(
            "AWS::SNS::Subscription",
            TopicArn=ref("FailuresTopic"),
            Protocol="sqs",
            Endpoint=arn("DeadLetters"),
            RawMessageDelivery=True,
        ),
    }


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
