"""`parapet.toml` and the environment, validated into one frozen `Settings`; errors name what to mend."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib import paging
from chalicelib.alerts import bindings, quiet
from chalicelib.alerts.bindings import Binding
from chalicelib.alerts.quiet import Inhibit
from chalicelib.costs import chosen
from chalicelib.costs.chosen import Costs
from chalicelib.enrich import further
from chalicelib.enrich.further import Further
from chalicelib.insights import chosen as queries
from chalicelib.insights.chosen import Insights
from chalicelib.model import ACTING, COMMANDS, DAY, MODES, ORIGINS, Channel, CommandKind, Mode, Origin, Severity
from chalicelib.notices import routes
from chalicelib.notices.routes import Routes
from chalicelib.paging import Paging
from chalicelib.people import MAIL, Person
from chalicelib.registry import Guardrail
from chalicelib.scope import too_wide
from chalicelib.section import LONGEST, Section, SettingsError, meant

if TYPE_CHECKING:
    from chalicelib.alerts.custom import Custom
    from chalicelib.reports.model import Report
    from chalicelib.services.model import Service

FILE = Path(__file__).with_name("parapet.toml")
PREFIX = "parapet"
# Where the events of services without regions arrive: IAM, sign-in.
GLOBAL_REGION = "us-east-1"
UNIT = r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}"


@dataclass(frozen=True)
class Environment:
    """What the stack tells each function: needed even where the settings file cannot be read."""

    stage: str = "local"
    table: str = ""
    slack_queue: str = ""
    pagerduty_queue: str = ""
    email_queue: str = ""
    alert_queue: str = ""
    enrich_queue: str = ""
    ledger: str = ""
    email_topic: str = ""
    slack_token: str = ""
    slack_signing_secret: str = ""
    slack_url: str = ""
    token_key: str = ""
    pagerduty_key: str = ""
    pagerduty_url: str = ""
    external_id: str = ""
    evidence_bucket: str = ""
    evidence_account: str = ""

    @property
    def queues(self) -> dict[Channel, str]:
        """Return the outbox's queue of each channel that is set up."""
        every: dict[Channel, str] = {
            "slack": self.slack_queue, "pagerduty": self.pagerduty_queue, "email": self.email_queue
        }  # fmt: skip
        return {channel: queue for channel, queue in every.items() if queue}


def environment(variables: Mapping[str, str]) -> Environment:
    """Return what `PARAPET_STAGE`, `PARAPET_TABLE`, `PARAPET_SLACK_QUEUE` and so on say, each empty when unset."""
    names = {one.name: f"PARAPET_{one.name.upper()}" for one in fields(Environment)}
    return Environment(**{name: variables[variable] for name, variable in names.items() if variable in variables})


@dataclass(frozen=True)
class Limits:
    """How much one guardrail may fix before it asks."""

    resources_per_ten_minutes: int = 20
    same_resource_per_hour: int = 3


