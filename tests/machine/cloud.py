"""A small account in memory: security groups, a KMS key, access keys and a database, as AWS answers about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.model import AwsError
from tests.samples import cloudtrail

GROUP, KEY, ACCESS, DATABASE, ROOT = (
    "ec2_security_group_open", "kms_key_deletion_scheduled", "iam_access_key_for_other", "rds_instance_public",
    "signin_root_used",
)  # fmt: skip
RAILS = (GROUP, KEY, ACCESS, DATABASE, ROOT)
WORLD, OFFICE = "0.0.0.0/0", "198.51.100.0/24"
GUARDED = (22, 3389)
GROUPS = ("sg-0a", "sg-0b", "sg-0c")
CRYPT = "11111111-2222-4333-8444-555555555555"
USER, ORDERS = "bob", "orders"
ELSEWHERE = "us-east-1"

View = Any
Views = dict[str, View]


@dataclass(frozen=True, slots=True)
class Spot:
    """One part of one resource under one guardrail: what a violation is about."""

    rail: str
    resource: str
    part: str


@dataclass
class Rule:
    """One ingress rule."""

    id: str
    port: int
    cidr: str
    text: str

    @property
    def part(self) -> str:
        return f"tcp {self.port}-{self.port} {self.cidr}"

    @property
    def permission(self) -> dict[str, Any]:
        told = {"Description": self.text} if self.text else {}
        return {
            "IpProtocol": "tcp", "FromPort": self.port, "ToPort": self.port,
            "IpRanges": [{"CidrIp": self.cidr, **told}],
        }  # fmt: skip


def wrong(action: str, code: str, message: str = "no") -> AwsError:
    service, operation = action.split(":")
    return AwsError(f"{service}:{''.join(word.title() for word in operation.split('_'))}", code, message)


@dataclass
class Cloud:
    """The account's resources; `call` is AWS, the other methods are people at work, each with the event it makes."""

    groups: dict[str, dict[str, Rule]] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    users: dict[str, dict[str, str]] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)
    databases: dict[str, bool] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    made: int = 0

    def __post_init__(self) -> None:
        for group in GROUPS:
            self.groups[group] = {}
            self._rule(group, 443, WORLD, "")
            self._rule(group, 22, OFFICE, "the office")
        self.keys[CRYPT] = "Enabled"
        self.users[USER] = {"AKIAEXAMPLEOWN000000": "Active"}
        self.databases[ORDERS] = False

    def _rule(self, group: str, port: int, cidr: str, text: str) -> Rule:
        self.made += 1
        rule = Rule(f"sgr-{self.made:04d}", port, cidr, text)
        self.groups[group][rule.id] = rule
        return rule

    # The truth

    def views(self, rail: str, resource: str) -> Views | None:
        """Every part of a resource as it is, the innocent ones too; None when there is no such resource."""
        if rail == GROUP:
            rules = self.groups.get(resource)
            return None if rules is None else {rule.part: rule.permission for rule in rules.values()}
        if rail == KEY:
            state = self.keys.get(resource)
            return None if state is None else {"deletion": state}
        if rail == ACCESS:
            keys = self.users.get(resource)
            return None if keys is None else dict(keys)
        if rail == DATABASE:
            public = self.databases.get(resource)
            return None if public is None else {"PubliclyAccessible": public}
        return {}

    def view(self, spot: Spot) -> View:
        """One part as it is; None when it or its resource is not there."""
        return (self.views(spot.rail, spot.resource) or {}).get(spot.part)

    def resources(self) -> Iterable[tuple[str, str]]:
        """Every resource that there is or was, under its guardrail."""
        yield from ((GROUP, group) for group in GROUPS)
        yield from ((KEY, CRYPT), (ACCESS, USER), (DATABASE, ORDERS))

    def violates(self, spot: Spot, view: View) -> bool:
        """Whether a part must not be as it looks."""
        if view is None:
            return False
        if spot.rail == GROUP:
            return bool(view["IpRanges"][0]["CidrIp"] == WORLD and view["FromPort"] in GUARDED)
        if spot.rail == KEY:
            return bool(view == "PendingDeletion")
        if spot.rail == ACCESS:
            return spot.part in self.foreign and view == "Active"
        return spot.rail == DATABASE and view is True

    def wrongs(self) -> set[Spot]:
        """Everything that must not be as it is."""
        spots = {Spot(rail, one, part) for rail, one in self.resources() for part in self.views(rail, one) or {}}
        return {spot for spot in spots if self.violates(spot, self.view(spot))}

    # People

    def open_port(self, group: str, port: int, text: str, who: Mapping[str, Any]) -> dict[str, Any] | None:
        if group not in self.groups or any(
            rule.port == port and rule.cidr == WORLD for rule in self.groups[group].values()
        ):
            return None
        return self._authorised(group, self._rule(group, port, WORLD, text), who)

    def harmless(self, group: str, who: Mapping[str, Any]) -> dict[str, Any] | None:
        if group not in self.groups:
            return None
        self.made += 1
        return self._authorised(group, self._rule(group, 8000 + self.made, OFFICE, ""), who)

    def _authorised(self, group: str, rule: Rule, who: Mapping[str, Any]) -> dict[str, Any]:
        named = {"groupId": group, "securityGroupRuleId": rule.id, "isEgress": False}
        return cloudtrail(
            "ec2:AuthorizeSecurityGroupIngress",
            {"groupId": group, "ipPermissions": {"items": [{"ipProtocol": "tcp"}]}},
            {"_return": True, "securityGroupRuleSet": {"items": [named]}},
            identity=who,
        )

    def redescribe(self, group: str, port: int, text: str, who: Mapping[str, Any]) -> dict[str, Any] | None:
        """Another description: the same part, which is another violation."""
        for rule in self.groups.get(group, {}).values():
            if rule.port == port and rule.cidr == WORLD and rule.text != text:
                rule.text = text
                changed = {"SecurityGroupRuleId": rule.id, "SecurityGroupRule": {"Description": text}}
                request = {"ModifySecurityGroupRulesRequest": {"GroupId": group, "SecurityGroupRule": [changed]}}
                return cloudtrail("ec2:ModifySecurityGroupRules", request, {"_return": True}, identity=who)
        return None

    def close_port(self, group: str, port: int) -> bool:
        rules = self.groups.get(group, {})
        found = [rule for rule in rules.values() if rule.port == port and rule.cidr == WORLD]
        for rule in found:
            del rules[rule.id]
        return bool(found)

    def schedule(self, who: Mapping[str, Any]) -> dict[str, Any] | None:
        if self.keys.get(CRYPT) not in ("Enabled", "Disabled"):
            return None
        self.keys[CRYPT] = "PendingDeletion"
        return cloudtrail("kms:ScheduleKeyDeletion", {"keyId": CRYPT}, {"keyId": CRYPT}, identity=who)

    def make_key(self, who: Mapping[str, Any]) -> dict[str, Any] | None:
        if USER not in self.users or len(self.users[USER]) > 3:
            return None
        self.made += 1
        key = f"AKIAEXAMPLE{self.made:09d}"
        self.users[USER][key] = "Active"
        if who.get("userName") != USER:
            self.foreign.add(key)
        made = {"accessKey": {"userName": USER, "accessKeyId": key, "status": "Active"}}
        return cloudtrail("iam:CreateAccessKey", {"userName": USER}, made, identity=who, region=ELSEWHERE)

    def publish(self, who: Mapping[str, Any]) -> dict[str, Any] | None:
        if self.databases.get(ORDERS) is not False:
            return None
        self.databases[ORDERS] = True
        request = {"dBInstanceIdentifier": ORDERS, "publiclyAccessible": True}
        return cloudtrail("rds:ModifyDBInstance", request, {}, identity=who)

    # AWS

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a call; raises AwsError as AWS does, and AttributeError for what nobody has taught it."""
        answer: dict[str, Any] = getattr(self, f"_{service}_{operation}")(**params)
        return answer

    def _ec2_describe_security_groups(self, **more: Any) -> dict[str, Any]:
        if "GroupIds" in more:
            for group in more["GroupIds"]:
                if group not in self.groups:
                    raise wrong("ec2:describe_security_groups", "InvalidGroup.NotFound")
        found = [one for one in self.groups if one in more.get("GroupIds", self.groups)]
        return {
            "SecurityGroups": [
                {"GroupId": one, "Tags": [{"Key": k, "Value": v} for k, v in self.tags.get(one, {}).items()]}
                for one in found
            ]
        }

    def _ec2_describe_security_group_rules(self, Filters: Any) -> dict[str, Any]:  # noqa: N803
        [group] = Filters[0]["Values"]
        if group not in self.groups:
            raise wrong("ec2:describe_security_group_rules", "InvalidGroup.NotFound")
        return {
            "SecurityGroupRules": [
                {
                    "SecurityGroupRuleId": rule.id, "GroupId": group, "IsEgress": False, "IpProtocol": "tcp",
                    "FromPort": rule.port, "ToPort": rule.port, "CidrIpv4": rule.cidr,
                    **({"Description": rule.text} if rule.text else {}),
                }
                for rule in self.groups[group].values()
            ]
        }  # fmt: skip

    def _ec2_revoke_security_group_ingress(self, GroupId: str, IpPermissions: Any) -> dict[str, Any]:  # noqa: N803
        rules = self._group(GroupId, "revoke_security_group_ingress")
        [permission] = IpPermissions
        named = (permission["FromPort"], permission["IpRanges"][0]["CidrIp"])
        found = [rule for rule in rules.values() if (rule.port, rule.cidr) == named]
        if not found:
            raise wrong("ec2:revoke_security_group_ingress", "InvalidPermission.NotFound")
        for rule in found:
            del rules[rule.id]
        return {"Return": True}

    def _ec2_authorize_security_group_ingress(self, GroupId: str, IpPermissions: Any) -> dict[str, Any]:  # noqa: N803
        rules = self._group(GroupId, "authorize_security_group_ingress")
        [permission] = IpPermissions
        [range_] = permission["IpRanges"]
        if any((rule.port, rule.cidr) == (permission["FromPort"], range_["CidrIp"]) for rule in rules.values()):
            raise wrong("ec2:authorize_security_group_ingress", "InvalidPermission.Duplicate")
        self._rule(GroupId, permission["FromPort"], range_["CidrIp"], range_.get("Description", ""))
        return {"Return": True}

    def _group(self, group: str, operation: str) -> dict[str, Rule]:
        if group not in self.groups:
            raise wrong(f"ec2:{operation}", "InvalidGroup.NotFound")
        return self.groups[group]

    def _kms_list_keys(self) -> dict[str, Any]:
        return {"Keys": [{"KeyId": key} for key in self.keys]}

    def _kms_describe_key(self, KeyId: str) -> dict[str, Any]:  # noqa: N803
        state = self._key(KeyId, "describe_key")
        return {"KeyMetadata": {"KeyId": KeyId, "KeyState": state, "KeyManager": "CUSTOMER"}}

    def _kms_cancel_key_deletion(self, KeyId: str) -> dict[str, Any]:  # noqa: N803
        return self._become(KeyId, "cancel_key_deletion", ("PendingDeletion",), "Disabled")

    def _kms_enable_key(self, KeyId: str) -> dict[str, Any]:  # noqa: N803
        return self._become(KeyId, "enable_key", ("Enabled", "Disabled"), "Enabled")

    def _kms_schedule_key_deletion(self, KeyId: str, PendingWindowInDays: int) -> dict[str, Any]:  # noqa: N803
        assert PendingWindowInDays == 30
        return self._become(KeyId, "schedule_key_deletion", ("Enabled", "Disabled"), "PendingDeletion")

    def _become(self, key: str, operation: str, states: tuple[str, ...], wanted: str) -> dict[str, Any]:
        if self._key(key, operation) not in states:
            raise wrong(f"kms:{operation}", "KMSInvalidStateException")
        self.keys[key] = wanted
        return {"KeyId": key}

    def _key(self, key: str, operation: str) -> str:
        if key not in self.keys:
            raise wrong(f"kms:{operation}", "NotFoundException")
        return self.keys[key]

    def _kms_list_resource_tags(self, KeyId: str) -> dict[str, Any]:  # noqa: N803
        self._key(KeyId, "list_resource_tags")
        return {"Tags": []}

    def _iam_list_access_keys(self, UserName: str) -> dict[str, Any]:  # noqa: N803
        if UserName not in self.users:
            raise wrong("iam:list_access_keys", "NoSuchEntity")
        keys = self.users[UserName].items()
        return {"AccessKeyMetadata": [{"UserName": UserName, "AccessKeyId": key, "Status": one} for key, one in keys]}

    def _iam_update_access_key(self, UserName: str, AccessKeyId: str, Status: str) -> dict[str, Any]:  # noqa: N803
        if AccessKeyId not in self.users.get(UserName, {}):
            raise wrong("iam:update_access_key", "NoSuchEntity")
        self.users[UserName][AccessKeyId] = Status
        return {}

    def _iam_list_user_tags(self, UserName: str) -> dict[str, Any]:  # noqa: N803
        if UserName not in self.users:
            raise wrong("iam:list_user_tags", "NoSuchEntity")
        return {"Tags": []}

    def _rds_describe_db_instances(self, DBInstanceIdentifier: str = "") -> dict[str, Any]:  # noqa: N803
        if DBInstanceIdentifier and DBInstanceIdentifier not in self.databases:
            raise wrong("rds:describe_db_instances", "DBInstanceNotFound")
        return {
            "DBInstances": [
                {
                    "DBInstanceIdentifier": name, "Engine": "postgres", "PubliclyAccessible": public,
                    "DBInstanceStatus": "modifying" if name in self.busy else "available", "TagList": [],
                }
                for name, public in self.databases.items()
            ]
        }  # fmt: skip

    def _rds_modify_db_instance(self, DBInstanceIdentifier: str, PubliclyAccessible: bool) -> dict[str, Any]:  # noqa: N803
        if DBInstanceIdentifier not in self.databases:
            raise wrong("rds:modify_db_instance", "DBInstanceNotFound")
        if DBInstanceIdentifier in self.busy:
            raise wrong("rds:modify_db_instance", "InvalidDBInstanceState")
        self.databases[DBInstanceIdentifier] = PubliclyAccessible
        return {}
