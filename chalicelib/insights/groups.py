"""Which log groups a query reads: named, by prefix, by tag, or those of a service and of the account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from chalicelib.insights.logs import Logs
from chalicelib.insights.price import Group
from chalicelib.model import Aws, ParapetError
from chalicelib.services.model import Service

# What StartQuery takes by their names.
MOST = 50
_LAMBDA = "/aws/lambda/"
# How a target names its function, by its kind.
_FUNCTIONS = {"lambda_function": "function", "sqs": "function"}
# What has to be asked about targets, by their kind.
ACTIONS: Mapping[str, tuple[str, ...]] = {
    "ecs": ("ecs:DescribeServices", "ecs:DescribeTaskDefinition"),
    **dict.fromkeys(_FUNCTIONS, ("lambda:GetFunctionConfiguration",)),
}


class NoGroups(ParapetError):
    """There is no log group to read; the text says how to name one."""


def named(aws: Aws, names: Sequence[str]) -> tuple[Group, ...]:
    """Return log groups by their names, `prefix*` for several; raises NoGroups, ParapetError for too many, AwsError."""
    found: dict[str, Group] = {}
    for name in names:
        some = [one for one in _described(aws, name.rstrip("*")) if name.endswith("*") or one.name == name]
        if not some:
            raise NoGroups(f"there is no log group {name} in {aws.region}")
        found |= {one.name: one for one in some}
    return _few(tuple(found.values()), ", ".join(names))


def tagged(aws: Aws, tag: str) -> tuple[Group, ...]:
    """Return the log groups with a tag (`key=value`, or `key` with any); raises as `named` does."""
    key, _, value = tag.partition("=")
    wanted = {"Key": key, **({"Values": [value]} if value else {})}
    found = aws.all(
        "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList",
        ResourceTypeFilters=["logs:log-group"], TagFilters=[wanted],
    )  # fmt: skip
    names = sorted(of_arn(one["ResourceARN"]) for one in found)
    if not names:
        raise NoGroups(f"no log group in {aws.region} has the tag {tag}")
    return named(aws, names)


def of_service(aws: Aws, service: Service, wanted: Sequence[Logs]) -> tuple[Group, ...]:
    """Return where one service logs; as `of_services`."""
    return of_services(aws, (service,), wanted)


def of_services(aws: Aws, services: Sequence[Service], wanted: Sequence[Logs]) -> tuple[Group, ...]:
    """Return where services log: as the settings say (`logs`), else what their entries and dependencies tell.

    What has never run has no log group: of those that are only told, such are left out. What the settings name must
    be there.

    Args:
        aws: where they are looked for; what stands in another account or region is left out.
        services: whose logs.
        wanted: which of them.

    Raises:
        NoGroups: when there is none, saying what the settings could name.
        ParapetError: for too many.
        AwsError: when AWS does not answer.
    """
    said = [name for one in services for kind in wanted for name in one.logs.get(kind, ())]
    told = {name for one in services for kind in wanted if kind not in one.logs for name in _found(aws, one, kind)}
    there = {one.name: one for one in (*named(aws, said), *_existing(aws, sorted(told)))}
    if told and not there:
        raise NoGroups(f"there is no log group {' or '.join(sorted(told))} in {aws.region}: nothing has run there yet")
    if not there:
        names = " or ".join(one.name for one in services)
        raise NoGroups(
            f"nobody knows where {names} has its logs of kind {' or '.join(wanted)}: name them in parapet.toml, under "
            f'[[services]]: logs = {{ {wanted[0]} = ["/a/log-group"] }}, or give log groups'
        )
    return _few(tuple(there.values()), "these services")


def of_account(aws: Aws, kind: Logs, given: Mapping[Logs, Sequence[str]]) -> tuple[Group, ...]:
    """Return where the flow logs or CloudTrail's events of an account are; raises NoGroups, AwsError.

    Args:
        aws: whose account and region.
        kind: which.
        given: what the settings say (`[insights] logs`).
    """
    names = list(given.get(kind, ())) or sorted(set(_shared(aws, kind)))
    if not names:
        what = "flow logs of a VPC" if kind == "vpc" else "trail of CloudTrail"
        raise NoGroups(
            f"no {what} in {aws.region} can be found in a log group, as far as AWS tells: name it in parapet.toml, "
            f'[insights] logs = {{ {kind} = ["/a/log-group"] }}, or give log groups'
        )
    return named(aws, names)


def incoming(aws: Aws, groups: Sequence[Group], start: float, end: float) -> dict[str, float]:
    """Return how many bytes arrived in a window, by the group's name, of those that CloudWatch counts; raises AwsError.

    What arrived is read more exactly than what is stored: a spike is in it, and nothing is compressed.
    """
    # By the hour, as CloudWatch keeps them for longest; short windows as they are kept lately.
    period = 300 if end - start <= 86_400 else 3600
    metric = {"Namespace": "AWS/Logs", "MetricName": "IncomingBytes"}
    queries = [
        {
            "Id": f"g{number}",
            "MetricStat": {
                "Metric": {**metric, "Dimensions": [{"Name": "LogGroupName", "Value": one.name}]},
                "Period": period,
                "Stat": "Sum",
            },
        }
        for number, one in enumerate(groups)
    ]
    answers = aws.all(
        "cloudwatch", "get_metric_data", "MetricDataResults", MetricDataQueries=queries,
        StartTime=start // period * period, EndTime=end,
    )  # fmt: skip
    found: dict[str, float] = {}
    for one in answers:
        if one["Values"]:
            name = groups[int(one["Id"][1:])].name
            found[name] = found.get(name, 0.0) + sum(one["Values"])
    return found


def _few(found: tuple[Group, ...], what: str) -> tuple[Group, ...]:
    if len(found) > MOST:
        raise ParapetError(f"{what}: these are {len(found)} log groups, and a query reads {MOST}: name fewer")
    return found


def _existing(aws: Aws, names: Sequence[str]) -> Iterator[Group]:
    for name in names:
        yield from (one for one in _described(aws, name) if one.name == name)


def _described(aws: Aws, prefix: str) -> Iterator[Group]:
    # AWS takes no empty prefix for all.
    begin = {"logGroupNamePrefix": prefix} if prefix else {}
    for raw in aws.all("logs", "describe_log_groups", "logGroups", **begin):
        yield Group(
            raw["logGroupName"],
            float(raw.get("storedBytes") or 0),
            raw.get("creationTime", 0) / 1000,
            raw.get("retentionInDays"),
        )


def _found(aws: Aws, service: Service, kind: Logs) -> Iterator[str]:
    """Yield the log groups of one kind that a service's targets tell of."""
    for target in service.targets:
        if target.region not in ("", aws.region) or target.account not in ("", aws.account):
            continue
        if kind in ("app", "lambda") and target.kind in _FUNCTIONS and _FUNCTIONS[target.kind] in target.given:
            yield _of_function(aws, str(target.given[_FUNCTIONS[target.kind]]))
        elif kind == "app" and target.kind == "ecs":
            yield from of_task(aws, str(target.given["cluster"]), str(target.given["service"]))


