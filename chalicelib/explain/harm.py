"""How likely a call of some kind is to break something, and what error lines speak of; pure tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from chalicelib.ledger.model import Change

Topic = Literal["code", "network", "rights", "credentials", "capacity", "data", "stop", "other"]


@dataclass(frozen=True, slots=True)
class Harm:
    """What a call of some kind can break: how likely, and what errors would speak of then."""

    weight: float
    topic: Topic
    what: str


# The first that fits; what adds or describes breaks little, what takes away or replaces breaks much.
_HARMS: tuple[tuple[str, Harm], ...] = (
    (
        r"(Create|Delete)Tags|Tag[A-Z]\w*|Untag\w*|AddTags\w*|RemoveTags\w*|TagResources?\d*|UntagResource\d*"
        r"|(Put|Delete)(Metric(Alarm|Data)|CompositeAlarm|Dashboards?|RetentionPolicy|MetricFilter|QueryDefinition)"
        r"|SetAlarmState|DeleteAlarms|(Enable|Disable)AlarmActions|(Create|Delete|Copy)\w*(Snapshot|Backup|Image)s?"
        r"|CreateLog\w+|Start(Query|BackupJob|LiveTail)|Create(ChangeSet|Secret|AccessKey)|Register(TaskDefinition|Image)"
        r"|ConsoleLogin|AssumeRole\w*|GetSessionToken|Publish(LayerVersion)?|PublishVersion\d*|CreateLaunchTemplateVersion"
        r"|(Put|Delete)(Inventory|Analytics|Metrics)Configuration|Send\w+|BatchDelete\w*|CreateReservation",
        Harm(0.05, "other", "which breaks nothing by itself"),
    ),
    (
        r"Revoke(SecurityGroup\w+)|ModifySecurityGroupRules|(Create|Replace|Delete)NetworkAclEntry"
        r"|ReplaceNetworkAclAssociation|(Delete|Replace)Route\w*|DisassociateRouteTable|Delete(Nat|Internet|Transit)Gateway\w*"
        r"|DetachInternetGateway|DisassociateAddress|ReleaseAddress|(Modify|Delete)VpcEndpoint\w*|DeleteVpcPeeringConnection"
        r"|ChangeResourceRecordSets|SetSecurityGroups|ModifyNetworkInterfaceAttribute|(Modify|Delete)(Listener|Rule)"
        r"|UpdateWebACL|UpdateRuleGroup|(Update|Delete)FirewallPolicy|ModifyDBProxy\w*",
        Harm(1.0, "network", "which can cut a connection"),
    ),
    (
        r"(Detach|Delete|Put|Attach)(Role|User|Group)Polic(y|ies)|(Put|Delete)\w*(Bucket|Key|Repository|Resource)Policy"
        r"|UpdateAssumeRolePolicy|CreatePolicyVersion|SetDefaultPolicyVersion|Delete(Role|User|InstanceProfile|AccessKey)"
        r"|UpdateAccessKey|(Put|Delete)\w*PermissionsBoundary|RetireGrant|RevokeGrant|Put(Public\w+|\w*ScpPolicy)"
        r"|(Add|Remove)Permission\d*|AttachPolicy|UpdatePolicy|SetQueueAttributes|SetTopicAttributes",
        Harm(0.95, "rights", "which can take a right away"),
    ),
    (
        r"(Rotate|Update|Put|Delete)Secret\w*|PutParameters?|DeleteParameters?|ScheduleKeyDeletion|DisableKey"
        r"|Delete(ServerCertificate|Certificate)|UpdateServerCertificate|ModifyCertificates|CancelRotateSecret"
        r"|UpdateSecretVersionStage|DeleteAlias\d*$",
        Harm(0.95, "credentials", "which can make a credential useless"),
    ),
    (
        r"UpdateFunction(Code|Configuration)\w*|UpdateAlias\d*|CreateDeployment|UpdateStage|UpdateService"
        r"|(Update|Create|Delete|Execute)\w*(Stack|ChangeSet)\w*|UpdateAutoScalingGroup|StartInstanceRefresh"
        r"|UpdateStateMachine|UpdateDistribution\w*|UpdateApi|PutRestApi|UpdateEnvironment|Deploy\w*|ModifyLaunchTemplate"
        r"|UpdateTaskSet|CreateTaskSet|UpdateNodegroup\w*|UpdateCluster\w*|RunTask|UpdateIntegration\w*|UpdateRoute\d*",
        Harm(1.0, "code", "which brings another version or setting"),
    ),
    (
        r"(Modify|Reboot|Failover|Restore|Upgrade|Promote|Switchover)\w*DB\w*|(Modify|Reset)\w*ParameterGroup|UpdateTable\w*"
        r"|Modify(ReplicationGroup|CacheCluster)|RebootCacheCluster|TestFailover|UpdateTimeToLive|PurgeQueue|DeleteObjects?"
        r"|(Put|Delete)Bucket(Lifecycle\w*|Cors|Encryption|Versioning|Replication\w*)|UpdateEventSourceMapping\d*"
        r"|(Update|Delete)GlobalTable\w*|ModifyDBParameterGroup",
        Harm(0.95, "data", "which changes where data is kept"),
    ),
    (
        r"(Put|Delete)FunctionConcurrency\d*|PutProvisionedConcurrencyConfig|SetDesiredCapacity|SetInstanceCapacity"
        r"|(Register|Put|Deregister)Scal\w+|UpdateAccount(Settings)?|PutScalingPolicy|ModifyInstanceAttribute|ModifyVolume"
        r"|UpdateUsagePlan|UpdateCapacityProvider|ModifyTargetGroup\w*",
        Harm(0.9, "capacity", "which changes how much fits"),
    ),
    (
        r"(Stop|Terminate|Reboot|Delete|Disable|Remove|Deregister|Detach|Disassociate|Suspend|Cancel|Drain|Evict)\w+",
        Harm(1.0, "stop", "which takes something away"),
    ),
    (
        r"(AuthorizeSecurityGroup|Create|Add|Run|Start|Enable|Attach|Associate|Register|Allocate|Request|Import|Resume)\w*",
        Harm(0.35, "other", "which adds something, and seldom breaks anything"),
    ),
)
_COMPILED = tuple((re.compile(pattern), harm) for pattern, harm in _HARMS)
_OTHER = Harm(0.6, "other", "of which is not known what it can break")
_DEPLOYED = Harm(1.0, "code", "which brings another version")
_ENDED = Harm(0.5, "code", "which tells of a deployment's end")

# What error lines speak of; the first that fits.
_TOPICS: tuple[tuple[Topic, str], ...] = (
    (
        "credentials",
        r"(token|secret|credentials?|certificate|key|password)\b.{0,60}expired"
        r"|expired[ _-]?(token|credential|secret|cert)"
        r"|password authentication failed|invalid[ _-]?(api[ _-]?key|token|credentials?|client|grant|signature)"
        r"|login failed|access denied for user|certificate|signature.{0,20}not match|unrecognizedclient"
        r"|invalidclienttoken|\b401\b|unauthenticated|wrong password|bad credentials",
    ),
    (
        "rights",
        r"access ?denied|not authorized|forbidden|unauthorizedoperation|permission denied|\b403\b|kms.{0,20}denied",
    ),
    (
        "capacity",
        r"remaining connection slots|too many (connections|clients|requests)|throttl|throughput|limitexceeded"
        r"|rate exceeded|out of memory|outofmemory|no space left|pool.{0,20}(exhausted|timeout|full)|maxclients"
        r"|toomanyrequests|quota"
        r"|queue ?full|cannot assign requested address|\boom\b",
    ),
    (
        "network",
        r"timed? ?out|etimedout|econnrefused|econnreset|connection (refused|reset)|no route|unreachable"
        r"|could not connect|name or service not known|enotfound|getaddrinfo|deadline exceeded|broken pipe"
        r"|socket hang up|task timed out",
    ),
    (
        "code",
        r"typeerror|keyerror|attributeerror|valueerror|indexerror|nameerror|importerror|importmodule|modulenotfound"
        r"|nullpointer|nil pointer|undefined|is not a function|classnotfound|nosuchmethod|panic:|traceback|unmarshal"
        r"|syntaxerror|referenceerror|segmentation|assert",
    ),
)  # fmt: skip
_SPOKEN = tuple((topic, re.compile(pattern, re.IGNORECASE)) for topic, pattern in _TOPICS)


def of(change: Change) -> Harm:
    """Return what a change can break."""
    if change.kind == "deployment":
        return _ENDED if re.search(r"succe|complet|finish", change.action, re.IGNORECASE) else _DEPLOYED
    return next((harm for pattern, harm in _COMPILED if pattern.fullmatch(change.action)), _OTHER)


def spoken(text: str) -> Topic:
    """Return what an error line speaks of."""
    return next((topic for topic, pattern in _SPOKEN if pattern.search(text)), "other")
