"""`images`, the image service: a REST API, S3, Lambda, DynamoDB, Redis and MySQL."""

from local.systems import parts
from local.systems.model import Edge, Node, System
from local.systems.traffic import Traffic

IMAGES = System(
    name="images",
    title="the image service",
    traffic=Traffic(peak=400, median=130, spread=0.6, errors=0.0004, rejected=0.03, capacity=800),
    nodes=(
        Node("images/prod", "AWS::ApiGateway::Stage", 1.0),
        Node("images-resize", "AWS::Lambda::Function", 0.92),
        Node("images-meta", "AWS::DynamoDB::Table", 0.06, inferred=True),
        Node("images-originals", "AWS::S3::Bucket", 0.3, inferred=True),
        Node("images-cache", "Redis", 0.03, inferred=True),
        Node("images@images-db", "Database::SQL", 0.2, inferred=True),
    ),
    edges=(
        Edge("images/prod", "images-resize"),
        Edge("images-resize", "images-cache"),
        Edge("images-resize", "images-meta"),
        Edge("images-resize", "images-originals", 40),
        Edge("images-resize", "images@images-db", 70),
    ),
    series=(
        *parts.rest_api("images", "prod"),
        *parts.function("images-resize", 0.92),
        *parts.bucket("images-originals"),
        *parts.table("images-meta", reads=2, writes=1),
        *parts.cache("images-cache"),
        *parts.database("images-db", most=325, memory=4, storage=50),
    ),
    log_group="/aws/lambda/images-resize",
    access_log="/images/api-access",
    paths=("GET /images/{id}", "GET /images/{id}/thumbnail", "POST /images"),
    failing="images-resize",
    database="images@images-db",
    wrong=(
        "Task timed out after 10.00 seconds",
        "OSError: cannot identify image file",
        "AttributeError: module 'PIL.Image' has no attribute 'ANTIALIAS'",
    ),
)
