"""The words of Parapet as frozen data: what every module shares, and nothing that does I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Origin = Literal["event", "sweep"]
Mode = Literal["off", "observe", "approve", "enforce"]
Severity = Literal["critical", "high", "medium", "low"]

ORIGINS: tuple[Origin, ...] = ("event", "sweep")
MODES: tuple[Mode, ...] = ("off", "observe", "approve", "enforce")
ACTING: tuple[Mode, ...] = ("approve", "enforce")
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")

Status = Literal[
    "observed", "asked", "held", "fixing", "failed", "rejected",  # the violation stands
    "fixed", "gone", "noted",  # the episode is over
    "undoing", "undone", "exempted",  # it stands by permission
]  # fmt: skip
STANDING: frozenset[str] = frozenset({"observed", "asked", "held", "fixing", "failed", "rejected"})
STATUSES: tuple[Status, ...] = (
    "observed", "asked", "held", "fixing", "failed", "rejected",
    "fixed", "gone", "noted", "undoing", "undone", "exempted",
)  # fmt: skip

# What histories call ourselves.
US = "parapet"
# Seconds.
DAY = 86400.0
# The version of the journal's items: one more when an older Parapet could not read them any longer.
RECORDS = 1


class ParapetError(Exception):
    """An error that Parapet declares: its text names what is wrong and what to mend."""


class BadEvent(ParapetError):
    """An event that cannot be handled as it is; a retry brings the same."""


class Busy(ParapetError):
    """Another invocation holds this finding at the moment; a retry finds it settled."""


# Error codes after which the same call may well succeed; quotas (…LimitExceeded) are not among them.
TRANSIENT = frozenset(
    {
        "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
        "TooManyRequestsException", "RequestLimitExceeded", "BandwidthLimitExceeded", "SlowDown",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException", "TransactionInProgressException", "EC2ThrottledException",
        "InternalError", "InternalFailure", "InternalServerError", "InternalServerException", "ServiceUnavailable",
        "ServiceUnavailableException", "Unavailable", "DependencyTimeoutException", "KMSInternalException",
        "EndpointConnection", "HTTPClient", "RequestTimeout", "RequestTimeoutException",
    }
)  # fmt: skip


class AwsError(ParapetError):
    """An AWS call that answered with an error, or did not answer (code `Timeout`)."""

    def __init__(self, action: str, code: str, message: str) -> None:
        """Keep the action as `service:Operation`, and AWS's own code and message."""
        super().__init__(f"{action} answered {code}: {message}")
        self.action = action
        self.code = code
        self.message = message

    @property
    def denied(self) -> bool:
        """Whether a missing permission is the cause."""
        return self.code in {
            "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError",
        }  # fmt: skip

    @property
    def transient(self) -> bool:
        """Whether the same call may well succeed in a minute."""
        return self.code in TRANSIENT or self.code.endswith(("Timeout", "ConnectionClosed"))


class Aws(Protocol):
    """AWS calls in one account and region: what `read` and `subjects` of a guardrail receive."""

    @property
    def account(self) -> str:
        """The account that the calls go to, 12 digits."""
        ...

    @property
    def region(self) -> str:
        """The region that the calls go to."""
        ...

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        """Return the answer of one call; an error code in `absent` answers `{}`; raises AwsError otherwise."""
        ...

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        """Return the items under `key` from every page; raises AwsError."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """One AWS call as data: the client's service, its operation in snake case, its parameters."""

    service: str
    operation: str
    params: Mapping[str, Any]


def plain(value: Any) -> dict[str, Any]:
    """Return the fields of one of these dataclasses by name; `asdict` would copy all that they hold."""
    return {name: getattr(value, name) for name in value.__slots__}


def call(service: str, operation: str, /, **params: Any) -> Call:
    """Return a call as data; nothing is done."""
    return Call(service, operation, params)


