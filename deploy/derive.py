"""What follows from the guardrails as files: IAM policies, the documentation page, the dashboard.

`python -m deploy.derive` writes the files, `--check` fails when they are not what it would write.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from chalicelib import registry
from chalicelib.model import ORIGINS, ParapetError
from chalicelib.settings import Settings
from deploy import dashboard, picture, rights

ROOT = Path(__file__).parent.parent
ARCHITECTURE = "docs/architecture.md"


def page(settings: Settings) -> str:
    """Return the documentation page of all guardrails, in Markdown."""
    rails = registry.load()
    lines = [
        "# Guardrails",
        "",
        "Derived from the guardrails' own files by `python -m deploy.derive`; edit those.",
        "",
        "| guardrail | promise | severity | event | sweep |",
        "| --- | --- | --- | --- | --- |",
    ]
    for rail in rails:
        modes = [settings.mode(rail, origin) for origin in ORIGINS]
        promise = rail.documentation.promise
        lines.append(f"| [`{rail.name}`](#{rail.name}) | {promise} | {rail.severity} | {modes[0]} | {modes[1]} |")
    for rail in rails:
        lines += ["", f"## {rail.name}", "", rail.documentation.promise, ""]
        for section in rail.documentation.sections:
            lines.append(f"- **{section.label}.** {section.text}")
        triggers = sorted({trigger.name or f"anything by {trigger.user}" for trigger in rail.on})
        lines.append(f"- **Woken by.** {', '.join(triggers)}")
        if rail.needs:
            lines.append(f"- **Needs.** {', '.join(f'`{action}`' for action in sorted(rail.needs))}")
        for option, default in rail.options.items():
            shown = list(default) if isinstance(default, tuple) else default
            lines.append(f"- **Setting.** `{option}`, by default `{json.dumps(shown)}`")
    return "\n".join(lines) + "\n"


def architecture(text: str, settings: Settings) -> str:
    """Return docs/architecture.md with the picture as the code has it; raises ParapetError where it has no place."""
    before, start, rest = text.partition(picture.START)
    _, end, after = rest.partition(picture.END)
    if not (start and end):
        raise ParapetError(f"docs/architecture.md must have {picture.START} and {picture.END}")
    from app import app

    return f"{before}{start}\n\n{picture.mermaid(app.event_sources, settings)}\n\n{end}{after}"


def files(settings: Settings, root: Path = ROOT) -> dict[Path, str]:
    """Return every derived file with its content."""
    found = {
        root / ".chalice" / "policies" / f"{name}.json": json.dumps(policy, indent=2) + "\n"
        for name, policy in rights.policies(settings).items()
    }
    found[root / "docs" / "guardrails.md"] = page(settings)
    found[root / ARCHITECTURE] = architecture((ROOT / ARCHITECTURE).read_text("utf-8"), settings)
    found[root / "dashboards" / "parapet.json"] = dashboard.body()
    return found


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Write the derived files, or with `--check` return 1 when one of them differs."""
    from chalicelib.settings import load

    wanted = files(load({}, registry.names(), registry.load()), root)
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
    extra = [path for path in (root / ".chalice" / "policies").glob("*.json") if path not in wanted]
    if "--check" in arguments:
        for path in (*stale, *extra):
            sys.stderr.write(f"{path.relative_to(root)} is not what the guardrails say: make derive\n")
        return 1 if stale or extra else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], "utf-8")
    for path in extra:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
