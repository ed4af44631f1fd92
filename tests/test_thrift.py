"""What the tests have moto remember is never out of date."""

from __future__ import annotations

from moto.core import responses


def test_an_operation_that_is_plugged_in_after_moto_was_asked_is_known_and_gone_with_its_plug() -> None:
    class Shop:
        def list_orders(self) -> None:
            """Answer ListOrders."""

    def names() -> list[str]:
        return [name for name in responses.method_names_from_class(Shop) if name.endswith("_orders")]

    assert names() == ["list_orders"]
    setattr(Shop, "cancel_orders", Shop.list_orders)  # noqa: B010
    assert names() == ["cancel_orders", "list_orders"]
    delattr(Shop, "cancel_orders")
    assert names() == ["list_orders"]
