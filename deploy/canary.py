"""The smoke check: does what was deployed answer, run the artefact, and close what somebody opens?"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.credentials import Credentials

from chalicelib import scope
from chalicelib.journal import Journal
from chalicelib.model import Aws, AwsError, Finding, Mode, ParapetError, Violation

GUARDRAIL = "ec2_security_group_open"
PORT, WORLD = 22, "0.0.0.0/0"
POLL = 2.0
# New roles and functions need a while until all of AWS knows them.
SETTLING = 90.0
# CloudTrail tells EventBridge within a minute or two as a rule.
PATIENCE = 300.0
PERMISSION = {"IpProtocol": "tcp", "FromPort": PORT, "ToPort": PORT, "IpRanges": [{"CidrIp": WORLD}]}


class Answer(Protocol):
    """What an HTTP request is answered with."""

    status_code: int

    @property
    def content(self) -> bytes:
        """The body."""
        ...


Send = Callable[[AWSPreparedRequest], Answer]


class NotWell(ParapetError):
    """A deployment that does not do what it should; the text says what was seen, and where to look."""


@dataclass(frozen=True)
class Clock:
    """Time that passes, and waiting for it."""

    now: Callable[[], float]
    sleep: Callable[[float], None]

    def until(self, seconds: float, look: Callable[[], bool]) -> bool:
        """Look again and again until it is so, or the time is over; returns whether it is so."""
        deadline = self.now() + seconds
        while not look():
            if self.now() >= deadline:
                return False
            self.sleep(POLL)
        return True


# The API


def health(
    url: str, region: str, credentials: Credentials, send: Send, clock: Clock, stage: str, version: str
) -> Mapping[str, Any]:
    """Ask the API for a token, signed, and with it for its health, until it is well; returns the answer.

    Args:
        url: the API's, as the stack tells it.
        region: which it is in.
        credentials: of who asks.
        send: sends a request.
        clock: how long that may take.
        stage: which stage must answer.
        version: which version of Parapet must answer.

    Raises:
        NotWell: with what it answered last.
    """
    base = url.rstrip("/")
    last: list[str] = []
    found: dict[str, Any] = {}

    def answered(method: str, path: str, token: str = "") -> Mapping[str, Any] | None:
        request = AWSRequest(method, f"{base}{path}")
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        else:
            SigV4Auth(credentials, "execute-api", region).add_auth(request)
        answer = send(request.prepare())
        shown = "" if not token and answer.status_code == 200 else answer.content[:300].decode("utf-8", "replace")
        last[:] = [f"{method} {base}{path} answers {answer.status_code} {shown}"]
        return _document(answer.content) if answer.status_code == 200 else None

    def well() -> bool:
        given = answered("POST", "/v1/token")
        document = answered("GET", "/v1/health", str(given.get("token", ""))) if given else None
        if document is None:
            return False
        seen = {name: document.get(name) for name in ("stage", "version", "status")}
        last[:] = [f"GET {base}/v1/health answers 200 {seen}, not stage {stage}, version {version}, status ok"]
        found.update(document)
        return seen == {"stage": stage, "version": version, "status": "ok"}

    if not clock.until(SETTLING, well):
        raise NotWell(last[0])
    return found


def _document(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def code(aws: Aws, functions: Iterable[str], sha256: str) -> int:
    """Check that every function runs the artefact; returns how many. Raises NotWell, AwsError.

    Args:
        aws: calls to where they are.
        functions: their names.
        sha256: the artefact's hash, in hexadecimal.
    """
    wanted = base64.b64encode(bytes.fromhex(sha256)).decode()
    names = sorted(functions)
    for name in names:
        found = aws("lambda", "get_function_configuration", FunctionName=name)
        if found["CodeSha256"] != wanted:
            raise NotWell(f"{name} runs other code than the artefact: {found['CodeSha256']}, not {wanted}")
    if not names:
        raise NotWell("the stack has no functions")
    return len(names)


# The canary


@dataclass(frozen=True)
class Song:
    """What became of the canary: the group, seconds until Parapet closed or reported it, and the finding if any."""

    group: str
    seconds: float
    closed: bool
    finding: Finding | None


def vpc(aws: Aws, wanted: str) -> str:
    """Return the VPC that is meant: an id, or `default` for the region's own; raises ParapetError, AwsError."""
    default: dict[str, Any] = {"Filters": [{"Name": "is-default", "Values": ["true"]}]}
    filters = default if wanted == "default" else {"VpcIds": [wanted]}
    absent = ("InvalidVpcID.NotFound", "InvalidVpcID.Malformed", "InvalidVpcId.Malformed")
    found = aws("ec2", "describe_vpcs", absent=absent, **filters).get("Vpcs") or []
    if not found:
        raise ParapetError(f"there is no VPC {wanted} in {aws.region}: {choice(aws)}")
    return str(found[0]["VpcId"])


