"""What `make up` writes for the person who uses it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from chalicelib import people, registry, reverting, settings
from local import account
from local.seed import Seeded
from local.workspace import ALICE, BOB


def loaded() -> settings.Settings:
    return settings.load(os.environ, registry.names(), ())


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Set, so that it is taken back.
    monkeypatch.setenv("PARAPET_SETTINGS", "")
    return tmp_path / "parapet.toml"


def test_settings_are_the_shipped_ones_and_tell_who_is_who(own: Path) -> None:
    shipped = loaded()
    account.write_settings(own)
    found = loaded()
    assert own.read_text("utf-8").startswith(settings.FILE.read_text("utf-8"))
    assert (found.control, found.guardrails, shipped.people) == (shipped.control, shipped.guardrails, ())
    arn = f"arn:aws:iam::{account.ACCOUNT}:user/alice"
    assert people.of(found.people, arn) == people.of(found.people, f"slack:{ALICE.id}")
    assert people.address(found.people, arn) == ALICE.id
    assert [one.name for one in found.people] == ["alice", "bob"]
    assert found.pagerduty == {"default": f"ssm:{account.PAGERDUTY_KEY}"}
    assert set(found.routes.addresses) == {account.ON_CALL, "finance@example.com"}


def test_what_takes_changes_back_asks_here_and_is_off_as_shipped(own: Path) -> None:
    rails = reverting.rails()

    def on() -> list[str]:
        found = settings.load(os.environ, registry.names(), rails)
        return [one.name for one in rails if found.takes_back(one)]

    assert on() == []
    account.write_settings(own)
    assert on() == [one.name for one in rails]
    assert "ecs_service_changed" in on()


def test_settings_declare_the_sample_systems_where_they_run(own: Path) -> None:
    names = re.findall(r"\$(\w+)", account.SERVICES.read_text("utf-8"))
    ids = {
        name: {"alb": "app/x/0a", "tg": "targetgroup/x/0a", "nat": "nat-0a0a0a0a", "cdn": "E1234567"}.get(
            name.split("_")[1], "a1b2c3d4"
        )
        for name in names
    } | {"saas_pool": "eu-west-1_A", "intake_machine": "arn:aws:states:eu-west-1:123456789012:stateMachine:intake"}
    account.write_settings(own, ids, "http://127.0.0.1:4568/api/")
    assert [one.name for one in loaded().services] == ["shop", "intake", "platform", "images", "saas"]
    assert all(one.runbook.endswith(f"/{one.name}") for one in loaded().services)
    assert loaded().further.page == "http://127.0.0.1:4568/api/"
    account.write_settings(own)
    assert loaded().services == ()


def test_settings_that_an_earlier_account_wrote_are_nobodys_choice(own: Path, tmp_path: Path) -> None:
    assert account.chosen_settings(own) is None
    account.write_settings(own)
    assert os.environ["PARAPET_SETTINGS"] == str(own)
    assert account.chosen_settings(tmp_path / "another.toml") is None
    theirs = tmp_path / "theirs.toml"
    theirs.write_text(settings.FILE.read_text("utf-8"), "utf-8")
    os.environ["PARAPET_SETTINGS"] = str(theirs)
    assert account.chosen_settings(own) == theirs
    # Whoever ends the earlier account has its file removed.
    own.unlink()
    os.environ["PARAPET_SETTINGS"] = str(own)
    assert account.chosen_settings(own) is None
    # What is not there is for the settings to tell.
    os.environ["PARAPET_SETTINGS"] = str(tmp_path / "gone.toml")
    assert account.chosen_settings(own) == tmp_path / "gone.toml"


def test_settings_leave_alone_whom_they_name_already(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped.toml"
    shipped.write_text('[people.alice]\nslack = "U012AB3CD"\n', "utf-8")
    monkeypatch.setattr(settings, "FILE", shipped)
    account.write_settings(own)
    assert {one.name: one.slack for one in loaded().people} == {"alice": "U012AB3CD", "bob": BOB.id}


def test_only_the_account_that_wrote_the_environment_last_may_remove_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PARAPET_TABLE", "PARAPET_LEDGER", "PARAPET_SLACK_URL", "PARAPET_PAGERDUTY_URL"):
        monkeypatch.setenv(name, "given")
    file, first, second = tmp_path / "env", account.Ports(), account.Ports(14566, 14567, 14568)
    assert not account.written_for(file, first)
    seeded = Seeded(("AKIALOCALALICE", "secret"), {})
    for ports in (first, second):
        account.write_environment(file, ports, seeded, tmp_path)
    assert account.written_for(file, second)
    assert not account.written_for(file, first)
