"""The sample systems' resources, as far as moto has them: found by tags, described, and asked for their limits.

They are made before anybody watches, by calls that are nobody's: `local/inside.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.backends import get_backend

from local.systems.deploying import packed
from local.systems.lines import FLOWS

Client = Callable[[str], Any]
Ids = dict[str, str]
ROLE = "systems"
HANDLER = "def handler(event, context):\n    return event\n"


def create(client: Client, account: str) -> Ids:
    """Make the resources of all systems and return the ids that AWS chose, by the systems' names for them."""
    _role(client)
    network = _network(client, account)
    _platform(client, account, network)
    _images(client, account)
    return {
        **network,
        **_shop(client, account, network),
        **_intake(client, account),
        **_saas(client, account),
    }


def _tags(system: str) -> list[dict[str, str]]:
    return [{"Key": "service", "Value": system}]


def _role(client: Client) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)


def _network(client: Client, account: str) -> Ids:
    ec2 = client("ec2")
    subnets = ec2.describe_subnets()["Subnets"][:2]
    balancers = {}
    for system, group in (("shop", "shop-web"), ("platform", "platform-web")):
        created = client("elbv2").create_load_balancer(
            Name=system, Subnets=[one["SubnetId"] for one in subnets], Tags=_tags(system)
        )["LoadBalancers"][0]
        target = client("elbv2").create_target_group(
            Name=group, Protocol="HTTP", Port=80, VpcId=subnets[0]["VpcId"], Tags=_tags(system),
            TargetType="instance" if system == "shop" else "ip",
        )["TargetGroups"][0]  # fmt: skip
        client("elbv2").create_listener(
            LoadBalancerArn=created["LoadBalancerArn"], Protocol="HTTP", Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": target["TargetGroupArn"]}],
        )  # fmt: skip
        balancers[f"{system}_alb_arn"] = created["LoadBalancerArn"]
        balancers[f"{system}_tg_arn"] = target["TargetGroupArn"]
        balancers[f"{system}_alb"] = created["LoadBalancerArn"].split(":loadbalancer/")[1]
        balancers[f"{system}_tg"] = target["TargetGroupArn"].split(":")[-1]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnets[0]["SubnetId"], AllocationId=address)["NatGateway"]["NatGatewayId"]
    ec2.create_tags(Resources=[nat], Tags=_tags("shop"))
    ec2.create_flow_logs(
        ResourceType="VPC", ResourceIds=[subnets[0]["VpcId"]], TrafficType="ALL", LogGroupName=FLOWS,
        DeliverLogsPermissionArn=f"arn:aws:iam::{account}:role/{ROLE}",
    )  # fmt: skip
    return {**balancers, "shop_nat": nat, "subnets": ",".join(one["SubnetId"] for one in subnets)}


def _shop(client: Client, account: str, network: Ids) -> Ids:
    ec2, scaling = client("ec2"), client("autoscaling")
    image = ec2.register_image(Name="shop-web", RootDeviceName="/dev/xvda")["ImageId"]
    template = ec2.create_launch_template(
        LaunchTemplateName="shop-web",
        LaunchTemplateData={
            "ImageId": image, "InstanceType": "t3.small", "MetadataOptions": {"HttpTokens": "required"},
        },
    )["LaunchTemplate"]["LaunchTemplateId"]  # fmt: skip
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="shop-web", LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
        MinSize=3, MaxSize=6, DesiredCapacity=3, VPCZoneIdentifier=network["subnets"],
        TargetGroupARNs=[network["shop_tg_arn"]], HealthCheckType="ELB",
        Tags=[{**one, "PropagateAtLaunch": True} for one in _tags("shop")],
    )  # fmt: skip
    group = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["shop-web"])["AutoScalingGroups"][0]
    instances = {f"shop_i{number}": one["InstanceId"] for number, one in enumerate(group["Instances"], 1)}
    for instance in instances.values():
        # The template says so as well; moto does not read it.
        ec2.modify_instance_metadata_options(InstanceId=instance, HttpTokens="required")
    rds = client("rds")
    rds.create_db_parameter_group(
        DBParameterGroupName="shop-db", DBParameterGroupFamily="postgres16", Description="shop"
    )
    rds.modify_db_parameter_group(
        DBParameterGroupName="shop-db",
        Parameters=[{"ParameterName": "max_connections", "ParameterValue": "200", "ApplyMethod": "pending-reboot"}],
    )
    _database(client, "shop", "postgres", 100, DBParameterGroupName="shop-db")
    return {**instances, "shop_image": image, "shop_cdn": _distribution(client, "shop", account)}


def _database(client: Client, system: str, engine: str, storage: int, **more: str) -> None:
    client("rds").create_db_instance(
        DBInstanceIdentifier=f"{system}-db", Engine=engine, DBInstanceClass="db.t4g.medium", AllocatedStorage=storage,
        MasterUsername=system, MasterUserPassword="local-only-secret", PubliclyAccessible=False, StorageEncrypted=True,
        DeletionProtection=True, Tags=_tags(system), **more,
    )  # fmt: skip


def _distribution(client: Client, system: str, account: str) -> str:
    origin = f"{system}.example.com"
    created = client("cloudfront").create_distribution_with_tags(
        DistributionConfigWithTags={
            "DistributionConfig": {
                "CallerReference": system, "Comment": system, "Enabled": True,
                "Origins": {"Quantity": 1, "Items": [{
                    "Id": "origin", "DomainName": origin,
                    "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
                }]},
                "DefaultCacheBehavior": {"TargetOriginId": "origin", "ViewerProtocolPolicy": "redirect-to-https"},
            },
            "Tags": {"Items": _tags(system)},
        }
    )  # fmt: skip
    # Those of AWS all begin with E; moto draws any letter.
    known = get_backend("cloudfront")[account]["aws"].distributions
    made = known.pop(created["Distribution"]["Id"])
    made.id = made.distribution_id = f"E{made.id[1:]}"
    known[made.id] = made
    return str(made.id)


