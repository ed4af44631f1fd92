"""What `.chalice/resources.json` holds: all that Chalice cannot declare, laid over what it can.

Chalice merges it into its own output: dictionaries deeply, lists as a whole, and nothing of Chalice's is taken away.
What there is per function follows from Chalice's registrations, so that none lacks its log, its role's bounds, alarms.
"""

from __future__ import annotations

from typing import Any

from chalicelib import __version__, registry
from chalicelib.settings import Settings
from deploy import member, rights, trail
from deploy.intrinsics import arn, named, ref, resource, sub
from deploy.release import SCOPED
from deploy.resources import (
    alarms,
    api,
    budget,
    dashboards,
    evidence,
    functions,
    heartbeat,
    ledger,
    queues,
    rules,
    storage,
    topics,
)

Template = dict[str, Any]

# Names of ours are at most 64 characters long, the stage and a function's name included.
STAGE = "[a-z][a-z0-9-]{0,19}"
# What CloudWatch Logs takes.
DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]


def merged(app: Any, settings: Settings) -> Template:
    """Return what is merged into Chalice's template of an app; raises ParapetError for what it cannot complete."""
    known = functions.registered(app)
    asked = any(function.kind == "api" for function in known)
    state = {
        **storage.resources(),
        **queues.resources(),
        **topics.resources(settings.addresses),
        **heartbeat.resources(),
        **ledger.resources(),
        **api.key(),
    }
    beside = [trail.fragment(), member.hub(), evidence.fragment(), storage.operators(), budget.fragment()]
    observed = {"PARAPET_OBSERVED": ",".join(settings.observed)} if settings.observed else {}
    return {
        "Description": f"Parapet {__version__}: guardrails that put dangerous changes right, and can take it back",
        "Metadata": {"Parapet": about(settings)},
        "Parameters": _together(_parameters(), *(part.get("Parameters", {}) for part in beside)),
        "Conditions": _together(_conditions(), *(part.get("Conditions", {}) for part in beside)),
        "Globals": {"Function": functions.common(observed)},
        "Resources": _together(
            state,
            {"Boundary": _boundary(settings)},
            rules.resources(settings),
            functions.resources(known, state),
            api.resources(settings) if asked else {},
            alarms.resources(known, state, settings.paging.alarms),
            dashboards.resources(settings),
            *(part.get("Resources", {}) for part in beside),
        ),
        "Outputs": _outputs(asked),
    }


def about(settings: Settings) -> dict[str, Any]:
    """Return what a template says about the Parapet in it, which the next version and `./parapet doctor` read."""
    rails = registry.load()
    return {
        "version": __version__,
        "guardrails": [rail.name for rail in rails],
        "modes": {rail.name: settings.modes(rail) for rail in rails},
        "observed": list(settings.observed),
        "heeds": [SCOPED],
    }


def _together(*parts: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts:
        if twice := sorted(set(found) & set(part)):
            raise ValueError(f"two parts of the template make {', '.join(twice)}")
        found |= part
    return found


def _boundary(settings: Settings) -> dict[str, Any]:
    return resource(
        "AWS::IAM::ManagedPolicy",
        ManagedPolicyName=named("boundary"),
        Description="The most that any role of Parapet's can do, whatever is attached to it",
        PolicyDocument=rights.boundary(rights.policies(settings).values()),
    )


def _parameters() -> dict[str, Any]:
    return {
        "Stage": _text(
            "Names everything of ours, so that several installations in one account do not collide", "prod", STAGE
        ),
        "ArtefactBucket": _text("The bucket that the functions' code was uploaded to"),
        "ArtefactKey": _text("The key of the functions' code in it"),
        "SlackToken": _text(
            "Name of the SSM SecureString parameter that holds Slack's bot token", "/parapet/slack-token", "/.+"
        ),
        "SlackSigningSecret": _text(
            "Name of the SSM SecureString parameter that holds Slack's signing secret; empty: no buttons in Slack",
            "/parapet/slack-signing-secret",
            "(/.+)?",
        ),
        "PagerDutyKey": _text(
            "Name of the SSM SecureString parameter that holds PagerDuty's routing key; empty: no PagerDuty",
            "",
            "(/.+)?",
        ),
        "PageEmail": _text(
            "Who hears by e-mail, with no function of ours in between, when Parapet is not well; empty for nobody",
            "",
            "(.+@.+)?",
        ),
        "PagerDutyUrl": {
            **_text(
                "Where PagerDuty hears the same: the URL of an integration Amazon CloudWatch; empty for nobody",
                "",
                "(https://.+)?",
            ),
            "NoEcho": True,
        },
        "LogRetentionDays": {
            "Type": "Number",
            "Description": "How long the functions' logs are kept",
            "Default": 90,
            "AllowedValues": DAYS,
        },
        "QuietHours": {
            "Type": "Number",
            "Description": "For how many hours a guard function may see nothing at all; the sweep comes every hour",
            "Default": 3,
            "MinValue": 2,
            "MaxValue": 24,
        },
        "ReservedConcurrency": _text(
            "How many of each function may run at once, at least 2; 0 for what the account has left",
            "0",
            "0|[2-9]|[1-9][0-9]{1,3}",
        ),
        "CreateApiGatewayRole": {
            **_text("Give API Gateway the role that it writes logs under; true where the region has none", "false"),
            "AllowedValues": ["true", "false"],
        },
        "OrganizationId": _text(
            "The organisation whose other accounts are watched too (o-...); empty when there are none",
            "",
            member.ORGANISATION,
        ),
        "ExternalId": _text(
            "What Parapet says when it assumes its roles in other accounts, the same as their StackSet's",
            "",
            member.EXTERNAL_ID,
        ),
    }


def _text(description: str, default: str | None = None, pattern: str = "") -> dict[str, Any]:
    return {
        "Type": "String",
        "Description": description,
        **({} if default is None else {"Default": default}),
        **({"AllowedPattern": pattern} if pattern else {}),
    }


def _conditions() -> dict[str, Any]:
    return {
        "HasPageEmail": _not({"Fn::Equals": [ref("PageEmail"), ""]}),
        "HasPagerDutyUrl": _not({"Fn::Equals": [ref("PagerDutyUrl"), ""]}),
        "ReservesConcurrency": _not({"Fn::Equals": [ref("ReservedConcurrency"), "0"]}),
        "CreatesApiGatewayRole": {"Fn::Equals": [ref("CreateApiGatewayRole"), "true"]},
    }


def _not(condition: dict[str, Any]) -> dict[str, Any]:
    return {"Fn::Not": [condition]}


def _outputs(asked: bool) -> dict[str, Any]:
    found = {
        "Version": ("Parapet's version", __version__),
        "Table": ("The journal's table", ref("Journal")),
        "EvidenceKeptIn": (
            "The bucket that the journal is exported to",
            {"Fn::If": ["MakesEvidenceStore", ref("EvidenceStore"), ref("EvidenceBucket")]},
        ),
        "SlackQueue": ("The outbox", ref("SlackQueue")),
        "AlertTopic": ("Where alarms, budgets and cost anomalies may be published", ref("AlertTopic")),
        "PageTopic": ("Where CloudWatch publishes when Parapet is not well", ref("PageTopic")),
        "AlertKey": ("The key that encrypts it", arn("AlertKey")),
        "TokenKey": ("The secret that the API's tokens are signed with", ref("TokenKey")),
    }
    if asked:
        url = "https://${RestAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}/api"
        found["ApiUrl"] = "The HTTP API, and its page", sub(url)
    return {name: {"Description": description, "Value": value} for name, (description, value) in found.items()}
