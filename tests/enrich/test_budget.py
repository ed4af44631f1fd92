"""The error budget that an alert is about."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.enrich import budget
from chalicelib.model import Aws
from chalicelib.services.model import Objective, Service, Target
from tests.enrich.fakes import NOW, signal
from tests.services.test_reading import CloudWatch

ALB = Target("alb", {"load_balancer": "app/shop/50dc6c495c0c9188"})
SHOP = Service(
    "shop", ALB, (), (
        Objective("shop", "availability", "availability", 99.9),
        Objective("shop", "latency", "latency", 95.0, 28, under=0.3),
    ),
)  # fmt: skip
OTHER = Service("search", ALB, (), (Objective("search", "availability", "availability", 99.9),))


def found(services: Sequence[Service] = (OTHER, SHOP), **of: object) -> dict[str, str]:
    def reach(_region: str) -> Aws:
        return CloudWatch(silent=frozenset({"HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count"}))

    return dict(budget.look(reach, signal(**of), services, NOW).facts)


def test_that_of_its_objective() -> None:
    told = found(tags={"objective": "shop-availability", "service": "shop"})
    assert told == {
        "Error budget of shop-availability": "Not burning: nothing was bad in the last hour; 100 % left of the month's "
        "budget."
    }  # fmt: skip


def test_those_of_its_service_where_it_names_none() -> None:
    assert set(found(service="shop")) == {"Error budget of shop-availability", "Error budget of shop-latency"}


def test_none_where_nobody_promised_anything() -> None:
    assert found(service="checkout") == {}
    assert found(services=()) == {}
    assert found(tags={"objective": "gone-availability"}, service="shop") == {}, (
        "an objective that is not there any more"
    )