def choice(aws: Aws) -> str:
    """Return as text where the canary could live; raises AwsError."""
    there = [str(one["VpcId"]) for one in aws.all("ec2", "describe_vpcs", "Vpcs")]
    return f"CANARY_VPC= takes one of {', '.join(sorted(there)) or 'none, since there is no VPC'}; NO_CANARY=1 none"


def sing(
    aws: Aws, journal: Journal, home: str, mode: Mode, stage: str, clock: Clock, warn: Callable[[str], None]
) -> Song:
    """Open a throw-away security group to the world and wait until Parapet deals with it; the group always goes.

    It is attached to nothing, so that nothing can be reached through it.

    Args:
        aws: calls to where Parapet runs, in the name of who deploys.
        journal: Parapet's.
        home: the VPC in which the group is made.
        mode: the guardrail's for events: where it fixes, the rule must go; else a finding must come.
        stage: which is named in the group's name.
        clock: how long that may take.
        warn: tells when the group could not be deleted.

    Raises:
        NotWell: when Parapet does not deal with it in time.
        AwsError: when the group cannot be made.
    """
    violation = Violation(GUARDRAIL, aws.account, aws.region, "", "")
    paused = scope.paused(journal.pauses(), violation, clock.now()) is not None
    fixes = mode == "enforce" and not paused
    name = f"parapet-canary-{stage}-{secrets.token_hex(4)}"
    about = f"Canary of Parapet's stage {stage}: opened to see it closed, then deleted"
    group = str(aws("ec2", "create_security_group", GroupName=name, Description=about, VpcId=home)["GroupId"])
    try:
        started = clock.now()
        aws("ec2", "authorize_security_group_ingress", GroupId=group, IpPermissions=[PERMISSION])
        findings: list[Finding] = []

        def dealt_with() -> bool:
            findings[:] = [one for one in journal.by_resource(group) if one.violation.guardrail == GUARDRAIL]
            # Whoever deploys may be exempted, as a deployment role often is.
            if not fixes or any(one.status == "exempted" for one in findings):
                return bool(findings)
            # That no rule is seen could also be an old answer of EC2's, or somebody else's doing.
            return any(one.status == "fixed" for one in findings) and not _open(aws, group)

        done = clock.until(PATIENCE, dealt_with)
        seconds = clock.now() - started
        if not done:
            raise NotWell(_silence(group, findings, seconds))
        finding = next(iter(findings), None)
        return Song(group, seconds, finding is not None and finding.status == "fixed", finding)
    finally:
        _remove(aws, group, warn)


def _open(aws: Aws, group: str) -> bool:
    rules = aws.all(
        "ec2", "describe_security_group_rules", "SecurityGroupRules",
        Filters=[{"Name": "group-id", "Values": [group]}],
    )  # fmt: skip
    return any(not rule["IsEgress"] for rule in rules)


def _silence(group: str, findings: list[Finding], seconds: float) -> str:
    waited = f"{seconds:.0f} s after port {PORT} of {group} was opened to the world"
    if not findings:
        return f"{waited}, Parapet has not seen it: is a trail logging? ./parapet doctor says what is missing"
    last = findings[0]
    note = f" ({last.history[-1].note})" if last.history[-1].note else ""
    return f"{waited}, it is still open: finding {last.id} is {last.status}{note}"


def _remove(aws: Aws, group: str, warn: Callable[[str], None]) -> None:
    try:
        aws("ec2", "delete_security_group", GroupId=group)
    except AwsError as error:
        warn(f"the canary's group stays: {error}. Delete it: aws ec2 delete-security-group --group-id {group}")
