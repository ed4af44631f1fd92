from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib import registry
from tests.account import TestAccount, canonical
from tests.samples import cloudtrail
from tests.scenario import Scenario

NAME = "ec2_image_public"
SAMPLE = Path(__file__).parents[1] / "events" / f"{NAME}.json"
PARTNER = "210987654321"


def build(account: TestAccount) -> str:
    ec2 = account.client("ec2")
    [instance] = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"]
    image = str(ec2.create_image(InstanceId=instance["InstanceId"], Name="golden")["ImageId"])
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": PARTNER}]})
    return image


def breach(account: TestAccount, image: str) -> dict[str, Any]:
    account.client("ec2").modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"Group": "all"}]})
    event: dict[str, Any] = json.loads(SAMPLE.read_text("utf-8").replace("ami-0aaaaaaaaaaaaaaaa", image))
    return event


def state(account: TestAccount, image: str) -> Any:
    [found] = account.client("ec2").describe_images(ImageIds=[image])["Images"]
    return found["Public"]


def permissions(account: TestAccount, image: str) -> Any:
    answer = account.client("ec2").describe_image_attribute(ImageId=image, Attribute="launchPermission")
    return sorted(canonical(answer["LaunchPermissions"]), key=str)


SCENARIO = Scenario(NAME, build, breach, state)


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param({"ImageId": "ami-1", "Public": False}, id="private, or shared with accounts"),
        pytest.param({}, id="deregistered"),
    ],
)
def test_leaves_alone(innocent: dict[str, Any]) -> None:
    assert list(registry.get(NAME).remedies(innocent, None, {})) == []


def test_remedies_only_the_public_part() -> None:
    [remedy] = registry.get(NAME).remedies({"ImageId": "ami-1", "Public": True}, None, {})
    everyone = [{"Group": "all"}]
    assert [c.params for c in remedy.fix] == [{"ImageId": "ami-1", "LaunchPermission": {"Remove": everyone}}]
    assert [c.params for c in remedy.undo] == [{"ImageId": "ami-1", "LaunchPermission": {"Add": everyone}}]


def shared(image: str) -> dict[str, Any]:
    request = {
        "imageId": image,
        "launchPermission": {"add": {"items": [{"userId": PARTNER}]}},
        "attributeType": "launchPermission",
    }
    return cloudtrail("ec2:ModifyImageAttribute", request, {"_return": True})


def test_sharing_with_an_account_is_no_finding_of_this_guardrail(account: TestAccount) -> None:
    assert account.deliver(shared(build(account))) == []


def test_what_the_event_did_not_bring_is_not_blamed_on_its_actor(account: TestAccount) -> None:
    image = build(account)
    breach(account, image)
    [finding] = account.deliver(shared(image))
    assert (finding.origin, finding.status, finding.actor) == ("sweep", "fixed", None)
    assert permissions(account, image) == [{"UserId": PARTNER}]


def test_a_description_is_no_launch_permission(account: TestAccount) -> None:
    image = build(account)
    breach(account, image)
    described = cloudtrail("ec2:ModifyImageAttribute", {"imageId": image, "description": {"value": "golden"}})
    [finding] = account.deliver(described)
    assert finding.actor is None


def test_the_sweep_looks_at_own_public_images_only(account: TestAccount) -> None:
    private, public = build(account), build(account)
    breach(account, public)
    assert private != public
    subjects = registry.get(NAME).subjects
    assert subjects is not None
    assert list(subjects(account.aws("guard_ec2"))) == [public]


def test_an_image_that_is_gone(account: TestAccount) -> None:
    image = build(account)
    event = breach(account, image)
    account.client("ec2").deregister_image(ImageId=image)
    assert account.deliver(event) == []
