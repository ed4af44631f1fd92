"""`platform`, the container platform: a load balancer before ECS on Fargate, and EKS with Container Insights."""

from local.systems import parts
from local.systems.model import Edge, Node, System
from local.systems.traffic import Traffic

PLATFORM = System(
    name="platform",
    title="the container platform",
    traffic=Traffic(peak=900, median=46, spread=0.6, errors=0.0003, rejected=0.02, capacity=1500),
    nodes=(
        Node("platform-web", "AWS::ECS::Fargate", 1.0),
        Node("platform-orders", "AWS::EKS::Container", 0.6),
        Node("platform-prices.example.com", "remote", 0.35, inferred=True),
    ),
    edges=(Edge("platform-web", "platform-orders", 60), Edge("platform-orders", "platform-prices.example.com", 80)),
    series=(
        *parts.load_balancer("$platform_alb", "$platform_tg", hosts=4, kilobytes=6),
        *parts.tasks("platform", "platform-web", desired=4),
        *parts.kubernetes("platform-eks", nodes=3, namespace="orders", service="platform-orders", pods=6),
    ),
    log_group="/ecs/platform-web",
    access_log="/platform/alb-access",
    paths=("GET /v1/orders", "GET /v1/orders/{id}", "POST /v1/orders", "GET /v1/prices"),
    failing="platform-web",
    wrong=(
        "context deadline exceeded while calling platform-orders",
        "connection refused: platform-orders.orders.svc:8080",
        "panic: runtime error: invalid memory address or nil pointer dereference in orders.(*Basket).Total",
    ),
)
