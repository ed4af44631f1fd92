"""Can Parapet speak in its Slack channel, and does it hear what is pressed there?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http.client import HTTPException
from typing import Any

from chalicelib.secrets import STORES, Secret, place
from cli.checkup.patient import Patient
from cli.checkup.verdict import Verdict, cannot_tell, ok, wrong

# What each scope is for: docs/slack.md.
SCOPES: Mapping[str, str] = {
    "chat:write": "to tell",
    "channels:read": "to find its channel",
    "groups:read": "to find a private channel",
    "channels:history": "to look whether an interrupted call has arrived",
    "groups:history": "the same in a private channel",
    "im:history": "the same where it tells one person",
    "commands": "for /parapet",
    "usergroups:read": "to know who may press what",
    "users:read": "to tell whoever made a change",
    "users:read.email": "to find them by their address",
    "im:write": "to write to them alone",
    "files:write": "to show the graph of an alarm",
}
ABSENT = ("ParameterNotFound", "ParameterVersionNotFound", "ResourceNotFoundException")
TIMEOUT, PAGE = 10, 200


def slack(patient: Patient) -> Verdict:
    """Is there a token, do its scopes suffice, is the bot in the channel, and is there a signing secret?"""
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError, SlackClientError

    where = patient.stack.parameter("SlackToken") or "/parapet/slack-token"
    store, name = place(where)
    token = secret(patient, store, name)
    put = "put the app's bot token (xoxb-…) there: docs/slack.md"
    if token is None:
        return wrong(f"there is no {STORES[store]} {name}", put)
    url = patient.outside.environment.get("PARAPET_SLACK_URL") or WebClient.BASE_URL
    client = WebClient(token=token.reveal(), base_url=url, timeout=TIMEOUT, retry_handlers=[])
    # slack_sdk takes HTTPS_PROXY without looking at NO_PROXY; urllib looks at both.
    client.proxy = None
    try:
        answer = client.auth_test()
        header = next((value for key, value in answer.headers.items() if key.lower() == "x-oauth-scopes"), None)
        scopes = None if header is None else {one.strip() for one in header.split(",")}
        channels = list(_channels(client)) if scopes is None or "channels:read" in scopes else []
    except SlackApiError as error:
        return wrong(f"Slack refuses the token in {name}: {error.response.get('error')}", put)
    except (SlackClientError, OSError, HTTPException) as error:
        # The error's own text may hold the request, and so the token.
        return cannot_tell(f"Slack does not answer: {type(error).__name__}", "ask again; is this machine offline?")
    routes = patient.settings.routes
    routed = [one.destination.slack for one in (*routes.given, routes.otherwise) if one.destination.slack]
    wanted = dict.fromkeys((patient.settings.slack_channel, *routed))
    speaks = judge(str(answer["team"]), scopes, channels, list(wanted))
    return speaks if speaks.state != "ok" else _heard(patient, speaks)


def _heard(patient: Patient, speaks: Verdict) -> Verdict:
    """Judge whether what is pressed in Slack can be told from what is not Slack's."""
    where = patient.settings.slack_signing_secret or patient.stack.parameter("SlackSigningSecret")
    if not where:
        return ok(f"{speaks.evidence}; without buttons, since SlackSigningSecret is empty")
    store, name = place(where)
    if secret(patient, store, name) is None:
        return wrong(
            f"there is no {STORES[store]} {name}: no button, dialog or /parapet gets through",
            "put the app's signing secret there: docs/slack.md",
        )
    return ok(f"{speaks.evidence}, and it knows Slack's signature")


def secret(patient: Patient, store: str, name: str) -> Secret | None:
    """Return a secret from its store, which then shows it to nobody; None where there is none. Raises AwsError."""
    if store == "ssm":
        found = patient.aws("ssm", "get_parameter", absent=ABSENT, Name=name, WithDecryption=True)
        value = found.get("Parameter", {}).get("Value")
    else:
        value = patient.aws("secretsmanager", "get_secret_value", absent=ABSENT, SecretId=name).get("SecretString")
    return Secret(value.strip()) if value else None


def _channels(client: Any) -> Iterable[Mapping[str, Any]]:
    cursor = ""
    while True:
        more = {"cursor": cursor} if cursor else {}
        answer = client.users_conversations(types="public_channel,private_channel", limit=PAGE, **more)
        yield from answer["channels"]
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return


def judge(team: str, scopes: set[str] | None, channels: Sequence[Mapping[str, Any]], wanted: Sequence[str]) -> Verdict:
    """Judge by the workspace, the token's scopes (None: not told), the bot's channels, and those of the settings."""
    if scopes is None:
        return cannot_tell(f"in {team}, but Slack does not say with which scopes", "see the app's page: docs/slack.md")
    missing = [scope for scope in SCOPES if scope not in scopes]
    if missing:
        reasons = ", ".join(f"{scope} ({SCOPES[scope]})" for scope in missing)
        return wrong(f"in {team}, the app lacks {reasons}", "give the app these scopes and install it again")
    for number, name in enumerate(wanted):
        setting = "slack of its route" if number else "slack.channel"
        mine = [one for one in channels if name.removeprefix("#") in (one["name"], one["id"])]
        if not mine:
            return wrong(
                f"in {team}, the bot is not in {name}",
                f"invite it there with /invite @parapet, or set {setting} in parapet.toml",
            )
        if mine[0].get("is_archived"):
            return wrong(f"in {team}, {name} is archived", f"unarchive it, or set {setting} in parapet.toml")
    return ok(f"in {team}, in {', '.join(wanted)}, with all scopes")
