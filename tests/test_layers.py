"""Imports point down only, and pure modules see no I/O, clock, environment or logging."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "chalicelib"

# From the ground up: a module may import from its own row and from the rows before it.
ROWS: list[set[str]] = [
    {"__version__", "model", "items", "exposure", "evidence", "glyphs"},
    {"chart"},
    {"notices.slack_text", "api.slack_signature", "api.slack_payload", "api.declared", "api.problems"},
    {"api.params", "notices.table"},
    {"events", "alarms"},
    {"section", "notices.channel"},
    {"ledger.model"},
    {"ledger.words", "ledger.frames"},
    {"insights.logs"},
    {"insights.chosen", "insights.parameters", "services.model"},
    {"insights.model"},
    {"insights.price", "insights.queries"},
    {"reports.schedule"},
    {"reports.model"},
    {"reports.compare"},
    {"services.sli", "services.kinds"},
    {"ledger.touched"},
    {"ledger.telling", "ledger.book"},
    {"ledger.asked"},
    {"tracing.belonging", "tracing.layout"},
    {"tracing.graph"},
    {"tracing.maps"},
    {"slo.burn"},
    {"slo.sentence"},
    {"slo.alarms", "slo.budget"},
    {"slo.backtest"},
    {"services.chosen", "services.discover", "services.limits", "services.reading"},
    {"services.alarmed", "services.golden"},
    {"slo.spending"},
    {"services.watch"},
    {"enrich.further"},
    {"paging"},
    {"costs.chosen", "costs.days", "costs.spending", "costs.words", "costs.prices", "costs.idle", "costs.budgets"},
    {"matcher", "alerts.signal", "alerts.model"},
    {"patterns", "alerts.console", "alerts.watched"},
    {"alerts.report"},
    {"alerts.custom", "alerts.sources"},
    {"alerts.parse"},
    {"registry", "publicity", "access_block", "reads", "tags", "provenance", "reverts"},
    {"bucket_policy", "wanted"},
    {"scope", "alerts.bindings"},
    {"people"},
    {"reports.chosen"},
    {"ledger.entry"},
    {"ledger.history"},
    {"ledger.who"},
    {"notices.routes", "alerts.quiet"},
    {
        "settings",
        "guardrails",
        "notices.compose",
        "notices.slack_blocks",
        "notices.pagerduty_events",
        "notices.email_text",
        "notices.trouble",
    },
    {
        "times",
        "alerts.asking",
        "alerts.compose",
        "alerts.decide",
        "api.asked",
        "notices.slack_modals",
        "notices.slack_reply",
        "api.slack_words",
    },
    {"api.slack_answers", "ledger.shown", "services.shown"},
    {"reports.decide", "reports.sheet", "reports.told"},
    {"decision"},
    {"records"},
    {"aws", "heartbeat", "journal", "archive", "export", "pages", "notices.outbox", "notices.threads", "secrets"},
    {"alerts.records", "tokens", "bus"},
    {"reverting"},
    {"token_keys"},
    {"costs.explorer", "costs.report", "costs.told", "costs.about"},
    {"insights.groups", "insights.lines", "insights.running", "insights.book"},
    {"insights.plan"},
    {"enrich.asked", "enrich.gather", "enrich.watched"},
    {
        "enrich.budget",
        "enrich.changes",
        "enrich.contributors",
        "enrich.errors",
        "enrich.graph",
        "enrich.links",
        "enrich.numbers",
        "enrich.places",
    },
    {"tracing.scrubbed"},
    {"tracing.samples", "tracing.segments"},
    {"tracing.spans"},
    {"tracing.asking"},
    {"tracing.following"},
    {"tracing.followed", "tracing.shown"},
    {"explain.onset", "explain.harm", "explain.gathering", "explain.kept"},
    {"explain.model"},
    {"explain.states"},
    {"explain.suspects"},
    {"explain.sentence"},
    {"explain.subject"},
    {"explain.counted"},
    {"explain.sections"},
    {"explain.explained"},
    {"explain.asked", "explain.told"},
    {"enrich.evidence", "insights.shown"},
    {"reports.shown"},
    {"reports.records"},
    {"reports.book"},
    {"reports.asking"},
    {"reports.desk"},
    {"alerts.book"},
    {"explain.timeline"},
    {"notices.slack_api", "organisation", "telemetry"},
    {
        "notices.slack_people",
        "notices.slack_pictures",
        "notices.slack",
        "permitted",
        "notices.pagerduty",
        "notices.email",
        "notices.delivery",
    },
    {"api.shape", "api.schemas"},
    {"remediation"},
    {"pipeline"},
    {"admission"},
    {"commands"},
    {"obeying"},
    {"alerts.dispatch"},
    {"wiring"},
    {"explain.work"},
    {"guard", "api"},
    {"functions"},
]
PURE = {
    "ledger.model", "ledger.asked", "ledger.words", "ledger.touched", "ledger.telling", "ledger.entry", "ledger.shown",
    "ledger.frames", "reverts", "chart", "glyphs", "enrich.asked", "enrich.budget",
    "enrich.changes", "enrich.contributors", "enrich.further", "enrich.graph",
    "enrich.links", "enrich.numbers", "enrich.places", "enrich.watched",
    "patterns", "alerts.console", "alerts.report", "alerts.watched", "alerts.custom", "alerts.sources", "alerts.parse",
    "model", "items", "section", "matcher", "alerts.signal", "alerts.model", "alerts.compose", "alerts.asking",
    "alerts.decide", "alerts.quiet", "notices.routes",
    "exposure", "evidence", "scope", "people", "publicity", "access_block", "bucket_policy", "reads", "tags", "wanted",
    "provenance", "events", "registry", "alarms", "alerts.bindings",
    "costs.chosen", "costs.days", "costs.spending", "costs.words", "costs.prices", "costs.idle", "costs.budgets",
    "costs.told",
    "decision", "records",
    "guardrails", "notices.compose", "notices.slack_blocks", "notices.slack_modals", "notices.slack_text",
    "notices.trouble", "notices.channel", "notices.pagerduty_events", "notices.email_text", "paging", "times",
    "tokens", "api.declared", "api.params", "api.problems", "api.schemas",
    "api.asked", "api.shape", "api.slack_answers", "api.slack_payload",
    "api.slack_signature", "api.slack_words",
    "services.model", "services.sli", "services.kinds", "services.chosen", "services.discover", "services.limits",
    "services.reading",
    "services.alarmed", "services.golden", "services.shown", "services.watch",
    "insights.logs", "insights.chosen", "insights.parameters", "insights.model", "insights.price", "insights.queries",
    "insights.groups", "insights.lines", "insights.plan",
    "reports.schedule", "reports.model", "reports.compare", "reports.chosen", "reports.decide", "reports.sheet",
    "reports.shown", "reports.told", "reports.records", "notices.table",
    "explain.onset", "explain.harm", "explain.model", "explain.states", "explain.suspects",
    "explain.sentence", "explain.subject",
    "tracing.belonging", "tracing.graph", "tracing.layout", "tracing.maps", "tracing.samples", "tracing.segments",
    "tracing.shown", "tracing.spans",
    "slo.alarms", "slo.backtest", "slo.budget", "slo.burn", "slo.sentence", "slo.spending",
}  # fmt: skip
IMPURE = {
    "boto3", "botocore", "os", "time", "logging", "random", "secrets", "socket", "subprocess", "requests",
    "urllib.request", "slack_sdk", "aws_lambda_powertools", "chalice", "uuid",
}  # fmt: skip
CLOCKS = {"now", "today", "utcnow"}
# Nothing but their docstrings.
PACKAGES = {
    "__init__", "notices", "api", "alerts", "costs", "enrich", "services", "slo", "tracing", "insights", "ledger",
    "reports", "explain",
}  # fmt: skip


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        if name not in PACKAGES:
            yield name, ast.parse(path.read_text("utf-8"))


def family(name: str) -> str:
    """The row's name of a module: guardrails and functions count as one each, and so do the routes of the API."""
    for several in ("alerts.sources", "explain.sections", "insights.queries", "services.kinds"):
        if name.startswith(several):
            return several
    first = name.split(".")[0]
    return first if first in ("guardrails", "functions") or (first == "api" and name not in PURE) else name


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module in (
                "chalicelib",
                "chalicelib.notices",
                "chalicelib.functions",
                "chalicelib.api",
                "chalicelib.alerts",
                "chalicelib.enrich",
                "chalicelib.costs",
                "chalicelib.services",
                "chalicelib.slo",
                "chalicelib.tracing",
                "chalicelib.insights",
                "chalicelib.reports",
                "chalicelib.ledger",
                "chalicelib.insights.queries",
                "chalicelib.explain",
                "chalicelib.explain.sections",
            ):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            else:
                yield node.module


