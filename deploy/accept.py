"""Rights that somebody has accepted, each with a reason: a build that grants others fails until they are.

`python -m deploy.accept --check` compares, `python -m deploy.accept REASON` accepts what is new, forgets what is gone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from chalicelib import registry, settings
from chalicelib.model import ParapetError
from chalicelib.settings import GLOBAL_REGION, Settings
from deploy import member, release, template

FILE = Path(__file__).with_name("rights_accepted.json")
# Role -> grant, as a text that stays the same -> when and why it was accepted.
Accepted = Mapping[str, Mapping[str, str]]


def granted(chosen: Settings) -> dict[str, list[str]]:
    """Return every grant of every role of ours as text, sorted: of the stack's, and of those in member accounts."""
    stack = template.cloudformation(template.render(chosen), GLOBAL_REGION)
    roles = {**release.rights(stack), **release.rights(member.template(chosen))}
    return {name: sorted(map(str, grants)) for name, grants in sorted(roles.items())}


def unaccepted(there: Mapping[str, list[str]], accepted: Accepted) -> list[tuple[str, str]]:
    """Return what is granted and was never accepted, as (role, grant)."""
    return [(role, one) for role, grants in there.items() for one in grants if one not in accepted.get(role, {})]


def stale(there: Mapping[str, list[str]], accepted: Accepted) -> list[tuple[str, str]]:
    """Return what was accepted and is no longer granted, as (role, grant): it would come back unnoticed."""
    return [(role, one) for role, grants in accepted.items() for one in grants if one not in there.get(role, [])]


def accept(there: Mapping[str, list[str]], accepted: Accepted, note: str) -> Accepted:
    """Return the record of what is granted: what was accepted keeps its note, what is new gets this one."""
    return {role: {one: accepted.get(role, {}).get(one, note) for one in grants} for role, grants in there.items()}


def main(arguments: list[str], file: Path = FILE) -> int:
    """Check the committed settings' rights against the record, or write it; returns the exit code."""
    chosen = settings.load({}, registry.names(), registry.load())
    there = granted(chosen)
    accepted: Accepted = json.loads(file.read_text("utf-8")) if file.exists() else {}
    new, old = unaccepted(there, accepted), stale(there, accepted)
    if "--check" in arguments:
        return _checked(new, old)
    why = " ".join(arguments).strip()
    # `--help` is no reason.
    if new and (not why or why.startswith("-")):
        sys.stderr.write(f'{len(new)} rights are new: say why they are needed, make accept WHY="…"\n')
        return 2
    note = f"{datetime.now(UTC):%Y-%m-%d}: {why}"
    text = json.dumps(accept(there, accepted, note), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    file.write_text(text, "utf-8")
    sys.stdout.write(f"{file.name}: {len(new)} rights accepted, {len(old)} forgotten\n")
    return 0


def _checked(new: list[tuple[str, str]], old: list[tuple[str, str]]) -> int:
    for role, one in new:
        sys.stderr.write(f"{role} may do more than was accepted: {one}\n")
    for role, one in old:
        sys.stderr.write(f"{role} may no longer: {one}\n")
    if new:
        sys.stderr.write('Narrow them, or accept them with a reason that others will read: make accept WHY="…"\n')
    elif old:
        sys.stderr.write("make accept forgets what is gone, so that it cannot come back unnoticed\n")
    return 1 if new or old else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ParapetError as error:
        sys.exit(str(error))
