"""An account with a change ledger and CloudTrail's history in it, and what the API is asked about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from moto.cloudtrail.responses import CloudTrailResponse

from chalicelib import wiring
from chalicelib.ledger import entry, history
from chalicelib.ledger.book import Book
from chalicelib.services.model import Service
from local.lookup import History
from tests.account import TABLE, TestAccount
from tests.api.client import Api
from tests.functions.test_ledger import stand
from tests.rights import LEDGER
from tests.samples import REGION


class Ledgered:
    """The ledger as its function has written it, CloudTrail's history, and the API."""

    def __init__(self, account: TestAccount, api: Api) -> None:
        self.account, self.api = account, api
        self.book: Book = stand(account)
        self.history = History()
        self.history.plug_in()

    def kept(self, *frames: Mapping[str, Any], services: tuple[Service, ...] = ()) -> None:
        """Have the ledger keep what some frames tell."""
        self.book.begin(self.account.clock() - 86400 * 30)
        self.book.write([entry.change(one, services) for one in frames])


@contextmanager
def ledgered(account: TestAccount) -> Iterator[Ledgered]:
    """The environment of the API."""
    before = list(wiring._given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CloudTrailResponse, "lookup_events", None, raising=False)
        # Moto's CloudTrail takes any number of questions.
        patch.setattr(history, "APART", 0.0)
        for name, value in {
            "AWS_REGION": REGION, "PARAPET_TABLE": TABLE, "PARAPET_STAGE": "test", "PARAPET_LEDGER": LEDGER,
        }.items():  # fmt: skip
            patch.setenv(name, value)
        wiring.use(account.functions)
        yield Ledgered(account, Api(account))
    wiring._given[:] = before


def play(account: TestAccount) -> None:
    """Ask all that there is to ask."""
    with ledgered(account) as room:
        assert room.api.get("/v1/changes")["changes"] == []
        assert room.api.get("/v1/who", action="DeleteBucket")["calls"] == []
