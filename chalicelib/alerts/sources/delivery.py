"""CodePipeline, CodeBuild and CodeDeploy: what fails on its way to production.

Severity: a failed deployment `high`, a failed pipeline or build `medium`. Each fires until the next run of the same
pipeline, project or deployment group succeeds.

https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications.html
https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-cloudwatch-events.html
"""

from __future__ import annotations

from chalicelib.alerts.console import logs, page, quoted
from chalicelib.alerts.report import Report, tail
from chalicelib.alerts.signal import Signal, State

OUTCOMES: dict[str, State] = {
    "FAILED": "firing", "FAULT": "firing", "TIMED_OUT": "firing", "FAILURE": "firing",
    "SUCCEEDED": "resolved", "SUCCESS": "resolved",
}  # fmt: skip


def pipeline(report: Report) -> Signal:
    """Return what became of a pipeline's run; raises Unreadable."""
    name, word = report.said("detail.pipeline"), report.said("detail.state")
    return report.signal(
        "codepipeline",
        (name,),
        state=OUTCOMES.get(word, "told"),
        severity="medium",
        name=name,
        title=f"Pipeline {name} {_word(word)}",
        facts=(
            ("Run", report.maybe("detail.execution-id")),
            ("Trigger", report.maybe("detail.execution-trigger.trigger-type")),
        ),
        resource=report.resource or name,
        links=(
            (
                "Pipeline",
                page(report.region, f"/codesuite/codepipeline/pipelines/{quoted(name)}/view?region={{region}}"),
            ),
        ),
    )


def build(report: Report) -> Signal:
    """Return what became of a build; raises Unreadable."""
    project, word, id_ = (
        report.said("detail.project-name"),
        report.said("detail.build-status"),
        "additional-information",
    )
    group = report.maybe(f"detail.{id_}.logs.group-name")
    phases = [
        f"{one.get('phase-type')}: {', '.join(str(part) for part in one['phase-context'])}"
        for one in report.items(f"detail.{id_}.phases")
        if isinstance(one, dict) and one.get("phase-status") == "FAILED" and isinstance(one.get("phase-context"), list)
    ]
    run = report.maybe("detail.build-id")
    where = f"/codesuite/codebuild/{report.account}/projects/{quoted(project)}/build/{quoted(run.split('build/')[-1])}"
    return report.signal(
        "codebuild",
        (project,),
        state=OUTCOMES.get(word, "told"),
        severity="medium",
        name=project,
        title=f"Build of {project} {_word(word)}",
        lines=phases[:3],
        facts=(
            ("Build", run.split("build/")[-1]),
            ("By", report.maybe(f"detail.{id_}.initiator")),
            ("Source", report.maybe(f"detail.{id_}.source-version")),
        ),
        resource=run or report.resource or project,
        links=(
            ("Build", page(report.region, where + "?region={region}") if run and report.account else ""),
            ("Logs", logs(report.region, group) if group else ""),
        ),
        log_groups=(group,),
    )


def deployment(report: Report) -> Signal:
    """Return what became of a deployment; raises Unreadable."""
    application, group = report.said("detail.application"), report.said("detail.deploymentGroup")
    word, id_ = report.said("detail.state"), report.said("detail.deploymentId")
    return report.signal(
        "codedeploy",
        (application, group),
        state=OUTCOMES.get(word, "told"),
        severity="high",
        name=f"{application}/{group}",
        title=f"Deployment of {application} to {group} {_word(word)}",
        facts=(("Deployment", id_), ("Group", group)),
        resource=next((one for one in map(str, report.items("resources")) if ":deploymentgroup:" in one), tail(id_)),
        service=application,
        links=(
            (
                "Deployment",
                page(report.region, f"/codesuite/codedeploy/deployments/{quoted(id_)}?region={{region}}"),
            ),
        ),
    )


def _word(word: str) -> str:
    words = {"FAULT": "failed", "FAILURE": "failed", "SUCCESS": "succeeded"}
    return words.get(word, word.replace("_", " ").lower())
