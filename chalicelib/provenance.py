"""Where people must mend what is wrong, so that it does not come back with the next deploy; pure.

The call tells the tool that made it, the resource's tags tell the stack, the workspace or the file. Whoever may tag a
resource may write what he likes there: it is shown as text on one line, and decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.model import Actor

Tags = Mapping[str, str]
LINE, NAME = 300, 128

CLOUDFORMATION, TERRAFORM, PULUMI = "CloudFormation", "Terraform", "Pulumi"
# CloudTrail shows the service instead of the address and the agent where CloudFormation calls for somebody.
SERVICE = "cloudformation.amazonaws.com"
# Pulumi's provider is made of Terraform's, and some versions named both.
AGENTS = ((PULUMI, re.compile(r"\bPulumi")), (TERRAFORM, re.compile(r"\b(Terraform|OpenTofu)/|terraform-provider-")))
CDK_ROLE = re.compile(r":assumed-role/cdk-\w+-[\w-]*role-")

# Tags that people put on by convention, however they spell them: `ManagedBy`, `managed-by`, `managed_by`.
MANAGED = frozenset({"managedby", "createdby", "provisionedby", "deployedby", "provisioner", "iac", "iactool"})
WORDS = {TERRAFORM: ("terraform", "terragrunt", "opentofu"), PULUMI: ("pulumi",)}
WORKSPACES = ("terraformworkspace", "tfworkspace", "workspace")
REPOSITORIES = ("gitrepo", "gitrepository", "repository", "repo")

# What makes resources by itself, by the tag that it leaves: how people know it, and what they mend there.
OWNERS = (
    ("crossplane-name", "Crossplane resource", "its manifest"),
    ("karpenter.sh/nodepool", "Karpenter node pool", "its EC2NodeClass"),
    ("eks:nodegroup-name", "EKS node group", "its launch template"),
    ("aws:autoscaling:groupName", "Auto Scaling group", "its launch template"),
    ("aws:ec2launchtemplate:id", "launch template", "it, in a new version"),
)


@dataclass(frozen=True, slots=True)
class Maker:
    """What made a resource: the tool behind it, how people know it there, and what they mend."""

    tool: str
    named: str
    mend: str


BARE = {
    CLOUDFORMATION: Maker(CLOUDFORMATION, "CloudFormation", "the stack's template"),
    TERRAFORM: Maker(TERRAFORM, "Terraform", "its configuration"),
    PULUMI: Maker(PULUMI, "Pulumi", "its program"),
}


def source(tags: Tags, actor: Actor | None) -> str:
    """Return where to mend it for good, as a fragment of a sentence on one line; empty when nothing tells.

    Args:
        tags: those of the resource.
        actor: who brought it, with the tool in hand; None when that is not known.
    """
    plain = {re.sub(r"[^a-z]", "", key.lower()): _shown(value) for key, value in sorted(tags.items())}
    # What is deployed before what makes resources by itself.
    maker = _stack(tags, actor) or _terraform(plain) or _pulumi(plain) or _owner(tags)
    tool = _tool(actor)
    if tool and (maker is None or maker.tool != tool):
        # What made this change counts, whoever once made the resource.
        maker = BARE[tool]
    file, place = plain.get("gitfile", ""), _repository(plain)
    if maker is None:
        return _clipped(f"{place or 'the repository'}: mend {file}", LINE) if file else ""
    mend = (file or maker.mend) + (f" in {place}" if place else "")
    return _clipped(f"{maker.named}: mend {mend}", LINE)


def _tool(actor: Actor | None) -> str:
    """Return the tool that made a call, as its agent tells; empty for a console, a command line, anything else."""
    if actor is None:
        return ""
    if SERVICE in (actor.tool, actor.ip):
        return CLOUDFORMATION
    return next((tool for tool, agent in AGENTS if agent.search(actor.tool)), "")


def _stack(tags: Tags, actor: Actor | None) -> Maker | None:
    name = _shown(tags.get("aws:cloudformation:stack-name", ""))
    # Both make stacks of their own, whose templates nobody edits.
    if environment := _shown(tags.get("elasticbeanstalk:environment-name", "")):
        return Maker(CLOUDFORMATION, f"Elastic Beanstalk environment {environment}", "its configuration")
    if cluster := _shown(tags.get("alpha.eksctl.io/cluster-name", "")):
        return Maker(CLOUDFORMATION, f"eksctl cluster {cluster}", "its configuration file")
    if not name:
        return None
    logical = _shown(tags.get("aws:cloudformation:logical-id", ""))
    named = f"stack {name}" + (f" (resource {logical})" if logical else "")
    if any(key.endswith(":createdBy") and value == "SAM" for key, value in tags.items()):
        return Maker(CLOUDFORMATION, f"SAM {named}", "its template")
    if any(key.startswith("aws-cdk:") for key in tags) or (actor and CDK_ROLE.search(actor.arn)):
        return Maker(CLOUDFORMATION, f"CDK {named}", "its app")
    if name.startswith("StackSet-"):
        return Maker(CLOUDFORMATION, f"CloudFormation {named}", "the template of its stack set")
    return Maker(CLOUDFORMATION, f"CloudFormation {named}", "its template")


def _terraform(plain: Tags) -> Maker | None:
    switched = plain.get("terraform", "").lower() in ("true", "yes", "1")
    if not (switched or _says(plain, TERRAFORM) or any(key in plain for key in WORKSPACES[:2])):
        return None
    workspace = next((plain[key] for key in WORKSPACES if plain.get(key)), "")
    return Maker(TERRAFORM, "Terraform" + (f" workspace {workspace}" if workspace else ""), BARE[TERRAFORM].mend)


def _pulumi(plain: Tags) -> Maker | None:
    names = [plain[key] for key in ("pulumiproject", "pulumistack") if plain.get(key)]
    if not names and not _says(plain, PULUMI):
        return None
    return Maker(PULUMI, " ".join(["Pulumi", *(["stack", "/".join(names)] if names else [])]), BARE[PULUMI].mend)


def _owner(tags: Tags) -> Maker | None:
    for key, kind, mend in OWNERS:
        if name := _shown(tags.get(key, "")):
            return Maker(kind, f"{kind} {name}", mend)
    return None


def _says(plain: Tags, tool: str) -> bool:
    return any(key in MANAGED and any(word in value.lower() for word in WORDS[tool]) for key, value in plain.items())


def _repository(plain: Tags) -> str:
    name = next((plain[key] for key in REPOSITORIES if plain.get(key)), "")
    organisation = plain.get("gitorg", "")
    return f"{organisation}/{name}" if organisation and name and "/" not in name else name


def _shown(value: str) -> str:
    """Return a tag's value as people may be shown it: on one line, without what cannot be seen, and not too long."""
    return _clipped(" ".join("".join(c if c.isprintable() else " " for c in value).split()), NAME)


def _clipped(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
