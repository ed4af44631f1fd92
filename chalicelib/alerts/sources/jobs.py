"""Work that runs by itself: executions of Step Functions, jobs of AWS Backup.

Severity: a failed execution `medium`, told, for each stands for itself; a failed backup or copy `high`, which fires
until one of the same resource completes, and a failed restore `high`, told.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html
"""

from __future__ import annotations

from chalicelib.alerts.console import page, quoted
from chalicelib.alerts.report import Report, Unreadable, tail
from chalicelib.alerts.signal import Signal, State

KINDS = {"Backup Job State Change": "backup", "Copy Job State Change": "copy", "Restore Job State Change": "restore"}


def execution(report: Report) -> Signal:
    """Return how an execution of a state machine has ended; raises Unreadable."""
    arn, machine = report.said("detail.executionArn"), report.said("detail.stateMachineArn")
    word, name = report.said("detail.status"), tail(machine)
    return report.signal(
        "stepfunctions",
        (machine,),
        state="resolved" if word == "SUCCEEDED" else "told",
        severity="medium",
        name=name,
        title=f"{name} {word.replace('_', ' ').lower()}",
        lines=(report.maybe("detail.cause"),),
        facts=(("Execution", report.maybe("detail.name") or tail(arn)), ("Error", report.maybe("detail.error"))),
        resource=machine,
        links=(
            (
                "Execution",
                page(report.region, f"/states/home?region={{region}}#/v2/executions/details/{quoted(arn)}"),
            ),
        ),
    )


def backup(report: Report) -> Signal:
    """Return how a job of AWS Backup has ended; raises Unreadable."""
    kind = KINDS.get(report.maybe("detail-type"), "backup")
    word = report.maybe("detail.state", "detail.status")
    if not word:
        raise Unreadable("detail.state is missing")
    resource = report.maybe("detail.resourceArn", "detail.createdResourceArn") or report.resource
    vault = tail(report.maybe("detail.backupVaultName", "detail.destinationBackupVaultArn", "detail.backupVaultArn"))
    job = report.maybe("detail.backupJobId", "detail.copyJobId", "detail.restoreJobId")
    state: State = "told"
    if kind != "restore":
        state = "resolved" if word == "COMPLETED" else "firing" if word in ("FAILED", "EXPIRED") else "told"
    name = tail(resource) or report.maybe("detail.resourceType") or job or kind
    return report.signal(
        "backup",
        (kind, resource, vault),
        state=state,
        severity="high" if word in ("FAILED", "EXPIRED") else "medium",
        name=name,
        title=f"{kind.capitalize()} of {name} {word.replace('_', ' ').lower()}",
        lines=(report.maybe("detail.statusMessage"),),
        facts=(("Vault", vault), ("Job", job), ("Kind", report.maybe("detail.resourceType"))),
        resource=resource,
        links=(("Jobs", page(report.region, f"/backup/home?region={{region}}#/jobs/{kind}")),),
    )
