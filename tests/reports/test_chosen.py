"""`[[reports]]`: what can be said, and what is refused with what would do."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from chalicelib import settings
from chalicelib.model import Destination
from chalicelib.reports.model import Report, Store
from chalicelib.section import SettingsError

SHOP = """
[[services]]
name = "shop"
entry = { kind = "alb", load_balancer = "app/shop/50dc6c495c0c9188" }
logs = { app = ["/ecs/shop"] }

"""
LEAST = {"name": '"shop-errors"', "query": '"errors-top"', "schedule": '"rate(1 hour)"', "service": '"shop"'}


def load(tmp_path: Path, text: str) -> tuple[Report, ...]:
    file = tmp_path / "parapet.toml"
    file.write_text(text, "utf-8")
    return settings.load({}, (), (), file).reports


def made(tmp_path: Path, services: str = SHOP, **changes: str) -> Report:
    """The report of some keys, each as TOML has it; an empty one is left out."""
    keys = {name: value for name, value in {**LEAST, **changes}.items() if value}
    lines = "\n".join(f"{name} = {value}" for name, value in keys.items())
    [found] = load(tmp_path, f"{services}[[reports]]\n{lines}\n")
    return found


def test_the_least(tmp_path: Path) -> None:
    found = made(tmp_path)
    assert (found.name, found.title, found.query) == ("shop-errors", "Top error messages, shop", "errors-top")
    assert (found.window, found.service, found.destination, found.store) == (3600.0, "shop", None, None)
    # A named query tells what its rows are.
    assert (found.key, found.value, found.worse_by) == (("error_text",), "times_seen", 20)
    assert (found.only_when_not_empty, found.budget_gb, found.silent) == (False, 0, False)


def test_everything(tmp_path: Path) -> None:
    found = made(
        tmp_path, title='"Errors"', parameters='{ top = 15, holds = "timeout" }', window='"1d"', zone='"Europe/Berlin"',
        schedule='"cron(30 7 ? * MON-FRI *)"', region='"eu-central-1"', slack='"#shop"', email='["shop@example.com"]',
        s3='"acme-reports/logs/"', format='"json"', worse_by="50", only_when_not_empty="true", budget_gb="5",
        key='["error_text"]', value='"requests_hit"',
    )  # fmt: skip
    assert (found.title, found.given) == ("Errors", {"top": "15", "holds": "timeout"})
    assert found.destination == Destination(slack="#shop", email=("shop@example.com",))
    assert found.store == Store("acme-reports", "logs/", "json")
    assert (found.value, found.worse_by, found.budget_gb) == ("requests_hit", 50, 5)
    assert (found.only_when_not_empty, found.silent) == (True, False)


def test_a_query_of_ones_own(tmp_path: Path) -> None:
    text = "'fields @message | limit 5'"
    found = made(tmp_path, query="", text=text, service="", groups='["/aws/lambda/*"]')
    assert (found.text, found.groups, found.key, found.value) == (
        "fields @message | limit 5",
        ("/aws/lambda/*",),
        (),
        "",
    )
    assert made(tmp_path, query="", text=text, service="", tag='"team=shop"').tag == "team=shop"


@pytest.mark.parametrize("channel", ["#shop", "shop_alerts-2", "C012AB3CD", "#büro", "#" + "a" * 80])
def test_channels(tmp_path: Path, channel: str) -> None:
    assert made(tmp_path, slack=f'"{channel}"').destination == Destination(slack=channel)


@pytest.mark.parametrize("place", ["abc", "acme.reports-1/a..b/.c/d.", "198.51.100.x", "acme-reports/a/"])
def test_places(tmp_path: Path, place: str) -> None:
    store = made(tmp_path, s3=f'"{place}"').store
    assert store
    assert f"{store.bucket}/{store.prefix}".rstrip("/") == place.rstrip("/")


def test_only_for_s3(tmp_path: Path) -> None:
    assert made(tmp_path, s3='"acme-reports"').silent
    assert not made(tmp_path, s3='"acme-reports"', slack='"#shop"').silent


@pytest.mark.parametrize("query", ["errors-rate", "alb-latency", "lambda-slow", "errors-new"])
def test_what_is_new_every_time_is_not_compared(tmp_path: Path, query: str) -> None:
    assert made(tmp_path, query=f'"{query}"').key == ()


def test_what_the_account_logs_needs_no_service(tmp_path: Path) -> None:
    assert made(tmp_path, services="", query='"vpc-rejects"', service="").groups == ()
    assert made(tmp_path, query='"errors-top"', service="").service == ""


def test_the_shipped_examples(tmp_path: Path) -> None:
    shipped = settings.FILE.read_text("utf-8")
    begin = shipped.index("# [[reports]]")
    text = shipped[begin : shipped.index("\n\n", begin)].replace("\n# ", "\n").removeprefix("# ")
    found = load(tmp_path, SHOP + text)
    assert [one.query for one in found] == ["errors-top", "lambda-slow", "alb-latency"]
    assert tomllib.loads(text)["reports"][1]["parameters"] == {"slower_than": "3s"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "reports[1].name: a report needs a name"),
        ({"name": '"Shop"'}, "a report needs a name of lower-case letters, digits and dashes, not 'Shop'"),
        ({"schedule": ""}, "reports[1] lacks schedule: cron(30 7 * * ? *) or rate(6 hours)"),
        ({"schedule": '"daily"'}, "reports[1].schedule: 'daily' is neither"),
        ({"schedule": '"cron(0 8 * * ? *)"', "zone": '"Berlin"'}, "'Berlin' is not a time zone"),
        ({"query": ""}, "needs one of query, the name of one (./parapet query lists them), and text"),
        ({"text": '"fields a"'}, "needs one of query"),
        ({"query": '"errors-topp"'}, "reports[1].query: there is no query 'errors-topp'; did you mean 'errors-top'?"),
        ({"parameters": "{ topp = 5 }"}, "reports[1].parameters: 'topp' is not a parameter of this query"),
        ({"parameters": "{ top = 0 }"}, "reports[1].parameters: top: '0' is not a whole number from 1"),
        ({"parameters": "{ top = true }"}, "reports[1].parameters.top must be a text in quotes or a whole number"),
        ({"query": '"trace"'}, "reports[1].parameters: request is missing"),
        ({"query": "", "text": '"fields a"', "parameters": "{ top = 5 }"}, "only a named query takes parameters"),
        ({"query": "", "text": f'"{"a" * 10_001}"'}, "reports[1].text is longer than 10000 signs"),
        ({"service": '"shopp"'}, "reports[1].service: there is no service 'shopp'; did you mean 'shop'?"),
        ({"groups": '["/ecs/shop"]'}, "must have one of service, groups, tag"),
        ({"query": '"vpc-rejects"'}, "vpc-rejects reads the account's logs, not a service's"),
        ({"query": "", "text": '"fields a"', "service": ""}, "must say whose logs"),
        ({"service": "", "groups": '["a b"]'}, "'a b' is not the name of a log group"),
        ({"window": '"30d"'}, "errors-top looks back 168h at the most"),
        ({"window": '"30s"'}, "is less than 1m"),
        ({"s3": '"Acme_Reports"'}, "'Acme_Reports' is not a bucket and a prefix such as my-bucket/reports"),
        ({"s3": '"s3://acme"'}, "is not a bucket"),
        ({"s3": '"b/reports"'}, "3 to 63 small letters, digits, dots and dashes, then parts that"),
        ({"s3": '"acme-reports/../other"'}, "'acme-reports/../other' is not a bucket and a prefix"),
        ({"s3": '"acme-reports/logs/.."'}, "is not a bucket and a prefix"),
        ({"s3": '"acme-reports/./logs"'}, "is not a bucket and a prefix"),
        ({"s3": '"acme-reports//logs"'}, "is not a bucket and a prefix"),
        ({"s3": '"acme..reports"'}, "is not a bucket and a prefix"),
        ({"s3": '"198.51.100.7/logs"'}, "is not a bucket and a prefix"),
        ({"s3": f'"acme-reports/{"a" * 201}"'}, "is not a bucket and a prefix"),
        ({"slack": '"not a channel!!"'}, "slack: 'not a channel!!' is not a channel such as #shop or C012AB3CD"),
        ({"slack": '"#Shop"'}, "is not a channel"),
        ({"slack": '"#"'}, "is not a channel"),
        ({"slack": '"shop@example.com"'}, "is not a channel"),
        ({"schedule": '"cron(30 7 ? * MON 1999)"'}, "cron(30 7 ? * MON 1999) never comes: there is no such day"),
        ({"s3": '"acme-reports"', "format": '"xml"'}, "reports[1].format: 'xml' is not a format"),
        ({"format": '"csv"'}, "format is for what goes to S3"),
        ({"email": '["shop"]'}, "'shop' is not an e-mail address"),
        ({"region": '"europe"'}, "'europe' is not a region"),
        ({"key": '["error"]'}, "errors-top has no column 'error'"),
        ({"value": '"times"'}, "errors-top has no column 'times'; did you mean 'times_seen'?"),
        ({"worse_by": "0"}, "reports[1].worse_by must be a whole number of 1 or more"),
        ({"budget_gb": "0"}, "reports[1].budget_gb must be a whole number of 1 or more"),
        ({"only_when_not_emty": "true"}, "is not a setting; did you mean 'only_when_not_empty'?"),
        ({"budget": "5"}, "is not a setting; did you mean 'budget_gb'?"),
    ],
)
def test_what_is_refused(tmp_path: Path, changes: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as error:
        made(tmp_path, **changes)
    assert str(error.value).startswith("parapet.toml: ")
    assert said in str(error.value)


def test_each_name_once(tmp_path: Path) -> None:
    one = "[[reports]]\n" + "\n".join(f"{name} = {value}" for name, value in LEAST.items()) + "\n"
    with pytest.raises(SettingsError, match=r"reports\[2\].name: there is another report 'shop-errors'"):
        load(tmp_path, SHOP + one + one)


def test_there_need_not_be_any_service(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no service 'shop'; there are no "):
        made(tmp_path, services="")
