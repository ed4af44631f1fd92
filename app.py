"""Registers Parapet's functions with Chalice; nothing else."""

import os

from chalice import Chalice

from chalicelib.api import routes

app = Chalice(app_name="parapet")
app.register_blueprint(routes.blueprint)

# Lambda calls the HTTP API through this file and every other function by its own module. To package them Chalice must
# know them all; the API's cold start need not wait for them (docs/performance.md).
if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
    from chalicelib.functions import (
        alert,
        authorizer,
        digest,
        enrich,
        evidence,
        failures,
        guard_autoscaling,
        guard_budgets,
        guard_cloudtrail,
        guard_ec2,
        guard_ecs,
        guard_iam,
        guard_kms,
        guard_lambda,
        guard_rds,
        guard_s3,
        guard_signin,
        heartbeat,
        ledger,
        notify,
        notify_email,
        notify_pagerduty,
        reminders,
        reports,
        sweep,
        timer,
    )

    for module in (
        guard_autoscaling,
        guard_budgets,
        guard_cloudtrail,
        guard_ec2,
        guard_ecs,
        guard_iam,
        guard_kms,
        guard_lambda,
        guard_rds,
        guard_s3,
        guard_signin,
        sweep,
        timer,
        heartbeat,
        evidence,
        reminders,
        digest,
        reports,
        alert,
        enrich,
        ledger,
        notify,
        notify_pagerduty,
        notify_email,
        failures,
        authorizer,
    ):
        app.register_blueprint(module.blueprint)