@dataclass(frozen=True, slots=True)
class Trigger:
    """What wakes a guardrail, as EventBridge sees it; None matches anything."""

    detail_type: str
    source: str | None = None
    name: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who made a call: a name people know, the ARN, the address, the tool, the kind of identity."""

    who: str
    arn: str
    ip: str
    tool: str
    kind: str


@dataclass(frozen=True, slots=True)
class Event:
    """One CloudTrail record as EventBridge delivered it; `detail` is the record itself."""

    id: str
    account: str
    region: str
    time: float
    detail_type: str
    source: str
    name: str
    actor: Actor
    detail: Mapping[str, Any]

    @property
    def error(self) -> str:
        """The error code of a failed call, or an empty text."""
        return str(self.detail.get("errorCode") or self.detail.get("errorMessage") or "")

    @property
    def request(self) -> Mapping[str, Any]:
        """The parameters of the call (empty where CloudTrail has none)."""
        value = self.detail.get("requestParameters")
        return value if isinstance(value, Mapping) else {}

    @property
    def response(self) -> Mapping[str, Any]:
        """The answer to the call (empty where CloudTrail has none)."""
        value = self.detail.get("responseElements")
        return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Remedy:
    """Why something is wrong, which part, and the calls that mend it and take the mending back.

    `before` and `after` are what the guardrail's `current` sees of the part, now and once fixed;
    `brought` is False when the event at hand is not what made it so; `ask` is True where fixing could break what
    the event does not tell, so that people are asked even where the guardrail fixes.
    """

    why: str
    part: str
    fix: tuple[Call, ...] = ()
    undo: tuple[Call, ...] = ()
    before: Any = None
    after: Any = None
    brought: bool = True
    ask: bool = False


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong where: the identity of a finding without its episode."""

    guardrail: str
    account: str
    region: str
    resource: str
    part: str


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a finding's history: the status it took, when (epoch seconds), by whom, and why."""

    status: Status
    at: float
    by: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One episode of one violation, as the journal keeps it; times are epoch seconds.

    `source` says where people must mend it for good (a stack, a Terraform workspace), `acknowledged` who has seen it,
    `question` how often its fix was asked for (an approval is meant for the latest time), and `waiver` under which
    waiver it stands.
    """

    id: str
    violation: Violation
    severity: Severity
    origin: Origin
    status: Status
    opened: float
    why: str
    before: Any
    after: Any
    fix: tuple[Call, ...]
    undo: tuple[Call, ...]
    history: tuple[Step, ...]
    actor: Actor | None = None
    event_id: str = ""
    event_name: str = ""
    event_time: float | None = None
    fixed_at: float | None = None
    due: float | None = None
    source: str = ""
    acknowledged: str = ""
    question: int = 0
    waiver: str = ""
    version: int = RECORDS

    @property
    def remediation_seconds(self) -> float | None:
        """Seconds from the call to the fix; CloudTrail's own clock ticks in whole seconds."""
        if self.fixed_at is None:
            return None
        return max(0.0, self.fixed_at - (self.event_time if self.event_time is not None else self.opened))

    @property
    def approver(self) -> str:
        """Who had the fix made that it has come to; empty where Parapet made it by itself."""
        before = self.history[-2:-1]
        return before[0].by if before and before[0].status == "fixing" and before[0].by != US else ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a pause or a waiver is about: each field that is given must fit, an empty one fits anything.

    `resource` and `principal` (an ARN) may hold `*`; `tag` is a key, or `key=value`.
    """

    guardrail: str = ""
    service: str = ""
    account: str = ""
    region: str = ""
    resource: str = ""
    part: str = ""
    tag: str = ""
    principal: str = ""

    def __str__(self) -> str:
        """Return the fields that are given, as people write them: `service=ec2 region=eu-west-1`; `all` for none."""
        return " ".join(f"{name}={value}" for name, value in plain(self).items() if value) or "all"


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Exemption:
    """A permission for one violation to stay until a time, which an undo or an exempted finding leaves.

    With `event` it is for what this one change has brought, and for no other: of a change that was taken back, and is
    to stand all the same.
    """

    part: str
    until: float
    who: str
    why: str
    event: str = ""


@dataclass(frozen=True, slots=True)
class Waiver:
    """An exemption for all that a scope covers, until a time; `by` is the identity of who gave it (`Asker.by`)."""

    id: str
    scope: Scope
    until: float
    who: str
    why: str
    at: float
    by: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause switch: no fixing of what its scope covers until a time (None: until resumed); telling goes on."""

    who: str
    why: str
    at: float
    until: float | None = None
    scope: Scope = EVERYTHING

    def on(self, now: float) -> bool:
        """Whether its time is not over."""
        return self.until is None or self.until > now


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a notice goes: a Slack channel, a PagerDuty service by its name in the settings, e-mail addresses.

    `mention` is who is called by name in Slack, only when something fires: a user's or user group's id, `here`,
    `channel`.
    """

    slack: str = ""
    pagerduty: str = ""
    email: tuple[str, ...] = ()
    mention: str = ""


Channel = Literal["slack", "pagerduty", "email"]
Page = Literal["trigger", "acknowledge", "resolve"]
CommandKind = Literal["undo", "approve", "reject", "exempt", "acknowledge", "silence", "dismiss", "pause", "resume"]
COMMANDS: tuple[CommandKind, ...] = (
    "undo", "approve", "reject", "exempt", "acknowledge", "silence", "dismiss", "pause", "resume",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth telling people, with no idea yet of where it goes or what it looks like there.

    Args:
        key: the same for every repeat of the same news.
        thread: what belongs together has the same.
        kind: about a finding, Parapet's own trouble, an alert, or a digest (of costs, of noise, of a report's rows).
        severity: how bad it is.
        status: what became of it: a finding's status, an alert's (`firing`, `resolved` …).
        title: what it is, in one line.
        lines: the news, the first one being the most important.
        facts: labelled values: where, who, which number against which.
        at: when it happened (epoch seconds).
        finding: which finding it is about.
        guardrail: whose finding.
        event_id: the event that brought it.
        actions: what a person may ask for in answer.
        question: about which time of asking, or which episode of an alert.
        to: the ARN of the one person whom it is for, instead of everybody.
        reply_to: where Slack wants this outcome beside the thread.
        loud: whether it must not stay in a thread where nobody looks.
        alert: the id of the alert that it is about.
        source: where it comes from: `guardrail`, `parapet`, `alarm`, `budget`, `health` … (`Signal.source`).
        name: the alarm's, budget's, guardrail's … own name.
        service: the workload that it is about, where known.
        account: where it is, 12 digits.
        region: where it is.
        resource: which resource it is about.
        tags: that resource's tags, as far as known.
        since: when what it tells of began (epoch seconds).
        links: where to look further: what a link says, and its address; never with a token in it.
        fingerprint: the same from trigger to resolve, however often: what PagerDuty's `dedup_key` is made of.
        page: what it means for a pager; empty: nothing.
        picture: a PNG, in base64.
        table: rows of cells, the heading being the first.
        destination: where it goes; None: where the routes say.
        test: whether it only tests the way to people.
    """

    key: str
    thread: str
    kind: Literal["finding", "trouble", "alert", "digest"]
    severity: Severity
    status: str
    title: str
    lines: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    at: float
    finding: str | None = None
    guardrail: str | None = None
    event_id: str = ""
    actions: tuple[CommandKind, ...] = ()
    question: int = 0
    to: str = ""
    reply_to: str = ""
    loud: bool = False
    alert: str = ""
    source: str = ""
    name: str = ""
    service: str = ""
    account: str = ""
    region: str = ""
    resource: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    since: float | None = None
    links: tuple[tuple[str, str], ...] = ()
    fingerprint: str = ""
    page: Page | Literal[""] = ""
    picture: str = ""
    table: tuple[tuple[str, ...], ...] = ()
    destination: Destination | None = None
    test: bool = False


