from __future__ import annotations

import json

import pytest

from chalicelib import registry
from chalicelib.settings import Settings
from deploy import member
from tests.account import TestAccount
from tests.cli.terminal import Terminal


@pytest.mark.parametrize(("options", "stage"), [((), "test"), (("--stage", "prod"), "prod")])
def test_prints_the_template_of_a_stage(terminal: Terminal, options: tuple[str, ...], stage: str) -> None:
    found = terminal.run("member-template", *options)
    template = json.loads(found.stdout)
    assert template == member.template(Settings(stage=stage))
    assert template["Parameters"]["Stage"]["Default"] == stage


def test_says_when_the_deployed_stage_cannot_be_asked(terminal: Terminal) -> None:
    assert "what an upgrade brought and parapet-prod only observes is not known" in (
        terminal.run("member-template", "--stage", "prod").stderr
    )


def test_gives_no_right_for_what_the_deployed_stage_only_observes(terminal: Terminal, account: TestAccount) -> None:
    told = {
        "release": 2,
        "previous": "",
        "commit": "",
        "version": "1",
        "modes": {},
        "observed": ["s3_bucket_unblocked"],
    }
    template = {
        "Metadata": {"Parapet": told},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    }
    account.client("cloudformation").create_stack(StackName="parapet-test", TemplateBody=json.dumps(template))
    found = json.loads(terminal.run("member-template").stdout)
    assert found == member.template(Settings(stage="test", observed=("s3_bucket_unblocked",)))
    assert "s3:PutBucketPublicAccessBlock" not in json.dumps(found)


def test_follows_the_settings(terminal: Terminal) -> None:
    file = terminal.folder / "parapet.toml"
    file.write_text('[parapet]\ndefault_mode = "observe"\nregions = ["eu-central-1"]', "utf-8")
    terminal.environment["PARAPET_SETTINGS"] = str(file)
    template = json.loads(terminal.run("member-template").stdout)
    chosen = Settings(stage="test", default_mode="observe", regions=("eu-central-1",))
    assert template == member.template(chosen) != member.template(Settings(stage="test"))
    forwarded = [service for service in registry.services() if registry.calls(service)]
    rules = [name for name, one in template["Resources"].items() if one["Type"] == "AWS::Events::Rule"]
    assert rules == [*(f"Forward{one.capitalize()}" for one in forwarded), "ForwardLedgerCalls", "ForwardLedgerTold"]
