"""Where to mend what is wrong for good: what each tool leaves in calls and tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.model import Actor
from chalicelib.provenance import LINE, source
from tests.samples import ACCOUNT

STACK = {
    "aws:cloudformation:stack-name": "web-prod",
    "aws:cloudformation:stack-id": f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/web-prod/0a1b2c3d",
    "aws:cloudformation:logical-id": "WebSg",
}
YOR = {
    "yor_trace": "00000000-0000-4000-8000-00000000000a",
    "git_org": "acme",
    "git_repo": "infra",
    "git_file": "network/sg.tf",
}
CONSOLE = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
TERRAFORM = (
    "APN/1.0 HashiCorp/1.0 Terraform/1.5.7 (+https://www.terraform.io) terraform-provider-aws/5.98.0 "
    "(+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.36.3"
)
# As pulumi-aws names itself, once it did so (pulumi-aws#1604, #2190, pulumi-aws-native#54).
PULUMI = "APN/1.0 Pulumi/1.0 Pulumi-Aws/4.17.0 (+https://www.pulumi.com) aws-sdk-go/1.40.20 (go1.16.4; linux; amd64)"
NATIVE = "aws-sdk-go-v2/1.7.1 os/linux lang/go/1.16.6 api/ec2/1.6.0 APN/1.0 Pulumi/3.9.1 PulumiAwsNative/0.0.2"


def by(tool: str, role: str = "deploy", ip: str = "198.51.100.7") -> Actor:
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/session"
    return Actor(f"session as {role}", arn, ip, tool, "AssumedRole")


CLOUDFORMATION = by("cloudformation.amazonaws.com", ip="cloudformation.amazonaws.com")
CDK = by("cloudformation.amazonaws.com", f"cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-eu-west-1")


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        (STACK, "CloudFormation stack web-prod (resource WebSg): mend its template"),
        (
            {"aws:cloudformation:stack-name": "StackSet-baseline-0a1b2c3d"},
            "CloudFormation stack StackSet-baseline-0a1b2c3d: mend the template of its stack set",
        ),
        ({**STACK, "lambda:createdBy": "SAM"}, "SAM stack web-prod (resource WebSg): mend its template"),
        ({**STACK, "httpapi:createdBy": "SAM"}, "SAM stack web-prod (resource WebSg): mend its template"),
        ({**STACK, "aws-cdk:auto-delete-objects": "true"}, "CDK stack web-prod (resource WebSg): mend its app"),
        (
            {**STACK, "elasticbeanstalk:environment-name": "web"},
            "Elastic Beanstalk environment web: mend its configuration",
        ),
        ({**STACK, "alpha.eksctl.io/cluster-name": "prod"}, "eksctl cluster prod: mend its configuration file"),
        ({"Terraform": "true"}, "Terraform: mend its configuration"),
        ({"managed-by": "terraform"}, "Terraform: mend its configuration"),
        ({"ManagedBy": "Terraform", "Workspace": "prod"}, "Terraform workspace prod: mend its configuration"),
        ({"TerraformWorkspace": "prod"}, "Terraform workspace prod: mend its configuration"),
        ({"tf-workspace": "prod"}, "Terraform workspace prod: mend its configuration"),
        ({"created_by": "OpenTofu 1.8"}, "Terraform: mend its configuration"),
        (
            {"managed_by": "terraform", "Repository": "https://example.com/acme/infra"},
            "Terraform: mend its configuration in https://example.com/acme/infra",
        ),
        ({**YOR, "ManagedBy": "terraform"}, "Terraform: mend network/sg.tf in acme/infra"),
        ({**YOR, **STACK}, "CloudFormation stack web-prod (resource WebSg): mend network/sg.tf in acme/infra"),
        (YOR, "acme/infra: mend network/sg.tf"),
        ({"git_file": "sg.tf"}, "the repository: mend sg.tf"),
        ({"pulumi:Project": "web", "pulumi:Stack": "prod"}, "Pulumi stack web/prod: mend its program"),
        ({"ManagedBy": "Pulumi"}, "Pulumi: mend its program"),
        ({"crossplane-name": "orders", "crossplane-kind": "bucket"}, "Crossplane resource orders: mend its manifest"),
        ({"karpenter.sh/nodepool": "batch"}, "Karpenter node pool batch: mend its EC2NodeClass"),
        (
            {"eks:nodegroup-name": "workers", "aws:autoscaling:groupName": "eks-0a1b"},
            "EKS node group workers: mend its launch template",
        ),
        (
            {"aws:autoscaling:groupName": "web", "aws:ec2launchtemplate:id": "lt-0a1b2c3d4e5f60718"},
            "Auto Scaling group web: mend its launch template",
        ),
        (
            {"aws:autoscaling:groupName": "web", **STACK},
            "CloudFormation stack web-prod (resource WebSg): mend its template",
        ),
        ({"aws:ec2launchtemplate:id": "lt-0a1b"}, "launch template lt-0a1b: mend it, in a new version"),
    ],
)
def test_the_tags_tell(tags: dict[str, str], told: str) -> None:
    assert source(tags, None) == told
    assert source(tags, by(CONSOLE)) == told


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"Name": "web", "Environment": "prod", "team": "orders"},
        # None of these says which tool it was, or that it was one.
        {"Terraform": "false"},
        {"ManagedBy": "the platform team"},
        {"Workspace": "prod"},
        {"repository": "acme/web"},
        {"app.kubernetes.io/managed-by": "terraform"},
        {"lambda:createdBy": "SAM"},
        {"aws:cloudformation:stack-name": "\n\u202e "},
    ],
)
def test_nothing_is_guessed(tags: dict[str, str]) -> None:
    assert source(tags, None) == ""
    assert source(tags, by(CONSOLE)) == ""


@pytest.mark.parametrize(
    ("actor", "tags", "told"),
    [
        (CLOUDFORMATION, {}, "CloudFormation: mend the stack's template"),
        (CLOUDFORMATION, STACK, "CloudFormation stack web-prod (resource WebSg): mend its template"),
        (CDK, STACK, "CDK stack web-prod (resource WebSg): mend its app"),
        (by(TERRAFORM), {}, "Terraform: mend its configuration"),
        (by(f"[{TERRAFORM}]"), {"tf-workspace": "prod"}, "Terraform workspace prod: mend its configuration"),
        (by("HashiCorp Terraform/0.12.31 (+https://www.terraform.io)"), {}, "Terraform: mend its configuration"),
        (by(TERRAFORM.replace("Terraform/1.5.7", "OpenTofu/1.8.2")), {}, "Terraform: mend its configuration"),
        (by(PULUMI), {}, "Pulumi: mend its program"),
        (by(NATIVE), {"pulumi:stack": "prod"}, "Pulumi stack prod: mend its program"),
        # It opened the group of somebody else's stack: that template would not bring it back.
        (by(TERRAFORM), STACK, "Terraform: mend its configuration"),
        (by(TERRAFORM), {**STACK, **YOR}, "Terraform: mend network/sg.tf in acme/infra"),
        (by(TERRAFORM), {"aws:autoscaling:groupName": "web"}, "Terraform: mend its configuration"),
        (
            CLOUDFORMATION,
            {**STACK, "elasticbeanstalk:environment-name": "web"},
            "Elastic Beanstalk environment web: mend its configuration",
        ),
        (by("aws-cli/2.31.0"), {}, ""),
        (by("terraformer"), {}, ""),
    ],
)
def test_the_tool_of_the_call_counts_first(actor: Actor, tags: dict[str, str], told: str) -> None:
    assert source(tags, actor) == told


KEYS = st.sampled_from([*STACK, *YOR, "ManagedBy", "Workspace", "pulumi:stack", "crossplane-name", "Repository"])
VALUES = st.text(max_size=400) | st.sampled_from(["terraform", "<!channel>", "a\nb", "x" * 256, "\u202egnp.exe"])
AGENTS = st.sampled_from([CONSOLE, TERRAFORM, PULUMI, "cloudformation.amazonaws.com"]) | st.text(max_size=60)


@given(tags=st.dictionaries(KEYS | st.text(max_size=128), VALUES, max_size=12), agent=AGENTS)
def test_it_is_one_line_that_people_can_see_whatever_is_written_there(tags: dict[str, str], agent: str) -> None:
    told = source(tags, by(agent))
    assert told == source(dict(reversed(list(tags.items()))), by(agent))
    assert len(told) <= LINE
    assert told.isprintable()
    assert told == told.strip()
