"""Each role holds exactly what its function uses: every test runs under the roles, and no right in them is idle."""

from __future__ import annotations

import ast
import copy
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib import registry
from chalicelib.alerts.bindings import Binding
from chalicelib.model import ParapetError
from chalicelib.settings import Accounts as Watched
from chalicelib.settings import Settings
from deploy import rights
from local.iam.enforcer import Role, denial
from local.iam.policy import Need
from local.iam.resources import Place
from tests import playing
from tests.account import TABLE, TestAccount
from tests.api import watched
from tests.functions import test_reports as reporting
from tests.playing import Accounts, Asked
from tests.rights import KNOWN, WORLD, roles
from tests.samples import ACCOUNT, REGION
from tests.scenarios import SCENARIOS

# What `asked` plays takes seconds: one worker does it once.
pytestmark = [pytest.mark.xdist_group("least privilege"), pytest.mark.usefixtures("in_memory")]

TESTS = Path(__file__).parent
SETTINGS = Settings(
    stage="test",
    accounts=Watched(own=ACCOUNT),
    regions=(REGION, "us-east-1"),
    guardrails={r.name: {"mode": dict.fromkeys(r.default, "enforce")} for r in registry.load() if r.can_fix},
    remedies=tuple(Binding(("*",), r.name) for r in registry.load() if r.alarmed),
    services=watched.services(),
    reports=reporting.chosen(),
)
ROLES = roles(SETTINGS)
FUNCTIONS = sorted(ROLES.documents)
SERVICES = sorted(registry.services())
HERE = Place("aws", REGION, ACCOUNT)
THROUGH_SNS = {"kms:viaservice": f"sns.{REGION}.amazonaws.com"}
GUARDS = [name for name in FUNCTIONS if name.startswith("guard_")]


# Which queue a function empties.
EMPTIES = {
    "notify": "SlackQueue.Arn", "notify_pagerduty": "PagerDutyQueue.Arn", "notify_email": "EmailQueue.Arn",
    "alert": "AlertQueue.Arn", "enrich": "EnrichQueue.Arn", "ledger": "LedgerQueue.Arn",
}  # fmt: skip


def log(function: str) -> str:
    name = f"/aws/lambda/parapet-test-{function.replace('_', '-')}"
    return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:log-stream:2026/11/21/[$LATEST]0"


def of_lambda(function: str) -> Iterator[tuple[str, Need]]:
    """What Lambda itself does under a function's role, each with why; no code of ours makes these calls."""
    yield "it makes a stream of the log for each environment", Need("logs:CreateLogStream", (log(function),), {})
    yield "it writes what the function prints", Need("logs:PutLogEvents", (log(function),), {})
    yield "active tracing", Need("xray:PutTraceSegments", ("*",), {})
    yield "active tracing", Need("xray:PutTelemetryRecords", ("*",), {})
    if function in EMPTIES:
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
            yield "the event source mapping of its queue", Need(f"sqs:{action}", (KNOWN[EMPTIES[function]],), {})
    elif function == "failures":
        yield "it keeps what not even this one could tell", Need("sqs:SendMessage", (KNOWN["DeadLetters.Arn"],), {})
    elif function not in ("api_handler", "authorizer"):
        yield "it sends on what it gave up on", Need("sns:Publish", (KNOWN["FailuresTopic"],), {})
        for action in ("Decrypt", "GenerateDataKey"):
            yield "that topic is encrypted", Need(f"kms:{action}", (KNOWN["AlertKey.Arn"],), THROUGH_SNS)


# Rights that no scenario can use, because they are about a second region, which scenarios do not play in.
ELSEWHERE = "aws:RequestedRegion"


@pytest.fixture(scope="module")
def asked(accounts: Accounts) -> Asked:
    return playing.everything(accounts)


def wants(asked: Asked, function: str) -> list[tuple[Place, Need]]:
    """What a function asks for, and what Lambda does in its name."""
    return asked.by(function) + [(HERE, need) for _, need in of_lambda(function)]


def refused(role: Role, place: Place, need: Need) -> str:
    return denial(role, need, place, WORLD)


def narrower(document: rights.Policy) -> Iterator[tuple[str, rights.Policy]]:
    """Every policy that has one action, resource or condition's value less, with what it lacks."""
    for number, statement in enumerate(document["Statement"]):
        for path in places(statement):
            less = copy.deepcopy(document)
            *parents, last = path
            node = less["Statement"][number]
            for key in parents:
                node = node[key]
            lacks = node[last]
            if len(node) > 1:
                del node[last]
            else:
                del less["Statement"][number]
            yield f"{statement['Sid']}: {' '.join(map(str, path[:-1]))} {lacks}", less


def idle(document: rights.Policy, wanted: Sequence[tuple[Place, Need]]) -> list[str]:
    """What a policy could lack without refusing anything that is wanted."""
    found = []
    for lacks, less in narrower(document):
        role = ROLES.holding("a function", less)
        if not any(refused(role, place, need) for place, need in wanted):
            found.append(lacks)
    return found


