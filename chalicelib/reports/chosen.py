"""The reports of `parapet.toml`: `[[reports]]`.

[[reports]]
name = "shop-errors"
query = "errors-top"
parameters = { top = 15 }
schedule = "cron(30 7 ? * MON-FRI *)"
zone = "Europe/Berlin"
service = "shop"
window = "1d"
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from chalicelib.insights import chosen as insights
from chalicelib.insights import queries
from chalicelib.insights.logs import SHARED
from chalicelib.insights.model import Query
from chalicelib.model import Destination, ParapetError
from chalicelib.people import MAIL
from chalicelib.reports import schedule
from chalicelib.reports.model import FORMATS, Format, Report, Store
from chalicelib.section import Section, SettingsError, meant
from chalicelib.services.model import Service

NAME, REGION = r"[a-z][a-z0-9-]{0,39}", r"[a-z]{2}(-[a-z]+)+-\d"
PART = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9!_.'()-]+"
PREFIX = rf"(?P<prefix>(?=.{{1,200}}$)(?:{PART}/)*{PART}/?)"
BUCKET = rf"(?P<bucket>(?!(?:\d+\.){{3}}\d+(?:/|$))[a-z0-9](?:[a-z0-9-]|\.(?!\.)){{1,61}}[a-z0-9])(?:/{PREFIX})?"
# What StartQuery takes.
LONGEST_QUERY = 10_000
MOST = 100


def read(sections: Sequence[Section], services: Sequence[Service]) -> tuple[Report, ...]:
    """Return the reports; `services` are those of the settings; raises SettingsError."""
    found = tuple(_report(section, services) for section in sections)
    if len(found) > MOST:
        raise SettingsError(f"{sections[0].file}: there are {len(found)} [[reports]], and {MOST} are looked after")
    for number, (section, one) in enumerate(zip(sections, found, strict=True)):
        if one.name in [other.name for other in found[:number]]:
            raise SettingsError(f"{section.where('name')}: there is another report {one.name!r}")
    return found


def _report(section: Section, services: Sequence[Service]) -> Report:
    name = section.text("name", "")
    if not re.fullmatch(NAME, name):
        raise SettingsError(
            f"{section.where('name')}: a report needs a name of lower-case letters, digits and dashes, not {name!r}"
        )
    query, given, text = _asked(section)
    service, groups, tag = _where(section, query, services)
    window = section.seconds("window", "1h" if query is None else f"{query.window:.0f}s", least=60.0)
    if query and window > query.longest:
        raise SettingsError(f"{section.where('window')}: {query.id} looks back {query.longest / 3600:g}h at the most")
    when = section.text("schedule", "")
    if not when:
        raise SettingsError(f"{section.file}: {section.name} lacks schedule: cron(30 7 * * ? *) or rate(6 hours)")
    times = schedule.read(when, section.text("zone", ""), section.where("schedule"))
    destination, store = _destination(section), _store(section)
    region = section.text("region", "")
    if region and not re.fullmatch(REGION, region):
        raise SettingsError(f"{section.where('region')}: {region!r} is not a region such as eu-west-1")
    key, value = _compared(section, query)
    budget = section.whole("budget_gb", 1)
    title = section.text("title", query.title if query else name.replace("-", " ").capitalize())
    found = Report(
        name=name, title=f"{title}, {service}" if service and "title" not in section.content else title,
        schedule=times, window=window, query=query.id if query else "", given=given, text=text, service=service,
        groups=groups, tag=tag, region=region, destination=destination, silent=store is not None and not destination,
        store=store, key=key, value=value, worse_by=section.whole("worse_by", 20),
        only_when_not_empty=section.flag("only_when_not_empty", False),
        budget_gb=budget if "budget_gb" in section.content else 0,
    )  # fmt: skip
    section.nothing_else()
    return found


def _asked(section: Section) -> tuple[Query | None, dict[str, str], str]:
    """Return the named query and its parameters, or the text of one of the report's own; raises SettingsError."""
    name, text = section.text("query", ""), section.text("text", "")
    parameters = section.table("parameters")
    given = {key: _parameter(parameters, key) for key in parameters.content}
    if bool(name) == bool(text):
        raise SettingsError(
            f"{section.file}: {section.name} needs one of query, the name of one (./parapet query lists them), and text"
        )
    if text:
        if given:
            raise SettingsError(f"{section.where('parameters')}: only a named query takes parameters")
        if len(text) > LONGEST_QUERY:
            raise SettingsError(f"{section.where('text')} is longer than {LONGEST_QUERY} signs")
        return None, {}, text
    if name not in queries.EVERY:
        raise SettingsError(f"{section.where('query')}: there is no query {name!r}{meant(name, queries.EVERY)}")
    query = queries.EVERY[name]
    try:
        queries.text(query, given)
    except ParapetError as error:
        raise SettingsError(f"{section.where('parameters')}: {error}") from None
    return query, given, ""


