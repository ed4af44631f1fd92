"""An API for the page: its files, policy and routes as declared, and documents made by the code that makes them.

It stands in for what is behind the routes, not for the routes: what none of them takes is refused, and an answer that
is not as its route declares is an error.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from chalicelib.api import page, problems, routes
from chalicelib.api.declared import ROUTES, SCHEMAS, Declared
from chalicelib.services import shown
from chalicelib.services.golden import Window
from chalicelib.times import iso
from chalicelib.tracing import shown as shown_map
from tests.browser.scenes import Scene
from tests.browser.tracing import Traced

assert routes.blueprint
STAGE = "/api"
# As the scenes have it: computed once, whoever looks.
NOW = time.time()
Given = Mapping[str, str]


class Refused(Exception):
    """An error as the API tells it."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


def token(scope: str = "read operate", *, lasts: float = 3600.0, who: str = "alice") -> str:
    """Return what looks like a token; nobody but the page reads it."""

    def part(document: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")

    claims = {"sub": who, "by": f"arn:aws:iam::123456789012:user/{who}", "scope": scope, "exp": time.time() + lasts}
    return f"{part({'alg': 'HS256', 'kid': '1'})}.{part(claims)}.c2lnbmVk"


@dataclass
class Oncall:
    """What the page talks to.

    Args:
        scene: what is known.
        url: of the page.
        broken: the error that each family of routes answers with, by the first part of its path after `v1`.
        refuses: why commands are refused; empty: they are done.
        asked: what people asked for: the path, the body.
        seen: every request.
        complaints: what a page must not ask.
        busy: how many requests are under way.
        a_page: how many services an answer has.
    """

    scene: Scene
    url: str = ""
    broken: dict[str, tuple[int, str]] = field(default_factory=dict)
    refuses: str = ""
    asked: list[tuple[str, Given]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    busy: int = 0
    a_page: int = 50
    commands: dict[str, dict[str, Any]] = field(default_factory=dict)
    explanation: Mapping[str, Any] | None = None
    # What is known of a thorough one as it is asked for again and again; the last stays.
    under_way: list[Mapping[str, Any]] = field(default_factory=list)

    def answer(self, declared: Declared, path: str, item: str, given: Given) -> Mapping[str, Any]:
        """Return a document, or raise Refused."""
        if trouble := self.broken.get(path.split("/")[2]):
            raise Refused(*trouble)
        now = NOW
        match declared.method, declared.path:
            case "GET", "/v1/health":
                return self.scene.health
            case "GET", "/v1/services":
                window = self._window(given)
                names = [name for name in sorted(self.scene.stories) if name > given.get("after", "")]
                told = [self.scene.service(name, window, now) for name in names[: self.a_page]]
                told.sort(key=lambda one: (shown.COLOURS.index(one["status"]), one["name"]))
                after = names[self.a_page - 1] if len(names) > self.a_page else None
                return self._watched(now, {"window": window, "services": told, "after": after, **self._mute})
            case "GET", "/v1/services/{service}/golden":
                if item not in self.scene.stories:
                    raise Refused(404, f"there is no service {item!r}")
                one = self.scene.service(item, self._window(given), now, points=True)
                return self._watched(now, {**one, **self._mute})
            case "GET", "/v1/services/{service}/explain":
                if self.explanation is None:
                    raise Refused(404, f"there is no service {item!r}")
                return {**self.explanation, **(self.under_way[0] if "depth" in given and self.under_way else {}),
                        "done": "depth" not in given}  # fmt: skip
            case "GET", "/v1/explanations/{explanation}":
                if len(self.under_way) > 1:
                    self.under_way.pop(0)
                return {**(self.explanation or {}), **(self.under_way[0] if self.under_way else {}), "depth": "full"}
            case "GET", "/v1/alarms":
                return {"alarms": self.scene.alarms(now), **self._mute}
            case "GET", "/v1/alerts":
                return {"alerts": self.scene.alerts(now), "after": None}
            case "GET", "/v1/findings":
                assert given["status"] == "asked"
                return {"findings": self.scene.findings(now), "after": None}
            case "GET", "/v1/remediations":
                return {"remediations": self.scene.remediations(now), "after": None}
            case "GET", "/v1/traces/map":
                return self._traced(now, Traced(self.scene.ill).map(given, now))
            case "GET", "/v1/traces":
                return self._traced(now, Traced(self.scene.ill).samples(given, now))
            case "GET", "/v1/traces/{trace}":
                return self._traced(now, Traced(self.scene.ill).trace(item, now))
            case "POST", "/v1/changes/{change}/revert":
                return {
                    "change": item, "guardrail": "ecs_service_changed", "what": "deploy shop:41 again",
                    "findings": "/v1/findings?guardrail=ecs_service_changed",
                }  # fmt: skip
            case "GET", "/v1/commands/{command}":
                return self._followed(item)
            case "POST", "/v1/alerts/{alert}/acknowledge" | "/v1/findings/{finding}/undo" | (
                "/v1/findings/{finding}/approve"
            ) | "/v1/findings/{finding}/reject":
                return self._ask(path, item, declared.path.rsplit("/", 1)[1], given, now)
        raise NotImplementedError(f"{declared.method} {declared.path}: nobody has said what it answers here")

    @property
    def _mute(self) -> dict[str, Any]:
        return {"alarms_unknown": [{"region": region, "why": why} for region, why in self.scene.mute.items()]}

    def _window(self, given: Given) -> Window:
        return {"3h": "3h", "24h": "24h", "30d": "30d"}[given.get("window", "3h")]  # type: ignore[return-value]

    def _watched(self, now: float, document: dict[str, Any]) -> dict[str, Any]:
        return {"as_of": iso(now), **document, "cost": {"api_calls": 1, "queries": 40}}

    def _traced(self, now: float, document: dict[str, Any]) -> dict[str, Any]:
        if self.scene.traces != "ok" and "nodes" in document:
            why = {"denied": "AWS denies xray:GetServiceGraph to the API's role: no", "no_data": shown_map.NOTHING}
            nothing: dict[str, Any] = {"nodes": [], "edges": [], "rows": []}
            document |= {"status": self.scene.traces, "why": why[self.scene.traces], **nothing}
        return self._watched(now, document)

    def _ask(self, path: str, item: str, kind: str, given: Given, now: float) -> Mapping[str, Any]:
        self.asked.append((path, given))
        number = f"{len(self.commands):016x}"
        self.commands[number] = {
            "id": number, "kind": kind, "finding": item, "about": "", "service": "ec2", "who": "alice",
            "by": "arn:aws:iam::123456789012:user/alice", "via": "api", "why": given.get("why", ""), "at": iso(now),
            "until": None, "expires": iso(now + 3600), "question": None, "break_glass": False, "scope": {},
            "status": "asked", "answer": "",
        }  # fmt: skip
        return dict(self.commands[number])

    def _followed(self, number: str) -> Mapping[str, Any]:
        command = self.commands[number]
        before = dict(command)
        answer = {"undo": "undone", "approve": "fixed", "reject": "rejected", "acknowledge": "acknowledged"}
        command["status"], command["answer"] = (
            ("refused", self.refuses) if self.refuses else ("done", answer[command["kind"]])
        )
        if not self.refuses and before["status"] == "asked":
            self.scene.decided(command["kind"], command["finding"])
        return before


@contextmanager
def oncall(scene: Scene) -> Iterator[Oncall]:
    """Serve the page of a scene under the path of a stage, as API Gateway does."""
    where = Oncall(scene)

    class Handler(_Handler):
        oncall = where

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    where.url = f"http://127.0.0.1:{server.server_address[1]}{STAGE}/"
    try:
        yield where
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Take no notice of those who hang up: what is wrong is in the complaints."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    oncall: Oncall

    def do_GET(self) -> None:
        self.oncall.busy += 1
        try:
            self._handle("GET", dict)
        finally:
            self.oncall.busy -= 1

    def do_POST(self) -> None:
        self._handle("POST", self._body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Be quiet."""

    def _body(self) -> dict[str, str]:
        body: dict[str, str] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not all(isinstance(value, str) for value in body.values()) or "Idempotency-Key" not in self.headers:
            raise Refused(400, "a JSON object of texts, and a key to ask once")
        return body

    def _handle(self, method: str, body: Callable[[], dict[str, str]]) -> None:
        parts = urlsplit(self.path)
        path, given = parts.path.removeprefix(STAGE), dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        self.oncall.seen.append(f"{method} {self.path}")
        if not self.path.startswith(f"{STAGE}/"):
            self.oncall.complaints.append(f"{method} {self.path} is not below the stage")
        try:
            declared, item = _found(method, path)
            if declared.door == "open":
                self._file(page.INDEX if path == "/" else path[1:])
                return
            brought = self._token()
            if declared.scope not in brought:
                raise Refused(403, "this token may only read")
            given |= body()
            names = {one.name for one in declared.takes}
            if unknown := given.keys() - names:
                raise Refused(400, f"{method} {path} takes no {', '.join(unknown)}")
            document = self.oncall.answer(declared, path, item, given)
            _check(declared.answers, document)
            self._send(declared.status, document)
        except Refused as error:
            if error.status == 400:
                self.oncall.complaints.append(error.detail)
            self._send(error.status, problems.problem(error.status, error.detail, "1"))
        except (BrokenPipeError, ConnectionResetError):
            # The page asks for something else by now.
            raise
        except Exception as error:
            self.oncall.complaints.append(f"{method} {path}: {error!r}")
            raise

    def _token(self) -> str:
        kind, _, brought = self.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or brought.count(".") != 2 or brought in self.oncall.scene.revoked:
            raise Refused(401, "Unauthorized")
        middle = brought.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        if claims["exp"] < time.time():
            raise Refused(401, "Unauthorized")
        return str(claims["scope"])

    def _file(self, name: str) -> None:
        text, mark = page.content(name)
        self._write(200, {**page.HEADERS, "ETag": mark, "Content-Type": page.TYPES[Path(name).suffix]}, text.encode())

    def _send(self, status: int, document: Mapping[str, Any]) -> None:
        kind = "application/json" if status < 400 else problems.TYPE
        self._write(status, {"Content-Type": kind, "Cache-Control": "no-store"}, json.dumps(document).encode())

    def _write(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _found(method: str, path: str) -> tuple[Declared, str]:
    for one in ROUTES:
        match = re.fullmatch(re.sub(r"\{\w+\}", "([^/]+)", one.path), path)
        if match and one.method == method:
            return one, unquote(match[1]) if match.groups() else ""
    raise Refused(404, f"there is no {method} {path}")


def _check(schema: Mapping[str, Any], document: Mapping[str, Any]) -> None:
    Draft202012Validator({**schema, "components": {"schemas": SCHEMAS}}).validate(document)
