"""What is full: the limits that gauges are held against, as the settings, AWS or its documentation tell them.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.MaxConnections
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.model import Aws, AwsError
from chalicelib.services.model import Sought, Target

GIB, MIB = 2.0**30, 2.0**20
# Of what DBInstanceClassMemory is, AWS says only that the system takes some: measured in PostgreSQL by GiB of memory.
USABLE = ((1.5, 0.75), (3.0, 0.879), (6.0, 0.917), (12.0, 0.95))
MOST_USABLE, ABOUT = 0.966, 0.05
POSTGRES, MYSQL = "LEAST({DBInstanceClassMemory/9531392},5000)", "{DBInstanceClassMemory/12582880}"
FORMULAS: Mapping[str, str] = {
    "postgres": POSTGRES, "aurora-postgresql": POSTGRES, "mysql": MYSQL, "mariadb": MYSQL,
}  # fmt: skip
_FORMULA = re.compile(r"(?:LEAST\()?\{DBInstanceClassMemory/(\d+)\}(?:,(\d+)\))?")
# Aurora MySQL's documented formula does not yield its documented numbers: these are they, by size.
AURORA_SMALL: Mapping[str, int] = {
    "t2.small": 45, "t2.medium": 90, "t3.small": 45, "t3.medium": 90, "t3.large": 135, "t4g.medium": 90,
    "t4g.large": 135,
}  # fmt: skip
AURORA_LARGE: Mapping[str, int] = {
    "large": 1000, "xlarge": 2000, "2xlarge": 3000, "4xlarge": 4000, "8xlarge": 5000, "12xlarge": 6000,
    "16xlarge": 6000, "24xlarge": 7000,
}  # fmt: skip
# Of Aurora MySQL Serverless v2, by its largest capacity.
AURORA_SERVERLESS = ((1, 90), (4, 135), (8, 1000), (16, 2000), (32, 3000), (64, 4000), (128, 5000), (256, 6000))
PER_UNIT = 2 * GIB
REDIS, REQUESTS = 65_000.0, 10_000.0


@dataclass(frozen=True, slots=True)
class Limit:
    """A number that was found, or why it was not.

    Args:
        value: None where nothing tells it.
        source: where it is from, as a part of a sentence: `parameter group shop-pg15`; or why there is none.
        uncertainty: by which share of it the truth may be off: 0.05; 0 for what AWS says itself.
        denied: which action AWS denies, so that nobody knows.
        unbounded: whether there is none: what is measured cannot get full.
        defect: where looking for it went wrong, for the log.
    """

    value: float | None
    source: str = ""
    uncertainty: float = 0.0
    denied: str = ""
    unbounded: bool = False
    defect: str = ""


def find(aws: Aws, target: Target, sought: Sought) -> Limit:
    """Return a limit of a target; where AWS does not tell it, the limit says why.

    Args:
        aws: our account in the target's region.
        target: what it is of.
        sought: what is looked for.
    """
    own = target.given.get(sought.what)
    if isinstance(own, int | float):
        return Limit(own * GIB if sought.what == "memory" else own, "parapet.toml")
    if target.account not in ("", aws.account):
        return Limit(None, f"of account {target.account} only metrics can be read")
    try:
        return FINDERS[target.kind, sought.what](aws, target)
    except AwsError as error:
        if error.denied:
            return Limit(None, denied=f"AWS denies {error.action}")
        return Limit(None, f"AWS answered {error.action} with {error.code}")
    except Exception as error:
        # Of a shape that nobody thought of: one gauge is without its limit, and all else is told.
        trace = "".join(traceback.format_exception(error))
        return Limit(None, f"a defect of Parapet's ({type(error).__name__}): please report it", defect=trace)


def database_connections(aws: Aws, target: Target) -> Limit:
    """Return how many connections an RDS instance takes; raises AwsError."""
    instance = _instance(aws, str(target.given["instance"]))
    return _connections(aws, instance, ()) if instance else _nothing("database instance", target.given["instance"])


def database_memory(aws: Aws, target: Target) -> Limit:
    """Return the memory of an RDS instance in bytes; raises AwsError."""
    instance = _instance(aws, str(target.given["instance"]))
    if not instance:
        return _nothing("database instance", target.given["instance"])
    return _memory(aws, str(instance["DBInstanceClass"]))


def database_storage(aws: Aws, target: Target) -> Limit:
    """Return the storage of an RDS instance in bytes; raises AwsError."""
    instance = _instance(aws, str(target.given["instance"]))
    if not instance:
        return _nothing("database instance", target.given["instance"])
    return Limit(instance["AllocatedStorage"] * GIB, f"{instance['AllocatedStorage']:,} GiB allocated")


def cluster_connections(aws: Aws, target: Target) -> Limit:
    """Return how many connections an instance of an Aurora cluster takes: the smallest of its role; raises AwsError."""
    cluster = _cluster(aws, target)
    if not cluster:
        return _nothing("cluster", target.given["cluster"])
    group = str(cluster["DBClusterParameterGroup"])
    own = _set(aws, "describe_db_cluster_parameters", "DBClusterParameterGroupName", group)
    # What the parameter group of an instance says goes before what that of its cluster says.
    said = ((group, own),) if own else ()
    units = _units(cluster)
    found = [_connections(aws, one, said, units) for one in _members(aws, cluster, target)]
    return _least(found, "instance in the cluster has that role")


def cluster_memory(aws: Aws, target: Target) -> Limit:
    """Return the memory of an instance of an Aurora cluster: the smallest of its role; raises AwsError."""
    cluster = _cluster(aws, target)
    if not cluster:
        return _nothing("cluster", target.given["cluster"])
    found = []
    for one in _members(aws, cluster, target):
        if one["DBInstanceClass"] == "db.serverless":
            found.append(Limit(_units(cluster) * PER_UNIT, f"{_units(cluster):g} ACU at most"))
        else:
            found.append(_memory(aws, str(one["DBInstanceClass"])))
    return _least(found, "instance in the cluster has that role")


def function_concurrency(aws: Aws, target: Target) -> Limit:
    """Return how many executions of a function may run at once; raises AwsError."""
    own = aws("lambda", "get_function_concurrency", absent=GONE, FunctionName=target.given["function"])
    if "ReservedConcurrentExecutions" in own:
        return Limit(float(own["ReservedConcurrentExecutions"]), "reserved for it")
    left = aws("lambda", "get_account_settings")["AccountLimit"]["UnreservedConcurrentExecutions"]
    return Limit(float(left), "what all functions without a reservation share")


def function_timeout(aws: Aws, target: Target) -> Limit:
    """Return how many seconds a function may take; raises AwsError."""
    alias = {"Qualifier": target.given["alias"]} if "alias" in target.given else {}
    name = target.given["function"]
    found = aws("lambda", "get_function_configuration", absent=GONE, FunctionName=name, **alias)
    return Limit(float(found["Timeout"]), "its timeout") if found else _nothing("function", name)


def read_capacity(aws: Aws, target: Target) -> Limit:
    """Return how many units a second may be read from a table; raises AwsError."""
    return _capacity(aws, target, "Read")


def write_capacity(aws: Aws, target: Target) -> Limit:
    """Return how many units a second may be written to a table; raises AwsError."""
    return _capacity(aws, target, "Write")


def api_requests(aws: Aws, target: Target) -> Limit:
    """Return how many requests a second the APIs of an account may get in a region, where nobody raised it."""
    return Limit(REQUESTS, "a second, AWS's usual quota for all APIs of an account in a region")


def group_size(aws: Aws, target: Target) -> Limit:
    """Return how many instances an Auto Scaling group may have; raises AwsError."""
    name = target.given["group"]
    found = aws("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[name])["AutoScalingGroups"]
    if not found:
        return _nothing("group", name)
    if found[0]["MinSize"] == found[0]["MaxSize"]:
        return Limit(None, "its size is fixed", unbounded=True)
    return Limit(float(found[0]["MaxSize"]), "its largest size")


def cache_connections(aws: Aws, target: Target) -> Limit:
    """Return how many connections a node of ElastiCache takes."""
    return Limit(REDIS, "maxclients, which ElastiCache fixes")


Finder = Callable[[Aws, Target], Limit]
FINDERS: Mapping[tuple[str, str], Finder] = {
    ("rds", "max_connections"): database_connections,
    ("rds", "memory"): database_memory,
    ("rds", "storage"): database_storage,
    ("aurora", "max_connections"): cluster_connections,
    ("aurora", "memory"): cluster_memory,
    ("lambda_function", "concurrency"): function_concurrency,
    ("lambda_function", "timeout"): function_timeout,
    ("dynamodb", "read_capacity"): read_capacity,
    ("dynamodb", "write_capacity"): write_capacity,
    ("api_rest", "requests"): api_requests,
    ("api_http", "requests"): api_requests,
    ("autoscaling", "size"): group_size,
    ("elasticache", "max_connections"): cache_connections,
}
# Which IAM actions a kind's limits take.
ACTIONS: Mapping[str, tuple[str, ...]] = {
    "rds": ("rds:DescribeDBInstances", "rds:DescribeDBParameters", "ec2:DescribeInstanceTypes"),
    "aurora": (
        "rds:DescribeDBClusters", "rds:DescribeDBInstances", "rds:DescribeDBClusterParameters",
        "rds:DescribeDBParameters", "ec2:DescribeInstanceTypes",
    ),
    "lambda_function": (
        "lambda:GetFunctionConcurrency", "lambda:GetFunctionConfiguration", "lambda:GetAccountSettings",
    ),
    "dynamodb": ("dynamodb:DescribeTable", "dynamodb:DescribeLimits"),
    "autoscaling": ("autoscaling:DescribeAutoScalingGroups",),
}  # fmt: skip
GONE = ("ResourceNotFoundException", "DBInstanceNotFound", "DBInstanceNotFoundFault", "DBClusterNotFoundFault")


def worked_out(formula: str, memory: float) -> float | None:
    """Return what a parameter's formula yields for so many bytes of nominal memory; None for one of another shape."""
    match = _FORMULA.fullmatch(formula.replace(" ", ""))
    if not match:
        return None
    share = next((share for below, share in USABLE if memory < below * GIB), MOST_USABLE)
    found = float(int(memory * share / int(match[1])))
    return min(found, float(match[2])) if match[2] else found


