"""The terminal of `make up`: the functions' log lines stay out of it, unless nothing else would tell."""

from __future__ import annotations

import io
import json
from typing import Any, TextIO, cast

import pytest

from chalicelib import telemetry
from local.deployment import Function
from local.log import Log
from local.runtime import Context, Lambdas
from tests.samples import ACCOUNT, REGION


def handler(_event: Any, context: Context) -> str:
    with telemetry.invocation("notify", context) as seen:
        seen.line("INFO", "told", message_id="m1")
        seen.line("ERROR", "not told: Slack does not answer", message_id="m2")
        seen.line("ERROR", "failed", finding="abcd1234")
    return "answered"


@pytest.mark.parametrize(
    ("verbose", "shown"),
    [
        (False, ["notify: not told: Slack does not answer"]),
        (True, ["told", "not told: Slack does not answer", "failed", "done"]),
    ],
)
def test_shows_what_nothing_else_tells_or_everything(
    capsys: pytest.CaptureFixture[str], verbose: bool, shown: list[str]
) -> None:
    said: list[str] = []
    log = cast(TextIO, Log(said.append, verbose=verbose))
    lambdas = Lambdas(ACCOUNT, REGION, 0, lambda *_: None, said.append, log=log)
    try:
        assert lambdas.invoke(Function("notify", handler, "role", 3.0), {}) == "answered"
    finally:
        lambdas.stop()
    assert [json.loads(line)["message"] if verbose else line for line in said] == shown
    assert capsys.readouterr().out == ""


def test_an_invocation_over_lines_go_where_they_went_before() -> None:
    written = io.StringIO()
    before = telemetry.stream.set(written)
    lambdas = Lambdas(ACCOUNT, REGION, 0, lambda *_: None, print, log=cast(TextIO, Log(print)))
    try:
        lambdas.invoke(Function("notify", lambda _event, _context: None, "role", 3.0), {})
        assert telemetry.stream.get() is written
    finally:
        lambdas.stop()
        telemetry.stream.reset(before)
