"""An RDS instance must not have a public address.

Why: the name of a public instance resolves to an address of the internet; one rule of a security group is then
all that stands between the database and everybody who guesses passwords.
Fix: switches public access off and changes nothing else. AWS applies this setting at once by itself, whereas
ApplyImmediately would also apply whatever waits for the maintenance window, such as an upgrade with its restart.
An instance that is still being created cannot be modified: the finding is held, and tried again every two minutes.
A member of a Multi-AZ DB cluster cannot be modified by anybody: there the failure stands.
Undo: switches public access on again.
Mode: seconds after the change nobody relies on the address yet; one that has stood for long may have clients
outside the VPC, so the sweep asks.
Anew: the public address behind the instance's name.
Controls: FSBP RDS.2; CIS 3.0 2.3.3
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import tags
from chalicelib.model import Aws, Call, Event, Remedy, call
from chalicelib.registry import api_call, guardrail

Instance = Mapping[str, Any]


def read(aws: Aws, name: str) -> Instance:
    """Return the instance; raises AwsError."""
    instance: Instance = aws("rds", "describe_db_instances", DBInstanceIdentifier=name)["DBInstances"][0]
    return instance


def subjects(aws: Aws) -> Iterable[str]:
    """Return every instance of the region, of any engine."""
    return [instance["DBInstanceIdentifier"] for instance in aws.all("rds", "describe_db_instances", "DBInstances")]


def switch(instance: Instance, public: bool) -> Call:
    """Return the call that switches public access, and nothing else, on or off."""
    return call(
        "rds", "modify_db_instance", DBInstanceIdentifier=instance["DBInstanceIdentifier"], PubliclyAccessible=public
    )


def brought(event: Event) -> bool:
    """Whether the event asked for public access, or made an instance that has it by default."""
    made = event.name != "ModifyDBInstance" and event.response.get("publiclyAccessible")
    return bool(event.request.get("publiclyAccessible", made))


@guardrail(
    severity="high",
    default={"event": "enforce", "sweep": "approve"},
    on={
        api_call("rds:CreateDBInstance"): "requestParameters.dBInstanceIdentifier",
        api_call("rds:CreateDBInstanceReadReplica"): "requestParameters.dBInstanceIdentifier",
        api_call("rds:ModifyDBInstance"): "requestParameters.dBInstanceIdentifier",
        api_call("rds:RestoreDBInstanceFromDBSnapshot"): "requestParameters.dBInstanceIdentifier",
        api_call("rds:RestoreDBInstanceFromS3"): "requestParameters.dBInstanceIdentifier",
        api_call("rds:RestoreDBInstanceToPointInTime"): "requestParameters.targetDBInstanceIdentifier",
    },
    needs={"rds:DescribeDBInstances", "rds:ModifyDBInstance"},
    read=read,
    subjects=subjects,
    resource=lambda instance: str(instance["DBInstanceIdentifier"]),
    current=lambda instance, _part: instance["PubliclyAccessible"],
    tags=lambda _aws, _name, instance: tags.within([instance], "TagList"),
    gone={"DBInstanceNotFound"},
    later={"InvalidDBInstanceState"},
)
def check(instance: Instance, event: Event | None) -> Iterable[Remedy]:
    """Yield a remedy for an instance that is public and not on its way out."""
    if instance["PubliclyAccessible"] and instance["DBInstanceStatus"] != "deleting":
        yield Remedy(
            why=f"{instance['DBInstanceIdentifier']} ({instance['Engine']}) has a public address",
            part="PubliclyAccessible",
            fix=(switch(instance, False),),
            undo=(switch(instance, True),),
            before=True,
            after=False,
            brought=event is None or brought(event),
        )
