"""The local account: one process in which moto, its missing CloudTrail, and the deployed handlers work together."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from string import Template
from typing import Any, TextIO, cast

import boto3
import botocore.session
from moto.backends import get_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from chalicelib import registry, reverting, settings, wiring
from chalicelib.api import services as watching
from chalicelib.aws import AccountAws, Clients
from chalicelib.journal import Journal
from local import ailing, costs, gateway, pagerduty, promises, runtime, seams, seed, sign_in, stack, states
from local.cloudwatch import api
from local.cloudwatch.alarms import Alarms
from local.cloudwatch.clock import Clock
from local.cloudwatch.store import Store
from local.costs import CostExplorer
from local.delivery import Bus, Poller, Ticker
from local.deployment import Deployment, Function, load
from local.gateway import Gateway
from local.iam import intrinsics
from local.iam.enforcer import Enforcer
from local.inbox import Inbox
from local.inside import clients
from local.interactivity import App, Interactivity
from local.log import Log
from local.lookup import History
from local.mailbox import Mailbox
from local.moving import Moving
from local.pagerduty import PagerDutyStandIn
from local.querying import Querying
from local.roles import Roles, world
from local.runtime import Lambdas
from local.seed import INSTALLER_KEY
from local.signature import given_out
from local.slack import SlackStandIn
from local.systems import resources
from local.systems.running import Running
from local.topics import TopicPoller, subscribed
from local.trail import Identities, Identity, Trail, group
from local.watch import Watch
from local.workspace import ALICE, BOB
from local.xray import XRay

ACCOUNT, REGION, STAGE = "123456789012", "eu-west-1", "local"
SLACK_TOKEN, SLACK_SIGNING_SECRET = "xoxb-local-account", "local-signing-secret"
# What holds the outbox's notices: the terminal shows what passes.
CHANNELS = ("SlackQueue", "PagerDutyQueue", "EmailQueue")
PAGERDUTY_KEY = "/parapet/pagerduty-routing-key"
ON_CALL = "oncall@example.com"
# Beside the shipped settings.
ROUTES = Path(__file__).with_name("routes.toml")
SERVICES = Path(__file__).parent / "systems" / "services.toml"
# Of the keys that are known before IAM has given out any: root's and the installer's.
SECRET = "local"
BOB_KEY = "AKIALOCALBOB00000000"
# How a settings file ends that `make up` wrote.
WRITTEN = "\n# Written by `make up` for the account that it started.\n"


class PortTaken(Exception):
    """A port that the local account needs belongs to another program."""


@dataclass(frozen=True)
class Ports:
    """Where the account answers: AWS on one port, the inbox on another, Parapet's HTTP API on the third."""

    aws: int = 4566
    inbox: int = 4567
    api: int = 4568


