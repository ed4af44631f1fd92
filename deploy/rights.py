"""The policies of our roles: what each function may do under the modes in force, and nothing more; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from chalicelib import evidence, registry, secrets
from chalicelib.insights import groups
from chalicelib.model import ParapetError
from chalicelib.registry import Guardrail
from chalicelib.reports.model import Report
from chalicelib.services import limits
from chalicelib.services.model import Service
from chalicelib.settings import GLOBAL_REGION, Accounts, Settings, dashed
from deploy import actions
from deploy.intrinsics import document

Statement = dict[str, Any]
Policy = dict[str, Any]

HERE = {"Ref": "AWS::Region"}
TABLE = {"Fn::GetAtt": ["Journal", "Arn"]}
CHANNELS = {
    "notify": {"Fn::GetAtt": ["SlackQueue", "Arn"]},
    "notify_pagerduty": {"Fn::GetAtt": ["PagerDutyQueue", "Arn"]},
    "notify_email": {"Fn::GetAtt": ["EmailQueue", "Arn"]},
}
OUTBOX = list(CHANNELS.values())
# Of what nobody is paged for.
UNPAGED = [CHANNELS["notify"], CHANNELS["notify_email"]]
ALERTS = {"Fn::GetAtt": ["AlertQueue", "Arn"]}
ENRICH = {"Fn::GetAtt": ["EnrichQueue", "Arn"]}
LEDGER, LEDGER_QUEUE = {"Fn::GetAtt": ["ChangeLedger", "Arn"]}, {"Fn::GetAtt": ["LedgerQueue", "Arn"]}
DEAD_LETTERS = {"Fn::GetAtt": ["DeadLetters", "Arn"]}
FAILURES = {"Ref": "FailuresTopic"}
TOKEN_KEY = {"Ref": "TokenKey"}
EMAIL = {"Ref": "EmailTopic"}
KEY = {"Fn::GetAtt": ["AlertKey", "Arn"]}
BY_SNS = {"StringEquals": {"kms:ViaService": {"Fn::Sub": "sns.${AWS::Region}.amazonaws.com"}}}
# The bucket of the parameter EvidenceBucket, or without one the stack's own.
EVIDENCE = "MakesEvidenceStore"
KEPT = evidence.prefix("${Stage}", "${AWS::AccountId}")
HEARTBEAT = {
    "Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/parapet/${Stage}/heartbeat"
}
OURS = "parapet-${Stage}-*"
# API Gateway waits for the answer, and a queue keeps what its function does not take: Lambda gives up on nothing.
ANSWERING = frozenset({"api_handler", "authorizer", *CHANNELS, "alert", "enrich", "ledger"})
MEMBERS = "arn:${AWS::Partition}:iam::*:role/parapet-${Stage}-member-"


def writes(action: str) -> bool:
    """Whether an IAM action changes something, by AWS's own access level; raises ParapetError when unclassified."""
    return actions.level(action) not in ("List", "Read")


def granted(rail: Guardrail, settings: Settings) -> list[str]:
    """Return the actions that a guardrail brings into its function's role under the modes in force."""
    if set(settings.modes(rail).values()) == {"off"}:
        return []
    acts = settings.acts(rail)
    return sorted(action for action in rail.needs if acts or not writes(action))