def _connections(aws: Aws, instance: Mapping[str, Any], said: Iterable[tuple[str, str]], units: float = 0.0) -> Limit:
    """Return what an instance takes: as its parameter groups say, or else as its engine and class have it.

    Args:
        aws: whose instance.
        instance: as RDS describes it.
        said: what the parameter group of its cluster says, by the group's name.
        units: the largest capacity of its cluster, where it is serverless.
    """
    engine, class_ = str(instance["Engine"]), str(instance["DBInstanceClass"]).removeprefix("db.")
    for name in [one["DBParameterGroupName"] for one in instance.get("DBParameterGroups", ())]:
        if own := _set(aws, "describe_db_parameters", "DBParameterGroupName", name):
            said = ((name, own), *said)
    for name, value in said:
        if value.isdigit():
            return Limit(float(value), f"parameter group {name}")
        if class_ == "serverless":
            return Limit(None, f"parameter group {name} has {value}: say what that is as max_connections")
        found = worked_out(value, _memory(aws, class_).value or 0.0)
        if not found:
            return Limit(None, f"parameter group {name} has {value}: say what that is as max_connections")
        return Limit(found, f"parameter group {name}, its formula for db.{class_}, about ±5 %", ABOUT)
    if engine == "aurora-mysql":
        return _table(class_, units)
    if engine not in FORMULAS:
        return Limit(None, f"nothing tells it of {engine}: say it as max_connections")
    memory = units * PER_UNIT if class_ == "serverless" else _memory(aws, class_).value
    found = worked_out(FORMULAS[engine], memory) if memory else None
    what = f"{units:g} ACU" if class_ == "serverless" else f"db.{class_}"
    if not found:
        return Limit(None, f"the memory of {what} is not known: say max_connections")
    return Limit(found, f"formula of {engine} for {what}, about ±5 %", ABOUT)