@dataclass(frozen=True)
class Control:
    """What people may ask for, and for how long it counts; durations in seconds.

    Args:
        expire_after: after so long a command that nobody has carried out is void.
        approval: after so long the question for a fix is void, and asked anew.
        four_eyes: whether somebody else must decide about a person's own change.
        may: by command, who may ask for it in Slack: user ids, handles or ids of user groups, `*` for everybody.
    """

    expire_after: float = 3600.0
    approval: float = 7 * DAY
    four_eyes: bool = False
    may: Mapping[CommandKind, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Api:
    """How the HTTP API lets people in; durations in seconds.

    Args:
        token_for: how long a token to read counts.
        operate_for: how long one counts that lets somebody ask for something, too.
        origins: the web pages of other sites that may call it, by their origin.
    """

    token_for: float = 3600.0
    operate_for: float = 1800.0
    origins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exempting:
    """How exemptions work: whether a tag may exempt, and how many seconds before its end one is told of."""

    by_tag: bool = False
    tell_before: float = 3 * DAY


@dataclass(frozen=True)
class Accounts:
    """Whose events are handled: Parapet's own account always, and beside it whom the settings name.

    Args:
        own: the account that Parapet runs in.
        everyone: all of the organisation.
        ids: accounts by their number.
        units: the organisational units whose accounts, at any depth, are meant.
    """

    own: str = ""
    everyone: bool = False
    ids: tuple[str, ...] = ()
    units: tuple[str, ...] = ()

    @property
    def others(self) -> bool:
        """Whether accounts beside our own are meant."""
        return self.everyone or bool(self.units) or any(one != self.own for one in self.ids)

    def watches(self, account: str) -> bool:
        """Whether an account may be meant; who is in the organisation or unit, IAM knows when its role is assumed."""
        known = account in (self.own, *self.ids)
        return known or ((self.everyone or bool(self.units)) and re.fullmatch(r"\d{12}", account) is not None)

    def __str__(self) -> str:
        """Return the accounts as the settings name them."""
        return "all" if self.everyone else ", ".join(dict.fromkeys((*filter(None, [self.own]), *self.ids, *self.units)))


@dataclass(frozen=True)
class Settings:
    """Everything that a team can set; durations in seconds."""

    stage: str = "local"
    table: str = ""
    accounts: Accounts = field(default_factory=Accounts)
    regions: tuple[str, ...] = ()
    swept: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    exempt_for: float = 30 * DAY
    control: Control = field(default_factory=Control)
    exempting: Exempting = field(default_factory=Exempting)
    api: Api = field(default_factory=Api)
    people: tuple[Person, ...] = ()
    slack_channel: str = "#parapet"
    slack_token: str = ""
    slack_signing_secret: str = ""
    slack_url: str = ""
    pagerduty: Mapping[str, str] = field(default_factory=lambda: {"default": ""})
    pagerduty_url: str = paging.REGIONS["us"]
    paging: Paging = field(default_factory=Paging)
    routes: Routes = field(default_factory=Routes)
    inhibit: tuple[Inhibit, ...] = (quiet.PAGE_OVER_TICKET,)
    costs: Costs = field(default_factory=Costs)
    further: Further = field(default_factory=Further)
    tell_person: bool = True
    default_mode: Mode | None = None
    observed: tuple[str, ...] = ()
    guardrails: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    remedies: tuple[Binding, ...] = ()
    # Which services are watched (None: the default ones), how bad their reports are instead, the team's own rules.
    sources: tuple[str, ...] | None = None
    severities: Mapping[str, Severity] = field(default_factory=dict)
    events: tuple[Custom, ...] = ()
    services: tuple[Service, ...] = ()
    insights: Insights = field(default_factory=Insights)
    reports: tuple[Report, ...] = ()
    # Whether each service has a dashboard of its own beside the one for all.
    dashboards: bool = False

    def mode(self, rail: Guardrail, origin: Origin) -> Mode:
        """Return the mode in force for a guardrail and origin.

        Its own setting counts first. Without one, a guardrail that came with an upgrade (`observed`) changes nothing
        until it is promoted; then `default_mode` counts where the guardrail can do it, then its own default. One that
        alarms wake is off unless a binding names it, and then goes as far as any of them lets it; for one that takes
        changes back only its own setting counts.
        """
        if rail.alarmed:
            return self.bound_mode(rail, self.remedies) if origin == "event" else "off"
        modes: Mapping[Origin, Mode] = self.guardrails.get(rail.name, {}).get("mode", {})
        if origin in modes or rail.reverts:
            return modes.get(origin, rail.default[origin])
        acting = self.default_mode in ACTING and not rail.can_fix
        mode = rail.default[origin] if self.default_mode is None or acting else self.default_mode
        return "observe" if mode in ACTING and rail.name in self.observed else mode

    def modes(self, rail: Guardrail) -> dict[Origin, Mode]:
        """Return the modes in force for a guardrail, by origin."""
        return {origin: self.mode(rail, origin) for origin in ORIGINS}

    def bound(self, rail: Guardrail, alarm: str, account: str, region: str) -> tuple[Binding, ...]:
        """Return the bindings of a guardrail that an alarm fits."""
        return tuple(one for one in self.remedies if one.guardrail == rail.name and one.fits(alarm, account, region))

    def bound_mode(self, rail: Guardrail, bindings: Iterable[Binding]) -> Mode:
        """Return how far some bindings let a guardrail go: each as it says, else as the guardrail's settings say.

        Without either it asks, or less where `default_mode` is less: only who says so has alarms mend by themselves.
        """
        asks = min(rail.default["event"], self.default_mode or "enforce", key=MODES.index)
        own: Mode = self.guardrails.get(rail.name, {}).get("mode", {}).get("event", asks)
        modes = [one.mode or own for one in bindings if one.guardrail == rail.name]
        return max(modes, key=MODES.index, default="off")

    def acts(self, rail: Guardrail) -> bool:
        """Whether a guardrail may change anything, for any origin: then, and only then, its role may too."""
        return any(mode in ACTING for mode in self.modes(rail).values())

    def takes_back(self, rail: Guardrail) -> bool:
        """Whether a guardrail is there to be asked to take changes back."""
        return rail.reverts and self.acts(rail)

    def options(self, rail: Guardrail) -> Mapping[str, Any]:
        """Return a guardrail's own settings, its defaults filled in."""
        given = self.guardrails.get(rail.name, {})
        return {name: given.get(name, default) for name, default in rail.options.items()}

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return every e-mail address that a route or a report names, each once."""
        reported = (one for report in self.reports if report.destination for one in report.destination.email)
        return tuple(dict.fromkeys((*self.routes.addresses, *reported)))

    def role_name(self, function: str) -> str:
        """Return the name of the role under which one of our functions runs."""
        return role_name(self.stage, function)


# Stopping must work with settings that nobody can read.
ANYHOW = Settings()


def member_role(stage: str, service: str) -> str:
    """Return the name of the role in a member account that only a service's guard function may assume."""
    return role_name(stage, f"member_{service}")


def role_name(stage: str, function: str) -> str:
    """Return the name of a function's role in a stage: fixed, so that our own calls can be known by it."""
    return f"{PREFIX}-{stage}-{dashed(function)}"


def dashed(function: str) -> str:
    """Return a function's name as AWS has it behind the stage."""
    return function.replace("_", "-")


def load(variables: Mapping[str, str], names: Iterable[str], rails: Iterable[Guardrail], file: Path = FILE) -> Settings:
    """Return the settings in force.

    Args:
        variables: those of `environment`, `PARAPET_SETTINGS` (another file),
            `PARAPET_OBSERVED` (guardrails that an upgrade brought and nobody has promoted, with commas between).
        names: every guardrail's name, against which sections are checked.
        rails: the guardrails whose sections are validated in full: those that the caller runs.
        file: the settings file where `PARAPET_SETTINGS` names none.

    Raises:
        SettingsError: naming the file, the key, and what would do.
    """
    path = Path(variables.get("PARAPET_SETTINGS") or file)
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: there is no such file; PARAPET_SETTINGS names it") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    # The shipped one is known by its name; another is named as whoever chose it did.
    section = Section(variables.get("PARAPET_SETTINGS") or path.name, "", document)
    general, limits, undo, control, exempting, people, slack, guards, pagers = (
        section.table(name)
        for name in (
            "parapet", "limits", "undo", "commands", "exemptions", "people", "slack", "guardrails", "pagerduty"
        )
    )  # fmt: skip
    routing, inhibiting = section.tables("routes"), section.tables("inhibit")
    api = section.table("api")
    paged, costs = paging.read(section.table("paging")), chosen.read(section.table("costs"))
    remedies, alerts = section.tables("remedies"), section.table("alerts")
    looking = further.read(alerts, section.table("accounts"))
    watching, severities, events = _watched(alerts, section.tables("events"))
    services, shown = _services(section.tables("services")), section.table("dashboards")
    asking, reports = queries.read(section.table("insights")), _reports(section.tables("reports"), services)
    section.nothing_else()
    pagerduty = _pagerduty(pagers, environment(variables).pagerduty_key)
    known, told = {rail.name: rail for rail in rails}, environment(variables)
    settings = Settings(
        stage=told.stage,
        table=told.table,
        accounts=_accounts(general, "accounts"),
        regions=(regions := general.texts("regions", r"[a-z]{2}(-[a-z]+)+-\d", "a region such as eu-west-1")),
        swept=regions,
        limits=Limits(limits.whole("resources_per_ten_minutes", 20), limits.whole("same_resource_per_hour", 3)),
        exempt_for=undo.seconds("exempt_for", "30d", most=LONGEST),
        control=_control(control),
        # It is told once a day.
        exempting=Exempting(exempting.flag("by_tag", False), exempting.seconds("tell_before", "3d", least=DAY)),
        api=_api(api),
        people=_people(people),
        slack_channel=(home := slack.channel("channel", "#parapet")),
        slack_token=slack.text("token", told.slack_token),
        slack_signing_secret=slack.text("signing_secret", told.slack_signing_secret),
        slack_url=told.slack_url,
        pagerduty=pagerduty,
        pagerduty_url=told.pagerduty_url or paged.url,
        paging=paged,
        inhibit=quiet.read(inhibiting),
        costs=costs,
        further=looking,
        routes=routes.read(routing, home, tuple(pagerduty)),
        tell_person=slack.flag("tell_person", True),
        default_mode=_mode(general, "default_mode"),
        observed=_observed(variables.get("PARAPET_OBSERVED", ""), tuple(names)),
        guardrails=_guardrails(guards, tuple(names), known),
        remedies=bindings.read(remedies, tuple(names), known),
        sources=watching,
        severities=severities,
        events=events,
        services=services,
        insights=asking,
        reports=reports,
        dashboards=shown.flag("services", False),
    )
    for part in (general, limits, undo, control, exempting, slack, alerts, shown):
        part.nothing_else()
    return settings


def _watched(
    alerts: Section, events: tuple[Section, ...]
) -> tuple[tuple[str, ...] | None, dict[str, Severity], tuple[Custom, ...]]:
    """Return the sources that are watched, their severities, and the team's own rules."""
    if not events and not {"sources", "severity"} & set(alerts.content):
        alerts.known += ["sources", "severity"]
        return None, {}, ()
    # Only then: every function reads the settings, and pays for what that imports.
    from chalicelib.alerts import custom, watched

    sources, severities = watched.read(alerts)
    return sources, severities, custom.read(events, (*watched.NAMES, *watched.BESIDE))


def _pagerduty(section: Section, shipped: str) -> dict[str, str]:
    """Return where each PagerDuty service's routing key is kept, by the service's name; `default` is the stack's."""
    found = {name: section.text(name, "") for name in section.content}
    for name, reference in found.items():
        if not re.fullmatch(r"(ssm:|secretsmanager:|/)\S+", reference):
            # It may be the key itself, which is to be shown to nobody.
            raise SettingsError(
                f'{section.where(name)} must name where the integration key is kept, "ssm:/a/parameter" or '
                '"secretsmanager:a-secret"; the key itself does not belong into this file'
            )
    # Also where the stack's is empty: what is deployed with a route to it needs no other settings to be read.
    return {"default": shipped, **found}


def _services(sections: tuple[Section, ...]) -> tuple[Service, ...]:
    if not sections:
        return ()
    # Likewise.
    from chalicelib.services import chosen as declared

    return declared.read(sections)


def _reports(sections: tuple[Section, ...], services: tuple[Service, ...]) -> tuple[Report, ...]:
    if not sections:
        return ()
    # Likewise.
    from chalicelib.reports import chosen as reported

    return reported.read(sections, services)


# As a browser says it: no path, no wildcard, and nothing in the clear but on one's own machine.
_ORIGIN = r"https://[a-z0-9.-]+(:[0-9]{1,5})?|http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?"
# A user or a user group by its id, a user group by its handle, or everybody.
_WHO = r"[UWS][A-Z0-9]{6,}|@[\w.-]+|\*"
_WHO_LIKE = "a Slack user id (U…), the id (S…) or handle (@oncall) of a Slack user group, or *"
# Nobody may do anything from Slack until somebody makes a user group of this handle.
GROUP = ("@parapet",)


def _control(section: Section) -> Control:
    everyone = section.texts("people", _WHO, _WHO_LIKE, GROUP)
    return Control(
        expire_after=section.seconds("expire_after", "1h"),
        approval=section.seconds("approval", "7d"),
        four_eyes=section.flag("four_eyes", False),
        may={kind: section.texts(kind, _WHO, _WHO_LIKE, everyone) for kind in COMMANDS},
    )


def _api(section: Section) -> Api:
    found = Api(
        token_for=section.seconds("token_for", "1h", least=300.0, most=12 * 3600.0),
        operate_for=section.seconds("operate_for", "30m", least=300.0, most=3600.0),
        origins=section.texts("origins", _ORIGIN, 'an origin such as "https://oncall.example.com"'),
    )
    section.nothing_else()
    return found


def _people(section: Section) -> tuple[Person, ...]:
    found = tuple(_person(section.table(name), name) for name in section.content)
    whose: dict[str, str] = {}
    for person in found:
        for identity in (person.slack, person.email.lower(), *person.aws):
            if identity and (other := whose.setdefault(identity, person.name)) != person.name:
                raise SettingsError(
                    f"{section.where(person.name)}: {identity} is people.{other}'s already, and of two people it says "
                    "of neither who it is"
                )
    return found


def _person(section: Section, name: str) -> Person:
    slack, email = section.text("slack", ""), section.text("email", "")
    if slack and not re.fullmatch(r"[UW][A-Z0-9]{6,}", slack):
        raise SettingsError(f"{section.where('slack')}: {slack!r} is not a Slack user id such as U012AB3CD")
    if email and not MAIL.fullmatch(email):
        raise SettingsError(f"{section.where('email')}: {email!r} is not an e-mail address")
    arns = section.texts("aws", ".*", "a text")
    for arn in arns:
        if sorry := too_wide(arn):
            raise SettingsError(f"{section.where('aws')}: {arn!r} will not do: {sorry}")
    section.nothing_else()
    if not (slack or email or arns):
        raise SettingsError(f"{section.file}: {section.name} is nobody yet: give slack, email or aws")
    return Person(name, slack, email, arns)


def _accounts(section: Section, key: str) -> Accounts:
    value = section.take(key, [])
    if value == "all":
        return Accounts(everyone=True)
    if not isinstance(value, list):
        raise SettingsError(f'{section.where(key)} must be "all" or a list of texts, not {value!r}')
    named = section.texts(key, rf"\d{{12}}|{UNIT}", "12 digits, or an organisational unit such as ou-ab12-34cd56ef")
    units = tuple(one for one in named if one.startswith("ou-"))
    return Accounts(ids=tuple(one for one in named if one not in units), units=units)


def _mode(section: Section, key: str) -> Mode | None:
    value: Mode | None = section.take(key, None)
    if value is not None and value not in MODES:
        raise SettingsError(f"{section.where(key)}: {value!r} is not a mode: {', '.join(MODES)}")
    return value


def _observed(text: str, names: tuple[str, ...]) -> tuple[str, ...]:
    given = tuple(name for name in text.split(",") if name)
    for name in given:
        if name not in names:
            raise SettingsError(f"PARAPET_OBSERVED: {name!r} is not a guardrail{meant(name, names)}")
    return given


def _guardrails(
    section: Section, names: tuple[str, ...], known: Mapping[str, Guardrail]
) -> dict[str, Mapping[str, Any]]:
    settings: dict[str, Mapping[str, Any]] = {}
    for name in section.content:
        if name not in names:
            raise SettingsError(f"{section.where(name)} is not a guardrail{meant(name, names)}")
        table = section.table(name)
        if name in known:
            settings[name] = _one_guardrail(table, known[name])
    return settings


def _one_guardrail(section: Section, rail: Guardrail) -> Mapping[str, Any]:
    mode = section.take("mode", {})
    modes = dict.fromkeys(ORIGINS, mode) if isinstance(mode, str) else mode
    if not isinstance(modes, dict):
        raise SettingsError(f"{section.where('mode')} must be a mode, or {{ event = …, sweep = … }}")
    for origin, value in modes.items():
        if origin not in ORIGINS:
            raise SettingsError(f"{section.where('mode')}: {origin!r} is not an origin: event or sweep")
        if value not in MODES:
            raise SettingsError(f"{section.where('mode')}: {value!r} is not a mode: {', '.join(MODES)}")
        if value in ACTING and not rail.can_fix:
            raise SettingsError(f"{section.where('mode')}: {rail.name} has no fix; only off or observe will do")
        if value == "enforce" and rail.reverts:
            raise SettingsError(f"{section.where('mode')}: {rail.name} takes no change back unasked: approve")
    values: dict[str, Any] = {"mode": modes}
    for option, default in rail.options.items():
        values[option] = _option(section, option, default)
        if option in rail.formats and (given := values[option]):
            pattern, what = rail.formats[option]
            if not re.fullmatch(pattern, given):
                raise SettingsError(f"{section.where(option)}: {given!r} is not {what}")
    section.nothing_else()
    return values


_SHAPES = {
    bool: "true or false", int: "a whole number of 0 or more", str: "a text in quotes", tuple: "a list of texts"
}  # fmt: skip


def _option(section: Section, name: str, default: Any) -> Any:
    value = section.take(name, default)
    if isinstance(value, list):
        value = tuple(value)
    like = ({type(item) for item in default} or {str}) if isinstance(default, tuple) else set()
    wrong = type(value) is not type(default) or (type(value) is int and value < 0)
    if wrong or (like and any(type(item) not in like for item in value)):
        shape = f"a list like {list(default)[:3]}" if like and default else _SHAPES[type(default)]
        raise SettingsError(f"{section.where(name)} must be {shape}, not {section.content[name]!r}")
    return value
