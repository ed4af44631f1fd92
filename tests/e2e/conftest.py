"""The local account as `make up` starts it, and the real `aws` CLI to work in it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.workspace import ALICE

ROOT = Path(__file__).parent.parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_ports() -> dict[str, str]:
    """Ports for a local account of one's own, by the variable that chooses each."""
    return {name: str(free_port()) for name in ("PARAPET_PORT", "PARAPET_INBOX_PORT", "PARAPET_API_PORT")}


def clean_environment(**more: str) -> dict[str, str]:
    """The environment of a person who has nothing of AWS set."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PARAPET_", "MOTO_"))}
    return {**kept, **more}


@dataclass
class Terminal:
    """A person's terminal, after `. local/env`."""

    process: subprocess.Popen[str]
    environment: dict[str, str]
    inbox_port: int
    log: Path

    def run(self, command: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command line with the environment's variables in it."""
        text = command
        for name, value in self.environment.items():
            text = text.replace(f"${name}", value)
        done = subprocess.run(
            shlex.split(text), env=self.environment, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
        )
        assert not check or done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done

    def json(self, command: str) -> Any:
        """Run a command and read its JSON."""
        out = self.run(command).stdout
        return json.loads(out) if out.strip() else None

    def journal(self, guardrail: str) -> list[dict[str, Any]]:
        """The findings of a guardrail, newest first."""
        return self.findings(f"--guardrail {guardrail}")

    def findings(self, which: str) -> list[dict[str, Any]]:
        """The findings that `./parapet journal` lists, newest first."""
        found: list[dict[str, Any]] = self.json(f"./parapet journal {which} --json")["findings"]
        return found

    def inbox(self) -> str:
        """Everything that the inbox shows, as text."""
        return json.dumps(self.slack())

    def slack(self, user: str = ALICE.id) -> dict[str, Any]:
        """What somebody sees in Slack."""
        with urllib.request.urlopen(f"{self._inbox}/messages?as={user}", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def post(self, act: str, **body: Any) -> Any:
        """Act in the inbox."""
        data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._inbox}/{act}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def press(self, user: str, action: str, finding: str) -> None:
        """Press a button of a finding's message in the channel, once it is there."""

        def button() -> dict[str, str] | None:
            place = self.slack(user)["places"][0]
            for message in place["messages"]:
                for block in message.get("blocks", ()):
                    for one in block.get("elements", ()):
                        if one.get("action_id") == action and one["value"].startswith(f"{finding}:"):
                            where = {"channel": place["id"], "ts": message["ts"]}
                            return {**where, "action_id": action, "value": one["value"]}
            return None

        self.post("actions", **{"as": user, **eventually(button)})

    @property
    def _inbox(self) -> str:
        return f"http://127.0.0.1:{self.inbox_port}/inbox"

    def lines(self) -> str:
        """What `make up` has printed so far."""
        return self.log.read_text("utf-8")


def eventually(true: Callable[[], Any], seconds: float = 15) -> Any:
    """What a question answers once it answers something."""
    until = time.monotonic() + seconds
    while not (answer := true()):
        assert time.monotonic() < until, "it does not come true"
        time.sleep(0.1)
    return answer


@contextmanager
def up(folder: Path, **variables: str) -> Iterator[Terminal]:
    """A terminal in a local account of its own."""
    log, env = folder / "up.log", folder / "env"
    ports = free_ports()
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "local"],
            env=clean_environment(**ports, PARAPET_ENV_FILE=str(env), **variables),
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        eventually(lambda: "ready in" in log.read_text("utf-8") or process.poll() is not None, 60)
        assert process.poll() is None, log.read_text("utf-8")
        sourced = subprocess.run(
            ["bash", "-c", f". {env} && env -0"], env=clean_environment(), capture_output=True, text=True, check=True
        )
        environment = dict(line.split("=", 1) for line in sourced.stdout.split("\0") if "=" in line)
        yield Terminal(process, environment, int(ports["PARAPET_INBOX_PORT"]), log)
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(20)
    assert code == 0
    assert not env.exists()
    assert "Traceback" not in log.read_text("utf-8")


@pytest.fixture(scope="package")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A terminal in a local account with the settings as they are shipped."""
    with up(tmp_path_factory.mktemp("local")) as one:
        yield one
