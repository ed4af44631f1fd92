"""What stands in an account, read service by service: what AWS denies is said, and the rest goes on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chalicelib.alerts.console import partition
from chalicelib.model import Aws, AwsError
from chalicelib.services.discover import Edge, Standing, Thing, named
from chalicelib.settings import GLOBAL_REGION
from chalicelib.tags import Tags, told

MANY = 100


class Looking:
    """Collects what can be watched in one region, and how it hangs together."""

    def __init__(self, aws: Aws, world: Aws, account: str, tag: str) -> None:
        """Keep how to call AWS in the region and in the one of what has none, whose it is, and the tag."""
        self.aws, self.world, self.account, self.tag = aws, world, account, tag
        self.things: dict[str, Thing] = {}
        self.edges: list[Edge] = []
        self.unread: list[str] = []
        self.tags: dict[str, Tags] = {}
        # What lets others in, and who comes from where: security groups by thing.
        self.guarded: dict[str, list[str]] = {}
        self.outgoing: dict[str, list[str]] = {}
        self.variables: list[tuple[str, str, Mapping[str, str]]] = []

    def look(self) -> Standing:
        """Return all that was found; never raises for what AWS denies."""
        self._tags()
        for part in (
            self._balancers, self._groups, self._containers, self._kubernetes, self._functions, self._apis_rest,
            self._apis_http, self._queues, self._topics, self._tables, self._databases, self._caches, self._machines,
            self._gateways, self._pools, self._distributions, self._checks,
        ):  # fmt: skip
            part()
        self._named()
        self._let_in()
        return Standing(tuple(self.things.values()), tuple(dict.fromkeys(self.edges)), tuple(self.unread))

    def asked(self, service: str, operation: str, key: str, /, *, world: bool = False, **params: Any) -> list[Any]:
        """Return what AWS lists; nothing, with a word about it, where it does not."""
        try:
            return (self.world if world else self.aws).all(service, operation, key, **params)
        except AwsError as error:
            self._sorry(error)
            return []

    def answer(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        """Return one answer of AWS's; an empty one, with a word about it, where there is none."""
        try:
            return self.aws(service, operation, **params)
        except AwsError as error:
            self._sorry(error)
            return {}

    def _sorry(self, error: AwsError) -> None:
        why = "AWS denies it" if error.denied else f"AWS answered {error.code}"
        if (said := f"{error.action}: {why}") not in self.unread:
            self.unread.append(said)

    def add(
        self, id_: str, name: str, kind: str, given: Mapping[str, Any], *said: str,
        tags: Mapping[str, str] | None = None, notes: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Keep something that can be watched."""
        own = {**self.tags.get(id_, {}), **(tags or {})}
        words = tuple(dict.fromkeys((name, id_, *(one for one in said if one))))
        self.things[id_] = Thing(id_, name, kind, given, own, words, tuple(notes))

    def stands(self, of: str, to: str, why: str) -> None:
        """Keep that one thing stands on another."""
        self.edges.append(Edge(of, to, why))

    def _tags(self) -> None:
        wanted = [{"Key": self.tag}]
        for world in (False, *((True,) if self.aws.region != GLOBAL_REGION else ())):
            for one in self.asked(
                "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", world=world, TagFilters=wanted
            ):
                self.tags[one["ResourceARN"]] = told(one["Tags"])

    def _balancers(self) -> None:
        names = {}
        for one in self.asked("elbv2", "describe_load_balancers", "LoadBalancers"):
            if one.get("Type") == "application":
                arn = one["LoadBalancerArn"]
                names[arn] = one["LoadBalancerName"]
                given = {"load_balancer": arn.split(":loadbalancer/")[1]}
                self.add(arn, one["LoadBalancerName"], "alb", given, one.get("DNSName", ""))
                self.outgoing[arn] = list(one.get("SecurityGroups", ()))
        for group in self.asked("elbv2", "describe_target_groups", "TargetGroups"):
            arn = group["TargetGroupArn"]
            for balancer in group.get("LoadBalancerArns", ()):
                if balancer in names:
                    # The same group may stand behind several.
                    id_ = f"{balancer}#{arn}"
                    given = {"load_balancer": balancer.split(":loadbalancer/")[1], "target_group": arn.split(":")[-1]}
                    self.add(id_, group["TargetGroupName"], "alb", given)
                    self.stands(balancer, id_, f"a target group of load balancer {names[balancer]}")
                    self.stands(id_, arn, f"behind target group {group['TargetGroupName']}")
            health = self.answer("elbv2", "describe_target_health", TargetGroupArn=arn)
            for target in health.get("TargetHealthDescriptions", ()):
                self.stands(arn, target["Target"]["Id"], f"behind target group {group['TargetGroupName']}")

    def _groups(self) -> None:
        agents = self._agents()
        inside = set()
        for group in self.asked("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups"):
            name, arn = group["AutoScalingGroupName"], group["AutoScalingGroupARN"]
            members = [one["InstanceId"] for one in group.get("Instances", ())]
            inside |= set(members)
            more, notes = _agent(agents, "AutoScalingGroupName", name, members)
            self.add(arn, name, "autoscaling", {"group": name, **more}, tags=told(group.get("Tags", ())), notes=notes)
            for behind in group.get("TargetGroupARNs", ()):
                self.stands(behind, arn, f"behind target group {behind.split('/')[-2]}")
            for member in members:
                self.stands(member, arn, f"instance {member} is one of it")
        for reservation in self.asked("ec2", "describe_instances", "Reservations"):
            for one in reservation["Instances"]:
                self._instance(one, inside, agents)

    def _instance(self, one: Mapping[str, Any], inside: set[str], agents: Sequence[Mapping[str, str]]) -> None:
        id_, tags = one["InstanceId"], told(one.get("Tags", ()))
        groups = [group["GroupId"] for group in one.get("SecurityGroups", ())]
        if id_ in inside:
            group = next((edge.to for edge in self.edges if edge.of == id_ and edge.to in self.things), id_)
            self.outgoing[group] = groups
        elif one.get("State", {}).get("Name") == "running":
            more, notes = _agent(agents, "InstanceId", id_, [])
            self.add(id_, tags.get("Name", id_), "ec2", {"instance": id_, **more}, tags=tags, notes=notes)
            self.outgoing[id_] = groups

    def _agents(self) -> list[dict[str, str]]:
        """Return the dimensions under which the agent tells of memory."""
        found = self.asked("cloudwatch", "list_metrics", "Metrics", Namespace="CWAgent", MetricName="mem_used_percent")
        return [{one["Name"]: one["Value"] for one in metric["Dimensions"]} for metric in found]

    def _containers(self) -> None:
        for cluster in self.asked("ecs", "list_clusters", "clusterArns"):
            names = self.asked("ecs", "list_services", "serviceArns", cluster=cluster)
            # DescribeServices takes ten at a time.
            for start in range(0, len(names), 10):
                several = self.answer("ecs", "describe_services", cluster=cluster, services=names[start : start + 10])
                for one in several.get("services", ()):
                    self._service(one, cluster.split("/")[-1])

    def _service(self, one: Mapping[str, Any], cluster: str) -> None:
        arn, name = one["serviceArn"], one["serviceName"]
        given, behind = {"cluster": cluster, "service": name}, ""
        for balanced in one.get("loadBalancers", ()):
            behind = balanced.get("targetGroupArn", behind)
        balancer = next((edge.of.split("#")[0] for edge in self.edges if edge.to == behind), "")
        if balancer:
            given |= {"load_balancer": balancer.split(":loadbalancer/")[1], "target_group": behind.split(":")[-1]}
            self.stands(behind, arn, f"behind target group {behind.split('/')[-2]}")
        self.add(arn, name, "ecs", given)
        network = one.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
        self.outgoing[arn] = list(network.get("securityGroups", ()))
        if task := one.get("taskDefinition"):
            found = self.answer("ecs", "describe_task_definition", taskDefinition=task).get("taskDefinition", {})
            pairs = [pair for each in found.get("containerDefinitions", ()) for pair in each.get("environment", ())]
            self.variables.append((arn, "the task of", {pair["name"]: pair["value"] for pair in pairs}))

    def _kubernetes(self) -> None:
        for name in self.asked("eks", "list_clusters", "clusters"):
            found = self.answer("eks", "describe_cluster", name=name).get("cluster", {})
            if found:
                self.add(found["arn"], name, "eks", {"cluster": name}, tags=found.get("tags"))

    def _functions(self) -> None:
        for one in self.asked("lambda", "list_functions", "Functions"):
            arn, name = one["FunctionArn"], one["FunctionName"]
            self.add(arn, name, "lambda_function", {"function": name})
            self.variables.append((arn, "function", one.get("Environment", {}).get("Variables", {})))
            self.outgoing[arn] = list(one.get("VpcConfig", {}).get("SecurityGroupIds", ()))
            if dead := one.get("DeadLetterConfig", {}).get("TargetArn"):
                self.stands(arn, dead, f"what function {name} gives up on")
        for mapped in self.asked("lambda", "list_event_source_mappings", "EventSourceMappings"):
            source, function = str(mapped.get("EventSourceArn", "")), str(mapped.get("FunctionArn", ""))
            if ":sqs:" in source:
                self.stands(source, function, f"takes messages from queue {source.split(':')[-1]}")
                self.stands(function, source, f"function {_function(function)} takes messages from it")

    def _apis_rest(self) -> None:
        for api in self.asked("apigateway", "get_rest_apis", "items"):
            stages = self.answer("apigateway", "get_stages", restApiId=api["id"]).get("item", ())
            functions: dict[str, None] = {}
            for path in self.asked("apigateway", "get_resources", "items", restApiId=api["id"], embed=["methods"]):
                for method in path.get("resourceMethods", {}).values():
                    functions.update(dict.fromkeys(_integrated(method.get("methodIntegration", {}).get("uri", ""))))
            for stage in stages:
                given = {"api": api["name"], "stage": stage["stageName"]}
                self._api(api["id"], api["name"], "api_rest", given, functions, api.get("tags"))

    def _apis_http(self) -> None:
        for api in self.asked("apigatewayv2", "get_apis", "Items"):
            if api.get("ProtocolType") != "HTTP":
                continue
            id_ = api["ApiId"]
            integrations = self.asked("apigatewayv2", "get_integrations", "Items", ApiId=id_)
            functions = dict.fromkeys(
                one for each in integrations for one in _integrated(each.get("IntegrationUri", ""))
            )
            for stage in self.asked("apigatewayv2", "get_stages", "Items", ApiId=id_):
                given = {"api": id_, "stage": stage["StageName"]}
                self._api(id_, api["Name"], "api_http", given, functions, api.get("Tags"))

    def _api(
        self, id_: str, name: str, kind: str, given: Mapping[str, str], functions: Iterable[str],
        tags: Mapping[str, str] | None,
    ) -> None:  # fmt: skip
        thing = f"{id_}/{given['stage']}"
        self.add(thing, name, kind, given, f"{id_}.execute-api.", tags=tags)
        for function in functions:
            self.stands(thing, function, f"function behind API {name}")

    def _queues(self) -> None:
        for url in self.asked("sqs", "list_queues", "QueueUrls"):
            wanted = ["QueueArn", "RedrivePolicy"]
            found = self.answer("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=wanted).get("Attributes")
            if found:
                arn = found["QueueArn"]
                name = arn.split(":")[-1]
                self.add(arn, name, "sqs", {"queue": name}, url)
                if "RedrivePolicy" in found:
                    dead = str(json.loads(found["RedrivePolicy"])["deadLetterTargetArn"])
                    self.stands(arn, dead, f"dead letters of queue {name}")
        takers = {edge.of: edge.to for edge in self.edges if ":sqs:" in edge.of and ":function:" in edge.to}
        dead_ones = {edge.to for edge in self.edges if edge.why.startswith(("dead letters of", "what function"))}
        for arn, one in list(self.things.items()):
            if one.kind == "sqs" and arn in dead_ones:
                self.add(arn, one.name, "dead_letters", one.given, *one.said, tags=one.tags)
            elif one.kind == "sqs" and arn in takers:
                given = {**one.given, "function": _function(takers[arn])}
                self.add(arn, one.name, "sqs", given, *one.said, tags=one.tags)

    def _topics(self) -> None:
        for one in self.asked("sns", "list_topics", "Topics"):
            name = one["TopicArn"].split(":")[-1]
            self.add(one["TopicArn"], name, "sns", {"topic": name})

    def _tables(self) -> None:
        for name in self.asked("dynamodb", "list_tables", "TableNames"):
            arn = f"arn:{partition(self.aws.region)}:dynamodb:{self.aws.region}:{self.account}:table/{name}"
            self.add(arn, name, "dynamodb", {"table": name})

    def _databases(self) -> None:
        for one in self.asked("rds", "describe_db_clusters", "DBClusters"):
            if str(one["Engine"]).startswith("aurora"):
                name, arn = one["DBClusterIdentifier"], one["DBClusterArn"]
                self.add(arn, name, "aurora", {"cluster": name}, one.get("Endpoint", ""), one.get("ReaderEndpoint", ""))
                self.guarded[arn] = [group["VpcSecurityGroupId"] for group in one.get("VpcSecurityGroups", ())]
        for one in self.asked("rds", "describe_db_instances", "DBInstances"):
            engine = str(one["Engine"])
            if engine.startswith("aurora"):
                continue
            name, arn = one["DBInstanceIdentifier"], one["DBInstanceArn"]
            given = {"instance": name, **({"postgres": True} if engine == "postgres" else {})}
            given |= {"replica": True} if one.get("ReadReplicaSourceDBInstanceIdentifier") else {}
            self.add(arn, name, "rds", given, str(one.get("Endpoint", {}).get("Address", "")))
            self.guarded[arn] = [group["VpcSecurityGroupId"] for group in one.get("VpcSecurityGroups", ())]

    def _caches(self) -> None:
        found = self.asked("elasticache", "describe_cache_clusters", "CacheClusters", ShowCacheNodeInfo=True)
        for one in found:
            if one.get("Engine") in ("redis", "valkey"):
                ends = [node.get("Endpoint", {}).get("Address", "") for node in one.get("CacheNodes", ())]
                self.add(one["ARN"], one["CacheClusterId"], "elasticache", {"node": one["CacheClusterId"]}, *ends)
                self.guarded[one["ARN"]] = [group["SecurityGroupId"] for group in one.get("SecurityGroups", ())]

    def _machines(self) -> None:
        for one in self.asked("stepfunctions", "list_state_machines", "stateMachines"):
            self.add(one["stateMachineArn"], one["name"], "step_functions", {"state_machine": one["stateMachineArn"]})

    def _gateways(self) -> None:
        open_ = [{"Name": "state", "Values": ["available"]}]
        for one in self.asked("ec2", "describe_nat_gateways", "NatGateways", Filters=open_):
            id_, tags = one["NatGatewayId"], told(one.get("Tags", ()))
            self.add(id_, tags.get("Name", id_), "nat_gateway", {"gateway": id_}, tags=tags)

    def _pools(self) -> None:
        for pool in self.asked("cognito-idp", "list_user_pools", "UserPools", MaxResults=60):
            described = self.answer("cognito-idp", "describe_user_pool", UserPoolId=pool["Id"]).get("UserPool", {})
            for one in self.asked("cognito-idp", "list_user_pool_clients", "UserPoolClients", UserPoolId=pool["Id"]):
                given = {"pool": pool["Id"], "client": one["ClientId"]}
                name, tags = f"{pool['Name']} for {one['ClientName']}", described.get("UserPoolTags")
                self.add(f"{pool['Id']}/{one['ClientId']}", name, "cognito", given, pool["Id"], tags=tags)

    def _distributions(self) -> None:
        for one in self._listed():
            arn = one["ARN"]
            names = [*one.get("Aliases", {}).get("Items", ()), one["DomainName"]]
            self.add(arn, names[0], "cloudfront", {"distribution": one["Id"]})
            for origin in one.get("Origins", {}).get("Items", ()):
                for thing in list(self.things.values()):
                    if any(word in origin["DomainName"] for word in thing.said if "." in word):
                        self.stands(arn, thing.id, f"origin {origin['DomainName']} of distribution {one['Id']}")

    def _listed(self) -> list[Any]:
        """Return every distribution; CloudFront lists them inside another object."""
        found: list[Any] = []
        marker: dict[str, str] = {}
        try:
            while True:
                page = self.world("cloudfront", "list_distributions", **marker)["DistributionList"]
                found += page.get("Items", ())
                if not page.get("IsTruncated"):
                    return found
                marker = {"Marker": page["NextMarker"]}
        except AwsError as error:
            self._sorry(error)
            return found

    def _checks(self) -> None:
        for one in self.asked("route53", "list_health_checks", "HealthChecks", world=True):
            config = one["HealthCheckConfig"]
            name = config.get("FullyQualifiedDomainName") or config.get("IPAddress") or one["Id"]
            given = {"health_check": one["Id"], **({"latency": True} if config.get("MeasureLatency") else {})}
            arn = f"arn:{partition(self.aws.region)}:route53:::healthcheck/{one['Id']}"
            self.add(arn, name, "health_check", given)

    def _named(self) -> None:
        things = list(self.things.values())
        for id_, how, variables in self.variables:
            self.edges += named(variables, things, self.things[id_], how)

    def _let_in(self) -> None:
        """Keep which databases and caches let in whom, by their security groups."""
        wanted = sorted({group for groups in self.guarded.values() for group in groups})
        rules: dict[str, set[str]] = {}
        for start in range(0, len(wanted), MANY):
            some = wanted[start : start + MANY]
            for one in self.asked("ec2", "describe_security_groups", "SecurityGroups", GroupIds=some):
                pairs = [pair for rule in one.get("IpPermissions", ()) for pair in rule.get("UserIdGroupPairs", ())]
                rules[one["GroupId"]] = {pair["GroupId"] for pair in pairs if "GroupId" in pair}
        for thing, groups in self.guarded.items():
            for who, own in self.outgoing.items():
                if who in self.things and (let := [each for each in groups if rules.get(each, set()) & set(own)]):
                    self.stands(who, thing, f"its security group {let[0]} lets {self.things[who].name} in")


def _agent(
    agents: Sequence[Mapping[str, str]], key: str, name: str, members: Sequence[str]
) -> tuple[dict[str, dict[str, str]], tuple[str, ...]]:
    """Return the dimensions under which the agent tells of something, where it must be said, and what to know."""
    own = [one for one in agents if one.get(key) == name and ("InstanceId" not in one or key == "InstanceId")]
    if {key: name} in own:
        return {}, ()
    if own:
        fewest: Mapping[str, str] = min(own, key=len)
        return {"agent": dict(fewest)}, ()
    if any(one.get("InstanceId") in members for one in agents):
        return {}, ("the agent tells of each instance alone: let it aggregate by AutoScalingGroupName",)
    return {}, ("no CloudWatch agent tells of its memory",)


def _integrated(uri: str) -> Iterable[str]:
    """Yield the function that an integration calls, without its version or alias."""
    if ":function:" in uri:
        arn = uri.partition("/functions/")[2] or uri
        yield ":".join(arn.removesuffix("/invocations").split(":")[:7])


def _function(arn: str) -> str:
    return arn.split(":function:")[-1].split(":")[0]