def _table(class_: str, units: float) -> Limit:
    if class_ == "serverless":
        found = next((most for below, most in AURORA_SERVERLESS if units <= below), AURORA_SERVERLESS[-1][1])
        return Limit(float(found), f"Aurora's table for {units:g} ACU")
    known = AURORA_SMALL.get(class_) or (None if class_.startswith("t") else AURORA_LARGE.get(class_.split(".")[-1]))
    if not known:
        return Limit(None, f"Aurora's table does not have db.{class_}: say max_connections")
    return Limit(float(known), f"Aurora's table for db.{class_}")


def _set(aws: Aws, operation: str, key: str, group: str) -> str:
    """Return what somebody set max_connections to in a parameter group, or an empty text; raises AwsError."""
    # Nobody can change AWS's own.
    if group.startswith("default."):
        return ""
    found = aws.all("rds", operation, "Parameters", Source="user", **{key: group})
    return next((str(one.get("ParameterValue", "")) for one in found if one["ParameterName"] == "max_connections"), "")


def _instance(aws: Aws, name: str) -> Mapping[str, Any]:
    found = aws("rds", "describe_db_instances", absent=GONE, DBInstanceIdentifier=name).get("DBInstances", ())
    return dict(found[0]) if found else {}


def _cluster(aws: Aws, target: Target) -> Mapping[str, Any]:
    name = target.given["cluster"]
    found = aws("rds", "describe_db_clusters", absent=GONE, DBClusterIdentifier=name).get("DBClusters", ())
    return dict(found[0]) if found else {}


