"""`intake`, the serverless pipeline: uploads in S3, Lambda, Step Functions, SNS, and a queue with its dead letters."""

from local.systems import parts
from local.systems.model import Edge, Node, System
from local.systems.traffic import Traffic

INTAKE = System(
    name="intake",
    title="the serverless pipeline",
    traffic=Traffic(peak=120, median=620, spread=0.5, errors=0.0005, rejected=0.0, capacity=480),
    nodes=(
        Node("intake-parse", "AWS::Lambda::Function", 1.0),
        Node("intake", "AWS::StepFunctions::StateMachine", 0.7),
        Node("intake-jobs", "AWS::SQS::Queue", 0.05, inferred=True),
        Node("intake-uploads", "AWS::S3::Bucket", 0.2, inferred=True),
        Node("intake-done", "AWS::SNS", 0.06, inferred=True),
    ),
    edges=(
        Edge("intake-parse", "intake-uploads"),
        Edge("intake-parse", "intake-jobs"),
        Edge("intake-parse", "intake"),
        Edge("intake", "intake-done"),
    ),
    series=(
        *parts.bucket("intake-uploads"),
        *parts.function("intake-parse", 0.3),
        *parts.queue("intake-jobs", "intake-jobs-dead"),
        *parts.machine("$intake_machine"),
        *parts.topic("intake-done"),
    ),
    log_group="/aws/lambda/intake-parse",
    access_log="/intake/s3-access",
    paths=("PUT /uploads/{id}.csv", "PUT /uploads/{id}.parquet"),
    failing="intake-parse",
    wrong=(
        "States.TaskFailed: row 118 has 11 columns, expected 12",
        "botocore.exceptions.ReadTimeoutError: Read timeout on endpoint of intake-uploads",
        "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe4 in parse/rows.py",
    ),
)