Via = Literal["api", "cli", "slack"]


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for something: a name that people know, the identity (an ARN, or `slack:U…`), and the way it came."""

    who: str
    by: str
    via: Via


@dataclass(frozen=True, slots=True)
class Command:
    """What a person asks for; times are epoch seconds.

    Args:
        id: its number; asking twice under one number is asking once.
        finding: what it is about, a finding's id or an alert's; empty for a pause, a resume, an exemption of a scope.
        service: whose guard function carries it out; empty where recording it is all there is to do.
        until: when the permission or pause ends that it asks for (a pause without an end: 0).
        by: the identity of who asks, and `via` the way it came.
        expires: when it is no longer carried out.
        question: which question of the finding's an approval or rejection answers; None: the latest.
        break_glass: whether the person insists on deciding about their own change.
        reply_to: where Slack wants the outcome, if the asking was in no thread of the finding's.
        scope: what a pause, a resume or an exemption without a finding is about.
        about: what a silence is about that is not for one alert alone: a matcher, as people write it.
    """

    id: str
    kind: CommandKind
    finding: str
    service: str
    who: str
    why: str
    at: float
    until: float
    status: Literal["asked", "done", "refused"] = "asked"
    answer: str = ""
    by: str = ""
    via: Via | Literal[""] = ""
    expires: float | None = None
    question: int | None = None
    break_glass: bool = False
    reply_to: str = ""
    scope: Scope = EVERYTHING
    about: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One labelled paragraph of a guardrail's documentation."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Documentation:
    """A guardrail's docstring, taken apart: the promise, and its labelled paragraphs."""

    promise: str
    sections: tuple[Section, ...] = field(default=())

    def __getitem__(self, label: str) -> str:
        """Return the paragraph under a label; raises KeyError."""
        for section in self.sections:
            if section.label == label:
                return section.text
        raise KeyError(label)