def _members(aws: Aws, cluster: Mapping[str, Any], target: Target) -> list[Mapping[str, Any]]:
    writes = target.given.get("role", "WRITER") == "WRITER"
    names = [
        str(one["DBInstanceIdentifier"]) for one in cluster["DBClusterMembers"] if one["IsClusterWriter"] == writes
    ]
    return [one for name in names if (one := _instance(aws, name))]


def _units(cluster: Mapping[str, Any]) -> float:
    return float(cluster.get("ServerlessV2ScalingConfiguration", {}).get("MaxCapacity", 0.0))


def _memory(aws: Aws, class_: str) -> Limit:
    """Return the memory of a class, by EC2's type of the same name; raises AwsError."""
    type_ = class_.removeprefix("db.")
    found = aws("ec2", "describe_instance_types", absent=("InvalidInstanceType",), InstanceTypes=[type_])
    if not found.get("InstanceTypes"):
        return Limit(None, f"the memory of db.{type_} is not known: say memory, in GiB")
    return Limit(found["InstanceTypes"][0]["MemoryInfo"]["SizeInMiB"] * MIB, f"memory of db.{type_}")


def _capacity(aws: Aws, target: Target, what: str) -> Limit:
    name = target.given["table"]
    table = aws("dynamodb", "describe_table", absent=GONE, TableName=name).get("Table")
    if not table:
        return _nothing("table", name)
    if table.get("BillingModeSummary", {}).get("BillingMode") != "PAY_PER_REQUEST":
        return Limit(float(table["ProvisionedThroughput"][f"{what}CapacityUnits"]), "provisioned, a second")
    own = table.get("OnDemandThroughput", {}).get(f"Max{what}RequestUnits", -1)
    if own > 0:
        return Limit(float(own), "the most that it takes on demand, a second")
    every = aws("dynamodb", "describe_limits")[f"TableMax{what}CapacityUnits"]
    return Limit(float(every), "the account's limit for a table, a second")


def _least(found: Iterable[Limit], otherwise: str) -> Limit:
    several = list(found)
    unknown = [one for one in several if one.value is None]
    if unknown or not several:
        return unknown[0] if unknown else Limit(None, f"no {otherwise}")
    return min(several, key=lambda one: one.value or 0.0)


def _nothing(what: str, name: object) -> Limit:
    return Limit(None, f"there is no {what} {name}")
