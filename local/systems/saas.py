"""`saas`, the SaaS platform: an HTTP API, Lambda, ECS workers, Aurora, DynamoDB, CloudFront and Cognito."""

from local.systems import parts
from local.systems.model import Edge, Node, System
from local.systems.traffic import Traffic

SAAS = System(
    name="saas",
    title="the SaaS platform",
    traffic=Traffic(peak=600, median=95, spread=0.5, errors=0.0003, rejected=0.025, capacity=1100),
    nodes=(
        Node("saas-http/$default", "AWS::ApiGateway::Stage", 1.0),
        Node("saas-api", "AWS::Lambda::Function", 0.93),
        Node("saas-worker", "AWS::ECS::Fargate", 0.5),
        Node("saas-tenants", "AWS::DynamoDB::Table", 0.05, inferred=True),
        Node("saas@saas-db", "Database::SQL", 0.4, inferred=True),
    ),
    edges=(
        Edge("saas-http/$default", "saas-api"),
        Edge("saas-api", "saas-tenants"),
        Edge("saas-api", "saas@saas-db"),
        Edge("saas-api", "saas-worker", 15),
        Edge("saas-worker", "saas@saas-db"),
    ),
    series=(
        *parts.http_api("$saas_api", "$saas_stage"),
        *parts.function("saas-api", 0.93),
        *parts.tasks("saas", "saas-worker", desired=2),
        *parts.queue("saas-jobs", "saas-jobs-dead"),
        *parts.cluster("saas-db", "saas-db-1", most=1000, memory=16),
        *parts.table("saas-tenants", reads=1, writes=0),
        *parts.distribution("$saas_cdn", cached=3),
        *parts.sign_in("$saas_pool", "$saas_client", one_in=12),
    ),
    log_group="/aws/lambda/saas-api",
    access_log="/saas/api-access",
    paths=("GET /tenants/{id}", "GET /reports", "POST /reports", "GET /me", "PUT /settings"),
    failing="saas-api",
    database="saas@saas-db",
    wrong=(
        "psycopg.errors.SerializationFailure: could not serialize access due to concurrent update",
        "requests.exceptions.ConnectionError: saas-worker did not answer",
        "KeyError: 'currency' in billing/plans.py",
    ),
)
