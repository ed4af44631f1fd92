"""What follows from the code as files: policies, the template's resources, the dashboard, pages and parts of pages.

`python -m deploy.derive` writes the files, `--check` fails when they are not what it would write.
"""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path

from chalicelib import registry
from chalicelib.model import ParapetError
from chalicelib.settings import Settings
from deploy import example, measured, openapi, picture, resources, rights, widgets
from deploy.resources import alarms, dashboards

ROOT = Path(__file__).parent.parent


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
        modes, promise = settings.modes(rail), rail.documentation.promise
        inforce = f"{modes['event']} | {modes['sweep']}"
        lines.append(f"| [`{rail.name}`](#{rail.name}) | {promise} | {rail.severity} | {inforce} |")
    for rail in rails:
        lines += ["", f"## {rail.name}", "", rail.documentation.promise, ""]
        for section in rail.documentation.sections:
            lines.append(f"- **{section.label}.** {section.text}")
        triggers = sorted({trigger.name or f"anything by {trigger.user}" for trigger in rail.on})
        if rail.alarmed:
            triggers = [f"an alarm that is bound to it, about {', '.join(f'`{path}`' for path in rail.on.values())}"]
        if rail.reverts:
            triggers = [f"a person who asks for one of these to be taken back: {', '.join(triggers)}"]
        lines.append(f"- **Woken by.** {', '.join(triggers)}")
        if rail.needs:
            lines.append(f"- **Needs.** {', '.join(f'`{action}`' for action in sorted(rail.needs))}")
        for option, default in rail.options.items():
            shown = list(default) if isinstance(default, tuple) else default
            lines.append(f"- **Setting.** `{option}`, by default `{json.dumps(shown)}`")
    return "\n".join(lines) + "\n"


def within(path: str, what: str, text: str) -> str:
    """Return a document with what is between its two marks of that name replaced; raises ParapetError without marks."""
    start, end = f"<!-- {what}: made by `make derive` -->", f"<!-- end of {what} -->"
    before, found, rest = (ROOT / path).read_text("utf-8").partition(start)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ParapetError(f"{path} must have the marks {start} and {end}")
    return f"{before}{start}\n\n{text}\n\n{end}{after}"


def meanings() -> str:
    """Return what each kind of alarm means and what to do about it, in Markdown."""
    return "\n\n".join(
        f"### {kind.name}\n\n{kind.means.replace('{subject}', '`parapet-<stage>-…`')} {kind.todo}"
        for kind in alarms.KINDS.values()
    )


def files(settings: Settings, root: Path = ROOT) -> dict[Path, str]:
    """Return every derived file with its content."""
    found = {
        root / ".chalice" / "policies" / f"{name}.json": json.dumps(policy, indent=2) + "\n"
        for name, policy in rights.policies(settings).items()
    }
    app = importlib.import_module("app").app
    drawn = picture.mermaid(app.event_sources, settings)
    found[root / ".chalice" / "resources.json"] = json.dumps(resources.merged(app, settings), indent=2) + "\n"
    found[root / "docs" / "guardrails.md"] = page(settings)
    found[root / "docs" / "openapi.json"] = openapi.text()
    found[root / "docs" / "architecture.md"] = within("docs/architecture.md", "picture", drawn)
    found[root / "docs" / "operations.md"] = within("docs/operations.md", "alarms", meanings())
    found[root / "docs" / "services.md"] = within("docs/services.md", "kinds", measured.text())
    for name, body in dashboards.bodies(shown(settings)).items():
        found[root / "dashboards" / f"{name}.json"] = widgets.rendered(body, "  ") + "\n"
    return found


def shown(settings: Settings) -> Settings:
    """Return settings with services to show in `dashboards/`, one for each: their own, or else the sample systems."""
    return replace(settings, services=settings.services or example.services(), dashboards=True)


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Write the derived files, or with `--check` return 1 when one of them differs."""
    from chalicelib.settings import load

    wanted = files(load({}, registry.names(), registry.load()), root)
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
    kept = (root / ".chalice" / "policies", root / "dashboards")
    extra = [path for folder in kept for path in folder.glob("*.json") if path not in wanted]
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
    try:
        sys.exit(main(sys.argv[1:]))
    except ParapetError as error:
        sys.exit(str(error))
