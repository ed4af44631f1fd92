"""The journal's table in memory, behind botocore: it answers as moto's does (machine/test_table.py), and soon."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from chalicelib.model import AwsError
from tests.machine.table import Table, insist


class Memory:
    """Registered once with the shared sessions, after whoever judges or disturbs calls; a test gives the table."""

    def __init__(self, *sessions: botocore.session.Session) -> None:
        # Whether the next account keeps its journal here.
        self.wanted = False
        self.table: Table | None = None
        for session in sessions:
            hooks: Any = session.get_component("event_emitter")
            hooks.register_last("before-call.*.*", self._answer)

    def _answer(self, model: Any, params: Any, **_: Any) -> Any:
        if self.table is None or model.service_model.service_name != "dynamodb":
            return None
        asked = json.loads(params["body"])
        if not self._is_about(self.table.name, asked):
            return None
        operation = "".join(f"_{one.lower()}" if one.isupper() else one for one in model.name).removeprefix("_")
        try:
            answer, status = json.loads(json.dumps(self.table.call(operation, asked))), 200
        except AwsError as error:
            answer, status = {"Error": {"Code": error.code, "Message": error.message}}, 400
        answer["ResponseMetadata"] = {"HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}
        return AWSResponse("", status, HTTPHeaders(), None), answer

    @staticmethod
    def _is_about(name: str, asked: Any) -> bool:
        if "TransactItems" in asked:
            about = {one["TableName"] for write in asked["TransactItems"] for one in write.values()}
        else:
            about = {*asked.get("RequestItems", {}), *([asked["TableName"]] if "TableName" in asked else [])}
        insist(name not in about or about == {name}, f"one call about {about}")
        return about == {name}
