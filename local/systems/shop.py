"""`shop`, the auto-scaling web tier: CloudFront, a load balancer, EC2 with the CloudWatch agent, PostgreSQL."""

from local.systems import parts
from local.systems.model import Edge, Node, System
from local.systems.traffic import Traffic

SHOP = System(
    name="shop",
    title="the auto-scaling web tier",
    traffic=Traffic(peak=1200, median=84, spread=0.55, errors=0.00035, rejected=0.012, capacity=2000),
    nodes=(
        Node("shop", "AWS::EC2::Instance", 1.0),
        Node("shop@shop-db", "Database::SQL", 0.55, inferred=True),
        Node("payments.example.com", "remote", 0.3, inferred=True),
    ),
    edges=(Edge("shop", "shop@shop-db"), Edge("shop", "payments.example.com", 20)),
    series=(
        *parts.load_balancer("$shop_alb", "$shop_tg", hosts=3),
        *parts.instances("shop-web", ("$shop_i1", "$shop_i2", "$shop_i3"), "t3.small", "$shop_image"),
        *parts.database("shop-db", most=200, memory=4, storage=100, postgres=True),
        *parts.distribution("$shop_cdn", cached=4),
        *parts.gateway("$shop_nat"),
    ),
    log_group="/shop/web",
    access_log="/shop/alb-access",
    paths=("GET /", "GET /products/{id}", "GET /cart", "POST /cart", "POST /checkout"),
    failing="shop",
    database="shop@shop-db",
    wrong=(
        "upstream payments.example.com answered 502",
        "could not render the page: KeyError: 'price'",
        "TypeError: unsupported operand type(s) for +: 'NoneType' and 'decimal.Decimal' in checkout/total.py",
    ),
)
