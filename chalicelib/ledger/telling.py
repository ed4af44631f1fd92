"""What AWS's services tell EventBridge themselves, as changes: deployments, and what happens without anybody's call.

Pure. `WATCHED` is what is asked for, and each kind of it is read here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.events import seconds
from chalicelib.ledger import touched
from chalicelib.ledger.model import DEPLOYMENT, NOTICE, WORD, Change
from chalicelib.ledger.words import LINE, clean
from chalicelib.model import BadEvent

Detail = Mapping[str, Any]
# What happened, what of (most telling first), what exactly, and when (empty: when it was told).
Told = tuple[str, tuple[Any, ...], tuple[Any, ...], object]

# Stacks tell of each of their resources too, databases of each backup, and tasks of each step: none is asked for.
WATCHED: tuple[Mapping[str, Any], ...] = (
    {"source": ["aws.codedeploy"], "detail-type": ["CodeDeploy Deployment State-change Notification"]},
    {"source": ["aws.ecs"], "detail-type": ["ECS Deployment State Change"]},
    {
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {"lastStatus": ["STOPPED"], "stopCode": ["TaskFailedToStart", "EssentialContainerExited"]},
    },
    {"source": ["aws.cloudformation"], "detail-type": ["CloudFormation Stack Status Change"]},
    {
        "source": ["aws.rds"],
        "detail-type": ["RDS DB Instance Event", "RDS DB Cluster Event", "RDS DB Parameter Group Event"],
        "detail": {"EventCategories": [{"anything-but": ["backup"]}]},
    },
    {"source": ["aws.health"], "detail-type": ["AWS Health Event", "AWS Health Abuse Event"]},
)


def change(frame: Mapping[str, Any]) -> Change:
    """Return the change that a service tells of; raises BadEvent for what the ledger does not know."""
    detail, source = frame["detail"], frame["source"]
    kind, read = _READ.get(frame["detail-type"], ("", None))
    if read is None:
        raise BadEvent(
            f"event {frame['id']} is a {clean(frame['detail-type'], WORD)!r}, which the ledger does not keep"
        )
    action, about, what, at = read(detail)
    listed = frame.get("resources")
    every = (clean(one, touched.LONGEST) for one in (*about, *(listed if isinstance(listed, list) else ())))
    return Change(
        id=frame["id"],
        at=seconds(at or frame["time"], frame["id"]),
        action=clean(action, WORD),
        source=clean(source, WORD),
        kind=kind,
        account=clean(frame["account"], WORD),
        region=clean(frame["region"], WORD),
        resources=tuple(dict.fromkeys(filter(None, every)))[: touched.MOST],
        services=(),
        actor="",
        role="",
        ip="",
        tool=clean(source.removeprefix("aws."), WORD),
        what=clean(", ".join(said for one in what if (said := clean(one, LINE))), LINE),
    )


def _codedeploy(detail: Detail) -> Told:
    words = {"START": "started", "SUCCESS": "succeeded", "FAILURE": "failed", "STOP": "stopped", "READY": "ready"}
    state = _text(detail, "state")
    about = (detail.get("deploymentGroup"), detail.get("application"), detail.get("deploymentId"))
    where = f"{_text(detail, 'application')}/{_text(detail, 'deploymentGroup')} {_text(detail, 'deploymentId')}"
    return f"CodeDeploy deployment {words.get(state, state.lower())}", about, (where,), None


def _deployment(detail: Detail) -> Told:
    name = _text(detail, "eventName").removeprefix("SERVICE_DEPLOYMENT_").replace("_", " ").lower()
    return f"ECS deployment {name}", (), (detail.get("reason"), detail.get("deploymentId")), None


def _task(detail: Detail) -> Told:
    group = _text(detail, "group")
    service = group.removeprefix("service:") if group.startswith("service:") else ""
    exits = map(_exit, _several(detail, "containers"))
    about = (service, detail.get("taskDefinitionArn"), detail.get("taskArn"), detail.get("clusterArn"))
    ended = "could not start" if detail.get("stopCode") == "TaskFailedToStart" else "ended"
    return f"ECS task {ended}", about, (detail.get("stoppedReason"), *exits), detail.get("stoppedAt")


def _exit(container: Detail) -> str:
    code = container.get("exitCode")
    told = f"exit code {code}" if type(code) is int else ""
    name, reason = clean(container.get("name")), clean(container.get("reason"), WORD)
    return f"{name}: {' '.join(filter(None, (told, reason)))}" if told or reason else ""


def _stack(detail: Detail) -> Told:
    status = detail.get("status-details")
    told = status if isinstance(status, Mapping) else {}
    word = _text(told, "status").replace("_", " ").lower()
    arn = _text(detail, "stack-id")
    return f"CloudFormation {word}", (arn,), (touched.name(arn), told.get("status-reason")), None


def _database(detail: Detail) -> Told:
    listed = detail.get("EventCategories")
    categories = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    about = (detail.get("SourceIdentifier"), detail.get("SourceArn"))
    what = (detail.get("Message"), detail.get("EventID"))
    return f"RDS {', '.join(categories) or 'event'}", about, what, detail.get("Date")


def _health(detail: Detail) -> Told:
    described = (one.get("latestDescription") for one in _several(detail, "eventDescription"))
    affected = (one.get("entityValue") for one in _several(detail, "affectedEntities"))
    action = f"AWS Health {_text(detail, 'eventTypeCategory') or 'event'}"
    return action, (*affected, detail.get("eventTypeCode")), (detail.get("statusCode"), *described), None


def _text(detail: Detail, name: str) -> str:
    found = detail.get(name)
    return found if isinstance(found, str) else ""


def _several(detail: Detail, name: str) -> list[Detail]:
    found = detail.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


_READ: Mapping[str, tuple[str, Callable[[Detail], Told]]] = {
    "CodeDeploy Deployment State-change Notification": (DEPLOYMENT, _codedeploy),
    "ECS Deployment State Change": (DEPLOYMENT, _deployment),
    "ECS Task State Change": (NOTICE, _task),
    "CloudFormation Stack Status Change": (DEPLOYMENT, _stack),
    "RDS DB Instance Event": (NOTICE, _database),
    "RDS DB Cluster Event": (NOTICE, _database),
    "RDS DB Parameter Group Event": (NOTICE, _database),
    "AWS Health Event": (NOTICE, _health),
    "AWS Health Abuse Event": (NOTICE, _health),
}
