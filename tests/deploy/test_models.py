"""botocore's data, cut: what code can call is read from it, that stays and works, and nothing else stays.

That the cut models hold everything our functions call is for the other tests: in all of them the functions have
no others (`tests/cut.py`).
"""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.exceptions import UnknownServiceError

from chalicelib import registry
from deploy import models, operations
from deploy.models import Models
from tests import cut

FULL = Models(cut.FULL)
SOURCE = '''
aws("iam", f"list_attached_{kind}_policies", "AttachedPolicies")
aws.all("ec2", "describe_images", "Images")
call(service, put)
put = "put_public_access_block"
service = "s3"
client("sqs").send_message(QueueUrl=queue)
"""get_role, of iam, is only written about."""
'''


def called(source: str, *services: str) -> dict[str, frozenset[str]]:
    return operations.called(operations.words([source]), {name: FULL.operations(name) for name in services})


class TestOperations:
    def test_are_read_from_the_source(self) -> None:
        assert called(SOURCE, "iam", "ec2", "s3", "sqs", "kms") == {
            "iam": {"ListAttachedGroupPolicies", "ListAttachedRolePolicies", "ListAttachedUserPolicies"},
            "ec2": {"DescribeImages"},
            "s3": {"PutPublicAccessBlock", "HeadBucket"},
            "sqs": {"SendMessage"},
        }

    def test_of_a_service_that_the_source_does_not_name_are_none(self) -> None:
        assert called("aws(service, 'send_message')", "sqs") == {}

    def test_cover_everything_that_a_guardrail_says_it_needs(self) -> None:
        sources = [path.read_text("utf-8") for path in (cut.ROOT / "chalicelib").rglob("*.py")]
        said = operations.words(sources)
        found = operations.called(said, {name: FULL.operations(name) for name in FULL.versions if name in said.texts})
        kept = {f"{service}:{operation}" for service, some in found.items() for operation in some}
        everything = {f"{service}:{operation}" for service in found for operation in FULL.operations(service).values()}
        wanted = {action for rail in registry.load() for action in rail.needs if action in everything}
        assert len(wanted) > 40
        assert wanted <= kept


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> botocore.session.Session:
    return cut.session(tmp_path_factory.mktemp("botocore"))


def client(session: botocore.session.Session, service: str) -> Any:
    return session.create_client(service, region_name="eu-west-1")


class TestModels:
    def test_are_a_small_part(self) -> None:
        data = models.cut(cut.FULL, (path.read_text("utf-8") for path in (cut.ROOT / "chalicelib").rglob("*.py")))
        assert sum(len(content) for content in data.values()) < 1_250_000

    def test_know_nothing_else(self, session: botocore.session.Session) -> None:
        with pytest.raises(UnknownServiceError):
            client(session, "glacier")
        with pytest.raises(AttributeError):
            client(session, "ec2").terminate_instances(InstanceIds=["i-0a1b2c3d4e5f60718"])

    @pytest.mark.parametrize("service", sorted({"s3control", *registry.services()} - {"signin"}))
    def test_say_the_same_of_what_they_keep(self, session: botocore.session.Session, service: str) -> None:
        ours, whole = client(session, service), client(botocore.session.Session(), service)
        assert ours.meta.endpoint_url == whole.meta.endpoint_url
        assert ours.meta.service_model.operation_names
        for name in ours.meta.service_model.operation_names:
            one, other = (each.meta.service_model.operation_model(name) for each in (ours, whole))
            assert described(one.input_shape) == described(other.input_shape)
            assert described(one.output_shape) == described(other.output_shape)
            assert [shape.name for shape in one.error_shapes] == [shape.name for shape in other.error_shapes]
            method = botocore.xform_name(name)
            assert ours.can_paginate(method) == whole.can_paginate(method)

    @pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1"])
    def test_find_the_same_endpoints(self, session: botocore.session.Session, region: str) -> None:
        for service in ("iam", "s3", "dynamodb"):
            ours, whole = (
                each.create_client(service, region_name=region).meta.endpoint_url
                for each in (session, botocore.session.Session())
            )
            assert ours == whole


def described(shape: Any, seen: tuple[str, ...] = ()) -> Any:
    """A shape with everything in it, to compare."""
    if shape is None or shape.name in seen:
        return shape and shape.name
    inside = (*seen, shape.name)
    if shape.type_name == "structure":
        members: Any = {name: described(one, inside) for name, one in shape.members.items()}
    elif shape.type_name == "list":
        members = described(shape.member, inside)
    elif shape.type_name == "map":
        members = [described(shape.key, inside), described(shape.value, inside)]
    else:
        members = None
    return [shape.name, shape.type_name, dict(shape.serialization), dict(shape.metadata), members]
