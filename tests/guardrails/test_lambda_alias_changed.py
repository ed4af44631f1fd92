from __future__ import annotations

from typing import Any

import pytest

from chalicelib import registry, reverts
from chalicelib.events import parse
from tests.account import TestAccount
from tests.guardrails import test_lambda_alias_failing as failing
from tests.samples import cloudtrail
from tests.scenario import Scenario

NAME = "lambda_alias_changed"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:checkout:live"


def moved(version: str, weights: dict[str, float] | None = None, name: str = "UpdateAlias20150331") -> dict[str, Any]:
    routing = {"routingConfig": {"additionalVersionWeights": weights}} if weights else {}
    return cloudtrail(
        f"lambda:{name}", {"functionName": "checkout", "name": "live", "functionVersion": version},
        {"aliasArn": ARN, "functionVersion": version, **routing}, detail_type=registry.REVERT,
    )  # fmt: skip


def asked(earlier: dict[str, Any] | None, now: dict[str, Any]) -> dict[str, Any]:
    """A move's record, as it is handled when somebody wants it taken back."""
    return {**now, "detail": {**now["detail"], reverts.EARLIER: earlier}}


def move(account: TestAccount, name: str) -> dict[str, Any]:
    failing.move(account, name)
    return asked(moved("2", name="CreateAlias20150331"), moved("3"))


def share(account: TestAccount, name: str) -> dict[str, Any]:
    failing.share(account, name)
    return asked(moved("2"), moved("2", {"3": 0.5}))


SCENARIO = Scenario(
    NAME, failing.build, move, failing.alias, also=(Scenario(NAME, failing.build, share, failing.alias),)
)


def found(event: dict[str, Any], version: str = "7", weights: dict[str, float] | None = None) -> list[Any]:
    state = {"function": "checkout", "name": "live", "arn": ARN, "version": version, "weights": weights or {}}
    return list(registry.get(NAME).remedies(state, parse(event), {}))


def test_leaves_alone_what_points_elsewhere_by_now() -> None:
    event = asked(moved("6"), moved("7"))
    assert found(event, "8") == []
    assert found(event, "6") == []
    assert found(event, "7", {"8": 0.1}) == []


def test_leaves_alone_a_move_to_where_it_was() -> None:
    assert found(asked(moved("7"), moved("7"))) == []


def test_leaves_alone_without_an_event() -> None:
    assert list(registry.get(NAME).remedies({}, None, {})) == []


def test_remedies_what_was_pointed_to_what_is_not_published() -> None:
    [remedy] = found(asked(moved("1", name="CreateAlias20150331"), moved("$LATEST")), "$LATEST")
    [fix], [undo] = remedy.fix, remedy.undo
    assert (fix.params["FunctionVersion"], undo.params["FunctionVersion"]) == ("1", "$LATEST")


def test_remedies_by_where_it_was() -> None:
    [remedy] = found(asked(moved("6", {"5": 0.25}), moved("7")))
    assert remedy.why == "alice pointed alias checkout:live to 7, where it pointed to 6, to be taken back"
    assert remedy.before == {"version": "7", "weights": {}}
    assert remedy.after == {"version": "6", "weights": {"5": 0.25}}
    [fix], [undo] = remedy.fix, remedy.undo
    assert fix.params == {
        "FunctionName": "checkout", "Name": "live", "FunctionVersion": "6",
        "RoutingConfig": {"AdditionalVersionWeights": {"5": 0.25}},
    }  # fmt: skip
    assert (undo.params["FunctionVersion"], undo.params["RoutingConfig"]) == ("7", {"AdditionalVersionWeights": {}})


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (asked(None, moved("7")), "the ledger does not tell"),
        (asked(moved("$LATEST"), moved("7")), "to $LATEST before, which may be other code by now"),
        (asked(moved("6"), cloudtrail("lambda:UpdateAlias20150331", {}, None)), "does not tell where the alias points"),
    ],
)
def test_tells_what_is_not_certain(event: dict[str, Any], why: str) -> None:
    assert why in reverts.sorry(parse(event))
