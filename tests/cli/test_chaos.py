"""Chaos is for the local account alone, and is asked of its inbox."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from werkzeug import Request, Response

from cli.__main__ import parapet
from cli.chaos import KINDS, SYSTEMS
from cli.deployment import Outside
from local import systems
from local.systems import faults
from tests.account import NOW
from tests.cli.test_fire import Laptop
from tests.notices.serving import serving
from tests.samples import REGION


def run(laptop: Laptop, *words: str) -> Result:
    environment = {"PARAPET_STAGE": "local", "AWS_REGION": REGION, "PARAPET_INBOX_URL": laptop.inbox}
    outside = Outside(environment=environment, clients=lambda: laptop, now=lambda: NOW)
    return CliRunner().invoke(parapet, ["chaos", *words], obj=outside)


def asked(laptop: Laptop, status: int, answer: dict[str, Any], *words: str) -> tuple[Result, list[dict[str, Any]]]:
    seen: list[dict[str, Any]] = []

    @Request.application
    def inbox(request: Request) -> Response:
        assert request.path == "/inbox/chaos"
        seen.append(json.loads(request.get_data()))
        return Response(json.dumps(answer), status, content_type="application/json")

    with serving(inbox) as address:
        laptop.inbox = address.rstrip("/")
        return run(laptop, *words), seen


def test_it_knows_what_the_local_account_has() -> None:
    assert tuple(systems.SYSTEMS) == SYSTEMS
    assert list(KINDS) == list(faults.KINDS)
    for name, kind in faults.KINDS.items():
        assert KINDS[name] == kind.title


@pytest.mark.parametrize("service", ["sts", "sns", "cloudwatch"])
def test_nowhere_else(service: str) -> None:
    laptop = Laptop(elsewhere={service: f"https://{service}.{REGION}.amazonaws.com"})
    done = run(laptop, "shop", "500s")
    assert done.exit_code != 0
    assert "chaos breaks things, and so works in the local account alone" in done.output


def test_half_an_hour_takes_half_a_minute() -> None:
    answer = {"system": "shop", "kind": "bad-deploy", "done": "UpdateService of shop", "speed": 60}
    done, seen = asked(Laptop(), 200, answer, "shop", "bad-deploy")
    assert seen == [{"system": "shop", "kind": "bad-deploy", "seconds": 1800.0, "speed": 60.0}]
    assert done.output == (
        "shop: bob deploys a version that fails (UpdateService of shop). It is over in 30 s; "
        "`./parapet chaos shop --stop` ends it now.\n"
    )


def test_at_the_walls_pace_and_as_json() -> None:
    answer = {"system": "shop", "kind": "500s", "done": "", "speed": 1}
    done, seen = asked(Laptop(), 200, answer, "shop", "500s", "--for", "2h", "--speed", "1", "--json")
    assert seen == [{"system": "shop", "kind": "500s", "seconds": 7200.0, "speed": 1.0}]
    assert json.loads(done.output)["kind"] == "500s"
    assert "over in 120 min" in json.loads(done.output)["said"]


def test_it_can_be_ended() -> None:
    done, seen = asked(Laptop(), 200, {"system": "shop", "kind": "500s"}, "shop", "--stop")
    assert seen == [{"system": "shop", "stop": True}]
    assert done.output == "shop: 500s ends.\n"


def test_what_the_account_says_against_it_is_told() -> None:
    done, _ = asked(Laptop(), 409, {"error": "intake has no database"}, "intake", "db-connections")
    assert done.exit_code != 0
    assert "the local account did not take it: intake has no database" in done.output


@pytest.mark.parametrize("words", [("shop",), ("shop", "500s", "--stop"), ("shop", "500s", "--for", "soon"), ("x",)])
def test_what_cannot_be_meant(words: tuple[str, ...]) -> None:
    assert run(Laptop(), *words).exit_code != 0
