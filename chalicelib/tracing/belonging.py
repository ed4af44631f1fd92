"""Which of our services a node of the map belongs to, as far as the settings tell: pure.

X-Ray names nodes its own ways: a database is `shop@shop-db.abc.eu-west-1.rds.amazonaws.com`, a stage `images/prod`, a
queue perhaps its URL. What it calls a machine or a container is up to the application: there the service's own name
counts, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chalicelib.services.model import Service, Target

# What X-Ray's types begin with -> the kinds of `services.kinds` that are such.
KINDS: Mapping[str, tuple[str, ...]] = {
    "AWS::Lambda": ("lambda_function",),
    "AWS::ApiGateway::Stage": ("api_rest", "api_http"),
    "AWS::DynamoDB::Table": ("dynamodb",),
    "AWS::SQS": ("sqs", "dead_letters"),
    "AWS::SNS": ("sns",),
    "AWS::StepFunctions": ("step_functions",),
    "AWS::ElastiCache": ("elasticache",),
    "Redis": ("elasticache",),
    "Database::SQL": ("rds", "aurora"),
    "AWS::RDS": ("rds", "aurora"),
}
# What an application names itself.
OWN = ("AWS::EC2", "AWS::ECS", "AWS::EKS", "AWS::ElasticBeanstalk", "AWS::AppRunner", "")
CONTAINERS = ("ecs", "eks", "autoscaling")
FIELDS = ("function", "table", "queue", "topic", "node", "instance", "cluster", "group", "service")


def owners(name: str, kind: str, services: Iterable[Service]) -> tuple[str, ...]:
    """Return the names of the services that a node of a name and an X-Ray type belongs to, none where nothing tells."""
    own = kind == "" or kind.startswith(tuple(one for one in OWN if one))
    kinds = CONTAINERS if own else next((found for begin, found in KINDS.items() if kind.startswith(begin)), ())
    forms = _forms(name)
    return tuple(
        one.name
        for one in services
        if (own and one.name in forms)
        or any(target.kind in kinds and not forms.isdisjoint(_names(target)) for target in one.targets)
    )


def _forms(name: str) -> set[str]:
    """Return what may be meant by a name: itself, the host's first label behind an @, the end of an ARN or a URL."""
    forms = {name}
    if "@" in name:
        forms.add(name.rpartition("@")[2].split(".")[0])
    if name.startswith(("https://", "http://")):
        forms.add(name.rpartition("/")[2])
    if name.startswith("arn:"):
        forms.add(name.rpartition(":")[2])
    return forms


def _names(target: Target) -> set[str]:
    """Return what X-Ray may call a target."""
    given = target.given
    if target.kind in ("api_rest", "api_http"):
        return {f"{given['api']}/{given['stage']}"}
    if target.kind == "step_functions":
        return {str(given["state_machine"]), str(given["state_machine"]).rpartition(":")[2]}
    if target.kind in ("ecs", "eks"):
        # Its cluster has other services, too.
        return {str(given["service"])} if "service" in given else set()
    return {str(given[field]) for field in FIELDS if field in given and (target.kind, field) != ("sqs", "function")}