def places(statement: Any) -> Iterator[tuple[Any, ...]]:
    """Where a statement has something that it could have one less of; what stands alone narrows nothing by going."""
    yield from (("Action", number) for number in range(len(statement["Action"])))
    if isinstance(statement["Resource"], list):
        yield from (("Resource", number) for number in range(len(statement["Resource"])))
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            if isinstance(values, list) and len(values) > 1 and key != ELSEWHERE:
                yield from (("Condition", operator, key, number) for number in range(len(values)))


class TestMinimal:
    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_every_right_is_used(self, asked: Asked, function: str) -> None:
        wanted = wants(asked, function)
        assert [reason for place, need in wanted if (reason := refused(ROLES.role(function), place, need))] == []
        assert idle(ROLES.documents[function], wanted) == [], f"nothing that {function} does needs these"

    @pytest.mark.parametrize("service", SERVICES)
    def test_every_right_in_another_account_is_used(self, asked: Asked, service: str) -> None:
        document = rights.members(SETTINGS)[service]
        member = ROLES.holding("a function", document)
        wanted = [(place, need) for place, need in asked.by(f"guard_{service}") if not refused(member, place, need)]
        assert idle(document, wanted) == []

    def test_an_idle_right_would_be_found(self, asked: Asked) -> None:
        document = copy.deepcopy(ROLES.documents["guard_kms"])
        document["Statement"][0]["Action"].append("kms:ListAliases")
        assert [lacks.rsplit(" ", 1)[-1] for lacks in idle(document, wants(asked, "guard_kms"))] == ["kms:ListAliases"]

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_what_is_said_to_be_lambdas_is_not_ours(self, asked: Asked, function: str) -> None:
        ours = {(need.action, need.resources) for _, need in asked.by(function)}
        for why, need in of_lambda(function):
            assert (need.action, need.resources) not in ours, why


ONE_OF_EACH = list({registry.get(s.guardrail).service: s for s in reversed(SCENARIOS)}.values())
NEEDED = [(s, action) for s in ONE_OF_EACH for action in sorted(registry.get(s.guardrail).needs)]


