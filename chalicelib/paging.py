"""Paging without Parapet: which alarms wake somebody when Parapet itself is not well, and where PagerDuty is; pure."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.section import Section, SettingsError, meant

# Accounts of PagerDuty live in one of its service regions, and only that one knows their routing keys.
REGIONS = {"us": "https://events.pagerduty.com/v2/enqueue", "eu": "https://events.eu.pagerduty.com/v2/enqueue"}
# What would have to be escaped in an alarm's rule, or means something to CloudFormation, is in nobody's names.
ALARM = r'[^"\\$\x00-\x1f]{1,200}'


@dataclass(frozen=True, slots=True)
class Paging:
    """How people are paged.

    Args:
        alarms: names of alarms that page over the plain topic while Parapet is unhealthy.
        url: where PagerDuty takes events.
    """

    alarms: tuple[str, ...] = ()
    url: str = REGIONS["us"]


def read(section: Section) -> Paging:
    """Return what `[paging]` says; raises SettingsError."""
    region = section.text("pagerduty_region", "us")
    if region not in REGIONS:
        raise SettingsError(f"{section.where('pagerduty_region')}: {region!r} is not a region{meant(region, REGIONS)}")
    alarms = section.texts("alarms", ALARM, "the name of an alarm, of 200 characters at most and without quotes")
    section.nothing_else()
    return Paging(tuple(dict.fromkeys(alarms)), REGIONS[region])
