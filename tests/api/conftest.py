from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib import wiring
from tests.account import TABLE, TestAccount
from tests.api.client import Api, token_key
from tests.api.slacking import Slacking, slacking
from tests.samples import REGION


@pytest.fixture
def api(account: TestAccount, monkeypatch: pytest.MonkeyPatch) -> Api:
    for name, value in {"AWS_REGION": REGION, "PARAPET_TABLE": TABLE, "PARAPET_STAGE": "test"}.items():
        monkeypatch.setenv(name, value)
    token_key(account, monkeypatch)
    wiring.use(account.functions)
    return Api(account)


@pytest.fixture
def room(account: TestAccount, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Slacking]:
    with slacking(account, monkeypatch, tmp_path) as made:
        yield made
