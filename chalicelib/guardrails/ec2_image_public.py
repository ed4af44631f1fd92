"""An own machine image (AMI) must not be launchable by every AWS account.

Why: whoever has any AWS account can launch a public image and read what was baked into it: code, keys, passwords.
Fix: takes the group `all` off the image's launch permissions; accounts and organisations named there keep it.
Undo: puts the group `all` back; AWS refuses that where AMIs' block public access is on.
Mode: launching from inside the account does not depend on it, so that it is fixed whenever it is found; a team that
publishes images exempts them.
Controls: none in FSBP or CIS; Prowler ec2_ami_public
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import tags
from chalicelib.model import Aws, Event, Remedy, call
from chalicelib.registry import api_call, guardrail

Image = Mapping[str, Any]


def read(aws: Aws, image: str) -> Image:
    """Return the image, or nothing once it is deregistered or disabled; raises AwsError."""
    # For a while AWS answers with an empty list where it later answers with an error.
    return next(iter(aws("ec2", "describe_images", ImageIds=[image], Owners=["self"])["Images"]), {})


def subjects(aws: Aws) -> Iterable[str]:
    """Return the region's own images that are public."""
    public = [{"Name": "is-public", "Values": ["true"]}]
    return [image["ImageId"] for image in aws.all("ec2", "describe_images", "Images", Owners=["self"], Filters=public)]


def current(image: Image, _part: str) -> dict[str, Any]:
    """Return whether everyone may launch the image."""
    return {"Public": image.get("Public")}


def brought(event: Event) -> bool:
    """Whether the event added everyone, rather than an account."""
    added = (event.request.get("launchPermission") or {}).get("add") or {}
    return any(item.get("group") == "all" for item in added.get("items") or [])


@guardrail(
    severity="high",
    default="enforce",
    on={api_call("ec2:ModifyImageAttribute"): "requestParameters.imageId"},
    needs={"ec2:DescribeImages", "ec2:ModifyImageAttribute"},
    read=read,
    subjects=subjects,
    current=current,
    tags=tags.known,
    gone={"InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"},
)
def check(image: Image, event: Event | None) -> Iterable[Remedy]:
    """Yield a remedy when everyone may launch the image."""
    if image.get("Public"):
        name, everyone = image["ImageId"], [{"Group": "all"}]
        yield Remedy(
            why=f"every AWS account can launch {name}",
            part="public",
            fix=(call("ec2", "modify_image_attribute", ImageId=name, LaunchPermission={"Remove": everyone}),),
            undo=(call("ec2", "modify_image_attribute", ImageId=name, LaunchPermission={"Add": everyone}),),
            before={"Public": True},
            after={"Public": False},
            brought=event is None or brought(event),
        )
