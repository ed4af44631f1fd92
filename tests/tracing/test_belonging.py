"""Which service a node belongs to."""

from __future__ import annotations

import pytest

from chalicelib.services.model import Service, Target
from chalicelib.tracing.belonging import owners

SHOP = Service(
    "shop",
    Target("alb", {"load_balancer": "app/shop/50dc6c495c0c9188"}),
    (
        Target("autoscaling", {"group": "shop-web"}),
        Target("rds", {"instance": "shop-db"}),
        Target("lambda_function", {"function": "shop-mail", "alias": "live"}),
        Target("sqs", {"queue": "shop-jobs", "function": "shop-worker"}),
        Target("sns", {"topic": "shop-done"}),
        Target("elasticache", {"node": "shop-cache"}),
        Target("dynamodb", {"table": "carts"}),
        Target("ecs", {"cluster": "all", "service": "shop-web-tasks"}),
        Target("eks", {"cluster": "all"}),
    ),
)
IMAGES = Service(
    "images",
    Target("api_rest", {"api": "images", "stage": "prod"}),
    (
        Target("dynamodb", {"table": "carts"}),
        Target("step_functions", {"state_machine": "arn:aws:states:eu-west-1:123456789012:stateMachine:resize"}),
        Target("aurora", {"cluster": "images-db"}),
    ),
)


@pytest.mark.parametrize(
    ("name", "kind", "wanted"),
    [
        ("shop", "AWS::EC2::Instance", ("shop",)),
        ("shop", "", ("shop",)),
        ("shop-web", "AWS::EC2::Instance", ("shop",)),
        ("shop-web-tasks", "AWS::ECS::Fargate", ("shop",)),
        ("all", "AWS::EKS::Container", ()),
        # A bucket may be called as a service is.
        ("shop", "AWS::S3::Bucket", ()),
        ("shop", "remote", ()),
        ("shop-mail", "AWS::Lambda", ("shop",)),
        ("shop-mail", "AWS::Lambda::Function", ("shop",)),
        ("shop-mail", "AWS::DynamoDB::Table", ()),
        ("shop@shop-db", "Database::SQL", ("shop",)),
        ("shop@shop-db.abc123.eu-west-1.rds.amazonaws.com", "Database::SQL", ("shop",)),
        ("shop@images-db.cluster-abc123.eu-west-1.rds.amazonaws.com", "Database::SQL", ("images",)),
        ("shop@other.example.com", "Database::SQL", ()),
        ("https://sqs.eu-west-1.amazonaws.com/123456789012/shop-jobs", "AWS::SQS::Queue", ("shop",)),
        ("shop-worker", "AWS::SQS::Queue", ()),
        ("arn:aws:sns:eu-west-1:123456789012:shop-done", "AWS::SNS", ("shop",)),
        ("shop-cache", "Redis", ("shop",)),
        ("carts", "AWS::DynamoDB::Table", ("shop", "images")),
        ("images/prod", "AWS::ApiGateway::Stage", ("images",)),
        ("images/test", "AWS::ApiGateway::Stage", ()),
        ("resize", "AWS::StepFunctions::StateMachine", ("images",)),
        ("client", "client", ()),
    ],
)
def test_as_far_as_the_settings_tell(name: str, kind: str, wanted: tuple[str, ...]) -> None:
    assert owners(name, kind, (SHOP, IMAGES)) == wanted
