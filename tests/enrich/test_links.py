"""Links into the console, in the odd way in which it writes its own addresses, and to runbooks."""

from __future__ import annotations

import pytest

from chalicelib.enrich import further, links
from chalicelib.enrich.further import Further
from chalicelib.enrich.watched import Watched
from chalicelib.section import Section, SettingsError
from tests.enrich.fakes import query, signal

WATCHED = Watched("a", (query(), {"Id": "e1", "Expression": "m1 / 2", "ReturnData": False}), 5.0, "", 60)


def test_values_as_the_console_writes_them() -> None:
    # As in https://eu-west-1.console.aws.amazon.com/cloudwatch/home#logsV2:logs-insights…, once unescaped.
    assert links.jsurl(
        {"end": "2021-07-18T20:59:59.000Z", "live": False, "n": 5.5, "source": ["/aws/lambda/f", "ü€"]}
    ) == ("~(end~'2021-07-18T20*3a59*3a59.000Z~live~false~n~5.5~source~(~'*2faws*2flambda*2ff~'*fc**20ac))")


def test_the_pages_about_an_alarm() -> None:
    pages = dict(links.console(signal(arn="arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a b/c"), WATCHED, ["/app"]))
    home = "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"
    assert pages["Alarm"] == f"{home}#alarmsV2:alarm/a%20b%2Fc"
    assert pages["Metrics"].startswith(f"{home}#metricsV2:graph=~(metrics~(~(~'AWS*2fLambda~'Errors~'FunctionName~'")
    assert "~(~(expression~'m1*20*2f*202~id~'e1~visible~false))" in pages["Metrics"]
    assert "annotations~(horizontal~(~(label~'threshold~value~5.0)))" in pages["Metrics"]
    assert pages["Error lines"].startswith(
        f"{home}#logsV2:logs-insights$3FqueryDetail$3D$257E$2528end$257E$25272026-11-18T12*3a00*3a00.000Z$257Estart"
    )
    assert pages["Error lines"].endswith("$257EisLiveTail$257Efalse$257Esource$257E$2528$257E$2527*2fapp$2529$2529")
    assert not any(" " in page or "\n" in page for page in pages.values())


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "eu-west-1.console.aws.amazon.com"), ("cn-north-1", "console.amazonaws.cn"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
    ],
)  # fmt: skip
def test_each_partition_has_its_console(region: str, host: str) -> None:
    assert links.console(signal(region=region), None, ())[0][1].startswith(f"https://{host}/cloudwatch/home?region=")


def test_without_a_region_there_is_no_page() -> None:
    assert links.console(signal(region=""), WATCHED, ["/app"]) == ()


def test_a_runbook_is_where_the_tag_says_or_the_settings() -> None:
    template = "https://wiki.example.com/{service}/{name}"
    tags = {"runbook": "https://wiki.example.com/x"}
    assert links.runbook(signal(), tags, template) == (("Runbook", "https://wiki.example.com/x"),)
    [(_, address)] = links.runbook(signal(name="a b"), {}, template)
    assert address == "https://wiki.example.com/checkout/a%20b"
    assert links.runbook(signal(), {}, "") == ()
    assert links.runbook(signal(links=(("Runbook", "https://wiki.example.com/told"),)), tags, template) == ()
    assert links.runbook(signal(), {"runbook": "javascript:alert(1)"}, "") == ()


class TestSettings:
    def read(self, alerts: dict[str, str], accounts: dict[str, object] | None = None) -> Further:
        sections = (Section("p.toml", "alerts", alerts), Section("p.toml", "accounts", accounts or {}))
        return further.read(*sections)

    def test_what_a_team_says(self) -> None:
        given = {"runbook": "https://wiki.example.com/{name}", "page": "https://parapet.example.com"}
        assert self.read(given, {"123456789012": "prod"}) == Further(**given, names={"123456789012": "prod"})
        assert self.read({}) == Further()
        assert self.read({"page": "http://127.0.0.1:4568/api/"}).page == "http://127.0.0.1:4568/api/"

    @pytest.mark.parametrize(
        ("alerts", "accounts", "problem"),
        [
            ({"runbook": "http://x"}, {}, "alerts.runbook: 'http://x' is not an address that begins with https://"),
            ({"page": "wiki"}, {}, "alerts.page"),
            ({"page": "http://parapet.example.com"}, {}, "alerts.page"),
            ({"runbook": "https://x/{alarm}"}, {}, r"nothing is known for \{alarm\}; there are: \{name\}"),
            ({"runbook": "https://x/{"}, {}, "alerts.runbook"),
            ({}, {"prod": "123456789012"}, "'prod' is not an account id of 12 digits"),
            ({}, {"123456789012": 5}, "accounts.123456789012 must be a text"),
        ],
    )
    def test_what_cannot_be_used_is_named(
        self, alerts: dict[str, str], accounts: dict[str, object], problem: str
    ) -> None:
        with pytest.raises(SettingsError, match=problem):
            self.read(alerts, accounts)