def _bucket(client: Client, system: str, name: str) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(names, True))
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": _tags(system)})


def _function(client: Client, system: str, name: str, account: str, seconds: int) -> None:
    client("lambda").create_function(
        FunctionName=name, Runtime="python3.12", Handler="main.handler", Code={"ZipFile": packed(HANDLER)},
        Role=f"arn:aws:iam::{account}:role/{ROLE}", Timeout=seconds, TracingConfig={"Mode": "Active"},
        Tags={"service": system},
    )  # fmt: skip


def _queue(client: Client, system: str) -> None:
    sqs, tags = client("sqs"), {"service": system}
    dead = sqs.create_queue(QueueName=f"{system}-jobs-dead", tags=tags)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    sqs.create_queue(QueueName=f"{system}-jobs", Attributes={"RedrivePolicy": redrive}, tags=tags)


def _intake(client: Client, account: str) -> Ids:
    _bucket(client, "intake", "intake-uploads")
    _function(client, "intake", "intake-parse", account, 60)
    _queue(client, "intake")
    client("sns").create_topic(Name="intake-done", Tags=_tags("intake"))
    steps = {"StartAt": "Check", "States": {"Check": {"Type": "Pass", "End": True}}}
    machine = client("stepfunctions").create_state_machine(
        name="intake", definition=json.dumps(steps), roleArn=f"arn:aws:iam::{account}:role/{ROLE}",
        tags=[{"key": "service", "value": "intake"}],
    )  # fmt: skip
    return {"intake_machine": machine["stateMachineArn"]}


def _containers(client: Client, system: str, name: str, desired: int, **more: object) -> None:
    ecs, tags = client("ecs"), [{"key": "service", "value": system}]
    ecs.create_cluster(clusterName=system, settings=[{"name": "containerInsights", "value": "enabled"}], tags=tags)
    logs = {"awslogs-group": f"/ecs/{name}", "awslogs-region": ecs.meta.region_name, "awslogs-stream-prefix": "web"}
    task = ecs.register_task_definition(
        family=name, requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="512", memory="1024",
        containerDefinitions=[{
            "name": name, "image": f"{name}:41", "logConfiguration": {"logDriver": "awslogs", "options": logs},
        }],
    )["taskDefinition"]["taskDefinitionArn"]  # fmt: skip
    ecs.create_service(
        cluster=system,
        serviceName=name,
        taskDefinition=task,
        desiredCount=desired,
        launchType="FARGATE",
        tags=tags,
        **more,
    )


def _platform(client: Client, account: str, network: Ids) -> None:
    balancer = {"targetGroupArn": network["platform_tg_arn"], "containerName": "platform-web", "containerPort": 80}
    _containers(client, "platform", "platform-web", 4, loadBalancers=[balancer])
    client("eks").create_cluster(
        name="platform-eks", roleArn=f"arn:aws:iam::{account}:role/{ROLE}", tags={"service": "platform"},
        resourcesVpcConfig={"subnetIds": network["subnets"].split(",")},
    )  # fmt: skip


def _table(client: Client, system: str, name: str) -> None:
    client("dynamodb").create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", Tags=_tags(system),
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip


def _images(client: Client, account: str) -> None:
    gateway = client("apigateway")
    api = gateway.create_rest_api(name="images", tags={"service": "images"})["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    gateway.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="AWS_IAM")
    gateway.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
    gateway.create_deployment(restApiId=api, stageName="prod")
    _bucket(client, "images", "images-originals")
    _function(client, "images", "images-resize", account, 10)
    _table(client, "images", "images-meta")
    client("elasticache").create_cache_cluster(
        CacheClusterId="images-cache", Engine="redis", CacheNodeType="cache.t4g.small", NumCacheNodes=1,
        Tags=_tags("images"),
    )  # fmt: skip
    _database(client, "images", "mysql", 50)


def _saas(client: Client, account: str) -> Ids:
    api = client("apigatewayv2").create_api(Name="saas-http", ProtocolType="HTTP", Tags={"service": "saas"})["ApiId"]
    client("apigatewayv2").create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    _function(client, "saas", "saas-api", account, 10)
    _containers(client, "saas", "saas-worker", 2)
    _queue(client, "saas")
    _table(client, "saas", "saas-tenants")
    rds = client("rds")
    rds.create_db_cluster(
        DBClusterIdentifier="saas-db", Engine="aurora-mysql", MasterUsername="saas", Tags=_tags("saas"),
        MasterUserPassword="local-only-secret", StorageEncrypted=True, DeletionProtection=True,
    )  # fmt: skip
    rds.create_db_instance(
        DBInstanceIdentifier="saas-db-1", DBClusterIdentifier="saas-db", Engine="aurora-mysql",
        DBInstanceClass="db.r6g.large", PubliclyAccessible=False, Tags=_tags("saas"),
    )  # fmt: skip
    users = client("cognito-idp")
    pool = users.create_user_pool(PoolName="saas", UserPoolTags={"service": "saas"})["UserPool"]["Id"]
    app = users.create_user_pool_client(UserPoolId=pool, ClientName="web")["UserPoolClient"]["ClientId"]
    cdn = _distribution(client, "saas", account)
    return {"saas_api": api, "saas_stage": "$default", "saas_cdn": cdn, "saas_pool": pool, "saas_client": app}
