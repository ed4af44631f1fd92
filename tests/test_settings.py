from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib import registry
from chalicelib.model import COMMANDS, ORIGINS
from chalicelib.people import Person
from chalicelib.section import SettingsError, seconds
from chalicelib.settings import GROUP, Accounts, Api, Environment, Limits, Settings, environment, load


def settings(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "parapet.toml"
    file.write_text(text, "utf-8")
    return load({}, registry.names(), registry.load(), file)


def test_the_shipped_file_is_the_default(tmp_path: Path) -> None:
    shipped = load({}, registry.names(), registry.load())
    assert shipped == settings(tmp_path, "")
    assert dict(shipped.control.may) == dict.fromkeys(COMMANDS, GROUP)
    # Without a file nobody may do anything from Slack.
    assert replace(shipped, control=replace(shipped.control, may={})) == Settings()


def test_modes_and_options(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        [limits]
        same_resource_per_hour = 7
        [undo]
        exempt_for = "2h"
        [guardrails.ec2_security_group_open]
        mode = { event = "approve" }
        allowed_ports = [22]
        [guardrails.s3_bucket_acl_public]
        mode = "observe"
        """,
    )
    group, acl = registry.get("ec2_security_group_open"), registry.get("s3_bucket_acl_public")
    assert found.limits == Limits(same_resource_per_hour=7)
    assert found.exempt_for == 7200
    assert found.mode(group, "event") == "approve"
    assert found.mode(group, "sweep") == group.default["sweep"]
    assert {found.mode(acl, "event"), found.mode(acl, "sweep")} == {"observe"}
    assert found.options(group) == {"ports": group.options["ports"], "allowed_ports": (22,)}


@pytest.mark.parametrize(
    ("text", "accounts", "shown"),
    [
        ("", Accounts(), ""),
        ("accounts = 'all'", Accounts(everyone=True), "all"),
        (
            "accounts = ['ou-ab12-34cd56ef', '210987654321']",
            Accounts(ids=("210987654321",), units=("ou-ab12-34cd56ef",)),
            "210987654321, ou-ab12-34cd56ef",
        ),
    ],
)
def test_accounts(tmp_path: Path, text: str, accounts: Accounts, shown: str) -> None:
    found = settings(tmp_path, f"[parapet]\n{text}").accounts
    assert found == accounts
    assert str(found) == shown
    assert found.others == bool(text)


@pytest.mark.parametrize(
    ("accounts", "watched"),
    [
        (Accounts("123456789012"), (True, False, False)),
        (Accounts("123456789012", ids=("210987654321",)), (True, True, False)),
        (Accounts("123456789012", everyone=True), (True, True, False)),
        (Accounts("123456789012", units=("ou-ab12-34cd56ef",)), (True, True, False)),
    ],
)
def test_our_own_account_is_watched_always_and_what_is_no_account_never(
    accounts: Accounts, watched: tuple[bool, ...]
) -> None:
    assert tuple(accounts.watches(one) for one in ("123456789012", "210987654321", "210987654321:role/x")) == watched


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[guardrails.ec2_securty_group_open]", "is not a guardrail; did you mean 'ec2_security_group_open'"),
        ("[guardrails.nothing_like_it_at_all]", "is not a guardrail; there are: "),
        ("[guardrail]", "parapet.toml: guardrail is not a setting; did you mean 'guardrails'"),
        ("[limits]\nresources = 3", "limits.resources is not a setting"),
        ("[limits]\nsame_resource_per_hour = '3'", "must be a whole number of 1 or more, not '3'"),
        ("[limits]\nsame_resource_per_hour = 0", "must be a whole number of 1 or more, not 0"),
        ("[limits]\nsame_resource_per_hour = true", "must be a whole number"),
        ("[undo]\nexempt_for = '30 minutes'", "undo.exempt_for: '30 minutes' is not a duration such as 30m"),
        ("[undo]\nexempt_for = '0m'", "is not a duration such as 30m, 2h or 7d: it must be more than nothing"),
        ("[parapet]\naccounts = ['12345']", "parapet.accounts: '12345' is not 12 digits"),
        ("[parapet]\naccounts = ['ou-x']", "'ou-x' is not 12 digits, or an organisational unit such as ou-ab12-34cd"),
        ("[parapet]\naccounts = 'everyone'", "parapet.accounts must be \"all\" or a list of texts, not 'everyone'"),
        ("[parapet]\naccounts = [123456789012]", "123456789012 is not 12 digits"),
        ("[parapet]\nregions = ['Ireland']", "'Ireland' is not a region such as eu-west-1"),
        ("[parapet]\nregions = 'eu-west-1'", "must be a list of texts"),
        ("[insights]\nbudget_gb = 0", "insights.budget_gb must be a whole number of 1 or more, not 0"),
        ("[insights]\nforce_gb = 19", "insights.force_gb must be no less than budget_gb, which is 20, not 19"),
        ("[insights]\nbudget = 3", "insights.budget is not a setting; did you mean 'budget_gb'"),
        ("[insights]\nlogs = { app = ['/a'] }", "insights.logs.app is not a setting; there are: cloudtrail, vpc"),
        ("[insights]\nlogs = { vpc = ['a b'] }", "insights.logs.vpc: 'a b' is not the name of a log group"),
        ("[slack]\nchannel = 3", "slack.channel must be a text in quotes, not 3"),
        ("[slack]\nchannel = '#On Call'", "slack.channel: '#On Call' is not a channel such as #shop or C012AB3CD"),
        ("[[routes]]\nslack = '#'", "routes[1].slack: '#' is not a channel such as #shop or C012AB3CD"),
        ("slack = 'x'", "parapet.toml: slack must be a table"),
        ("[slack]\ntoken = ''", "slack.token must be a text in quotes, not ''"),
        ("[guardrails.ec2_security_group_open]\nmode = 'enforced'", "'enforced' is not a mode: off, observe"),
        ("[guardrails.ec2_security_group_open]\nmode = {events = 'off'}", "'events' is not an origin"),
        ("[guardrails.ec2_security_group_open]\nmode = 3", "must be a mode, or"),
        ("[guardrails.ec2_security_group_open]\nports = ['22']", "must be a list like [20, 21, 22], not"),
        ("[guardrails.ec2_security_group_open]\nports = 22", "must be a list like"),
        ("[guardrails.iam_admin_policy_attached]\nallowed = 'x'", "allowed must be a list of texts, not 'x'"),
        ("[guardrails.iam_admin_policy_attached]\nallowed = [3]", "allowed must be a list of texts, not [3]"),
        ("[guardrails.iam_password_policy_weak]\nsymbols = 1", "symbols must be true or false, not 1"),
        ("[guardrails.ec2_nonproduction_running]\ntag = 3", "tag must be a text in quotes, not 3"),
        ("[guardrails.ec2_nonproduction_running]\nstop_at = -1", "stop_at must be a whole number of 0 or more, not -1"),
        ("[guardrails.ec2_nonproduction_running]\nstop_at = '80'", "must be a whole number of 0 or more, not '80'"),
        ("[guardrails.budgets_account_unbudgeted]\nmonthly_limit = -5", "must be a whole number of 0 or more, not -5"),
        ("[guardrails.budgets_account_unbudgeted]\nmonthly_limit = 9.5", "a whole number of 0 or more, not 9.5"),
        (
            "[guardrails.budgets_account_unbudgeted]\ntell = 'oncall'",
            "tell: 'oncall' is not the ARN of an SNS topic, nor an e-mail address",
        ),
        ("[guardrails.budgets_account_unbudgeted]\ntell = 'arn:aws:sqs:eu-west-1:123456789012:q'", "is not the ARN of"),
        ("[guardrails.ec2_security_group_open]\nallowed_port = [22]", "not a setting; did you mean 'allowed_ports'"),
        ("[guardrails.signin_root_used]\nmode = 'enforce'", "has no fix; only off or observe will do"),
        ("[guardrails", "not TOML"),
        ("[people]\nalice = 'U012AB3CD'", "parapet.toml: people.alice must be a table: [people.alice]"),
        ("[people.alice]", "parapet.toml: people.alice is nobody yet: give slack, email or aws"),
        ("[people.alice]\naws = []", "people.alice is nobody yet"),
        ("[people.alice]\nemail = 'not a mail'", "people.alice.email: 'not a mail' is not an e-mail address"),
        ("[people.alice]\nslack = 'alice'", "people.alice.slack: 'alice' is not a Slack user id such as U012AB3CD"),
        ("[people.alice]\naws = ['arn:aws:iam::*:*']", "people.alice.aws: 'arn:aws:iam::*:*' will not do: it is not"),
        ("[people.alice]\naws = ['arn:aws:iam::*:user/*']", "'arn:aws:iam::*:user/*' will not do: it would be almost"),
        ("[people.alice]\naws = ['alice']", "people.alice.aws: 'alice' will not do: it is not the ARN of a user"),
        (
            "[people.alice]\nslack = 'U012AB3CD'\n[people.bob]\nslack = 'U012AB3CD'",
            "people.bob: U012AB3CD is people.alice's already, and of two people it says of neither who it is",
        ),
        (
            "[people.alice]\nemail = 'alice@example.com'\n[people.al]\nemail = 'Alice@Example.com'",
            "people.al: alice@example.com is people.alice's already",
        ),
        (
            "[people.alice]\naws = ['arn:aws:iam::*:role/deploy']\n[people.bob]\naws = ['arn:aws:iam::*:role/deploy']",
            "people.bob: arn:aws:iam::*:role/deploy is people.alice's already",
        ),
        ("[undo]\nexempt_for = '401d'", "undo.exempt_for: '401d' is more than 400d"),
        ("[commands]\nexpire_after = '999999999999999999999999s'", "commands.expire_after: '99999"),
        ("[commands]\napproval = '3651d'", "commands.approval: '3651d' is more than 3650d"),
        ("[exemptions]\ntell_before = '23h'", "exemptions.tell_before: '23h' is less than 1d"),
    ],
)  # fmt: skip
def test_errors_name_what_to_mend(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, text)
    assert error in str(caught.value)
    assert str(caught.value).startswith(("parapet.toml", str(tmp_path)))


@pytest.mark.parametrize("tell", ["", "arn:aws:sns:eu-west-1:123456789012:parapet-prod-alerts", "team@example.com"])
def test_whom_a_budget_may_tell(tmp_path: Path, tell: str) -> None:
    rail = registry.get("budgets_account_unbudgeted")
    assert settings(tmp_path, f"[guardrails.{rail.name}]\ntell = '{tell}'").options(rail)["tell"] == tell


@pytest.mark.parametrize("reference", ["ssm:/parapet/pager", "secretsmanager:parapet/pager", "/parapet/pager"])
def test_where_a_routing_key_is_kept(tmp_path: Path, reference: str) -> None:
    assert settings(tmp_path, f"[pagerduty]\na = '{reference}'").pagerduty["a"] == reference


def test_a_routing_key_itself_is_refused_and_not_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, "[pagerduty]\na = 'R0KEYR0KEYR0KEY'")
    assert str(caught.value).startswith("parapet.toml: pagerduty.a must name where the integration key is kept")
    assert "R0KEY" not in str(caught.value)


def test_people_and_the_outmost_durations(tmp_path: Path) -> None:
    arns = ("arn:aws:iam::123456789012:user/al", "arn:aws:iam::*:role/deploy", "arn:aws:iam::123456789012:root")
    sessions = ("arn:aws:sts::*:assumed-role/AWSReservedSSO_Admin_*/alice@example.com",)
    found = settings(
        tmp_path,
        f"""
        [undo]
        exempt_for = "400d"
        [exemptions]
        tell_before = "1d"
        [people.alice]
        slack = "U012AB3CD"
        email = "alice@example.com"
        aws = {[*arns, *sessions]}
        [people.bob]
        email = "bob@example.com"
        """,
    )
    alice = Person("alice", "U012AB3CD", "alice@example.com", (*arns, *sessions))
    assert found.people == (alice, Person("bob", email="bob@example.com"))
    assert (found.exempt_for, found.exempting.tell_before) == (400 * 86400, 86400)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(SettingsError, match="there is no such file; PARAPET_SETTINGS names it"):
        load({"PARAPET_SETTINGS": "/nowhere/parapet.toml"}, (), ())


def test_a_function_checks_the_names_of_all_and_the_content_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "parapet.toml"
    file.write_text("[guardrails.s3_bucket_acl_public]\nmode = 'nonsense'", "utf-8")
    assert load({}, registry.names(), registry.of("ec2"), file).guardrails == {}
    with pytest.raises(SettingsError):
        load({}, registry.names(), registry.of("s3"), file)


@pytest.mark.parametrize(("text", "expected"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("7d", 604800)])
def test_durations(text: str, expected: float) -> None:
    assert seconds(text, "here") == expected


def test_the_default_mode_counts_where_a_guardrail_has_none_of_its_own(tmp_path: Path) -> None:
    group, acl = registry.get("ec2_security_group_open"), registry.get("s3_bucket_acl_public")
    text = 'parapet.default_mode = "observe"\n[guardrails.s3_bucket_acl_public]\nmode = { event = "enforce" }'
    found = settings(tmp_path, text)
    assert [found.mode(group, origin) for origin in ORIGINS] == ["observe", "observe"]
    assert [found.mode(acl, origin) for origin in ORIGINS] == ["enforce", "observe"]
    assert (found.acts(group), found.acts(acl)) == (False, True)


def test_a_default_mode_asks_nothing_of_a_guardrail_that_it_cannot_do(tmp_path: Path) -> None:
    root = registry.get("signin_root_used")
    assert settings(tmp_path, 'parapet.default_mode = "enforce"').mode(root, "event") == "observe"
    assert settings(tmp_path, 'parapet.default_mode = "off"').mode(root, "event") == "off"


def test_what_an_upgrade_brought_observes_until_it_is_promoted() -> None:
    group, acl = registry.get("ec2_security_group_open"), registry.get("s3_bucket_acl_public")
    environment = {"PARAPET_OBSERVED": "ec2_security_group_open"}
    found = load(environment, registry.names(), registry.load())
    assert [found.mode(group, origin) for origin in ORIGINS] == ["observe", "observe"]
    assert [found.mode(acl, origin) for origin in ORIGINS] == [acl.default[origin] for origin in ORIGINS]
    own = replace(found, guardrails={group.name: {"mode": {"event": "enforce"}}})
    assert [own.mode(group, origin) for origin in ORIGINS] == ["enforce", "observe"]
    assert replace(found, default_mode="off").mode(group, "event") == "off"


def test_a_name_in_the_environment_that_is_no_guardrail() -> None:
    message = "^PARAPET_OBSERVED: 'ec2_security_group_opn' is not a guardrail; did you mean 'ec2_security_group_open'"
    with pytest.raises(SettingsError, match=message):
        load({"PARAPET_OBSERVED": "ec2_security_group_opn"}, registry.names(), registry.load())


def test_a_default_mode_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"parapet\.default_mode: 'fix' is not a mode: off, observe, approve"):
        settings(tmp_path, 'parapet.default_mode = "fix"')


def test_the_file_says_where_the_slack_token_is_or_else_the_stack_does(tmp_path: Path) -> None:
    file = tmp_path / "parapet.toml"
    variables = {"PARAPET_SLACK_TOKEN": "/stack/token", "PARAPET_SLACK_URL": "http://127.0.0.1:1/"}
    for text, token in (("", "/stack/token"), ("[slack]\ntoken = 'secretsmanager:x'", "secretsmanager:x")):
        file.write_text(text, "utf-8")
        found = load(variables, (), (), file)
        assert (found.slack_token, found.slack_url) == (token, "http://127.0.0.1:1/")


def test_what_the_stack_tells_needs_no_file() -> None:
    variables = {"PARAPET_STAGE": "prod", "PARAPET_TABLE": "t", "PARAPET_SETTINGS": "/nowhere", "OTHER": "x"}
    assert environment(variables) == Environment(stage="prod", table="t")


class TestApi:
    def read(self, tmp_path: Path, text: str) -> Any:
        file = tmp_path / "parapet.toml"
        file.write_text(f"[api]\n{text}", "utf-8")
        return load({}, (), (), file).api

    def test_has_tokens_that_live_shortly(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, "") == Api(3600.0, 1800.0, ())
        given = self.read(tmp_path, 'token_for = "8h"\noperate_for = "15m"\norigins = ["https://a.example.com:8443"]')
        assert given == Api(8 * 3600.0, 900.0, ("https://a.example.com:8443",))

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ('token_for = "13h"', "api.token_for: '13h' is more than 12h"),
            ('operate_for = "2h"', "api.operate_for: '2h' is more than 1h"),
            ('operate_for = "1m"', "api.operate_for: '1m' is less than 5m"),
            ('origins = ["*"]', "api.origins: '*' is not an origin"),
            ('origins = ["https://a.example.com/"]', "is not an origin"),
            ('origins = ["http://a.example.com"]', "is not an origin"),
            ("origin = []", "api.origin is not a setting; did you mean 'origins'"),
        ],
    )
    def test_says_what_will_not_do(self, tmp_path: Path, text: str, error: str) -> None:
        with pytest.raises(SettingsError, match=re.escape(error)):
            self.read(tmp_path, text)
