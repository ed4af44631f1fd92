"""Runs reports: does what `decide` says, one step after the other, each recorded before the next.

A run is taken in the table before its query is started, and its news has a key of its own, by which the channels tell
it once. Whoever dies in between leaves a run that is taken up again; only between StartQuery and recording its answer
a query can be lost, which is then asked, and billed, once more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from chalicelib.enrich.errors import concealed
from chalicelib.insights import plan, price, queries, running
from chalicelib.insights.model import Row
from chalicelib.insights.plan import Where
from chalicelib.insights.running import Done, Running
from chalicelib.journal import Conflict
from chalicelib.model import Aws, AwsError, ParapetError
from chalicelib.notices.outbox import Outbox
from chalicelib.reports import compare, decide, records, sheet, told
from chalicelib.reports.book import Book
from chalicelib.reports.decide import Step
from chalicelib.reports.model import Outcome, Report, Run
from chalicelib.settings import Settings

# Most queries are done in seconds: they are waited for while there is time.
LOOK = 2.0
UNDER_WAY = frozenset({"running", "done", "failing"})


@dataclass(frozen=True)
class Desk:
    """What it takes to run reports.

    Args:
        aws: calls to our account, by region; empty: where we are.
        book: what is recorded.
        outbox: the way to people.
        settings: the reports, the services, how much a query may read.
        clock: tells the time (epoch seconds).
        sleep: waits for so many seconds.
        spare: whether there is time for another step.
    """

    aws: Callable[[str], Aws]
    book: Book
    outbox: Outbox
    settings: Settings
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    spare: Callable[[], bool]

    def work(self) -> None:
        """Do what is due, and wait for queries under way while there is time; raises the first problem at last."""
        problems: list[Exception] = []
        waiting = list(self.settings.reports)
        while waiting and self.spare():
            under_way = []
            for report in waiting:
                if not self.spare():
                    break
                try:
                    if self.turn(report):
                        under_way.append(report)
                except Exception as problem:  # the others are to run whatever is wrong with one
                    problems.append(problem)
            waiting = under_way
            if waiting and self.spare():
                self.sleep(LOOK)
        if problems:
            raise problems[0]

    def turn(self, report: Report) -> bool:
        """Do what is to be done about one report now; returns whether there may soon be more; raises ParapetError."""
        found, now = (self.book.newest(report.name), self.book.asked(report.name)), self.clock()
        more = False
        for step in decide.steps(report, *found, now):
            try:
                more |= self._do(report, step).status in UNDER_WAY
            except Conflict:
                # Another invocation has done it.
                continue
        return more

    def _do(self, report: Report, step: Step) -> Run:
        run, now = step.run, self.clock()
        if step.act == "begin":
            begun = self.book.begin(run, self._expires(report, run), step.last)
            return self._start(report, begun) if run.status == "starting" else begun
        if step.act == "start":
            return self._start(report, self._move(report, decide.taken(run, now)))
        if step.act == "abandon":
            died = f"it was begun {run.tries} times and never recorded what it started: look into the function's log"
            return self._move(report, decide.hopeless(run, died, now))
        if step.act == "poll":
            return self._poll(report, run)
        if step.act == "tell":
            return self._tell(report, run)
        self.outbox.send(told.failed(report, run))
        return self._move(report, replace(run, status="failed"))

    def _start(self, report: Report, run: Run) -> Run:
        """Start the query of a run that is ours; raises Conflict when it no longer is, AwsError."""
        aws = self.aws(report.region)
        try:
            wanted = self._planned(aws, report, run)
            found = running.start(aws, wanted.text, wanted.names, wanted.start, wanted.end, sleep=self.sleep)
        except running.Crowded as error:
            return self._move(report, decide.troubled(run, "crowded", str(error), self.clock()))
        except price.Dear as error:
            own = "budget_gb under its [[reports]]"
            why = f"{error}; {own} is for this report alone"
            if report.budget_gb:
                lets = f"{own} lets one run read {report.budget_gb} GB"
                why = f"{error.about}, and {lets}: give it a shorter window or fewer log groups"
            return self._move(report, decide.hopeless(run, why, self.clock()))
        except ParapetError as error:
            if isinstance(error, AwsError) and error.transient:
                return self._move(report, decide.troubled(run, "crowded", str(error), self.clock()))
            return self._move(report, decide.hopeless(run, str(error), self.clock()))
        try:
            return self._move(report, decide.started(run, found.id, found.groups, self.clock()))
        except Conflict:
            there = self.book.asked(report.name) if run.who else None
            if there and there.slot == run.slot and there.status == "cancelled":
                # By somebody who could not know of this query.
                running.cancel(aws, found.id)
            raise

    def _planned(self, aws: Aws, report: Report, run: Run) -> plan.Plan:
        limits = self.settings.insights
        budget = report.budget_gb or limits.budget_gb
        # Nobody is there who could insist.
        limits = replace(limits, budget_gb=budget, force_gb=budget)
        start, end = decide.window(report, run)
        where = Where(report.groups, report.tag, report.service)
        asked = queries.find(report.query) if report.query else report.text
        services = self.settings.services
        return plan.of(aws, asked, report.given, where, self.clock(), services, limits, start=start, end=end)

    def _poll(self, report: Report, run: Run) -> Run:
        aws, late = self.aws(report.region), decide.overdue(run, self.clock())
        columns = queries.find(report.query).columns if report.query else ()
        try:
            found = running.poll(aws, run.query, columns)
        except running.Ended as error:
            if error.how == "cancelled":
                return self._move(report, decide.hopeless(run, str(error), self.clock()))
            how: decide.Trouble = "timeout" if error.how == "timeout" else "failed"
            return self._move(report, decide.troubled(run, how, str(error), self.clock()))
        except running.Forgotten as error:
            return self._move(report, decide.troubled(run, "failed", str(error), self.clock()))
        except AwsError as error:
            if not error.transient:
                return self._move(report, decide.hopeless(run, str(error), self.clock()))
            if not late:
                return run
            return self._move(report, decide.troubled(run, "timeout", str(error), self.clock()))
        if isinstance(found, Running):
            if not late:
                return run
            running.cancel(aws, run.query)
            why = f"the query still ran after {decide.LONGEST / 60:.0f} minutes and was cancelled"
            return self._move(report, decide.troubled(run, "timeout", why, self.clock()))
        return self._finish(report, run, replace(found, rows=tuple(map(_scrubbed, found.rows))))

    def _finish(self, report: Report, run: Run, found: Done) -> Run:
        """Put the rows where they belong, and record what came out; done again, it is the same."""
        done = replace(run, status="done", since=self.clock())
        if report.store:
            try:
                done = replace(done, stored=self._stored(report, run, found))
            except AwsError as error:
                if error.transient and not decide.overdue(run, self.clock()):
                    return run
                done = replace(done, unstored=f"{error}. Is there a bucket {report.store.bucket} in this account?")
        before = self.book.last(report.name)
        if before and before.slot < done.slot:
            done = replace(done, before=before.slot)
        region = self.aws(report.region).region
        rows = tuple(tuple(row[one.name] for one in found.columns) for row in found.rows)
        cost = price.of(found.statistics.bytes, region)
        outcome = Outcome(
            run.slot, found.columns, rows, len(rows), found.cut, cost.bytes, cost.usd, run.groups, run.at, run.who,
            done.stored,
        )  # fmt: skip
        return self.book.finish(done, outcome, self._expires(report, done))

    def _stored(self, report: Report, run: Run, found: Done) -> str:
        """Write all rows to S3 and return where they are; raises AwsError."""
        assert report.store is not None
        aws, name = self.aws(""), sheet.name(report.store, run)
        span = decide.window(report, run)
        aws(
            "s3", "put_object", Bucket=report.store.bucket, Key=name, ExpectedBucketOwner=aws.account,
            ContentType=sheet.KINDS[report.store.format],
            Body=sheet.content(report.store, report, run, found.columns, found.rows, span),
        )  # fmt: skip
        return f"s3://{report.store.bucket}/{name}"

    def _tell(self, report: Report, run: Run) -> Run:
        outcome = self.book.outcome(run)
        if outcome is None:
            return self._move(report, decide.hopeless(run, "its rows are no longer kept", self.clock()))
        if run.unstored:
            self.outbox.send(told.unstored(report, run))
        quiet = report.only_when_not_empty and not outcome.total and not run.who
        if quiet or report.silent:
            return self._move(report, replace(run, status="quiet"))
        before = self.book.before(run)
        comparison = compare.compare(report, outcome, before) if before else None
        self.outbox.send(told.notice(report, run, outcome, comparison, decide.window(report, run)))
        return self._move(report, replace(run, status="told"))

    def _move(self, report: Report, run: Run) -> Run:
        return self.book.move(run, self._expires(report, run))

    def _expires(self, report: Report, run: Run) -> float:
        """Return when the table forgets a run: not before its report has run twice more."""
        following = next(report.schedule.after(run.at), None)
        return run.at + max(records.KEPT, 2 * (following - run.at) if following else 0.0)


def _scrubbed(row: Row) -> Row:
    """Return a row without what looks like a secret: what is told and stored is read by more than may read the logs."""
    return {name: concealed(cell) if isinstance(cell, str) else cell for name, cell in row.items()}