MODULES = dict(modules())


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_down(name: str) -> None:
    rank = {member: number for number, row in enumerate(ROWS) for member in row}
    own = family(name)
    assert own in rank, f"{name} has no place in the layers: give it one in tests/test_layers.py"
    for module in imported(MODULES[name]):
        # The package of the guardrails is empty; the registry looks through it for files.
        if module.startswith("chalicelib.") and module != "chalicelib.guardrails":
            other = family(module.removeprefix("chalicelib."))
            assert rank[other] <= rank[own], f"{name} imports {other}, which stands above it"
            if own == "guardrails":
                assert other != "guardrails", f"{name} imports another guardrail"


@pytest.mark.parametrize("name", [name for name in MODULES if family(name) in PURE])
def test_pure_modules_do_no_io(name: str) -> None:
    for module in imported(MODULES[name]):
        roots = {module, module.split(".")[0]}
        assert not roots & IMPURE, f"{name} imports {module}"
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in CLOCKS, f"{name} reads the clock"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("open", "print", "input"), f"{name} calls {node.func.id}"


def test_only_aws_and_wiring_make_clients() -> None:
    makers = {
        name for name, tree in MODULES.items() if {"botocore", "boto3"} & {m.split(".")[0] for m in imported(tree)}
    }
    assert makers == {"aws", "wiring"}


def test_what_is_deployed_imports_nothing_that_is_not() -> None:
    for name, tree in MODULES.items():
        for module in imported(tree):
            assert module.split(".")[0] not in ("local", "cli", "tests", "moto", "rich", "typer"), name
