"""Registers Parapet's functions with Chalice; nothing else."""

from chalice import Chalice

from chalicelib.functions import (
    failures,
    guard_cloudtrail,
    guard_ec2,
    guard_iam,
    guard_kms,
    guard_rds,
    guard_s3,
    guard_signin,
    notify,
    sweep,
    timer,
)

app = Chalice(app_name="parapet")
for module in (
    guard_cloudtrail,
    guard_ec2,
    guard_iam,
    guard_kms,
    guard_rds,
    guard_s3,
    guard_signin,
    sweep,
    timer,
    notify,
    failures,
):
    app.register_blueprint(module.blueprint)
