"""What is worth a look about reports before they are deployed: their own queries, and when they run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from chalicelib import settings
from chalicelib.reports.model import Report
from chalicelib.section import SettingsError
from local.insights import Elsewhere, Malformed, parse


def unread(reports: Iterable[Report]) -> Iterator[str]:
    """Yield what is worth a look, each a sentence: what only AWS can check, and what never comes again.

    Raises SettingsError for a query that cannot be run.
    """
    for one in reports:
        if next(one.schedule.after(time.time()), None) is None:
            # What was once is no reason to refuse everything else.
            over = f"Report {one.name} never comes again, {one.schedule.text} is over"
            yield f"{over}: mend its schedule, or take it out."
        try:
            if one.text:
                parse(one.text)
        except Elsewhere as error:
            yield f"Not checked: the text of report {one.name}; {error}."
        except Malformed as error:
            where = f"{settings.FILE.name}: text of report {one.name}"
            raise SettingsError(f"{where} is no query of Logs Insights: {error}") from None
