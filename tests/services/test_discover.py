"""What could be watched: from tags, and from what stands on what; read off an account, and as text for the settings."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from chalicelib.aws import AccountAws, Connect
from chalicelib.model import Aws, AwsError
from chalicelib.section import Section
from chalicelib.services import chosen, discover, kinds, limits
from chalicelib.services.discover import Edge, Proposal, Standing, Thing
from chalicelib.services.limits import GIB, Limit
from chalicelib.services.model import Given, Service, Target
from chalicelib.settings import GLOBAL_REGION
from cli.discovering import Looking
from local.systems import resources
from tests.account import Shared
from tests.samples import ACCOUNT, REGION


def loaded(text: str) -> dict[str, Service]:
    tables = tomllib.loads(text).get("services", [])
    return {
        one.name: one for one in chosen.read([Section("out", f"services[{n}]", t) for n, t in enumerate(tables, 1)])
    }


def thing(kind: str, name: str, tag: str = "", *said: str, **given: str) -> Thing:
    return Thing(f"{kind}:{name}", name, kind, given, {"service": tag} if tag else {}, (name, *said))


def alb(name: str, tag: str = "") -> Thing:
    return thing(
        "alb", name, tag, f"{name}-1.eu-west-1.elb.amazonaws.com", load_balancer=f"app/{name}/50dc6c495c0c9188"
    )


def names(proposal: Proposal) -> dict[str, str]:
    return {one.name: why for one, why in proposal.dependencies}


class TestProposals:
    def test_who_shares_a_tag_is_one_service(self) -> None:
        queue, table = thing("sqs", "jobs", "shop", queue="jobs"), thing("dynamodb", "orders", "shop", table="orders")
        [found] = discover.proposals(Standing((queue, table, alb("web", "shop"))), "service")
        assert (found.name, found.entry[0].name, found.entry[1]) == ("shop", "web", "tag service=shop")
        assert names(found) == {"jobs": "tag service=shop", "orders": "tag service=shop"}

    def test_what_it_reaches_comes_along_with_the_reason(self) -> None:
        web, group = alb("web"), thing("autoscaling", "web", group="web")
        database = thing("rds", "shop-db", instance="shop-db")
        other = thing("rds", "other-db", instance="other-db")
        edges = (
            # A target group itself is nothing that is watched.
            Edge(web.id, "targetgroup", "a target group"), Edge("targetgroup", group.id, "behind target group web"),
            Edge(group.id, database.id, "its security group sg-1 lets web in"),
        )  # fmt: skip
        [found] = discover.proposals(Standing((web, group, database, other), edges), "service")
        assert (found.name, found.entry[1]) == ("web", "a load balancer without the tag service")
        assert names(found) == {"web": "behind target group web", "shop-db": "its security group sg-1 lets web in"}

    def test_a_distribution_stands_in_front_of_its_origin(self) -> None:
        web, cdn = alb("web"), thing("cloudfront", "www.example.com", distribution="E2EXAMPLE1")
        [found] = discover.proposals(Standing((cdn, web), (Edge(cdn.id, web.id, "origin web-1"),)), "service")
        assert (found.entry[0].name, names(found)) == ("web", {"www.example.com": "in front: origin web-1"})

    def test_a_distribution_of_files_alone_is_its_own_entry(self) -> None:
        [found] = discover.proposals(Standing((thing("cloudfront", "www", distribution="E2EXAMPLE1"),)), "service")
        assert found.entry[0].kind == "cloudfront"

    def test_what_has_an_entrance_of_its_own_is_another_service(self) -> None:
        web, api = alb("web", "shop"), thing("api_rest", "stock", api="stock", stage="prod")
        found = discover.proposals(Standing((web, api), (Edge(web.id, api.id, "names it"),)), "service")
        assert {one.name: names(one) for one in found} == {"shop": {}, "stock": {}}

    def test_a_circle_ends(self) -> None:
        queue, worker = (
            thing("sqs", "jobs", "work", queue="jobs"),
            thing("lambda_function", "worker", function="worker"),
        )
        edges = (Edge(queue.id, worker.id, "takes"), Edge(worker.id, queue.id, "sends"))
        [found] = discover.proposals(Standing((queue, worker), edges), "service")
        assert (found.entry[0].name, names(found)) == ("jobs", {"worker": "takes"})

    def test_a_tag_without_an_entrance_is_no_service(self) -> None:
        assert discover.proposals(Standing((thing("rds", "db", "shop", instance="db"),)), "service") == ()

    def test_parapet_does_not_propose_itself(self) -> None:
        ours = thing("api_rest", "parapet-local", api="parapet-local", stage="api")
        assert discover.proposals(Standing((ours,)), "service") == ()

    def test_what_is_watched_already_is_left_out(self) -> None:
        known = Service("mine", Target("alb", {"load_balancer": "app/web/50dc6c495c0c9188"}))
        assert discover.proposals(Standing((alb("web", "shop"),)), "service", [known]) == ()

    def test_what_a_service_stands_on_already_is_no_service_and_no_dependency_again(self) -> None:
        """People add what they know: `max_connections` of a database, which makes it no other database."""
        database, cache = thing("rds", "db", instance="db"), thing("elasticache", "cache", node="cache")
        far = thing("dynamodb", "carts", table="carts")
        known = Service(
            "mine", Target("cloudfront", {"distribution": "E2EXAMPLE1"}, "us-east-1"),
            (Target("alb", {"load_balancer": "app/web/50dc6c495c0c9188"}),
             Target("rds", {"instance": "db", "max_connections": 413}, "eu-west-1"),
             Target("dynamodb", {"table": "carts"}, "eu-north-1")),
        )  # fmt: skip
        api = thing("api_http", "orders", api="a1b2c3d4e5", stage="prod")
        edges = tuple(Edge(api.id, one.id, f"reads {one.name}") for one in (database, cache, far))
        standing = Standing((alb("web"), api, database, cache, far), edges)
        [found] = discover.proposals(standing, "service", [known], "eu-west-1")
        assert found.name == "orders"
        text = discover.toml([found])
        assert '    # db: reads db; mine watches it\n    # { kind = "rds", instance = "db" },\n' in text
        assert [one.kind for one in loaded(text)["orders"].dependencies] == ["dynamodb", "elasticache"]

    def test_a_target_group_is_not_the_load_balancer_that_it_is_of(self) -> None:
        known = Service("mine", Target("alb", {"load_balancer": "app/web/50dc6c495c0c9188",
                                               "target_group": "targetgroup/web/943f017f100becff"}))  # fmt: skip
        assert len(discover.proposals(Standing((alb("web"),)), "service", [known])) == 1

    def test_names_are_made_fit_and_told_apart(self) -> None:
        one, other = alb("web"), thing("api_rest", "Web", api="Web", stage="prod")
        third = thing("api_rest", "2nd API!", api="2nd API!", stage="prod")
        found = discover.proposals(Standing((one, other, third)), "service")
        assert [each.name for each in found] == ["web", "service-2nd-api", "web-2"]

    def test_a_container_service_tells_of_its_target_group_itself(self) -> None:
        web = alb("web", "shop")
        group = {"load_balancer": "app/web/50dc6c495c0c9188", "target_group": "targetgroup/web/943f017f100becff"}
        behind = Thing(f"{web.id}#tg", "web", "alb", group)
        tasks = Thing("ecs:web", "web", "ecs", {"cluster": "a", "service": "web", **group})
        edges = (Edge(web.id, behind.id, "a target group"), Edge(behind.id, tasks.id, "behind it"))
        [found] = discover.proposals(Standing((web, behind, tasks), edges), "service")
        assert [one.kind for one, _ in found.dependencies] == ["ecs"]


class TestNames:
    table = thing("dynamodb", "orders", table="orders")
    queue = thing("sqs", "jobs", "", "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs", queue="jobs")
    database = thing("rds", "db", "", "db.abc.eu-west-1.rds.amazonaws.com", instance="db")
    function = thing("lambda_function", "api", function="api")

    @pytest.mark.parametrize(
        ("value", "meant"),
        [
            ("orders", ["orders"]),
            ("https://sqs.eu-west-1.amazonaws.com/123456789012/jobs", ["jobs"]),
            ("postgres://app@db.abc.eu-west-1.rds.amazonaws.com:5432/app", ["db"]),
            # A word may be a word.
            ("all orders of today", []),
            ("db", []),
            ("", []),
        ],
    )
    def test_are_found_in_variables(self, value: str, meant: list[str]) -> None:
        things = (self.table, self.queue, self.database, self.function)
        found = list(discover.named({"WHERE": value}, things, self.function, "function"))
        assert [edge.to.split(":")[1] for edge in found] == meant
        assert all(edge.why == "function api names it in WHERE" for edge in found)


class TestText:
    def test_is_what_the_settings_take(self) -> None:
        entry = Thing("a", 'a "shop"\nname = 1', "api_rest", {"api": 'The "Shop" \\ API', "stage": "prod"})
        instance: Given = {
            "instance": "i-0123456789abcdef0",
            "agent": {"InstanceId": "i-0123456789abcdef0", "a.b": "x"},
        }
        machine = Thing("b", "web", "ec2", instance, notes=("no CloudWatch agent tells of its memory",))
        text = discover.toml([Proposal("shop", (entry, "why"), ((machine, "tag service=shop"),))], ["rds: denied"])
        found = loaded(text)["shop"]
        assert found.entry == Target("api_rest", entry.given)
        assert found.dependencies == (Target("ec2", instance),)
        assert "    # web: tag service=shop\n    # no CloudWatch agent tells of its memory\n" in text
        assert text.endswith("# Could not be read, so that more may be there:\n# - rds: denied\n")
        assert "\nname = 1" not in text

    @given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
    def test_holds_whatever_names_there_are(self, name: str) -> None:
        entry = Thing("a", name, "api_rest", {"api": name, "stage": "prod"})
        own = Thing("b", name, "ec2", {"instance": "i-1", "agent": {name: name}})
        text = discover.toml([Proposal("shop", (entry, name), ((own, name),))])
        [found] = tomllib.loads(text)["services"]
        assert found["entry"] == {"kind": "api_rest", "api": name, "stage": "prod"}
        assert found["dependencies"] == [{"kind": "ec2", "instance": "i-1", "agent": {name: name}}]

    def test_a_queue_is_promised_to_be_fresh(self) -> None:
        text = discover.toml([Proposal("work", (thing("sqs", "jobs", queue="jobs"), "why"))])
        assert [one.aspect for one in loaded(text)["work"].objectives] == ["latency"]

    def test_of_nothing_is_nothing(self) -> None:
        assert discover.toml([]) == ""


class Denying:
    """An account in which some services are denied."""

    def __init__(self, aws: Aws, *denied: str) -> None:
        self._aws, self._denied = aws, denied
        self.account, self.region = aws.account, aws.region

    def _checked(self, service: str, operation: str) -> None:
        if service in self._denied:
            raise AwsError(f"{service}:{operation}", "AccessDenied", "not you")

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        self._checked(service, operation)
        return self._aws(service, operation, absent=absent, **params)

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        self._checked(service, operation)
        return self._aws.all(service, operation, key, **params)


@pytest.fixture(scope="module")
def aws(shared: Shared) -> Iterator[AccountAws]:
    """An account with the sample systems, and with some things that nobody has tagged."""
    with mock_aws(config={"core": {"reset_boto3_session": False, "mock_credentials": False}}):
        resources.create(lambda service: shared.people(service, REGION), ACCOUNT)
        _untagged(shared.people)
        yield AccountAws(shared.people, ACCOUNT, REGION)


def _untagged(connect: Connect) -> None:
    """Make an API before a function that names a table and a queue, and takes messages from another."""
    rest, queues = connect("apigateway", REGION), connect("sqs", REGION)
    role = "arn:aws:iam::123456789012:role/systems"
    url = queues.create_queue(QueueName="stock-events")["QueueUrl"]
    taken = queues.create_queue(QueueName="stock-work")["QueueUrl"]
    source = queues.get_queue_attributes(QueueUrl=taken, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    connect("dynamodb", REGION).create_table(
        TableName="stock-levels", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    function = connect("lambda", REGION).create_function(
        FunctionName="stock", Runtime="python3.12", Handler="main.handler", Code={"ZipFile": b"none"}, Role=role,
        Environment={"Variables": {"TABLE": "stock-levels", "QUEUE_URL": url}},
    )["FunctionArn"]  # fmt: skip
    connect("lambda", REGION).create_event_source_mapping(EventSourceArn=source, FunctionName="stock")
    api = rest.create_rest_api(name="stock")["id"]
    root = rest.get_resources(restApiId=api)["items"][0]["id"]
    rest.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations"
    rest.put_integration(
        restApiId=api, resourceId=root, httpMethod="GET", type="AWS_PROXY", integrationHttpMethod="POST", uri=uri
    )
    rest.create_deployment(restApiId=api, stageName="prod")
    # The agent tells of the group together.
    dimensions = [{"Name": "AutoScalingGroupName", "Value": "shop-web"}]
    connect("cloudwatch", REGION).put_metric_data(
        Namespace="CWAgent", MetricData=[{"MetricName": "mem_used_percent", "Dimensions": dimensions, "Value": 41}]
    )


@pytest.fixture(scope="module")
def standing(aws: AccountAws, shared: Shared) -> Standing:
    return Looking(aws, AccountAws(shared.people, ACCOUNT, GLOBAL_REGION), ACCOUNT, "service").look()


class TestAnAccount:
    def test_proposes_what_the_settings_take(self, standing: Standing) -> None:
        assert standing.unread == ()
        found = loaded(discover.toml(discover.proposals(standing, "service")))
        assert {name: one.entry.kind for name, one in found.items()} == {
            "images": "api_rest", "intake": "step_functions", "platform": "alb", "saas": "api_http", "shop": "alb",
            "stock": "api_rest",
        }  # fmt: skip
        assert {name: {one.kind for one in service.dependencies} for name, service in found.items()} == {
            "images": {"dynamodb", "elasticache", "lambda_function", "rds"},
            "intake": {"dead_letters", "lambda_function", "sns", "sqs"},
            "platform": {"ecs", "eks"},
            "saas": {
                "aurora", "cloudfront", "cognito", "dead_letters", "dynamodb", "ecs", "lambda_function", "sqs",
            },
            "shop": {"alb", "autoscaling", "cloudfront", "nat_gateway", "rds"},
            "stock": {"dynamodb", "lambda_function", "sqs"},
        }  # fmt: skip

    def test_says_why_where_nothing_is_tagged(self, standing: Standing) -> None:
        [stock] = [one for one in discover.proposals(standing, "service") if one.name == "stock"]
        assert names(stock) == {
            "stock": "function behind API stock",
            "stock-levels": "function stock names it in TABLE",
            "stock-events": "function stock names it in QUEUE_URL",
            "stock-work": "function stock takes messages from it",
        }
        taken = next(one for one, _ in stock.dependencies if one.name == "stock-work")
        assert taken.given == {"queue": "stock-work", "function": "stock"}

    def test_finds_what_the_agent_tells(self, standing: Standing) -> None:
        [group] = [one for one in standing.things if one.kind == "autoscaling"]
        assert (group.given, group.notes) == ({"group": "shop-web"}, ())

    def test_what_is_denied_is_said_and_the_rest_goes_on(self, aws: AccountAws) -> None:
        denying = Denying(aws, "rds", "cloudfront", "cognito-idp")
        found = Looking(denying, denying, ACCOUNT, "service").look()
        assert found.unread == (
            "rds:describe_db_clusters: AWS denies it", "rds:describe_db_instances: AWS denies it",
            "cognito-idp:list_user_pools: AWS denies it", "cloudfront:list_distributions: AWS denies it",
        )  # fmt: skip
        assert not {"rds", "aurora", "cognito", "cloudfront"} & {one.kind for one in found.things}
        assert {"alb", "ecs", "sqs"} <= {one.kind for one in found.things}

    def test_tells_what_is_full(self, aws: AccountAws) -> None:
        def full(kind: str, what: str, **given: str) -> Limit:
            target = Target(kind, given)
            return limits.find(aws, target, kinds.sought(target, what))

        assert full("rds", "max_connections", instance="shop-db") == Limit(200, "parameter group shop-db")
        assert full("rds", "storage", instance="shop-db").value == 100 * GIB
        assert full("rds", "memory", instance="images-db").value == 4 * GIB
        assert full("aurora", "max_connections", cluster="saas-db") == Limit(1000, "Aurora's table for db.r6g.large")
        assert full("autoscaling", "size", group="shop-web").value == 6
        assert full("lambda_function", "timeout", function="images-resize").value == 10
        assert full("dynamodb", "read_capacity", table="images-meta").value == 10_000
        assert full("rds", "memory", instance="gone") == Limit(None, "there is no database instance gone")


@pytest.mark.parametrize(
    ("agents", "said", "notes"),
    [
        ([{"AutoScalingGroupName": "web"}], {}, ()),
        (
            [{"AutoScalingGroupName": "web", "InstanceType": "t3.small"}],
            {"agent": {"AutoScalingGroupName": "web", "InstanceType": "t3.small"}},
            (),
        ),
        (
            [{"InstanceId": "i-1", "AutoScalingGroupName": "web"}],
            {},
            ("the agent tells of each instance alone: let it aggregate by AutoScalingGroupName",),
        ),
        ([{"InstanceId": "i-9"}], {}, ("no CloudWatch agent tells of its memory",)),
    ],
)
def test_the_agent_s_dimensions_are_its_own(
    agents: list[dict[str, str]], said: dict[str, Any], notes: tuple[str, ...]
) -> None:
    from cli.discovering import _agent

    assert _agent(agents, "AutoScalingGroupName", "web", ["i-1"]) == (said, notes)
