"""Puts settings and adapters together, once per Lambda environment."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import botocore.session

from chalicelib import registry, settings
from chalicelib.aws import AccountAws, Clients, ConnectAs
from chalicelib.model import Aws, ParapetError
from chalicelib.notices.outbox import Outbox
from chalicelib.pipeline import Pipeline
from chalicelib.registry import Guardrail
from chalicelib.section import SettingsError
from chalicelib.settings import GLOBAL_REGION, Environment, Settings
from chalicelib.telemetry import Witness

if TYPE_CHECKING:
    from chalicelib.token_keys import Keys

_given: list[ConnectAs] = []


def use(connect: ConnectAs) -> None:
    """Have clients made in another way than from the environment's credentials (the local account's one process)."""
    _given[:] = [connect]
    pipeline.cache_clear()
    token_keys.cache_clear()


def connect() -> ConnectAs:
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


def accounts(account: str, role: str = "") -> Callable[[str, str], Aws]:
    """Return how to reach an account and region; an empty region is the one we run in.

    Args:
        account: our own.
        role: the name of the one that we may assume in other accounts; without one they are out of reach.
    """

    @functools.cache
    def members() -> Callable[[str, str], Aws]:
        from chalicelib.organisation import Members  # only an organisation needs it

        ours = AccountAws(connect(), account, home())
        return Members(ours, connect(), role, environment().external_id, time.time)

    def reach(wanted: str, region: str) -> Aws:
        if wanted == account:
            return AccountAws(connect(), wanted, region or home())
        if not role:
            raise ParapetError(f"account {wanted} is not {account}, and this function has no role there")
        return members()(wanted, region or home())

    return reach


def configured(rails: tuple[Guardrail, ...], account: str) -> Settings:
    """Return the settings from file and environment, accounts and regions filled in; raises SettingsError."""
    given = settings.load(os.environ, registry.names(), rails)
    return replace(
        given,
        accounts=replace(given.accounts, own=account),
        regions=given.regions or tuple(dict.fromkeys((home(), GLOBAL_REGION))),
        # Events of the global services arrive in their region; nobody asked to have that region swept.
        swept=given.swept or (home(),),
    )


@functools.cache
def pipeline(service: str, account: str) -> Pipeline:
    """Return the pipeline of one guard function, kept for as long as its environment lives."""
    rails = registry.of(service)
    chosen = configured(rails, account)
    reach = accounts(account, settings.member_role(chosen.stage, service))
    ours = reach(account, "")
    return Pipeline(rails, chosen, Witness(ours, chosen.table), outbox(ours, chosen), reach, time.time)


@functools.cache
def token_keys(account: str) -> Keys:
    """Return the keys of the HTTP API's tokens, kept for as long as this environment lives."""
    from chalicelib.token_keys import Keys  # only those who make or read tokens need it

    return Keys(accounts(account)(account, ""), environment().token_key, time.monotonic)


def outbox(ours: Aws, chosen: Settings | None = None) -> Outbox:
    """Return the way to the channels; without settings given, or where nobody can read them, Slack hears of all."""
    if chosen is None:
        try:
            chosen = settings.load(os.environ, registry.names(), ())
        except SettingsError:
            # That may be the very trouble to tell of.
            return Outbox(ours, environment().queues, None)
    return Outbox(ours, environment().queues, chosen.routes)


def environment() -> Environment:
    """Return what the stack tells this function."""
    return settings.environment(os.environ)