def policies(settings: Settings) -> dict[str, Policy]:
    """Return the policy of every function, by function name."""
    found = {f"guard_{service}": _guard(service, settings) for service in registry.services()}
    found["notify"] = _channel("notify", "slack", _secret("Token", settings.slack_token, "SlackToken"))
    found["notify_pagerduty"] = _channel("notify_pagerduty", "pagerduty", *_routing_keys(settings))
    found["notify_email"] = _channel(
        "notify_email",
        "email",
        _allow("Send", ("sns:Publish",), EMAIL),
        # The topic is encrypted.
        _allow("SendKey", ("kms:Decrypt", "kms:GenerateDataKey"), KEY, BY_SNS),
    )
    found["sweep"] = document(
        EMIT,
        _allow("Exempted", ("dynamodb:Query",), _index("by_status")),
        _allow("Waivers", ("dynamodb:GetItem",), TABLE, keys("EXEMPTIONS")),
        *_organisation(settings.accounts),
    )
    found["timer"] = document(
        EMIT,
        _allow("Due", ("dynamodb:Query",), _index("by_due")),
        _allow("Held", ("dynamodb:Query",), _index("by_status")),
        _allow("Pauses", ("dynamodb:GetItem",), TABLE, keys("CONTROL")),
        _allow("Unanswered", ("dynamodb:BatchGetItem",), TABLE, keys("ANSWER#*", "COMMAND#*")),
        _allow("Outbox", ("sqs:SendMessage",), UNPAGED),
        _allow("Alerts", ("sqs:SendMessage",), ALERTS),
    )
    found["alert"] = document(
        _allow("Queue", ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"), ALERTS),
        # To be reminded of what waits for company.
        _allow("Later", ("sqs:SendMessage",), ALERTS),
        _allow("Evidence", ("sqs:SendMessage",), ENRICH),
        _allow(
            "Known",
            ("dynamodb:BatchGetItem", "dynamodb:GetItem"),
            TABLE,
            keys("ALERT#*", "ANSWER#*", "COMMAND#*", "GROUP#*", "INHIBITORS", "SILENCES"),
        ),
        _allow("Together", ("dynamodb:Query",), _index("by_resource")),
        _allow("Alerts", ("dynamodb:PutItem",), TABLE, keys("ALERT#*", "ANSWER#*", "GROUP#*")),
        _allow("Quiet", ("dynamodb:UpdateItem",), TABLE, keys("INHIBITORS", "NOISE#*", "SILENCES")),
        _allow("Outbox", ("sqs:SendMessage",), OUTBOX),
        # What wakes the guard functions with a remedy.
        EMIT,
    )
    found["heartbeat"] = document(_allow("Beat", ("ssm:PutParameter",), HEARTBEAT))
    found["evidence"] = document(
        _allow("Journal", ("dynamodb:Scan",), TABLE),
        _allow("Lock", ("s3:GetBucketObjectLockConfiguration",), _store("")),
        _allow("List", ("s3:ListBucket",), _store(""), {"StringEquals": {"s3:prefix": {"Fn::Sub": KEPT}}}),
        _allow("GoOn", ("s3:GetObject",), _store(f"/{KEPT}*")),
        # Only what is not there yet; and nothing that is there can it delete or unlock.
        _allow("Keep", ("s3:PutObject",), _store(f"/{KEPT}*"), {"Null": {"s3:if-none-match": "false"}}),
    )
    found["reminders"] = document(
        _allow("Permitted", ("dynamodb:Query",), _index("by_status")),
        _allow("Until", ("dynamodb:BatchGetItem", "dynamodb:GetItem"), TABLE, keys("CONTROL", "EXEMPTIONS", "HEAD#*")),
        _allow("Noise", ("dynamodb:Query",), TABLE, keys("NOISE#*")),
        _allow("Outbox", ("sqs:SendMessage",), UNPAGED),
    )
    found["digest"] = document(*_costs(), _allow("Outbox", ("sqs:SendMessage",), UNPAGED))
    found["enrich"] = document(
        _allow("Queue", ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"), ENRICH),
        # Pictures, CloudTrail's history and account aliases know no resources; numbers come with the costs.
        _allow("Pictures", ("cloudwatch:GetMetricWidgetImage",), "*"),
        # Composite alarms are shown to nobody who may only see some.
        _allow("EveryAlarm", ("cloudwatch:DescribeAlarms",), "*"),
        _allow(
            "Alarms",
            ("cloudwatch:DescribeAlarmContributors", "cloudwatch:ListTagsForResource"),
            _arn("cloudwatch:*:${AWS::AccountId}:alarm:*"),
        ),
        # What is too much to be read is counted by a query; spans of a trace are found by one.
        _allow(
            "ErrorLines",
            ("logs:FilterLogEvents", "logs:GetQueryResults", "logs:StartQuery"),
            LOG_GROUPS,
        ),
        _allow("Services", ("ecs:DescribeServices",), _arn("ecs:*:${AWS::AccountId}:service/*")),
        _allow("Tasks", ("ecs:DescribeTaskDefinition",), "*"),
        _allow("Changes", ("cloudtrail:LookupEvents",), "*"),
        _allow("Names", ("iam:ListAccountAliases",), "*"),
        *_costs(),
        # To explain: what was changed, what Parapet did, who else is in trouble, what fails since; and to keep that.
        _allow("Ledger", ("dynamodb:Query",), LEDGER),
        _allow("Remediations", ("dynamodb:Query",), _index("by_time")),
        # The alert's thread; and whether somebody lets stand what is suspected.
        _allow("Thread", ("dynamodb:GetItem",), TABLE, keys("EXEMPTIONS", "FINDING#*", "GROUP#*", "HEAD#*")),
        _allow("Before", ("dynamodb:Query",), TABLE, keys("EXPLAINED#*")),
        _allow("Explained", ("dynamodb:PutItem",), TABLE, keys("EXPLAIN#*", "EXPLAINED#*")),
        _allow("History", ("cloudwatch:DescribeAlarmHistory", "logs:DescribeLogGroups", "logs:StopQuery"), "*"),
        MAP,
        *_limits(settings.services, limits.ACTIONS, groups.ACTIONS),
        _allow("Outbox", ("sqs:SendMessage",), [ALERTS, CHANNELS["notify"]]),
    )
    found["reports"] = document(
        # Its runs, and what came out of them.
        _allow("Runs", ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"), TABLE, keys("REPORT#*")),
        *_queries(),
        _allow("Arrived", ("cloudwatch:GetMetricData",), "*"),
        *_limits(settings.services, groups.ACTIONS, sid="Logging"),
        *_stores(settings.reports),
        _allow("Outbox", ("sqs:SendMessage",), UNPAGED),
    )
    found["ledger"] = document(
        _allow("Queue", ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"), LEDGER_QUEUE),
        _allow("Ledger", ("dynamodb:BatchWriteItem", "dynamodb:UpdateItem"), LEDGER),
    )
    found["failures"] = document(_allow("Outbox", ("sqs:SendMessage",), OUTBOX))
    found["api_handler"] = document(
        _allow(
            "Journal",
            ("dynamodb:BatchGetItem", "dynamodb:GetItem"),
            TABLE,
            keys(
                "ANSWER#*",
                "COMMAND#*",
                "CONTROL",
                "EXEMPTIONS",
                "EXPLAIN#*",
                "FINDING#*",
                "GROUP#*",
                "HEAD#*",
                "QUERY#*",
                "SILENCES",
            ),
        ),
        # What was told about an alert.
        _allow("Threads", ("dynamodb:GetItem",), TABLE, keys("THREAD#slack#*")),
        *(
            _allow(f"By{name.capitalize()}", ("dynamodb:Query",), _index(f"by_{name}"))
            for name in ("resource", "status", "time")
        ),
        # What people ask for is recorded; the function that owns the service does it.
        _allow("Ask", ("dynamodb:PutItem",), TABLE, keys("COMMAND#*", "EXPLAIN#*", "QUERY#*")),
        # What was explained before; and what takes longer than somebody waits.
        _allow("Explained", ("dynamodb:Query",), TABLE, keys("EXPLAINED#*")),
        _allow("Explain", ("sqs:SendMessage",), ENRICH),
        # How reports went; and one that is asked for is recorded there, too.
        _allow("Reports", ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"), TABLE, keys("REPORT#*")),
        _allow("Switch", ("dynamodb:UpdateItem",), TABLE, keys("CONTROL", "EXEMPTIONS", "SILENCES")),
        EMIT,
        # What was changed; before there was a ledger, only CloudTrail knows.
        _allow("Ledger", ("dynamodb:Query",), LEDGER),
        _allow("History", ("cloudtrail:LookupEvents",), "*"),
        *_limits(settings.services, limits.ACTIONS, groups.ACTIONS),
        # How services are: numbers and states, no content.
        _allow(
            "Services",
            ("cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"),
            "*",
        ),
        # Who calls whom, and what single requests met; and the lines that tell of them.
        MAP,
        _allow("Lines", ("logs:FilterLogEvents",), LOG_GROUPS),
        *_queries(),
        # The key that tokens are signed with: whoever may read it may be anybody.
        _allow("TokenKey", ("secretsmanager:GetSecretValue",), TOKEN_KEY),
        # What Slack tells is signed with the one, and answered with the other.
        _secret("SigningSecret", settings.slack_signing_secret, "SlackSigningSecret"),
        _secret("Token", settings.slack_token, "SlackToken"),
    )
    found["authorizer"] = document(_allow("TokenKey", ("secretsmanager:GetSecretValue",), TOKEN_KEY))
    return {name: document(*policy["Statement"], *_lambdas(name)) for name, policy in found.items()}


def of_service(service: str, settings: Settings, home: Any = HERE) -> list[Statement]:
    """Return the statements about what a service's guardrails look at and change.

    Args:
        service: whose guardrails.
        settings: whose modes decide which actions there are.
        home: the region that Parapet runs in, as the template names it; changes are allowed there, in the global
            region, and in those that the settings name.
    """
    rails = registry.of(service)
    regions = [home, GLOBAL_REGION, *(region for region in settings.regions if region != GLOBAL_REGION)]
    grants: dict[tuple[str, str], set[str]] = {}
    for rail in rails:
        for action in granted(rail, settings):
            condition = _condition(service, rail, action, regions)
            for resource in actions.resources(action):
                grants.setdefault((resource, condition), set()).add(action)
    found: list[Statement] = []
    for (resource, condition), allowed in sorted(grants.items()):
        for kind, some in (
            ("Read", {a for a in allowed if not writes(a)}),
            ("Change", {a for a in allowed if writes(a)}),
        ):
            if some:
                sid = _unique(kind + actions.kind(resource), found)
                found.append(_allow(sid, some, _arn(resource), json.loads(condition)))
    return found


def members(settings: Settings, home: Any = HERE) -> dict[str, Policy]:
    """Return the policy of every service's role in the other accounts, by service: what its guardrails bring, no more.

    Args:
        settings: whose modes decide which actions there are.
        home: the region that Parapet runs in, as `of_service` takes it.
    """
    return {service: document(*of_service(service, settings, home)) for service in registry.services()}


def boundary(policies: Iterable[Policy]) -> Policy:
    """Return the permissions boundary of all our roles: whatever somebody attaches to one, it can do no more than this.

    It allows the actions of all our policies together, hence no deletion that no guardrail declares; it denies
    contents other than our own, other accounts' roles but our members', and changes of our own roles and functions.
    """
    statements = [one for policy in policies for one in policy["Statement"]]
    allowed = {action for one in statements for action in one["Action"]}
    # Nothing about keys: AWS itself decrypts in our roles' names what it keeps for them, such as their environment.
    denied: list[tuple[str, set[str], list[Any]]] = [
        ("NoDataOfOthers", set(actions.DATA), _readable(statements)),
        ("NoOtherRoles", {"sts:AssumeRole"}, [{"Fn::Sub": MEMBERS + "*"}]),
    ]
    return document(
        _allow("NothingElse", allowed, "*"),
        *(
            {"Sid": sid, "Effect": "Deny", "Action": sorted(allowed & some), "NotResource": resources}
            for sid, some, resources in denied
            if allowed & some
        ),
        {
            "Sid": "NotOurselves",
            "Effect": "Deny",
            "Action": [
                "iam:Add*", "iam:Attach*", "iam:Create*", "iam:Delete*", "iam:Put*", "iam:Remove*", "iam:Set*",
                "iam:Tag*", "iam:Untag*", "iam:Update*",
                "lambda:Add*", "lambda:Create*", "lambda:Delete*", "lambda:Publish*", "lambda:Put*", "lambda:Remove*",
                "lambda:Update*",
            ],
            "Resource": [
                {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/" + OURS},
                {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/" + OURS},
                {"Fn::Sub": "arn:${AWS::Partition}:lambda:*:${AWS::AccountId}:function:" + OURS},
            ],
        },
    )  # fmt: skip


def _readable(statements: Iterable[Statement]) -> list[Any]:
    """Return the resources whose contents our roles may read; raises ParapetError when a policy would allow all."""
    found: dict[str, Any] = {}
    for one in statements:
        if set(one["Action"]) & set(actions.DATA):
            if one["Resource"] == "*":
                raise ParapetError(f"{one['Sid']} would let a role read the contents of everything")
            found[json.dumps(one["Resource"], sort_keys=True)] = one["Resource"]
    return [found[key] for key in sorted(found)]


def _secret(sid: str, reference: str, parameter: str) -> Statement:
    """Return the right to read a secret where the settings say it is, or else where the stack's parameter does."""
    if not reference:
        name = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${" + parameter + "}"
        return _allow(sid, ("ssm:GetParameter",), {"Fn::Sub": name})
    store, name = secrets.place(reference)
    # Secrets Manager puts six characters of its own behind a secret's name.
    end = f"secret:{name}-??????" if store == "secretsmanager" else f"parameter/{name.removeprefix('/')}"
    arn = "arn:${AWS::Partition}:" + store + ":${AWS::Region}:${AWS::AccountId}:" + end
    return _allow(sid, (secrets.ACTIONS[store],), name if name.startswith("arn:") else {"Fn::Sub": arn})


def keys(*patterns: str) -> dict[str, Any]:
    """Return the condition that only items under some partition keys of the journal are reached."""
    return {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": sorted(patterns)}}


def _guard(service: str, settings: Settings) -> Policy:
    rails = registry.of(service)
    swept = any(rail.swept for rail in rails)
    # Not COMMAND#*: whoever carries commands out must not be able to write one.
    written = ("ANSWER#*", "FINDING#*", "HEAD#*", *(("LIMIT#*",) if any(map(settings.acts, rails)) else ()))
    return document(
        *of_service(service, settings),
        _allow("Journal", ("dynamodb:BatchGetItem", "dynamodb:GetItem"), TABLE),
        *([_allow("Standing", ("dynamodb:Query",), _index("by_status"))] if swept else ()),
        # What it is asked to take back.
        *([_allow("Changed", ("dynamodb:Query",), LEDGER)] if any(map(settings.takes_back, rails)) else ()),
        _allow("Findings", ("dynamodb:PutItem", "dynamodb:UpdateItem"), TABLE, keys(*written)),
        _allow("Outbox", ("sqs:SendMessage",), OUTBOX),
        *_elsewhere(service, settings.accounts),
    )


def _costs() -> tuple[Statement, ...]:
    """Return what it takes to say what the account costs: Cost Explorer, its kept answers, budgets, what is idle."""
    budgets = {"Fn::Sub": "arn:${AWS::Partition}:budgets::${AWS::AccountId}:budget/*"}
    idle = ("Addresses", "Instances", "NatGateways", "Volumes")
    return (
        _allow("Costs", ("ce:GetCostAndUsage", "ce:GetCostForecast"), "*"),
        _allow("CostsKept", ("dynamodb:GetItem", "dynamodb:UpdateItem"), TABLE, keys("COST#*")),
        _allow("Budgets", ("budgets:ViewBudget",), budgets),
        _allow("Idle", ("cloudwatch:GetMetricData", *(f"ec2:Describe{kind}" for kind in idle)), "*"),
    )


def _limits(
    services: Iterable[Service], *tables: Mapping[str, Sequence[str]], sid: str = "Limits"
) -> Iterator[Statement]:
    """Yield the rights to look up what is full, or who logs where: only for kinds that a service has."""
    kinds = {target.kind for one in services for target in one.targets}
    asked = {action for kind in kinds for table in tables for action in table.get(kind, ())}
    for resource in sorted({resource for action in asked for resource in actions.resources(action)}):
        some = {action for action in asked if resource in actions.resources(action)}
        yield _allow(f"{sid}{actions.kind(resource)}", some, _arn(resource))


def _queries() -> tuple[Statement, ...]:
    """Return what queries of Logs Insights take: which log groups there are, and what their lines say.

    What stops one, and what tells where logs are, names no group.
    """
    beside = (
        "cloudtrail:DescribeTrails", "ec2:DescribeFlowLogs", "logs:DescribeLogGroups", "logs:StopQuery",
        "tag:GetResources",
    )  # fmt: skip
    return (
        _allow("QueriedLines", ("logs:GetQueryResults", "logs:StartQuery"), LOG_GROUPS),
        _allow("Queries", beside, "*"),
    )


def _stores(reports: Iterable[Report]) -> Iterator[Statement]:
    """Yield the right to put rows into S3: only where the settings have a report do so."""
    places = {f"{one.store.bucket}/{one.store.prefix}{one.name}/*" for one in reports if one.store}
    if places:
        resources = [{"Fn::Sub": "arn:${AWS::Partition}:s3:::" + place} for place in sorted(places)]
        yield _allow("Rows", ("s3:PutObject",), resources)


def _channel(function: str, channel: str, *own: Statement) -> Policy:
    """Return what telling a channel's notices takes: its queue, its records, and the channel's own."""
    return document(
        _allow("Threads", ("dynamodb:GetItem", "dynamodb:UpdateItem"), TABLE, keys(f"THREAD#{channel}#*")),
        _allow("Queue", ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"), CHANNELS[function]),
        *own,
    )


def _routing_keys(settings: Settings) -> list[Statement]:
    """Return the right to read each PagerDuty service's routing key; the default one is the stack's parameter."""
    every = {"default": "", **settings.pagerduty}.values()
    return [_secret(f"Key{number or ''}", reference, "PagerDutyKey") for number, reference in enumerate(every)]


def _elsewhere(service: str, accounts: Accounts) -> list[Statement]:
    """Return the right to assume a service's role in other accounts, and no other role."""
    role = {"Fn::Sub": MEMBERS + service}
    known = {"sts:ExternalId": {"Ref": "ExternalId"}}
    inside = {**known, "aws:ResourceOrgID": {"Ref": "OrganizationId"}}
    paths = {"aws:ResourceOrgPaths": [f"*/{unit}/*" for unit in accounts.units]}
    named = {"aws:ResourceAccount": [one for one in accounts.ids if one != accounts.own]}
    found: list[tuple[str, object, dict[str, Any]]] = [
        ("InOrganisation", accounts.everyone, {"StringEquals": inside}),
        ("InUnits", accounts.units, {"StringEquals": inside, "ForAnyValue:StringLike": paths}),
        ("InAccounts", named["aws:ResourceAccount"], {"StringEquals": {**known, **named}}),
    ]
    return [_allow(sid, ("sts:AssumeRole",), role, condition) for sid, wanted, condition in found if wanted]


def _organisation(accounts: Accounts) -> list[Statement]:
    """Return the right to list the accounts that are to be swept, where the settings do not."""
    found = []
    if accounts.everyone:
        found.append(_allow("Accounts", ("organizations:ListAccounts",), "*"))
    if accounts.units:
        units = {"Fn::Sub": "arn:${AWS::Partition}:organizations::*:ou/*"}
        listing = ("organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent")
        found.append(_allow("Units", listing, units))
    return found


def _lambdas(function: str) -> list[Statement]:
    """Return what Lambda itself does under a function's role: its log, its traces, what it gave up on."""
    log = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/lambda/parapet-${Stage}-"
    given_up = [
        _allow("GivenUp", ("sns:Publish",), FAILURES),
        # The topic is encrypted.
        _allow("GivenUpKey", ("kms:Decrypt", "kms:GenerateDataKey"), KEY, BY_SNS),
    ]
    if function == "failures":
        given_up = [_allow("GivenUp", ("sqs:SendMessage",), DEAD_LETTERS)]
    return [
        _allow("Log", ("logs:CreateLogStream", "logs:PutLogEvents"), {"Fn::Sub": f"{log}{dashed(function)}:*"}),
        # X-Ray knows no resources.
        _allow("Traces", ("xray:PutTelemetryRecords", "xray:PutTraceSegments"), "*"),
        *(given_up if function not in ANSWERING else ()),
    ]


def _condition(service: str, rail: Guardrail, action: str, regions: Sequence[Any]) -> str:
    """Return as JSON the condition under which a guardrail's action is granted."""
    found: dict[str, Any] = {**rail.conditions.get(action, {})}
    if writes(action) and service not in actions.GLOBAL:
        found["StringEquals"] = {**found.get("StringEquals", {}), "aws:RequestedRegion": list(regions)}
    return json.dumps(found, sort_keys=True)


def _allow(sid: str, allowed: Iterable[str], resources: Any, condition: Mapping[str, Any] | None = None) -> Statement:
    found = {"Sid": sid, "Effect": "Allow", "Action": sorted(allowed), "Resource": resources}
    return {**found, "Condition": dict(condition)} if condition else found


def _unique(sid: str, there: Iterable[Statement]) -> str:
    taken = {one["Sid"] for one in there}
    return sid if sid not in taken else next(name for n in range(2, 99) if (name := f"{sid}{n}") not in taken)


def _arn(resource: str) -> Any:
    return "*" if resource == "*" else {"Fn::Sub": "arn:${AWS::Partition}:" + resource}


def _store(path: str) -> dict[str, Any]:
    """Return the ARN of the bucket that keeps the evidence, or of what lies in it."""
    own, given = "${EvidenceStore.Arn}", "arn:${AWS::Partition}:s3:::${EvidenceBucket}"
    return {"Fn::If": [EVIDENCE, {"Fn::Sub": own + path}, {"Fn::Sub": given + path}]}


def _index(name: str) -> dict[str, str]:
    return {"Fn::Sub": "${Journal.Arn}/index/" + name}


EMIT = _allow(
    "Emit",
    ("events:PutEvents",),
    {"Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"},
    {"StringEquals": {"events:source": "parapet"}},
)
# X-Ray knows no resources.
MAP = _allow("Map", ("xray:BatchGetTraces", "xray:GetServiceGraph", "xray:GetTraceSummaries"), "*")
LOG_GROUPS = _arn("logs:*:${AWS::AccountId}:log-group:*")
