"""Where people look further, as a team sets it: `runbook` and `page` of `[alerts]`, names under `[accounts]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter

from chalicelib.section import Section, SettingsError

# What of an alert a runbook's address may have in braces.
FIELDS = ("name", "service", "source", "severity", "account", "region")
# The page of a local account is on this machine alone.
HERE = ("http://127.0.0.1:", "http://localhost:")


@dataclass(frozen=True)
class Further:
    """What evidence adds to what it finds.

    Args:
        runbook: the address of the team's runbooks, with the alert's `{name}`, `{service}` … in braces.
        page: the address of Parapet's page, if there is one.
        names: by account, what people call it.
    """

    runbook: str = ""
    page: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


def read(alerts: Section, accounts: Section) -> Further:
    """Return what the settings say; raises SettingsError."""
    runbook, page = _address(alerts, "runbook"), _address(alerts, "page", HERE)
    try:
        fields = [name for _, name, _, _ in Formatter().parse(runbook) if name is not None]
    except ValueError as error:
        raise SettingsError(f"{alerts.where('runbook')}: {runbook!r}: {error}") from None
    for name in fields:
        if name not in FIELDS:
            known = ", ".join(f"{{{one}}}" for one in FIELDS)
            raise SettingsError(f"{alerts.where('runbook')}: nothing is known for {{{name}}}; there are: {known}")
    for account in accounts.content:
        if not (len(account) == 12 and account.isascii() and account.isdigit()):
            raise SettingsError(f"{accounts.where(account)}: {account!r} is not an account id of 12 digits")
    return Further(runbook, page, {account: accounts.text(account, "") for account in accounts.content})


def _address(section: Section, key: str, also: tuple[str, ...] = ()) -> str:
    address = section.text(key, "")
    if address and not address.startswith(("https://", *also)):
        raise SettingsError(f"{section.where(key)}: {address!r} is not an address that begins with https://")
    return address
