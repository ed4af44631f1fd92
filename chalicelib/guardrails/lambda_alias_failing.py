"""A Lambda alias that an alarm calls failing must point to the version before.

Why: what was published shortly before the alarm is most often its cause, and going back is faster than finding out.
Fix: while the alias shares calls out between two versions, all go to the older; otherwise it points to the latest
version that was published before its own. It is told only where that would be a guess: its version was published more
than `within` minutes before the alarm, there is none before, or it points to $LATEST, which is no version.
Undo: points the alias to the newer version again, or shares the calls out as before.
Mode: bound to an alarm it asks: what the newer code has written the older one must be able to read. A deployment of
CodeDeploy that still moves the alias moves it on: stop that too.
Anew: none
Controls: none in FSBP or CIS
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from chalicelib import reads, tags, wanted
from chalicelib.alarms import Firing
from chalicelib.model import Aws, Remedy
from chalicelib.registry import alarm, guardrail

State = Mapping[str, Any]
PART = "version"


def read(aws: Aws, subject: str) -> State:
    """Return the alias that `function:alias` names, and when each version was published; raises AwsError."""
    alias = reads.alias(aws, subject)
    versions = aws.all("lambda", "list_versions_by_function", "Versions", FunctionName=alias["function"])
    published = {
        int(one["Version"]): datetime.fromisoformat(one["LastModified"]).timestamp()
        for one in versions
        if one["Version"].isdigit()
    }
    return {**alias, "published": published}


def before(alias: State, since: float, within: int) -> tuple[str, str]:
    """Return the version to go back to, or an empty text and why there is none to be sure of."""
    version = alias["version"]
    if not version.isdigit():
        return "", f"{version} is no version: there is nothing to go back to"
    if alias["weights"]:
        return str(min(map(int, (version, *alias["weights"])))), ""
    if since - alias["published"].get(int(version), 0.0) > within * 60:
        return "", f"{version} was published more than {within} minutes before: going back would be a guess"
    older = [one for one in alias["published"] if one < int(version)]
    return (str(max(older)), "") if older else ("", f"there is no version before {version} any more")


@guardrail(
    severity="high",
    default={"event": "approve", "sweep": "off"},
    on={alarm(): "{Resource}"},
    needs={"lambda:GetAlias", "lambda:ListTags", "lambda:ListVersionsByFunction", "lambda:UpdateAlias"},
    read=read,
    current=wanted.versions,
    tags=tags.of_function,
    gone={"ResourceNotFoundException"},
    options={"within": 60},
)
def check(alias: State, fired: Firing, options: Mapping[str, Any]) -> Iterable[Remedy]:
    """Yield the remedy for an alias that points to a version of just before the alarm."""
    version, weights = alias["version"], alias["weights"]
    old, unsure = before(alias, fired.since, options["within"])
    now = " and ".join((version, *weights))
    why = f"alias {alias['function']}:{alias['name']} points to {now} while alarm {fired.name} fires"
    if unsure:
        yield Remedy(f"{why}; {unsure}", PART)
        return
    yield Remedy(
        why=f"{why}; {old} is the version before",
        part=PART,
        fix=(wanted.have_versions(alias, old, {}),),
        undo=(wanted.have_versions(alias, version, weights),),
        before={"version": version, "weights": weights},
        after={"version": old, "weights": {}},
    )
