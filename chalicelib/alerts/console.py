"""Where in AWS's console something is shown, in the partition of its region: pure; no address holds a secret."""

from __future__ import annotations

import re
from urllib.parse import quote

CONSOLES = {
    "aws": "https://{region}.console.aws.amazon.com",
    "aws-cn": "https://console.amazonaws.cn",
    "aws-us-gov": "https://console.amazonaws-us-gov.com",
}


def partition(region: str) -> str:
    """Return the partition of a region, `aws` for one that nobody knows."""
    return next((f"aws-{one}" for one in ("cn", "us-gov") if region.startswith(f"{one}-")), "aws")


def page(region: str, path: str) -> str:
    """Return the address of a page of a region's console; an empty text where the region is not known.

    Args:
        region: the region.
        path: the page, with `{region}` where its own address repeats the region, and everything else quoted.
    """
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region):
        return ""
    return CONSOLES[partition(region)].format(region=region) + path.replace("{region}", region)


def quoted(text: str) -> str:
    """Return a name as part of an address."""
    return quote(text, safe="", errors="replace")


def twice(text: str) -> str:
    """Return a name as CloudWatch's console has it behind the `#`: quoted twice, `%` as `$`."""
    return quoted(quoted(text)).replace("%", "$")


def logs(region: str, group: str) -> str:
    """Return the address of a log group."""
    return page(region, f"/cloudwatch/home?region={{region}}#logsV2:log-groups/log-group/{twice(group)}")