@dataclass
class LocalAccount:
    """Start it, use it over the wire, stop it; `settings` is where its own settings file is written, if it has one."""

    ports: Ports
    say: Callable[[str], None]
    retry_after: tuple[float, ...] = runtime.RETRY_AFTER
    resources: Mapping[str, str] = field(default_factory=dict)
    settings: Path | None = None
    # Whether the sample systems run; they cost two seconds at the start.
    systems: bool = False

    def start(self) -> seed.Seeded:
        """Bring everything up and return the seeded resources' ids; raises PortTaken, DeploymentError."""
        for port in (self.ports.aws, self.ports.inbox, self.ports.api):
            _free(port)
        seams.shared_models()
        self._prepare_environment()
        seams.cheap_transactions()
        seams.kept_metadata_options()
        seams.told_access()
        seams.unread_conditions()
        seams.account_settings()
        self.clock = Clock()
        api.plug_in(self.clock)
        ailing.plug_in()
        costs.plug_in(CostExplorer(time.time))
        seed.managed_policies(ACCOUNT)
        moto = seams.OneAtATime(DomainDispatcherApplication(create_backend_app))
        self._lock, self._inside = moto.lock, clients(moto, self._boto)
        inside = self._inside
        ids = resources.create(inside, ACCOUNT) if self.systems else {}
        # Not before: another local account may be using this file.
        if self.settings:
            write_settings(self.settings, ids, f"http://127.0.0.1:{self.ports.api}/{gateway.STAGE}/")
        plain = f"http://127.0.0.1:{self.ports.inbox}/integration/{pagerduty.KEY}/enqueue"
        chosen = settings.load(os.environ, registry.names(), registry.load())
        deployment = load(STAGE, given={"PageEmail": ON_CALL, "PagerDutyUrl": plain}, chosen=chosen)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._servers: list[BaseWSGIServer] = []
        self.identities = _identities(deployment)
        log = cast(TextIO, Log(self.say, verbose=bool(os.environ.get("PARAPET_VERBOSE"))))
        self.lambdas = Lambdas(ACCOUNT, REGION, deployment.retries, self._failed, self.say, self.retry_after, log)
        queues = [(one.pattern, partial(self._forward, one.queue)) for one in deployment.forwards]
        self.bus = Bus(deployment.rules, self.lambdas, self._logging, queues)
        alarms = Alarms(ACCOUNT, self.bus.publish, self.say, self.clock, moto.lock)
        alarms.plug_in()
        self.trail = Trail(
            moto,
            self.identities,
            self._called,
            account=ACCOUNT,
            put_events=self.bus.publish,
            complain=self.say,
        )
        self.watch, self.history = Watch(self.say), History(self.clock.told)
        self.history.plug_in()
        self.running = Running(self.clock, self._metrics, inside, self._bob(), ids, self.say, _forget) if ids else None
        XRay(ACCOUNT, lambda: self.clock.shift, *filter(None, (self.running,))).plug_in()
        moving = Moving(self.clock)
        Querying(move=moving.lines).plug_in()
        self._open = False
        self._serve(self.ports.aws, self.trail, request_handler=_AwsRequests)
        seeded = self._install(deployment)
        moving.plug_in(os.environ["PARAPET_LEDGER"], os.environ["PARAPET_TABLE"])
        if self.running:
            self.running.start()
        # Not before there is something to judge them by.
        promises.keep(self._boto.client, chosen.services, STAGE, ACCOUNT, REGION)
        if self.running:
            # A month of history takes a while: what people stand waiting for comes first.
            self._run("sample systems", self.running.run)
        self._run("alarms", alarms.run)
        self._open = True
        for schedule in deployment.schedules:
            # On AWS these come after minutes; here somebody stands waiting, and may ask the doctor, or what is whole.
            if schedule.function.name in ("heartbeat", "evidence"):
                self.ticker.tick(schedule)
        return seeded

    def stop(self) -> None:
        """Let what runs come to its end and free the ports."""
        self._stopping.set()
        self.lambdas.stop()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join(5)

    def client(self, service: str) -> Any:
        """Return a client of the installer, over the wire like everybody's."""
        make: Any = self._boto.client
        return make(service)

    # Bringing it up

    def _metrics(self, region: str) -> Store:
        return api.store(ACCOUNT, region or REGION)

    def _bob(self) -> Callable[[str], Any]:
        """Return clients of bob, who deploys: over the wire, like everybody's."""
        self.identities.add(BOB_KEY, Identity(seed.user(ACCOUNT, "bob", BOB_KEY), "198.51.100.23"))
        session = boto3.Session(BOB_KEY, SECRET, region_name=REGION)

        def client(service: str) -> Any:
            make: Any = session.client
            return make(service)

        return client

    def _prepare_environment(self) -> None:
        endpoint = _endpoint(self.ports)
        os.environ.update(
            AWS_ENDPOINT_URL=endpoint,
            AWS_REGION=REGION,
            AWS_DEFAULT_REGION=REGION,
            AWS_EC2_METADATA_DISABLED="true",
            PARAPET_SLACK_URL=f"http://127.0.0.1:{self.ports.inbox}/api/",
            PARAPET_PAGERDUTY_URL=f"http://127.0.0.1:{self.ports.inbox}/v2/enqueue",
        )
        self._boto = boto3.Session(INSTALLER_KEY, SECRET, region_name=REGION)
        self._boto.events.register("before-send.s3-control", runtime.without_account)

    def _install(self, deployment: Deployment) -> seed.Seeded:
        mailbox = Mailbox()
        seams.delivered_mail(mailbox.deliver)
        self.resources = stack.create(self.client, deployment, f"parapet-{STAGE}")
        os.environ.update(stack.environment(deployment, self.resources))
        filled = (self.resources[one.queue] for one in deployment.forwards)
        seams.put_events_once(frozenset(url.rsplit("/", 1)[-1] for url in filled))
        for variable, value in (("TOKEN", SLACK_TOKEN), ("SIGNING_SECRET", SLACK_SIGNING_SECRET)):
            name = os.environ[f"PARAPET_SLACK_{variable}"]
            self.client("ssm").put_parameter(Name=name, Value=value, Type="SecureString")
        self.client("ssm").put_parameter(Name=PAGERDUTY_KEY, Value=pagerduty.KEY, Type="SecureString")
        keys = {function.name: _key(function) for function in deployment.functions}
        session = runtime.session(keys)
        self._judge(session, deployment)
        connect = Clients(session)
        wiring.use(connect)
        self._functions_sns = connect("sns", REGION)
        self._destination = self.resources[deployment.failures]
        seeded = seed.seed(self.client, ACCOUNT)
        alice = seeded.alice[0]
        self.identities.add(alice, Identity(seed.user(ACCOUNT, "alice", alice), "198.51.100.7"))
        self._consume(deployment)
        self.ticker = Ticker(deployment.schedules, self.lambdas, ACCOUNT, REGION)
        self._run("schedules", self.ticker.run)
        slacks = self._interactivity(SlackStandIn(token=SLACK_TOKEN))
        inbox = Inbox(slacks, self._sign_in, PagerDutyStandIn(), mailbox, self.bus.publish, self.running)
        self._serve(self.ports.inbox, inbox, request_handler=_Requests)
        self._serve(self.ports.api, self._gateway(deployment), request_handler=_Requests)
        self._run("warming", lambda _stopping: _warm(connect))
        return seeded

    def _judge(self, session: botocore.session.Session, deployment: Deployment) -> None:
        """Have every function do what its deployed policy allows, and no more, as on AWS."""
        pseudo = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}
        known = intrinsics.stack(deployment.template, {**pseudo, **self.resources})
        roles = Roles(wiring.configured(registry.load(), ACCOUNT), ACCOUNT, known)
        enforcer = Enforcer(session)
        enforcer.world = world(deployment.template, known, ACCOUNT)
        for function in deployment.functions:
            enforcer.know(_key(function), roles.role(function.name))

    def _consume(self, deployment: Deployment) -> None:
        # The mapping's own polling is AWS's doing, not a call of ours, and so goes under the installer's key.
        arrived = partial(seams.arrived, REGION)
        for source in deployment.queues:
            queue = self.resources[source.resource]
            sqs = self.client("sqs")
            saw = self._noticed if source.resource in CHANNELS else lambda _body: None
            poller = Poller(sqs, queue, source.function, source.batch, self.lambdas, self.say, arrived, saw)
            self._run(source.function.name, poller.run)
        for source in deployment.topics:
            sqs = self.client("sqs")
            queue = subscribed(self.client("sns"), sqs, self.resources[source.resource], source.function)
            topic = TopicPoller(sqs, queue, source.function, source.batch, self.lambdas, self.say, arrived)
            self._run(source.function.name, topic.run)

    def _interactivity(self, slack: SlackStandIn) -> Interactivity:
        api = f"http://127.0.0.1:{self.ports.api}/{gateway.STAGE}/v1/slack"
        app = App(f"{api}/actions", f"{api}/command", SLACK_SIGNING_SECRET)
        return Interactivity(slack, app, f"http://127.0.0.1:{self.ports.inbox}")

    def _gateway(self, deployment: Deployment) -> Gateway:
        secret = given_out(ACCOUNT, dict.fromkeys(seed.people(ACCOUNT), SECRET))
        return Gateway(deployment, self.lambdas, self.identities, secret, ACCOUNT, REGION, self.say)

    def _serve(self, port: int, app: Any, **options: Any) -> None:
        server = make_server("127.0.0.1", port, app, threaded=True, **options)
        server.daemon_threads = True  # type: ignore[attr-defined]
        self._servers.append(server)
        thread = threading.Thread(target=server.serve_forever, name=f"port {port}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _run(self, name: str, loop: Callable[[threading.Event], None]) -> None:
        thread = threading.Thread(target=loop, args=(self._stopping,), name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    # What happens in it

    def _called(self, event: dict[str, Any]) -> None:
        if self._open:
            self.watch.called(event, time.time())
            self.history.remember(event["detail"])
            with self._lock:
                group.write(ACCOUNT, event["detail"])
            self.bus.publish(event)
            for change in states.changes(event):
                self.bus.publish(change)

    def _forward(self, queue: str, body: str) -> None:
        # EventBridge's doing, which takes whoever made the call no time.
        self._inside("sqs").send_message(QueueUrl=self.resources[queue], MessageBody=body)

    def _logging(self) -> bool:
        regions = get_backend("cloudtrail")[ACCOUNT]
        return any(trail.status.is_logging for region in regions.values() for trail in region.trails.values())

    def _failed(self, function: Function, record: dict[str, Any]) -> None:
        self._functions_sns.publish(TopicArn=self._destination, Message=json.dumps(record))

    def _noticed(self, body: str) -> None:
        self.watch.noticed(body, self._journal())

    def _journal(self) -> Journal:
        ours = AccountAws(lambda service, _region: self.client(service), ACCOUNT, REGION)
        return Journal(ours, os.environ["PARAPET_TABLE"])

    def _sign_in(self, user: str, mfa: bool) -> str:
        self.bus.publish(sign_in.event(ACCOUNT, user, mfa=mfa, at=time.time()))
        return f"{user} signed in {'with' if mfa else 'without'} MFA"


class _Requests(WSGIRequestHandler):
    """Requests without a log line for each."""

    def log_request(self, *_: Any) -> None:
        return


class _AwsRequests(_Requests, MotoRequestHandler):  # type: ignore[misc]
    """moto's requests, without a log line for each."""


def _warm(connect: Clients) -> None:
    """Make the clients that the guard functions use, so that the first change is put right as fast as the next."""
    for service in ("ec2", "dynamodb", "sqs", *registry.services()):
        if service != "signin":
            connect(service, REGION)


def _key(function: Function) -> str:
    return "ASIALOCAL" + function.name.upper().replace("_", "")


def _identities(deployment: Deployment) -> Identities:
    known = Identities()
    for key, person in seed.people(ACCOUNT).items():
        known.add(key, person)
    for function in deployment.functions:
        known.add(_key(function), Identity(_role_session(function), "198.51.100.64"))
    return known


def _role_session(function: Function) -> dict[str, Any]:
    role = f"arn:aws:iam::{ACCOUNT}:role/{function.role}"
    return {
        "type": "AssumedRole",
        "principalId": f"AROALOCAL:{function.name}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{function.role}/{function.name}",
        "accountId": ACCOUNT,
        "accessKeyId": _key(function),
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROALOCAL",
                "arn": role,
                "accountId": ACCOUNT,
                "userName": function.role,
            },
            "attributes": {"creationDate": "2026-01-01T00:00:00Z", "mfaAuthenticated": "false"},
        },
    }


