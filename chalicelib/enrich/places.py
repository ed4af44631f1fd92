"""Accounts and regions by the names that people call them."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.alerts.signal import Signal
from chalicelib.enrich.gather import Found
from chalicelib.model import Aws

REGIONS: Mapping[str, str] = {
    "af-south-1": "Cape Town", "ap-east-1": "Hong Kong", "ap-east-2": "Taipei", "ap-northeast-1": "Tokyo",
    "ap-northeast-2": "Seoul", "ap-northeast-3": "Osaka", "ap-south-1": "Mumbai", "ap-south-2": "Hyderabad",
    "ap-southeast-1": "Singapore", "ap-southeast-2": "Sydney", "ap-southeast-3": "Jakarta",
    "ap-southeast-4": "Melbourne", "ap-southeast-5": "Malaysia", "ap-southeast-7": "Thailand",
    "ca-central-1": "Canada Central", "ca-west-1": "Calgary", "cn-north-1": "Beijing", "cn-northwest-1": "Ningxia",
    "eu-central-1": "Frankfurt", "eu-central-2": "Zurich", "eu-north-1": "Stockholm", "eu-south-1": "Milan",
    "eu-south-2": "Spain", "eu-west-1": "Ireland", "eu-west-2": "London", "eu-west-3": "Paris",
    "il-central-1": "Tel Aviv", "me-central-1": "UAE", "me-south-1": "Bahrain", "mx-central-1": "Mexico",
    "sa-east-1": "São Paulo", "us-east-1": "N. Virginia", "us-east-2": "Ohio", "us-gov-east-1": "GovCloud East",
    "us-gov-west-1": "GovCloud West", "us-west-1": "N. California", "us-west-2": "Oregon",
}  # fmt: skip

_aliases: dict[str, str] = {}


def look(ours: Aws, signal: Signal, names: Mapping[str, str]) -> Found:
    """Return account and region by name, as labelled values; raises AwsError.

    Args:
        ours: our own account, whose alias IAM tells.
        signal: where it is.
        names: by account, what the settings call it.
    """
    facts = []
    if signal.account:
        name = names.get(signal.account, "")
        if not name and signal.account == ours.account:
            name = _alias(ours)
        facts.append(("Account", f"{name} ({signal.account})" if name else signal.account))
    if signal.region:
        name = REGIONS.get(signal.region, "")
        facts.append(("Region", f"{name} ({signal.region})" if name else signal.region))
    return Found(facts=tuple(facts))


def _alias(ours: Aws) -> str:
    """Return the alias of our account, asked for once in the life of a process."""
    if ours.account not in _aliases:
        found = ours("iam", "list_account_aliases").get("AccountAliases") or [""]
        _aliases[ours.account] = str(found[0])
    return _aliases[ours.account]
