"""Queries of Logs Insights by everything that tells which log groups to read: what the API asks AWS for them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from chalicelib import wiring
from local.querying import Querying
from tests.account import TABLE, TestAccount
from tests.api import watched
from tests.api.client import Api
from tests.guardrails import test_lambda_alias_failing as functions
from tests.samples import REGION


def play(account: TestAccount) -> None:
    """Start queries, look at one and cancel one; of those whose logs nobody knows, ask where they are."""
    account.set(services=watched.services())
    before = list(wiring._given)
    clock = account.clock
    with (
        pytest.MonkeyPatch.context() as patch,
        TemporaryDirectory() as folder,
        Querying(clock, takes=(1.0, 2.0)).plugged(),
    ):
        file = Path(folder) / "parapet.toml"
        file.write_text(watched.SERVICES, "utf-8")
        for name, value in {
            "AWS_REGION": REGION, "PARAPET_TABLE": TABLE, "PARAPET_STAGE": "test", "PARAPET_SETTINGS": str(file),
        }.items():  # fmt: skip
            patch.setenv(name, value)
        wiring.use(account.functions)
        functions.build(account)
        account.client("logs").create_log_group(logGroupName="/aws/lambda/checkout")
        api = Api(account)
        status, begun = api.call("POST", "/v1/queries", body={"query": "lambda-slow", "service": "shop"})
        assert (status, begun["groups"]) == (202, ["/aws/lambda/checkout"])
        api.get(f"/v1/queries/{begun['id']}")
        assert api.call("DELETE", f"/v1/queries/{begun['id']}")[1]["cancelled"]
        for body in ({"query": "vpc-rejects"}, {"query": "changes"}, {"query": "errors-top", "tag": "team=shop"}):
            assert "no " in api.error(400, "POST", "/v1/queries", body=body)
    wiring._given[:] = before
