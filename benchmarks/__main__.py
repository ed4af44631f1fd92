"""`make bench`: measure, compare with what was promised, print one table; exit 1 when a promise is broken."""

from __future__ import annotations

import statistics
import sys

from rich.console import Console
from rich.table import Table

from benchmarks import local_account, moto, own_time, processes


def main() -> int:
    """Run everything; returns the exit code."""
    rows: list[tuple[str, str, str, bool]] = []

    def row(what: str, value: float, promised: float, unit: str, beside: str = "") -> None:
        shown = f"{value:.2f}{unit}" + (f"  ({beside})" if beside else "")
        rows.append((what, shown, f"≤ {promised:g}{unit}", value <= promised))

    with moto.server() as environment:
        bare, ours = processes.cold(environment)
        one, other = (statistics.median(s.cpu for s in runs) for runs in (bare, ours))
        row("cold: CPU to the first finding fixed, beside the bare script", other / one, 1.5, " x",
            f"{other:.0f} ms to {one:.0f} ms")  # fmt: skip
        row("cold: peak memory", max(s.memory for s in ours), 75, " MB",
            f"bare script {max(s.memory for s in bare):.0f} MB")  # fmt: skip
        for port, what, promised in ((8443, "benign event", 3.0), (22, "finding", 4.5)):
            one, other = processes.warm(environment, port)
            row(f"warm: CPU of a {what}, beside the bare script", other / one, promised, " x",
                f"{other:.1f} ms to {one:.1f} ms")  # fmt: skip
    benign, finding = own_time.measure()
    row("warm: our own time on top of the AWS calls, benign event", benign, 1, " ms")
    row("warm: our own time on top of the AWS calls, finding", finding, 5, " ms")
    row("local account: call returned to rule gone", local_account.measure(), 300, " ms")
    table = Table("what", "measured", "promised", "")
    for what, value, promise, kept in rows:
        table.add_row(what, value, promise, "kept" if kept else "[red]broken[/red]")
    Console(width=140).print(table)
    return 0 if all(kept for *_, kept in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