def _parameter(section: Section, key: str) -> str:
    value = section.take(key, "")
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise SettingsError(f"{section.where(key)} must be a text in quotes or a whole number, not {value!r}")
    return str(value)


def _where(section: Section, query: Query | None, services: Sequence[Service]) -> tuple[str, tuple[str, ...], str]:
    """Return the service, the log groups or the tag whose logs are read; raises SettingsError."""
    service, tag = section.text("service", ""), section.text("tag", "")
    groups = section.texts("groups", insights.GROUP, insights.WHAT)
    if sum(map(bool, (service, groups, tag))) > 1:
        raise SettingsError(f"{section.file}: {section.name} must have one of service, groups, tag")
    names = [one.name for one in services]
    if service and service not in names:
        known = meant(service, names) if names else "; there are no [[services]]"
        raise SettingsError(f"{section.where('service')}: there is no service {service!r}{known}")
    shared = query is not None and all(kind in SHARED for kind in query.logs)
    if query and shared and service:
        raise SettingsError(f"{section.where('service')}: {query.id} reads the account's logs, not a service's")
    if not (service or groups or tag or shared or (query and names)):
        raise SettingsError(
            f'{section.file}: {section.name} must say whose logs: service = "shop", '
            'groups = ["/aws/lambda/shop-*"] or tag = "team=shop"'
        )
    return service, groups, tag


def _destination(section: Section) -> Destination | None:
    """Return who is told, None where the report does not say."""
    slack, email = section.channel("slack", ""), section.texts("email", MAIL.pattern, "an e-mail address")
    return Destination(slack=slack, email=email) if slack or email else None


def _store(section: Section) -> Store | None:
    text, form = section.text("s3", ""), section.text("format", "csv")
    if not text:
        if "format" in section.content:
            raise SettingsError(f'{section.where("format")} is for what goes to S3: s3 = "a-bucket/reports" says where')
        return None
    match = re.fullmatch(BUCKET, text)
    if not match:
        raise SettingsError(
            f"{section.where('s3')}: {text!r} is not a bucket and a prefix such as my-bucket/reports: 3 to 63 small "
            "letters, digits, dots and dashes, then parts that are not empty, . or .."
        )
    if form not in FORMATS:
        raise SettingsError(f"{section.where('format')}: {form!r} is not a format{meant(form, FORMATS)}")
    forms: Mapping[str, Format] = {one: one for one in FORMATS}
    prefix = (match["prefix"] or "").strip("/")
    return Store(match["bucket"], f"{prefix}/" if prefix else "", forms[form])


def _compared(section: Section, query: Query | None) -> tuple[tuple[str, ...], str]:
    """Return the columns that name a row and the one that counts; a named query tells them itself."""
    key, value = section.texts("key", r".+", "a column's name"), section.text("value", "")
    if query is None:
        return key, value
    names = [one.name for one in query.columns]
    for what, some in (("key", key), ("value", (value,) if value else ())):
        for one in some:
            if one not in names:
                raise SettingsError(f"{section.where(what)}: {query.id} has no column {one!r}{meant(one, names)}")
    shapes = [one.shape for one in query.columns]
    first = shapes.index("number") if "number" in shapes else len(names)
    # What happened in each span of time is new every time, and some compare by themselves.
    told = () if query.twice or "time" in shapes[:first] else tuple(names[:first])
    return key or told, value or (names[first] if first < len(names) else "")