@pytest.mark.parametrize(("scenario", "action"), NEEDED, ids=lambda v: getattr(v, "guardrail", v))
def test_without_a_right_the_scenario_fails_and_names_it(accounts: Accounts, scenario: Any, action: str) -> None:
    function = f"guard_{registry.get(scenario.guardrail).service}"
    document = copy.deepcopy(ROLES.documents[function])
    for statement in document["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one != action] or ["none:Such"]
    told: list[str] = []
    for one in (scenario, *scenario.also):
        with accounts() as account:
            account.hold(function, document)
            try:
                playing.episode(account, one)
            except ParapetError as problem:
                told.append(str(problem))
            except AssertionError:
                told += [step.note for finding in account.findings() for step in finding.history]
                told += [notice for one in account.notices() for notice in one.lines]
            # Tags that cannot be read keep nothing from being fixed.
            told += [finding.source for finding in account.findings()]
    assert f"not authorized to perform: {action} on resource" in " ".join(told)


COMMAND = {"pk": {"S": "COMMAND#0"}, "sk": {"S": "COMMAND"}}
FINDING = {"pk": {"S": "FINDING#0"}, "sk": {"S": "FINDING"}}


class TestCommands:
    """Undo rights are attack rights: whoever carries commands out cannot write one."""

    @pytest.mark.parametrize("action", ["BatchWriteItem", "DeleteItem", "PutItem", "UpdateItem", "PartiQLInsert"])
    @pytest.mark.parametrize("function", [name for name in FUNCTIONS if name != "api_handler"])
    def test_are_written_by_no_function(self, function: str, action: str) -> None:
        keys = {"dynamodb:leadingkeys": ("FINDING#0", "COMMAND#0"), "dynamodb:enclosingoperation": None}
        assert refused(ROLES.role(function), HERE, Need(f"dynamodb:{action}", (KNOWN["Journal.Arn"],), keys))

    @pytest.mark.parametrize("function", GUARDS)
    def test_are_not_smuggled_into_a_transaction(self, account: TestAccount, function: str) -> None:
        puts = [{"Put": {"TableName": TABLE, "Item": one}} for one in (FINDING, COMMAND)]
        with account.acting(function), pytest.raises(ClientError, match="not authorized to perform: dynamodb:PutItem"):
            account.functions("dynamodb", REGION).transact_write_items(TransactItems=puts)
        assert account.client("dynamodb").scan(TableName=TABLE)["Items"] == []

    def test_are_written_by_the_api_which_puts_nothing_else(self, account: TestAccount) -> None:
        table = account.functions("dynamodb", REGION)
        with account.acting("api_handler"):
            table.put_item(TableName=TABLE, Item=COMMAND)
            for kind in ("ANSWER", "FINDING", "HEAD", "LIMIT", "THREAD", "CONTROL"):
                with pytest.raises(ClientError, match="not authorized to perform: dynamodb:PutItem"):
                    table.put_item(TableName=TABLE, Item={"pk": {"S": f"{kind}#0"}, "sk": {"S": kind}})
        assert account.client("dynamodb").scan(TableName=TABLE)["Items"] == [COMMAND]


class TestModes:
    def test_who_only_observes_may_change_nothing(self, asked: Asked) -> None:
        observing = roles(replace(SETTINGS, guardrails={}, default_mode="observe"))
        for function in GUARDS:
            guarded = [
                (p, n) for p, n in asked.by(function) if not n.action.startswith(("dynamodb:", "sqs:", "events:"))
            ]
            changes = [(place, need) for place, need in guarded if rights.writes(need.action)]
            assert changes or not any(r.can_fix for r in registry.of(function.removeprefix("guard_")))
            for place, need in changes:
                assert "no identity-based policy allows" in refused(observing.role(function), place, need)
            rails = registry.of(function.removeprefix("guard_"))
            # What takes changes back is not on by the way, and sees nothing then.
            unseen = {one for r in rails if r.reverts for one in r.needs}
            unseen -= {one for r in rails if not r.reverts for one in r.needs}
            for place, need in guarded:
                hidden = rights.writes(need.action) or need.action in unseen
                assert hidden or not refused(observing.role(function), place, need)


EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class TestBoundary:
    """Whatever somebody attaches to one of our roles."""

    @pytest.mark.parametrize(
        ("action", "resource"),
        [
            ("dynamodb:GetItem", "dynamodb:eu-west-1:{account}:table/customers"),
            ("dynamodb:Scan", "dynamodb:eu-west-1:{account}:table/customers"),
            ("s3:GetObject", "s3:::photos/1.jpg"),
            ("secretsmanager:GetSecretValue", "secretsmanager:eu-west-1:{account}:secret:other-aBcDeF"),
            ("ssm:GetParameter", "ssm:eu-west-1:{account}:parameter/other"),
            ("sqs:ReceiveMessage", "sqs:eu-west-1:{account}:other"),
            ("sts:AssumeRole", "iam::{account}:role/admin"),
            ("iam:AttachRolePolicy", "iam::{account}:role/parapet-test-guard-ec2"),
            ("iam:DeleteRolePermissionsBoundary", "iam::{account}:role/parapet-test-guard-ec2"),
            ("iam:PutRolePermissionsBoundary", "iam::{account}:role/parapet-test-guard-ec2"),
            ("iam:CreateAccessKey", "iam::{account}:user/alice"),
            ("lambda:UpdateFunctionCode", "lambda:eu-west-1:{account}:function:parapet-test-guard-ec2"),
            ("ec2:TerminateInstances", "ec2:eu-west-1:{account}:instance/i-1"),
            ("rds:DeleteDBInstance", "rds:eu-west-1:{account}:db:orders"),
            ("s3:DeleteBucket", "s3:::photos"),
            ("kms:DisableKeyRotation", "kms:eu-west-1:{account}:key/other"),
        ],
    )
    @pytest.mark.parametrize("function", ["guard_ec2", "guard_iam", "notify", "api_handler"])
    def test_it_cannot(self, function: str, action: str, resource: str) -> None:
        context = {"kms:viaservice": None, "iam:policyarn": "arn:aws:iam::aws:policy/AdministratorAccess"}
        need = Need(action, ("arn:aws:" + resource.format(account=ACCOUNT),), context)
        reason = refused(ROLES.holding(function, EVERYTHING), HERE, need)
        assert "permissions boundary" in reason

    def test_guards_iam_may_take_admin_rights_off_a_role_of_ours_but_not_put_them_there(self) -> None:
        ours = (f"arn:aws:iam::{ACCOUNT}:role/parapet-test-sweep",)
        admin = {"iam:policyarn": "arn:aws:iam::aws:policy/AdministratorAccess"}
        take, put = (Need(f"iam:{how}RolePolicy", ours, admin) for how in ("Detach", "Attach"))
        assert not refused(ROLES.role("guard_iam"), HERE, take)
        assert "with an explicit deny in a permissions boundary" in refused(ROLES.role("guard_iam"), HERE, put)


def test_no_test_gives_functions_the_clients_of_people() -> None:
    """Else its calls would be judged by nobody."""
    for path in TESTS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "wiring.use":
                assert not ast.unparse(node.args[0]).endswith(".clients"), path


def test_judging_a_call_takes_less_than_a_tenth_of_a_millisecond(asked: Asked) -> None:
    role = ROLES.role("guard_ec2")
    wanted = asked.by("guard_ec2")
    assert len(wanted) > 20
    best = 1.0
    for _ in range(5):
        start = time.perf_counter()
        for place, need in wanted:
            refused(role, place, need)
        best = min(best, (time.perf_counter() - start) / len(wanted))
    assert best < 1e-4
