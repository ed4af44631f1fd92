"""Rights that widen need a reason: the record of what was accepted, and what fails when it is not enough."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chalicelib import registry, settings
from chalicelib.model import ORIGINS
from deploy import accept
from deploy.accept import FILE, granted, main, stale, unaccepted

SHIPPED = settings.load({}, registry.names(), registry.load())
THERE = granted(SHIPPED)
ROLE = "parapet-${Stage}-guard-kms"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A record of all that the committed settings grant."""
    path = tmp_path / "accepted.json"
    path.write_text(json.dumps({role: dict.fromkeys(grants, "2026-11-21: first") for role, grants in THERE.items()}))
    return path


def change(file: Path, role: str, grant: str, note: str | None) -> None:
    """Accept a grant, or take its acceptance away."""
    record = json.loads(file.read_text())
    record.setdefault(role, {}).pop(grant, None)
    if note:
        record[role][grant] = note
    file.write_text(json.dumps(record))


class TestChecking:
    def test_passes_when_all_is_accepted(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--check"], file) == 0
        assert capsys.readouterr() == ("", "")

    def test_fails_naming_what_is_new_and_the_command(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        [grant] = [one for one in THERE[ROLE] if one.startswith("kms:ScheduleKeyDeletion")]
        change(file, ROLE, grant, None)
        assert main(["--check"], file) == 1
        lines = capsys.readouterr().err.splitlines()
        assert lines == [
            f"{ROLE} may do more than was accepted: {grant}",
            'Narrow them, or accept them with a reason that others will read: make accept WHY="…"',
        ]
        assert "kms:ScheduleKeyDeletionPendingWindowInDays = 30" in grant

    def test_fails_for_what_is_no_longer_granted(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        change(file, ROLE, "kms:DeleteAlias on *", "2026-11-21: long ago")
        assert main(["--check"], file) == 1
        assert f"{ROLE} may no longer: kms:DeleteAlias on *" in capsys.readouterr().err

    def test_fails_without_a_record(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--check"], tmp_path / "none.json") == 1
        assert len(capsys.readouterr().err.splitlines()) == 1 + sum(map(len, THERE.values()))


class TestAccepting:
    def test_adds_what_is_new_with_the_reason_and_keeps_the_other_notes(self, file: Path) -> None:
        grant = THERE[ROLE][0]
        change(file, ROLE, grant, None)
        assert main(["it", "reads keys"], file) == 0
        record = json.loads(file.read_text())
        assert record[ROLE][grant].endswith(": it reads keys")
        assert {note for role in record.values() for note in role.values()} == {
            "2026-11-21: first", record[ROLE][grant],
        }  # fmt: skip
        assert main(["--check"], file) == 0

    def test_forgets_what_is_gone_without_asking_for_a_reason(self, file: Path) -> None:
        change(file, ROLE, "kms:DeleteAlias on *", "2026-11-21: long ago")
        change(file, "parapet-${Stage}-old", "a:B on *", "2026-11-21: long ago")
        assert main([""], file) == 0
        record = json.loads(file.read_text())
        assert "kms:DeleteAlias on *" not in record[ROLE]
        assert "parapet-${Stage}-old" not in record

    @pytest.mark.parametrize("why", [[], [""], ["  "], ["--help"]])
    def test_of_what_is_new_needs_a_reason(
        self, file: Path, why: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        change(file, ROLE, THERE[ROLE][0], None)
        before = file.read_text()
        assert main(why, file) == 2
        assert 'make accept WHY="…"' in capsys.readouterr().err
        assert file.read_text() == before


class TestWhatIsGranted:
    def test_has_every_role_of_the_hub_and_of_a_member(self) -> None:
        for function in ("guard-ec2", "notify", "api-handler", "heartbeat", "member-ec2", "member-kms"):
            assert THERE[f"parapet-${{Stage}}-{function}"]

    def test_is_more_when_a_mode_widens(self) -> None:
        watching = granted(settings.Settings(default_mode="observe"))
        new = unaccepted(THERE, {role: dict.fromkeys(grants, "") for role, grants in watching.items()})
        assert {role for role, _ in new} >= {"parapet-${Stage}-guard-ec2", "parapet-${Stage}-member-ec2"}
        assert all("never" not in grant for role, grant in new if "guard" in role)

    def test_is_more_when_a_condition_goes(self) -> None:
        mode = {"mode": dict.fromkeys(ORIGINS, "enforce")}
        elsewhere = granted(settings.Settings(regions=("eu-north-1",), guardrails={"kms_key_disabled": mode}))
        record = {role: dict.fromkeys(grants, "") for role, grants in THERE.items()}
        assert any("eu-north-1" in grant for _, grant in unaccepted(elsewhere, record))
        assert stale(elsewhere, record)

    def test_names_nothing_of_an_account(self) -> None:
        for grants in THERE.values():
            assert not [grant for grant in grants if "123456789012" in grant]

    def test_is_accepted(self) -> None:
        """The committed record itself: `make lint` says more."""
        assert FILE.exists(), 'make accept WHY="…"'
        assert unaccepted(THERE, json.loads(FILE.read_text("utf-8"))) == []


def test_the_record_is_sorted_and_readable(tmp_path: Path) -> None:
    path = tmp_path / "accepted.json"
    assert main(["everything, the first time"], path) == 0
    text = path.read_text("utf-8")
    assert json.loads(text).keys() == accept.granted(SHIPPED).keys()
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
