from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib import registry
from chalicelib.settings import Limits, Settings, SettingsError, load, seconds


def settings(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "parapet.toml"
    file.write_text(text, "utf-8")
    return load({}, registry.names(), registry.load(), file)


def test_the_shipped_file_is_the_default() -> None:
    shipped = load({}, registry.names(), registry.load())
    assert shipped == Settings()


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
    ("text", "error"),
    [
        ("[guardrails.ec2_securty_group_open]", "is not a guardrail; did you mean 'ec2_security_group_open'"),
        ("[guardrails.nothing_like_it_at_all]", "is not a guardrail; there are: cloudtrail"),
        ("[guardrail]", "parapet.toml: guardrail is not a setting; did you mean 'guardrails'"),
        ("[limits]\nresources = 3", "limits.resources is not a setting"),
        ("[limits]\nsame_resource_per_hour = '3'", "must be a whole number of 1 or more, not '3'"),
        ("[limits]\nsame_resource_per_hour = 0", "must be a whole number of 1 or more, not 0"),
        ("[limits]\nsame_resource_per_hour = true", "must be a whole number"),
        ("[undo]\nexempt_for = '30 minutes'", "undo.exempt_for: '30 minutes' is not a duration such as 30m"),
        ("[undo]\nexempt_for = '0m'", "is not a duration"),
        ("[parapet]\naccounts = ['12345']", "parapet.accounts: '12345' is not 12 digits"),
        ("[parapet]\nregions = ['Ireland']", "'Ireland' is not a region such as eu-west-1"),
        ("[parapet]\nregions = 'eu-west-1'", "must be a list of texts"),
        ("[slack]\nchannel = 3", "slack.channel must be a text in quotes, not 3"),
        ("slack = 'x'", "parapet.toml: slack must be a table"),
        ("[guardrails.ec2_security_group_open]\nmode = 'enforced'", "'enforced' is not a mode: off, observe"),
        ("[guardrails.ec2_security_group_open]\nmode = {events = 'off'}", "'events' is not an origin"),
        ("[guardrails.ec2_security_group_open]\nmode = 3", "must be a mode, or"),
        ("[guardrails.ec2_security_group_open]\nports = ['22']", "must be a list like [20, 21, 22], not"),
        ("[guardrails.ec2_security_group_open]\nports = 22", "must be a list like"),
        ("[guardrails.ec2_security_group_open]\nallowed_port = [22]", "not a setting; did you mean 'allowed_ports'"),
        ("[guardrails.signin_root_used]\nmode = 'enforce'", "has no fix; only off or observe will do"),
        ("[guardrails", "not TOML"),
    ],
)  # fmt: skip
def test_errors_name_what_to_mend(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, text)
    assert error in str(caught.value)
    assert str(caught.value).startswith(("parapet.toml", str(tmp_path)))


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
