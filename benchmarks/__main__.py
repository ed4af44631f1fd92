"""`make bench`: measure, compare with what was promised, print the tables; exit 1 when a promise is broken."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from benchmarks import explain, local_account, moto, own_time, packagings, processes, signals
from benchmarks.packagings import INSTALLED, Packagings
from benchmarks.processes import cpu, imported, memory

# What importing a guard function may cost where a bare botocore client costs 140 ms.
IMPORT, CLIENT = 150, 140
GUARD = "chalicelib.functions.guard_ec2"
MEGABYTE = 1_000_000


def main() -> int:
    """Run everything; returns the exit code."""
    rows: list[tuple[str, str, str, bool]] = []

    def row(what: str, value: float, promised: float, unit: str, beside: str = "") -> None:
        shown = f"{value:.2f}{unit}" + (f"  ({beside})" if beside else "")
        rows.append((what, shown, f"≤ {promised:.4g}{unit}", value <= promised))

    with packagings.unpacked() as packed:
        row("the artefact", packed.ours_size / MEGABYTE, 12, " MB", f"naive {packed.naive_size / MEGABYTE:.1f} MB")
        client, cut, guard, plain = map(cpu, imported(
            (INSTALLED, "client"), (packed.ours, "client"), (packed.ours, GUARD), (packed.naive, GUARD)
        ))  # fmt: skip
        row("cold: CPU to import a guard function, beside a bare botocore client", guard / client, IMPORT / CLIENT,
            " x", f"{guard:.0f} ms to {client:.0f} ms, on our models {cut:.0f} ms; naive {plain:.0f} ms")  # fmt: skip
        with moto.server() as environment:
            bare, ours, naive = processes.cold(environment, packed.ours, packed.naive)
            row("cold: CPU to the first finding fixed, beside the bare script", cpu(ours) / cpu(bare), 1.0, " x",
                f"{cpu(ours):.0f} ms to {cpu(bare):.0f} ms; naive {cpu(naive):.0f} ms")  # fmt: skip
            row("cold: peak memory", memory(ours), 75, " MB",
                f"bare script {memory(bare):.0f} MB, naive {memory(naive):.0f} MB")  # fmt: skip
            for port, what, promised in ((8443, "benign event", 3.0), (22, "finding", 4.5)):
                one, other = processes.warm(environment, packed.ours, port)
                row(f"warm: CPU of a {what}, beside the bare script", other / one, promised, " x",
                    f"{other:.1f} ms to {one:.1f} ms")  # fmt: skip
        each = _functions(packed)
    benign, finding = own_time.measure()
    row("warm: our own time on top of the AWS calls, benign event", benign, 1, " ms")
    row("warm: our own time on top of the AWS calls, finding", finding, 5, " ms")
    row("local account: call returned to rule gone", local_account.measure(), 300, " ms")
    seen = signals.measure()
    row("the signals and budgets of 50 services, asked for the first time, beside their calls alone",
        seen.cold / seen.bare, 2.0, " x",
        f"{seen.cold:.2f} s to {seen.bare:.2f} s; {seen.queries} series in {seen.calls} calls")  # fmt: skip
    row("the same, asked again within seconds", seen.cached, 0.1, " s")
    row("calls of GetMetricData for their signals, beside one for each 500 series", seen.signals, seen.least, "")
    scores = explain.measure()
    row("incidents whose true cause is not first, in the worst of them", 1 - explain.least(scores, quiet=False),
        1 - explain.FIRST, "", f"{len(scores)} incidents in {explain.DRAWS} draws")  # fmt: skip
    row("suspects where nothing is wrong", 1 - explain.least(scores, quiet=True), 1 - explain.QUIET, "")
    row("our own time for an explanation, the longest", max(one.seconds for one in scores), explain.SECONDS, " s")
    table = Table("what", "measured", "promised", "")
    for what, value, promise, kept in rows:
        table.add_row(what, value, promise, "kept" if kept else "[red]broken[/red]")
    console = Console(width=160)
    console.print(table)
    console.print(each)
    console.print(explain.table(scores))
    return 0 if all(kept for *_, kept in rows) else 1


def _functions(packed: Packagings) -> Table:
    """Return what it costs to import each function, packaged by us and naively."""
    table = Table("function", "import", "memory", "naive import", "naive memory")
    for name, module in packagings.functions().items():
        ours, naive = imported((packed.ours, module), (packed.naive, module), runs=5)
        shown = [text for runs in (ours, naive) for text in (f"{cpu(runs):.0f} ms", f"{memory(runs):.0f} MB")]
        table.add_row(name, *shown)
    return table


if __name__ == "__main__":
    sys.exit(main())