def _forget() -> None:
    """Have the API read all metrics anew: it knows points by the wall's time, and the metrics' clock has moved."""
    watching.watch.cache_clear()
    watching.alarms.cache_clear()


def _free(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTaken(
                f"port {port} is taken ({error.strerror}): stop what uses it "
                f"(`ss -ltnp 'sport = :{port}'` shows it), or choose others with "
                "PARAPET_PORT, PARAPET_INBOX_PORT and PARAPET_API_PORT"
            ) from None


def write_settings(path: Path, ids: Mapping[str, str] | None = None, page: str = "") -> None:
    """Write the shipped settings, with who is who in Slack, routes and the sample systems, and have them used here.

    What takes changes back asks here, where it is off otherwise.

    `ids` are those of the sample systems' resources; without any there are no such systems. `page` is where Parapet's
    page is.
    """
    shipped = settings.FILE.read_text("utf-8")
    known = tomllib.loads(shipped).get("people", {})
    people = [
        f'\n[people.{one.name}]\nslack = "{one.id}"\nemail = "{one.email}"\n'
        f'aws = ["arn:aws:iam::{ACCOUNT}:user/{one.name}"]\n'
        for one in (ALICE, BOB)
        if one.name not in known
    ]
    reverts = [f'\n[guardrails.{one.name}]\nmode = "approve"\n' for one in reverting.rails()]
    services = Template(SERVICES.read_text("utf-8")).substitute(ids) if ids else ""
    further = f'\n[alerts]\npage = "{page}"\n' if page else ""
    path.write_text(
        "".join((shipped, *people, *reverts, further, ROUTES.read_text("utf-8"), services, WRITTEN)), "utf-8"
    )
    os.environ["PARAPET_SETTINGS"] = str(path)


def chosen_settings(own: Path) -> Path | None:
    """Return the settings file that somebody chose (PARAPET_SETTINGS); None where it is what `make up` wrote.

    Whoever sourced what the last account wrote still has it in the environment, with the ids of that account. `own` is
    where this one's is written.
    """
    if not (named := os.environ.get("PARAPET_SETTINGS")):
        return None
    path = Path(named)
    if path.is_file():
        return None if path.read_text("utf-8").endswith(WRITTEN) else path
    # Removed when that account ended.
    return None if path.resolve() == own.resolve() else path


def _endpoint(ports: Ports) -> str:
    return f"http://127.0.0.1:{ports.aws}"


def write_environment(path: Path, ports: Ports, seeded: seed.Seeded, binaries: Path) -> None:
    """Write the file that a person sources to work in the account as alice."""
    lines = {
        "AWS_ENDPOINT_URL": _endpoint(ports),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": seeded.alice[0],
        "AWS_SECRET_ACCESS_KEY": seeded.alice[1],
        "AWS_PAGER": "",
        "PARAPET_STAGE": STAGE,
        "PARAPET_TABLE": os.environ["PARAPET_TABLE"],
        "PARAPET_LEDGER": os.environ["PARAPET_LEDGER"],
        "PARAPET_API_URL": f"http://127.0.0.1:{ports.api}/{gateway.STAGE}",
        "PARAPET_SLACK_URL": os.environ["PARAPET_SLACK_URL"],
        "PARAPET_PAGERDUTY_URL": os.environ["PARAPET_PAGERDUTY_URL"],
        "PARAPET_INBOX_URL": f"http://127.0.0.1:{ports.inbox}",
        "PARAPET_SETTINGS": os.environ.get("PARAPET_SETTINGS", ""),
        **seeded.variables,
    }
    text = "# Written by `make up`: work in the local account as alice.\n"
    text += "".join(f"export {name}='{value}'\n" for name, value in lines.items())
    text += "unset AWS_SESSION_TOKEN AWS_PROFILE\n"
    text += f'case ":$PATH:" in *":{binaries}:"*) ;; *) export PATH=\'{binaries}\':"$PATH" ;; esac\n'
    path.write_text(text, "utf-8")


def written_for(path: Path, ports: Ports) -> bool:
    """Whether the file that a person sources is there, and leads to the account on these ports."""
    return path.exists() and f"export AWS_ENDPOINT_URL='{_endpoint(ports)}'\n" in path.read_text("utf-8")
