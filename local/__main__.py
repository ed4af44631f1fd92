"""`make up`: start the local account, say what to try, show what Parapet does, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

started = time.monotonic()

PORTS = {"PARAPET_PORT": "4566", "PARAPET_INBOX_PORT": "4567", "PARAPET_API_PORT": "4568"}
ENVIRONMENT = Path(__file__).with_name("env")
TRY = """
  Parapet watches the account on http://127.0.0.1:{aws}. What people get in Slack, PagerDuty and by e-mail, buttons
  included: http://127.0.0.1:{inbox}
  The page for whoever is on call, which asks for a token: http://127.0.0.1:{api}/api/
  Its HTTP API (docs/api.md): http://127.0.0.1:{api}/api/v1/

  In another terminal, here:

    . {environment}
    aws ec2 authorize-security-group-ingress --group-id $SG --protocol tcp --port 22 --cidr 0.0.0.0/0
    aws s3api delete-public-access-block --bucket $BUCKET
    aws cloudtrail stop-logging --name $TRAIL
    aws ec2 modify-snapshot-attribute --snapshot-id $SNAPSHOT --create-volume-permission 'Add=[{{Group=all}}]'
    ./parapet journal
    ./parapet changes
    ./parapet who StopLogging
    ./parapet fire alarm    (or storm, budget, health, guardduty … : `./parapet fire --help`)
    ./parapet token --operate
    ./parapet chaos shop 500s    (or latency, db-connections, targets-down … : `./parapet chaos --help`)
    ./parapet explain shop
    ./parapet query

  Everything that Parapet does shows below. Ctrl-C ends it.
"""


def main() -> int:
    """Run the local account until it is told to stop; returns the exit code."""
    try:
        numbers = chosen_ports(os.environ)
    except ValueError as error:
        print(f"make up: {error}", file=sys.stderr)
        return 1
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.pop(name, None)
    from chalicelib import registry, settings
    from chalicelib.model import ParapetError
    from local.account import LocalAccount, Ports, PortTaken, chosen_settings, write_environment, written_for

    environment = Path(os.environ.get("PARAPET_ENV_FILE", ENVIRONMENT))
    written = environment.with_name("parapet.toml")
    own = None if chosen_settings(written) else written
    if own and (stale := os.environ.pop("PARAPET_SETTINGS", "")):
        say(f"not read: {stale}, which an earlier `make up` wrote; PARAPET_SETTINGS is for a settings file of yours")
    ports = Ports(*numbers)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    account = LocalAccount(ports, say, settings=own, systems=True)
    try:
        settings.load(os.environ, registry.names(), registry.load())
        seeded = account.start()
    except (PortTaken, ParapetError) as error:
        print(f"make up: {error}", file=sys.stderr)
        return 1
    write_environment(environment, ports, seeded, ENVIRONMENT.with_name("bin"))
    sourced = environment.resolve()
    here = sourced.relative_to(Path.cwd()) if sourced.is_relative_to(Path.cwd()) else sourced
    print(TRY.format(aws=ports.aws, inbox=ports.inbox, api=ports.api, environment=here), flush=True)
    say(f"ready in {time.monotonic() - started:.1f} s")
    # The kernel may give a signal to any thread, and Python acts on it in this one only: it has to wake up for that.
    while not stopping.wait(0.5):
        pass
    say("stopping")
    account.stop()
    # Another local account that was started since has written its own over them.
    if written_for(environment, ports):
        for file in filter(None, (environment, own)):
            file.unlink(missing_ok=True)
    return 0


def chosen_ports(variables: Mapping[str, str]) -> list[int]:
    """Return the ports that variables choose; raises ValueError naming the one to mend."""
    found: dict[int, str] = {}
    for name, shipped in PORTS.items():
        text = variables.get(name) or shipped
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
            raise ValueError(f"{name} is {text!r}: write a port from 1 to 65535, such as {name}={shipped}")
        port = int(text)
        if port in found:
            raise ValueError(f"{found[port]} and {name} are both {port}: each needs a port of its own")
        found[port] = name
    return list(found)


def say(line: str) -> None:
    """Print one live line, whole even where threads say something at once."""
    print(f"{time.strftime('%H:%M:%S')}  {line}\n", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