def _of_function(aws: Aws, name: str) -> str:
    # Of one that is gone, the lines are still there.
    gone = ("ResourceNotFoundException",)
    told = aws("lambda", "get_function_configuration", absent=gone, FunctionName=name).get("LoggingConfig") or {}
    return str(told.get("LogGroup") or _LAMBDA + name)


def of_task(aws: Aws, cluster: str, service: str) -> Iterator[str]:
    """Yield the log groups of an ECS service's containers; raises AwsError."""
    described = aws("ecs", "describe_services", cluster=cluster, services=[service]).get("services") or []
    for one in described:
        task = aws("ecs", "describe_task_definition", taskDefinition=one["taskDefinition"])["taskDefinition"]
        for container in task.get("containerDefinitions", ()):
            log = container.get("logConfiguration") or {}
            if log.get("logDriver") == "awslogs":
                yield log["options"]["awslogs-group"]


def _shared(aws: Aws, kind: Logs) -> Iterator[str]:
    """Yield the log groups that flow logs or trails go to."""
    if kind == "vpc":
        for flow in aws.all("ec2", "describe_flow_logs", "FlowLogs"):
            if flow.get("LogGroupName"):
                yield flow["LogGroupName"]
    elif kind == "cloudtrail":
        for trail in aws("cloudtrail", "describe_trails")["trailList"]:
            arn = trail.get("CloudWatchLogsLogGroupArn")
            # Who asks by the command line knows no account.
            if arn and arn.split(":")[3] == aws.region and aws.account in ("", arn.split(":")[4]):
                yield of_arn(arn)


def of_arn(arn: str) -> str:
    """Return the name of the log group that an ARN, or already a name, tells."""
    return arn.split(":log-group:")[-1].removesuffix(":*")
