"""What answering one call from Slack takes: who may ask for what, and asking for it, within Slack's three seconds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from chalicelib import admission, commands, people
from chalicelib.admission import Refused
from chalicelib.alerts import asking
from chalicelib.alerts.book import Book
from chalicelib.alerts.model import Group
from chalicelib.api.slack_payload import User
from chalicelib.journal import Journal, place
from chalicelib.model import Asker, Aws, AwsError, Command, CommandKind, Finding, ParapetError
from chalicelib.notices import channel
from chalicelib.notices.slack_api import SlackApi
from chalicelib.notices.slack_text import Block
from chalicelib.section import SettingsError
from chalicelib.settings import Settings
from chalicelib.telemetry import Invocation

# For how long it is believed who is in a user group (seconds).
REMEMBERED = 60.0
LATE = frozenset({"expired_trigger_id", "trigger_expired"})
TWICE = frozenset({"exchanged_trigger_id", "trigger_exchanged"})


class Denied(ParapetError):
    """Somebody asks for what they may not; the text says who may, and where that is set."""


class Groups:
    """The people of the workspace's user groups, by the group's id and by its handle, asked for once a minute."""

    def __init__(self, slack: SlackApi, clock: Callable[[], float]) -> None:
        self._slack = slack
        self._clock = clock
        self._at = float("-inf")
        self._people: Mapping[str, frozenset[str]] = {}

    def __call__(self, remaining: Callable[[], float]) -> Mapping[str, frozenset[str]]:
        """Return the groups; raises as `SlackApi.call` does, and then nobody is in any."""
        if self._clock() - self._at >= REMEMBERED:
            answer = self._slack.call("usergroups_list", remaining, include_users=True)
            found: dict[str, frozenset[str]] = {}
            for group in answer.get("usergroups", ()):
                found[str(group["id"])] = found[f"@{group['handle']}"] = frozenset(group.get("users", ()))
            self._at, self._people = self._clock(), found
        return self._people


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one call from Slack is answered.

    Args:
        settings: who may do what, and for how long things count.
        journal: what is known, and where it is recorded what somebody asks for.
        aws: our own account, on whose bus commands go.
        slack: its API.
        groups: who is in which user group.
        now: epoch seconds.
        remaining: tells how many seconds there are until Slack waits no longer.
        seen: what the log learns.
        problem: with the settings, where they cannot be used; then it is not known who may do what.
    """

    settings: Settings
    journal: Journal
    aws: Aws
    slack: SlackApi
    groups: Groups
    now: float
    remaining: Callable[[], float]
    seen: Invocation
    problem: str = ""

    def asker(self, user: User) -> Asker:
        """Return who asks, by the name that the settings know, or else by the one in Slack."""
        identity = people.SLACK + user.id
        known = people.of(self.settings.people, identity)
        name = known.name if known else user.name
        if known is None and name.lower() in {one.name.lower() for one in self.settings.people}:
            # In Slack anybody can take the name of somebody whom the settings know.
            name = f"{name} ({user.id})"
        return Asker(f"{name} in Slack", identity, "slack")

    def admit(self, user: User, kind: CommandKind) -> None:
        """Make sure that somebody may ask for a command; raises Denied, also when Slack does not tell."""
        names = self.settings.control.may.get(kind, ())
        self._among(user, names, f"{kind} anything from Slack", f"commands.{kind} (or commands.people) in parapet.toml")

    def admit_reader(self, user: User) -> None:
        """Make sure that somebody may see what stands open: whoever may ask for anything; raises Denied."""
        names = dict.fromkeys(name for some in self.settings.control.may.values() for name in some)
        self._among(user, names, "look into Parapet from Slack", "[commands] in parapet.toml")

    def _among(self, user: User, names: Iterable[str], what: str, where: str) -> None:
        if self.problem:
            self.seen.line("ERROR", f"who may do what in Slack is not known: {self.problem}")
            raise SettingsError(
                "Parapet's settings cannot be used, so who may do what in Slack is not known and nothing was done; "
                "its log says what to mend. Fixing is stopped all the same by `./parapet pause --why …`"
            )
        wanted = tuple(names)
        if "*" in wanted or user.id in wanted:
            return
        groups, unknown = [name for name in wanted if name[0] in "@S"], ""
        if groups:
            try:
                known = self.groups(self.remaining)
            except ParapetError as error:
                self.seen.line("ERROR", f"who is in {', '.join(groups)} is not known: {error}")
                raise Denied(
                    f"Slack does not say who is in {', '.join(groups)}, so nothing was done. "
                    "Try again in a moment; Parapet's log says more."
                ) from error
            if any(user.id in known.get(name, ()) for name in groups):
                return
            missing = [name for name in groups if name not in known]
            unknown = f" There is no user group {', '.join(missing)} in this workspace." if missing else ""
        may = ", ".join(wanted) or "Nobody"
        raise Denied(f"You may not {what}. {may} may: {where} says so.{unknown}")

    def finding(self, number: str) -> Finding:
        """Return a finding by its id; raises Refused when there is none."""
        found = self.journal.get(number) if re.fullmatch("[0-9a-v]{8}", number) else None
        if found is None:
            raise Refused(f"there is no finding {number}")
        return found

    @property
    def book(self) -> Book:
        """What is known of alerts."""
        return Book(self.aws, self.settings.table)

    def alert(self, number: str) -> Group:
        """Return an alert by its id; raises Refused when there is none."""
        found = self.book.group(number) if commands.is_alert(number) else None
        if found is None:
            raise Refused(f"there is no alert {number}: `/parapet alerts` lists them")
        return found

    def check(self, command: Command, finding: Finding) -> None:
        """Find out what is a plain no already; raises Refused, or OwnChange where four eyes are wanted."""
        head = self.journal.head(place(finding.violation))
        admission.admitted(command, finding, head, self.settings, self.now)

    def ask(self, command: Command, finding: Finding, before: Callable[[], None] = lambda: None) -> Command:
        """Record a command and have it carried out, unless it is a plain no already; told twice, it is asked once.

        Args:
            command: what somebody asks for.
            finding: what it is about.
            before: done before anything can come of the command, unless it was asked for already.
        """
        self.seen.because(finding=finding.id, guardrail=finding.violation.guardrail, command=command.id)
        return self._ask(command, lambda: self.check(command, finding), before)

    def ask_about(self, command: Command, group: Group, before: Callable[[], None] = lambda: None) -> Command:
        """Record a command about an alert and have it carried out, as `ask` does."""
        self.seen.because(alert=group.id, command=command.id)

        def check() -> None:
            if sorry := asking.refusal(command, group, self.now):
                raise Refused(sorry)

        return self._ask(command, check, before)

    def _ask(self, command: Command, check: Callable[[], None], before: Callable[[], None]) -> Command:
        if self.journal.command(command.id) is None:
            check()
            before()
        try:
            return commands.ask(self.journal, self.aws, command)
        except AwsError as error:
            if not error.action.startswith("events:"):
                raise
            # It is recorded, and the timer sends the event that names it.
            self.seen.line("WARNING", f"carried out some minutes later: {error}")
            return command

    def until(self, kind: CommandKind, until: float = 0.0) -> float:
        """Return when what a command permits ends, where nobody has said so."""
        return until or (self.now + self.settings.exempt_for if kind in ("undo", "exempt") else 0.0)

    def open(self, trigger: str, view: Block) -> None:
        """Open a modal before whoever pressed or typed; raises as `SlackApi.call` does, Refused when it is too late."""
        try:
            self.slack.call("views_open", self.remaining, trigger_id=trigger, view=view)
        except channel.Refused as refusal:
            if refusal.code in LATE:
                raise Refused("the dialog took too long to open: try once more") from refusal
            if refusal.code not in TWICE:
                raise
