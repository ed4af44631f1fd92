"""Puts settings and adapters together, once per Lambda environment."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from dataclasses import replace

import botocore.session

from chalicelib import registry, settings
from chalicelib.aws import AccountAws, Clients, Connect
from chalicelib.journal import Journal
from chalicelib.model import Aws, ParapetError
from chalicelib.notices.outbox import Outbox
from chalicelib.pipeline import Pipeline
from chalicelib.registry import Guardrail
from chalicelib.settings import Settings

GLOBAL_REGION = "us-east-1"


_given: list[Connect] = []


def use(connect: Connect) -> None:
    """Have clients made in another way than from the environment's credentials (the local account's one process)."""
    _given[:] = [connect]
    pipeline.cache_clear()


def connect() -> Connect:
    """Return the clients of this process, made once."""
    if not _given:
        _given.append(Clients(botocore.session.get_session()))
    return _given[0]


def home() -> str:
    """Return the region we run in; raises ParapetError when the environment does not tell."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise ParapetError("AWS_REGION is not set: it names the region that Parapet runs in")
    return region


def accounts(account: str) -> Callable[[str, str], Aws]:
    """Return how to reach an account and region; an empty region is our own."""

    def reach(wanted: str, region: str) -> Aws:
        if wanted != account:
            raise ParapetError(f"account {wanted} is not {account}, and Parapet has no role there")
        return AccountAws(connect(), wanted, region or home())

    return reach


def configured(rails: tuple[Guardrail, ...], account: str) -> Settings:
    """Return the settings from file and environment, accounts and regions filled in; raises SettingsError."""
    given = settings.load(os.environ, registry.names(), rails)
    return replace(
        given,
        accounts=given.accounts or (account,),
        regions=given.regions or tuple(dict.fromkeys((home(), GLOBAL_REGION))),
        # Events of the global services arrive in their region; nobody asked to have that region swept.
        swept=given.swept or (home(),),
    )


@functools.cache
def pipeline(service: str, account: str) -> Pipeline:
    """Return the pipeline of one guard function, kept for as long as its environment lives."""
    rails = registry.of(service)
    chosen = configured(rails, account)
    reach = accounts(account)
    ours = reach(account, "")
    return Pipeline(rails, chosen, Journal(ours, chosen.table), Outbox(ours, (chosen.slack_queue,)), reach, time.time)


def table() -> str:
    """Return the journal's table as the environment names it."""
    return os.environ.get("PARAPET_TABLE", "")
