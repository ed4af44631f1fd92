"""S3's own spelling in CloudTrail: the XML body as it came, the query keys, and the headers that count."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree

_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_RECORDED_HEADERS = re.compile(r"x-amz-(acl|grant-[a-z-]+|object-ownership|bucket-object-lock-[a-z-]+)$")
# `x-id` and the signature are botocore's and the signer's: they are no parameters of the call.
_NOT_PARAMETERS = re.compile(
    r"x-id$|x-amz-(algorithm|credential|date|expires|signature|signedheaders|security-token)$"
    r"|(awsaccesskeyid|signature|expires)$"
)


def parameters(
    parsed_uri: Mapping[str, Any],
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    body: bytes,
) -> dict[str, Any]:
    """Spell the parameters of a bucket or S3 account call."""
    spelled: dict[str, Any] = {k: v for k, v in query if not _NOT_PARAMETERS.match(k.lower())}
    spelled |= {k.lower(): v for k, v in headers.items() if _RECORDED_HEADERS.match(k.lower())}
    for name, value in parsed_uri.items():
        spelled["bucketName" if name == "Bucket" else name[:1].lower() + name[1:]] = value
    if "x-amz-account-id" in headers:
        spelled["accountId"] = headers["x-amz-account-id"]
    spelled["Host"] = headers.get("Host", "")
    return spelled | _body(body, is_policy="policy" in spelled)


def unchunked(body: bytes) -> bytes:
    """Take the chunk frames off an `aws-chunked` upload."""
    content, rest = bytearray(), body
    while rest:
        head, _, rest = rest.partition(b"\r\n")
        size = int(head.split(b";")[0], 16)
        if size == 0:
            break
        content += rest[:size]
        rest = rest[size + 2 :]
    return bytes(content)


def _body(body: bytes, *, is_policy: bool) -> dict[str, Any]:
    text = body.strip()
    if not text:
        return {}
    if is_policy:
        try:
            return {"bucketPolicy": json.loads(text)}
        except ValueError:
            return {"bucketPolicy": text.decode("utf-8", "replace")}
    root = ElementTree.fromstring(text)
    namespace, _, name = root.tag.rpartition("}")
    content = _element(root)
    if namespace:
        content = {"xmlns": namespace[1:], **(content if isinstance(content, dict) else {})}
    return {name: content}


def _element(node: ElementTree.Element) -> Any:
    spelled: dict[str, Any] = {}
    for attribute, value in node.attrib.items():
        if attribute.startswith(_XSI):
            spelled["xmlns:xsi"] = _XSI[1:-1]
            attribute = "xsi:" + attribute.removeprefix(_XSI)
        spelled[attribute] = value
    for child in node:
        name, value = child.tag.rpartition("}")[2], _element(child)
        if name not in spelled:
            spelled[name] = value
        elif isinstance(spelled[name], list):
            spelled[name].append(value)
        else:
            spelled[name] = [spelled[name], value]
    return spelled or _typed((node.text or "").strip())


def _typed(text: str) -> str | bool | int:
    if text in {"true", "false"}:
        return text == "true"
    # Longer digits are account ids and the like, which must keep their leading zeros.
    return int(text) if re.fullmatch(r"0|[1-9][0-9]{0,8}", text) else text
