"""The ledger's rules as they are deployed, for the stage `test`."""

from __future__ import annotations

from local.deployment import load

CALLS, TOLD = (one.pattern for one in load("test").forwards if one.queue == "LedgerQueue")
