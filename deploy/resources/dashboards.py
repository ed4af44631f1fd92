"""The dashboards: about Parapet itself, about all services, and, where the settings say so, about each.

Each costs 3 dollars a month, but for an account's first three where they refer to 50 metrics at most.
"""

from __future__ import annotations

import json
from typing import Any

from chalicelib.model import ParapetError
from chalicelib.settings import Settings
from chalicelib.slo import alarms
from deploy import dashboard, killer, widgets
from deploy.intrinsics import resource, sub

OWN = "parapet"
# CloudFormation takes a megabyte in all; the other resources need less than 400,000 characters of it.
SIZE = 600_000


def resources(settings: Settings) -> dict[str, Any]:
    """Return the dashboards by their logical ids; raises ParapetError for more than a template takes."""
    found = bodies(settings)
    texts = {name: widgets.rendered(body) for name, body in found.items()}
    if (size := len(json.dumps(texts))) > SIZE:
        raise ParapetError(
            f"the dashboards of {len(settings.services)} services have {size:,} characters, and the template has room "
            f"for {SIZE:,}: {'set services = false under [dashboards]' if settings.dashboards else 'watch fewer'}"
        )
    return {
        alarms.logical(name, "dashboard"): resource(
            "AWS::CloudWatch::Dashboard",
            DashboardName=sub(widgets.rendered(killer.named(name)).strip('"')),
            DashboardBody=sub(text),
        )
        for name, text in texts.items()
    }


def bodies(settings: Settings) -> dict[str, killer.Body]:
    """Return the dashboards by their names behind the stage; raises ParapetError."""
    if any(one.name == OWN for one in settings.services):
        raise ParapetError(f"{OWN} is the dashboard about Parapet itself: call that service otherwise")
    services = killer.bodies(settings.services, each=settings.dashboards, page=settings.further.page)
    return {OWN: dashboard.body(), **services}
