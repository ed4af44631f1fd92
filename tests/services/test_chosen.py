"""`[[services]]` of the settings: what they say, and that each error says what would do."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.section import Section, SettingsError
from chalicelib.services import chosen, kinds
from chalicelib.services.model import Objective, Service, Target

ALB = 'kind = "alb", load_balancer = "app/shop/50dc6c495c0c9188"'
ENTRY = f"entry = {{ {ALB} }}"


def read(text: str) -> tuple[Service, ...]:
    tables = tomllib.loads(text)["services"]
    return chosen.read([Section("parapet.toml", f"services[{number}]", one) for number, one in enumerate(tables, 1)])


def one(text: str) -> Service:
    [found] = read(f'[[services]]\nname = "shop"\n{text}')
    return found


def refused(text: str) -> str:
    with pytest.raises(SettingsError) as error:
        one(text)
    return str(error.value)


class TestWhatTheySay:
    def test_a_service_in_full(self) -> None:
        found = one(
            f"""
            {ENTRY}
            dependencies = [
                {{ kind = "rds", instance = "shop-db", max_connections = 413, postgres = true, region = "us-west-2" }},
                {{ kind = "dynamodb", table = "orders", operations = ["GetItem"], account = "210987654321" }},
                {{ kind = "ec2", instance = "i-0123456789abcdef0", agent = {{ InstanceId = "i-0123456789abcdef0" }} }},
            ]
            objectives = [
                {{ availability = 99.95, window = "28d", few = 3 }},
                {{ latency = 95, under = "300ms" }},
                {{ latency = 99, under = "2s", name = "tail", window = "7d" }},
            ]
            runbook = "https://wiki.example.com/shop"
            """
        )
        assert found == Service(
            "shop",
            Target("alb", {"load_balancer": "app/shop/50dc6c495c0c9188"}),
            (
                Target("rds", {"instance": "shop-db", "max_connections": 413, "postgres": True}, "us-west-2"),
                Target("dynamodb", {"table": "orders", "operations": ("GetItem",)}, "", "210987654321"),
                Target("ec2", {"instance": "i-0123456789abcdef0", "agent": {"InstanceId": "i-0123456789abcdef0"}}),
            ),
            (
                Objective("shop", "availability", "availability", 99.95, 28, few=3),
                Objective("shop", "latency", "latency", 95.0, 30, 0.3),
                Objective("shop", "tail", "latency", 99.0, 7, 2.0),
            ),
            "https://wiki.example.com/shop",
        )

    def test_where_it_logs_is_told_by_kind(self) -> None:
        found = one(f'{ENTRY}\nlogs = {{ app = ["/ecs/shop", "/jobs-*"], alb = ["/alb/shop"], lambda = [] }}')
        assert found.logs == {"app": ("/ecs/shop", "/jobs-*"), "alb": ("/alb/shop",)}
        assert one(ENTRY).logs == {}

    def test_without_objectives_99_9_percent_are_promised(self) -> None:
        assert one(ENTRY).objectives == (Objective("shop", "availability", "availability", 99.9),)
        assert one(f"{ENTRY}\nobjectives = []").objectives == ()

    def test_nothing_is_promised_of_what_nobody_counts(self) -> None:
        assert one('entry = { kind = "sqs", queue = "jobs" }').objectives == ()

    def test_a_queue_s_freshness_is_its_latency(self) -> None:
        found = one('entry = { kind = "sqs", queue = "jobs" }\nobjectives = [{ latency = 99, under = "1m" }]')
        assert found.objectives == (Objective("shop", "latency", "latency", 99.0, 30, 60.0),)

    @pytest.mark.parametrize(
        "entry",
        [
            'kind = "cloudfront", distribution = "E2EXAMPLE1"',
            'kind = "health_check", health_check = "8f3b0a1c-0000-4000-8000-0123456789ab", region = "us-east-1"',
        ],
    )
    def test_what_has_no_region_is_read_in_us_east_1(self, entry: str) -> None:
        assert one(f"entry = {{ {entry} }}").entry.region == "us-east-1"

    def test_metrics_of_one_s_own(self) -> None:
        found = one(
            'entry = { kind = "custom", namespace = "Shop", dimensions = { service = "checkout" }, total = "Requests",'
            ' bad = "Requests", apart = { status = "5xx" }, latency = "Took", latency_unit = "s" }'
        )
        measures = kinds.measures(found.entry)
        assert measures.latency is not None
        assert measures.latency.per_second == 1

    @pytest.mark.parametrize(("text", "seconds"), [("300ms", 0.3), ("1.5s", 1.5), ("2m", 120), ("1h", 3600)])
    def test_bounds(self, text: str, seconds: float) -> None:
        found = one(f'{ENTRY}\nobjectives = [{{ latency = 95, under = "{text}" }}]')
        assert found.objectives[0].under == pytest.approx(seconds)

    def test_the_settings_read_them(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.toml"
        file.write_text(f'[[services]]\nname = "shop"\n{ENTRY}\n', "utf-8")
        found = settings.load({}, [], [], file)
        assert [service.name for service in found.services] == ["shop"]
        assert settings.load({}, [], []).services == ()

    def test_the_example_in_the_settings_works(self) -> None:
        text = settings.FILE.read_text("utf-8")
        example = text[text.index("# [[services]]") :].split("\n\n")[0]
        [found] = read("\n".join(line.removeprefix("# ").removeprefix("#") for line in example.splitlines()))
        assert found.dependencies
        assert [objective.aspect for objective in found.objectives] == ["availability", "latency"]

    def test_the_sample_systems_work(self) -> None:
        text = (Path(__file__).parents[2] / "local" / "systems" / "services.toml").read_text("utf-8")
        ids = {
            "shop_alb": "app/shop/50dc6c495c0c9188", "shop_tg": "targetgroup/shop-web/943f017f100becff",
            "platform_alb": "app/platform/50dc6c495c0c9189", "platform_tg": "targetgroup/web/943f017f100becf0",
            "shop_nat": "nat-0123456789abcdef0", "shop_cdn": "E2EXAMPLE1", "saas_cdn": "E2EXAMPLE2",
            "intake_machine": "arn:aws:states:eu-west-1:123456789012:stateMachine:intake", "saas_api": "a1b2c3d4e5",
            "saas_stage": "$default", "saas_pool": "eu-west-1_AbCdEfGhI", "saas_client": "4example23",
        }  # fmt: skip
        for name, id_ in ids.items():
            text = text.replace(f'"${name}"', f'"{id_}"')
        assert len(read(text)) == 5


ENTRIES = ", ".join(sorted(kinds.ENTRIES))
WRONG: dict[str, tuple[str, str]] = {
    "no entry": (
        "",
        "services[1] lacks entry: where its users come in, such as "
        '{ kind = "alb", load_balancer = "app/NAME/ID" }',
    ),
    "no kind": ("entry = { }", f"services[1].entry lacks kind: one of {', '.join(kinds.ENTRIES)}"),
    "a kind that is meant otherwise": (
        'entry = { kind = "lamda_function" }',
        "services[1].entry.kind: 'lamda_function' is not a kind of entry; did you mean 'lambda_function'?",
    ),
    "a kind that is none": (
        'entry = { kind = "mainframe" }',
        f"services[1].entry.kind: 'mainframe' is not a kind of entry; there are: {ENTRIES}",
    ),
    "latency of a table": (
        'entry = { kind = "dynamodb", table = "orders" }\nobjectives = [{ latency = 95, under = "10ms" }]',
        "services[1].entry.kind: 'dynamodb' cannot be an entry, for nobody comes in there; there are: "
        f"{', '.join(kinds.ENTRIES)}",
    ),
    "an entry as a dependency": (
        f'{ENTRY}\ndependencies = [{{ kind = "custom" }}]',
        "services[1].dependencies[1].kind: 'custom' cannot be a dependency, for nothing stands on it; there are: "
        f"{', '.join(kinds.DEPENDENCIES)}",
    ),
    "a missing key": (
        'entry = { kind = "alb" }',
        "services[1].entry lacks load_balancer: the load balancer as CloudWatch calls it: app/NAME/ID",
    ),
    "another load balancer's name": (
        'entry = { kind = "alb", load_balancer = "shop" }',
        "services[1].entry.load_balancer: 'shop' is not the load balancer as CloudWatch calls it: app/NAME/ID",
    ),
    "a key that is none": (
        'entry = { kind = "alb", load_balancer = "app/shop/50dc6c495c0c9188", target_groups = "x" }',
        "services[1].entry.target_groups is not a setting; did you mean 'target_group'?",
    ),
    "no number": (
        f'{ENTRY}\ndependencies = [{{ kind = "rds", instance = "shop", max_connections = "413" }}]',
        "services[1].dependencies[1].max_connections must be a number above 0, not '413': "
        "how many connections it takes",
    ),
    "no flag": (
        f'{ENTRY}\ndependencies = [{{ kind = "rds", instance = "shop", replica = "yes" }}]',
        "services[1].dependencies[1].replica must be true or false, not 'yes': true where it is a read replica",
    ),
    "no table": (
        f'{ENTRY}\ndependencies = [{{ kind = "autoscaling", group = "web", agent = "web" }}]',
        "services[1].dependencies[1].agent must be a table of texts, not 'web': the dimensions of mem_used_percent, "
        'where the agent appends others: { InstanceId = "i-…", InstanceType = "…" }',
    ),
    "a number in a table": (
        f'{ENTRY}\ndependencies = [{{ kind = "autoscaling", group = "web", disk = {{ path = 1 }} }}]',
        "services[1].dependencies[1].disk.path must be a text in quotes, not 1: the dimensions of disk_used_percent: "
        "path, device, fstype, and those that the agent appends",
    ),
    "too many operations": (
        f'{ENTRY}\ndependencies = [{{ kind = "dynamodb", table = "orders", operations = '
        '["GetItem", "PutItem", "Query", "Scan", "UpdateItem", "DeleteItem"] }]',
        "services[1].dependencies[1]: operations must be 1 to 5: the ones that matter most, first",
    ),
    "an operation that is none": (
        f'{ENTRY}\ndependencies = [{{ kind = "dynamodb", table = "orders", operations = ["get"] }}]',
        "services[1].dependencies[1].operations: 'get' is not an operation such as GetItem; "
        "GetItem, PutItem, Query, UpdateItem without it",
    ),
    "a dependency twice": (
        f'{ENTRY}\ndependencies = [{{ kind = "sns", topic = "a" }}, {{ kind = "sns", topic = "a" }}]',
        "services[1].dependencies[2]: topic a is there already",
    ),
    "the entry once more": (
        f"{ENTRY}\ndependencies = [{{ {ALB} }}]",
        "services[1].dependencies[1]: load balancer shop is there already",
    ),
    "neither bad nor good": (
        'entry = { kind = "custom", namespace = "Shop", total = "Requests" }',
        "services[1].entry: give one of bad, good: the metric that counts what went wrong, or what went well",
    ),
    "bad ones that are all": (
        'entry = { kind = "custom", namespace = "Shop", total = "Requests", bad = "Requests" }',
        "services[1].entry: Requests and total are the same metric: which dimensions do only the counted ones have "
        "(apart)?",
    ),
    "a unit of nothing": (
        'entry = { kind = "custom", namespace = "Shop", total = "Requests", bad = "Bad", latency_unit = "ms" }',
        "services[1].entry: latency_unit says in what the metric latency is, and there is none",
    ),
    "half a target group": (
        'entry = { kind = "ecs", cluster = "a", service = "b", load_balancer = "app/shop/50dc6c495c0c9188" }',
        "services[1].entry: load_balancer and target_group tell together which requests are the service's: give both",
    ),
    "a service without a namespace": (
        f'{ENTRY}\ndependencies = [{{ kind = "eks", cluster = "a", service = "b" }}]',
        "services[1].dependencies[1]: service and namespace name pods together: give both or none",
    ),
    "a region that is none": (
        f'entry = {{ {ALB}, region = "Ireland" }}',
        "services[1].entry.region: 'Ireland' is not a region such as eu-west-1",
    ),
    "another region than the only one": (
        'entry = { kind = "cloudfront", distribution = "E2EXAMPLE1", region = "eu-west-1" }',
        "services[1].entry.region: metrics of a distribution are in us-east-1 alone",
    ),
    "an account that is none": (
        f'entry = {{ {ALB}, account = "1234" }}',
        "services[1].entry.account: '1234' is not an account id of 12 digits",
    ),
    "logs of no kind": (
        f'{ENTRY}\nlogs = {{ nginx = ["/a"] }}',
        "services[1].logs.nginx is not a setting; there are: alb, apigw, app, cloudtrail, lambda, vpc",
    ),
    "no log group": (
        f'{ENTRY}\nlogs = {{ app = ["*/shop"] }}',
        "services[1].logs.app: '*/shop' is not the name of a log group, or the beginning of several and a *",
    ),
    "a runbook nowhere": (
        f'{ENTRY}\nrunbook = "wiki/shop"',
        "services[1].runbook: 'wiki/shop' is not an address that begins with https://",
    ),
    "100 percent": (
        f"{ENTRY}\nobjectives = [{{ availability = 100 }}]",
        "services[1].objectives[1].availability must be a percentage such as 99.9, 99.999 at most, not 100",
    ),
    "a goal that can never page": (
        f"{ENTRY}\nobjectives = [{{ availability = 93 }}]",
        "services[1].objectives[1].availability: 93 % could never page: 14.4 times its budget is more than all "
        "requests; over 30 days a goal above 93.06 % can",
    ),
    "two aspects": (
        f"{ENTRY}\nobjectives = [{{ availability = 99.9, latency = 95 }}]",
        "services[1].objectives[1] has availability and latency: make two objectives of it",
    ),
    "no aspect": (
        f'{ENTRY}\nobjectives = [{{ window = "7d" }}]',
        "services[1].objectives[1] lacks availability or latency: how many percent",
    ),
    "an aspect that is written otherwise": (
        f"{ENTRY}\nobjectives = [{{ availabilty = 99.9 }}]",
        "services[1].objectives[1] lacks availability or latency ('availabilty' is not a setting; did you mean "
        "'availability'?): how many percent",
    ),
    "an entry that is written otherwise": (
        f"entyr = {{ {ALB} }}",
        "services[1] lacks entry ('entyr' is not a setting; did you mean 'entry'?): where its users come in, such as "
        '{ kind = "alb", load_balancer = "app/NAME/ID" }',
    ),
    "a kind that is written otherwise": (
        'entry = { knid = "alb" }',
        "services[1].entry lacks kind ('knid' is not a setting; did you mean 'kind'?): one of "
        f"{', '.join(kinds.ENTRIES)}",
    ),
    "a key that is written otherwise": (
        'entry = { kind = "alb", load_balancr = "app/shop/50dc6c495c0c9188" }',
        "services[1].entry lacks load_balancer ('load_balancr' is not a setting; did you mean 'load_balancer'?): the "
        "load balancer as CloudWatch calls it: app/NAME/ID",
    ),
    "a key of the service that is none": (
        f'{ENTRY}\nrunbok = "https://wiki.example.com/shop"',
        "services[1].runbok is not a setting; did you mean 'runbook'?",
    ),
    "a name of an objective that is too long": (
        f"{ENTRY}\nobjectives = [{{ availability = 99.9, name = \"{'n' * 41}\" }}]",
        f"services[1].objectives[1].name: '{'n' * 41}' is not a name: lower-case letters, digits and dashes, a letter "
        "first, 40 at most",
    ),
    "slow beyond what": (
        f"{ENTRY}\nobjectives = [{{ latency = 95 }}]",
        "services[1].objectives[1].under: '' is not a duration such as 300ms or 2s: what is good?",
    ),
    "a bound for availability": (
        f'{ENTRY}\nobjectives = [{{ availability = 99.9, under = "1s" }}]',
        "services[1].objectives[1].under is not a setting; there are: absent, availability, few, latency, name, window",
    ),
    "another window": (
        f'{ENTRY}\nobjectives = [{{ availability = 99.9, window = "170h" }}]',
        "services[1].objectives[1].window: '170h' is none of 7d, 28d, 30d",
    ),
    "two objectives of one name": (
        f'{ENTRY}\nobjectives = [{{ latency = 95, under = "1s" }}, {{ latency = 99, under = "2s" }}]',
        "services[1].objectives[2].name: shop has another objective 'latency': name one of them",
    ),
    "latency that nobody tells": (
        'entry = { kind = "cognito", pool = "eu-west-1_A", client = "b" }\n'
        'objectives = [{ latency = 95, under = "1s" }]',
        "services[1].objectives[1]: shop-latency: nothing tells how long requests to its entry take",
    ),
    "latency in averages": (
        'entry = { kind = "health_check", health_check = "8f3b0a1c-0000-4000-8000-0123456789ab", latency = true }\n'
        'objectives = [{ latency = 95, under = "1s" }]',
        "services[1].objectives[1]: shop-latency: of how long requests to its entry take only averages are told, "
        "no percentiles",
    ),
    "availability that nobody counts": (
        'entry = { kind = "sqs", queue = "jobs" }\nobjectives = [{ availability = 99.9 }]',
        "services[1].objectives[1]: shop-availability: nothing counts the requests of its entry, so availability "
        "cannot be told",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_errors_say_where_what_and_what_would_do(name: str) -> None:
    text, expected = WRONG[name]
    assert refused(text) == f"parapet.toml: service shop: {expected}"


@pytest.mark.parametrize("name", ["The Shop", "1shop", "s" * 41])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(SettingsError) as error:
        read(f'[[services]]\nname = "{name}"\n{ENTRY}')
    assert str(error.value) == (
        f"parapet.toml: services[1].name: '{name}' is not a name: lower-case letters, digits and dashes, a letter "
        "first, 40 at most"
    )


def test_no_name() -> None:
    with pytest.raises(SettingsError, match=r"^parapet.toml: services\[1\] lacks name \('nmae' is not a setting; did "):
        read(f'[[services]]\nnmae = "shop"\n{ENTRY}')


def test_the_longest_names_do_and_errors_name_the_service() -> None:
    text = f'[[services]]\nname = "{"s" * 40}"\n{ENTRY}\n'
    [found] = read(f'{text}objectives = [{{ availability = 99.9, name = "{"n" * 40}" }}]')
    assert len(found.objectives[0].id) == 81
    with pytest.raises(SettingsError, match=rf"^parapet.toml: service {'s' * 40}: services\[1\]\.few is not a setting"):
        read(f"{text}few = 3")


def test_a_name_twice() -> None:
    with pytest.raises(SettingsError, match=r"services\[2\]\.name: there is another service 'shop'"):
        read(f'[[services]]\nname = "shop"\n{ENTRY}\n[[services]]\nname = "shop"\n{ENTRY}')


def test_two_objectives_that_one_could_not_tell_apart() -> None:
    first = f'[[services]]\nname = "shop"\n{ENTRY}\nobjectives = [{{ availability = 99.9, name = "eu-web" }}]'
    second = f'[[services]]\nname = "shop-eu"\n{ENTRY}\nobjectives = [{{ availability = 99.9, name = "web" }}]'
    with pytest.raises(SettingsError, match=r"services\[2\]: shop has an objective shop-eu-web, too"):
        read(f"{first}\n{second}")


def test_what_nobody_expects_in_a_kind_s_place() -> None:
    def nested(value: Any) -> str:
        with pytest.raises(SettingsError) as error:
            chosen.read([Section("parapet.toml", "services[1]", {"name": "shop", "entry": value})])
        return str(error.value)

    assert nested("alb") == "parapet.toml: service shop: services[1].entry must be a table: [services[1].entry]"
    assert nested({"kind": 7}) == "parapet.toml: service shop: services[1].entry.kind must be a text in quotes, not 7"
