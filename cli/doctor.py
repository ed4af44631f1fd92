"""`doctor`: is everything that Parapet needs there, and if not, what to do about it?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from chalicelib.model import AwsError, ParapetError
from cli import output
from cli.checkup import account, alerts, delivery, evidence, journal, members, modes, slack, stack, trails
from cli.checkup.patient import Patient
from cli.checkup.verdict import State, Verdict, cannot_tell
from cli.deployment import Outside

if TYPE_CHECKING:
    from rich.text import Text

Check = Callable[[Patient], Verdict]

CHECKS: Mapping[str, Check] = {
    "settings": account.settings,
    "regions": account.regions,
    "stack": stack.stack,
    "modes": modes.modes,
    "functions": stack.functions,
    "roles": stack.roles,
    "trail": trails.trail,
    "rules": delivery.rules,
    "global events": delivery.global_events,
    "heartbeat": delivery.heartbeat,
    "members": members.members,
    "journal": journal.journal,
    "writers": evidence.writers,
    "evidence": evidence.evidence,
    "paused": journal.paused,
    "dead letters": alerts.dead_letters,
    "topics": alerts.topics,
    "subscriptions": alerts.subscriptions,
    "mailboxes": alerts.mailboxes,
    "pagerduty": alerts.pagerduty,
    "slack": slack.slack,
}
STYLES: Mapping[State, str] = {"ok": "green", "wrong": "bold red", "cannot tell": "yellow", "not here": "dim"}
THREADS = 8


@click.command
@click.option("--wait", is_flag=True, help="Send a heartbeat if none is there, and wait for it up to 2 minutes.")
@output.json_option
@click.pass_context
def doctor(ctx: click.Context, wait: bool, as_json: bool) -> None:
    """Is everything there that Parapet needs, and what is to be done where it is not?

    Nothing is changed; only `--wait` writes the heartbeat's own parameter. What you may not look at, and what the
    local account does not have, is said to be so.
    """
    outside: Outside = ctx.obj
    verdicts = examine(Patient(outside, wait))
    wrong = any(verdict.state == "wrong" for verdict in verdicts.values())
    if as_json:
        output.emit({
            "ok": not wrong,
            "stage": outside.environment.get("PARAPET_STAGE", "local"),
            "region": outside.deployment.region,
            "checks": [{"check": name, **asdict(verdict)} for name, verdict in verdicts.items()],
        })  # fmt: skip
    else:
        output.table(
            ("check", "", "evidence, and what to do"),
            [(name, _styled(verdict.state), _lines(verdict)) for name, verdict in verdicts.items()],
            whole=("check", ""),
        )
        output.say()
        output.say(_summary(list(verdicts.values())))
    ctx.exit(1 if wrong else 0)


def examine(patient: Patient) -> dict[str, Verdict]:
    """Return the verdict of every check, by its name; raises ParapetError when AWS cannot be reached at all."""
    # Where AWS cannot be reached there is nothing to examine: that error is the command's.
    found = {"credentials": account.credentials(patient), "clock": _check(account.clock, patient)}
    if found["credentials"].state != "ok":
        return found
    # The stack is what most checks begin with: read once, before the threads start.
    _check(stack.stack, patient)
    with ThreadPoolExecutor(THREADS) as pool:
        running = {name: pool.submit(_check, check, patient) for name, check in CHECKS.items()}
        return found | {name: future.result() for name, future in running.items()}


def _check(check: Check, patient: Patient) -> Verdict:
    try:
        return check(patient)
    except AwsError as error:
        if error.denied:
            return cannot_tell(f"you may not {error.action}", f"ask somebody who may, or for {error.action}")
        return cannot_tell(str(error), "ask again")
    except ParapetError as error:
        return cannot_tell(str(error))


def _styled(state: State) -> Text:
    from rich.text import Text

    return Text(state.upper() if state == "wrong" else state, STYLES[state])


def _lines(verdict: Verdict) -> Text:
    return output.lines([verdict.evidence, *([f"→ {verdict.todo}"] if verdict.todo else ())])


def _summary(verdicts: Sequence[Verdict]) -> str:
    counts = {state: sum(1 for verdict in verdicts if verdict.state == state) for state in STYLES}
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count)
