from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.publicity import public, statements, unordered

ACCOUNT = "111122223333"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def grant(principal: Any = "*", **changes: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "*", **changes}


def when(operator: str, key: str, value: Any, **more: Any) -> dict[str, Any]:
    """A grant to everyone under a condition."""
    return grant(Condition={operator: {key: value}, **more})


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(grant(), id="everyone"),
        pytest.param(grant({"AWS": "*"}), id="everyone as AWS"),
        pytest.param(grant({"AWS": ["*"]}), id="everyone in a list"),
        pytest.param(grant({"AWS": [ROOT, "*"]}), id="everyone among named ones"),
        pytest.param(grant({"CanonicalUser": "0123", "AWS": "*"}), id="everyone beside another kind"),
        pytest.param(grant({"Federated": "graph.facebook.com"}), id="AWS's example: a web identity"),
        pytest.param({"Effect": "Allow", "NotPrincipal": {"AWS": ROOT}, "Action": "*"}, id="everyone but one"),
        pytest.param(grant(Condition={}), id="an empty condition"),
        pytest.param(when("StringLike", "aws:SourceVpc", "vpc-*"), id="AWS's example: a wildcard"),
        pytest.param(when("StringEquals", "aws:SourceVpc", "vpc-9123732?"), id="the other wildcard"),
        pytest.param(when("StringEquals", "aws:SourceAccount", "${aws:PrincipalAccount}"), id="a policy variable"),
        pytest.param(when("StringLike", "aws:PrincipalOrgID", "*"), id="any organization"),
        pytest.param(when("StringLike", "aws:PrincipalOrgID", ["o-exampleorg", "o-*"]), id="one wildcard is enough"),
        pytest.param(when("StringEquals", "aws:SourceVpce", []), id="no value"),
        pytest.param(when("StringEquals", "aws:SourceVpce", ""), id="an empty value"),
        pytest.param(when("IpAddress", "aws:SourceIp", "0.0.0.0/0"), id="every address"),
        pytest.param(when("IpAddress", "aws:SourceIp", "::/0"), id="every IPv6 address"),
        pytest.param(when("IpAddress", "aws:SourceIp", "0.0.0.0/1"), id="AWS's example: half of all addresses"),
        pytest.param(when("IpAddress", "aws:SourceIp", ["0.0.0.0/1", "128.0.0.0/1"]), id="two halves"),
        pytest.param(when("IpAddress", "aws:SourceIp", "32.0.0.0/7"), id="broader than /8"),
        pytest.param(when("IpAddress", "aws:SourceIp", "2000::/31"), id="broader than /32 in IPv6"),
        pytest.param(when("IpAddress", "aws:SourceIp", ["198.51.100.0/24", "0.0.0.0/0"]), id="the office or anywhere"),
        pytest.param(when("StringLike", "aws:SourceIp", "198.51.*"), id="an address is not a text"),
        pytest.param(when("NotIpAddress", "aws:SourceIp", "198.51.100.0/24"), id="every address but the office's"),
        pytest.param(when("StringNotEquals", "aws:SourceVpc", "vpc-91237329"), id="every VPC but one"),
        pytest.param(when("ArnNotLike", "aws:PrincipalArn", ROOT), id="everyone but one ARN"),
        pytest.param(when("Null", "aws:PrincipalOrgID", "false"), id="whoever is in some organization"),
        pytest.param(when("Null", "aws:SourceVpc", "true"), id="whoever comes from the internet"),
        pytest.param(when("StringEqualsIfExists", "aws:SourceVpce", "vpce-1"), id="the internet has no endpoint"),
        pytest.param(when("ForAllValues:StringEquals", "aws:PrincipalOrgPaths", "o-a/r-b/"), id="true of no value"),
        pytest.param(when("Bool", "aws:SecureTransport", "true"), id="TLS"),
        pytest.param(when("Bool", "aws:PrincipalIsAWSService", "true"), id="any service of AWS for anyone"),
        pytest.param(when("StringLike", "aws:Referer", "https://example.com/*"), id="a header that anyone can send"),
        pytest.param(when("StringEquals", "aws:UserAgent", "secret"), id="another header"),
        pytest.param(when("StringEquals", "aws:PrincipalTag/team", "ours"), id="a tag that anyone can wear"),
        pytest.param(when("StringEquals", "kms:ViaService", "s3.eu-west-1.amazonaws.com"), id="through a service"),
        pytest.param(when("StringEquals", "s3:ExistingObjectTag/public", "yes"), id="what, not who"),
        pytest.param(when("DateLessThan", "aws:CurrentTime", "2027-01-01T00:00:00Z"), id="when, not who"),
        pytest.param(when("IpAddress", "aws:VpcSourceIp", "10.0.0.0/8"), id="a private range of anybody's VPC"),
        pytest.param(when("ArnLike", "aws:SourceArn", "arn:aws:sns:*:*:topic"), id="a topic of any account"),
        pytest.param(when("ArnLike", "aws:SourceArn", "arn:aws:s3:::*"), id="any bucket"),
        pytest.param(when("StringLike", "aws:userid", "*:alice"), id="any role"),
        pytest.param(when("ArnLike", "s3:DataAccessPointArn", "arn:aws:s3:*:*:accesspoint/*"), id="any access point"),
    ],
)  # fmt: skip
def test_open_to_everyone(statement: dict[str, Any]) -> None:
    assert public(statement)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(grant(Effect="Deny"), id="a denial"),
        pytest.param(grant({"AWS": ROOT}), id="an account"),
        pytest.param(grant({"AWS": [ROOT, f"arn:aws:iam::{ACCOUNT}:role/reader"]}), id="named ones"),
        pytest.param(grant({"Service": "cloudtrail.amazonaws.com"}), id="a service"),
        pytest.param(grant({"CanonicalUser": "0123"}), id="a canonical user"),
        pytest.param(grant({"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/corp"}), id="a provider of an account"),
        pytest.param(when("StringEquals", "aws:SourceVpc", "vpc-91237329"), id="AWS's example: a fixed value"),
        pytest.param(when("StringEquals", "aws:SourceVpce", ["vpce-1", "vpce-2"]), id="fixed values"),
        pytest.param(when("stringequals", "AWS:sourcevpc", "vpc-1"), id="whatever the case"),
        pytest.param(when("StringLike", "aws:PrincipalOrgID", "o-exampleorg"), id="StringLike without a wildcard"),
        pytest.param(when("StringEqualsIgnoreCase", "aws:SourceAccount", ACCOUNT), id="an account as the source"),
        pytest.param(when("StringEquals", "aws:SourceAccount", int(ACCOUNT)), id="an account as a number"),
        pytest.param(when("StringEquals", "AWS:SourceOwner", ACCOUNT), id="SNS's own default"),
        pytest.param(when("StringEquals", "kms:CallerAccount", ACCOUNT), id="KMS's way to say an account"),
        pytest.param(when("StringEquals", "aws:PrincipalAccount", ACCOUNT), id="a principal's account"),
        pytest.param(when("IpAddress", "aws:SourceIp", "198.51.100.7"), id="one address"),
        pytest.param(when("IpAddress", "aws:SourceIp", "198.51.100.9/24"), id="a range with host bits"),
        pytest.param(when("IpAddress", "aws:SourceIp", "10.0.0.0/8"), id="no broader than /8"),
        pytest.param(when("IpAddress", "aws:SourceIp", "2001:db8::/32"), id="no broader than /32 in IPv6"),
        pytest.param(when("ArnLike", "aws:SourceArn", f"arn:aws:sns:*:{ACCOUNT}:*"), id="any topic of one account"),
        pytest.param(when("ArnEquals", "aws:SourceArn", "arn:aws:s3:::uploads"), id="a bucket"),
        pytest.param(when("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/ci-*"), id="an account's roles"),
        pytest.param(
            when("StringLike", "s3:DataAccessPointArn", f"arn:aws:s3:us-west-2:{ACCOUNT}:accesspoint/*"),
            id="AWS's example: access points of one account",
        ),
        pytest.param(when("StringEquals", "s3:DataAccessPointAccount", ACCOUNT), id="an access point's account"),
        pytest.param(when("StringLike", "aws:userid", "AROAEXAMPLEID:*"), id="the sessions of one role"),
        pytest.param(
            when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-a1b2c3d4e5/r-ab12/*"),
            id="part of an organization",
        ),
        pytest.param(
            when("StringEqualsIfExists", "aws:PrincipalOrgID", "o-a", Null={"aws:PrincipalOrgId": "false"}),
            id="IfExists, and it must exist",
        ),
        pytest.param(
            when("Bool", "aws:SecureTransport", "true", StringEquals={"aws:SourceVpce": "vpce-1"}),
            id="one narrow condition among others",
        ),
        pytest.param(
            grant({"Federated": "cognito-identity.amazonaws.com"},
                  Condition={"StringEquals": {"cognito-identity.amazonaws.com:aud": "eu-west-1:pool"}}),
            id="a web identity of one pool",
        ),
        pytest.param(
            {"Effect": "Allow", "NotPrincipal": {"AWS": ROOT},
             "Condition": {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}},
            id="everyone but one, from the office",
        ),
    ],
)  # fmt: skip
def test_not_open_to_everyone(statement: dict[str, Any]) -> None:
    assert not public(statement)


def test_statements() -> None:
    assert statements({"Statement": grant()}) == [grant()]
    assert statements(json.dumps({"Statement": [grant(), grant()]})) == [grant(), grant()]
    assert statements({"Version": "2012-10-17"}) == []


def test_unordered() -> None:
    one = {"Statement": [grant({"AWS": ["a", "b"]}), grant("*", Action=["c", "d"])]}
    other = {"Statement": [grant("*", Action=["d", "c"]), grant({"AWS": ["b", "a"]})]}
    assert unordered(one) == unordered(other)
    assert unordered(one) != unordered({"Statement": [grant({"AWS": ["a"]})]})
