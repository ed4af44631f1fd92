"""Answering where Slack says one may: only there, once, and without telling anybody the address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from werkzeug.wrappers import Request, Response

from chalicelib.notices import slack_reply
from chalicelib.notices.slack_reply import NotAnswered, trusted
from local import slack_limits
from tests.notices.samples import FIXED
from tests.notices.serving import serving


class Hooks:
    """What takes answers, with a status of its own choice."""

    def __init__(self) -> None:
        self.status, self.location = 200, ""
        self.got: list[tuple[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        request = Request(environ)
        self.got.append((request.path, json.loads(request.get_data() or b"{}")))
        return Response("no", self.status, {"Location": self.location} if self.location else None)(environ, start)


@pytest.fixture
def hooks() -> Iterator[tuple[Hooks, str]]:
    made = Hooks()
    with serving(made) as url:
        yield made, url


def test_an_outcome_replaces_what_was_said_first(hooks: tuple[Hooks, str]) -> None:
    made, url = hooks
    assert slack_reply.told(f"{url}/hooks/1", FIXED, f"{url}/api/") == ""
    [(path, said)] = made.got
    assert (path, said["replace_original"]) == ("/hooks/1", True)
    assert said["text"].startswith(f"✅ {FIXED.title}")
    slack_limits.blocks(said["blocks"])


def test_a_word_to_one_person_leaves_the_message(hooks: tuple[Hooks, str]) -> None:
    made, url = hooks
    slack_reply.whisper(f"{url}/hooks/1", "no <!channel>", f"{url}/api/")
    assert made.got[0][1] == {
        "response_type": "ephemeral",
        "replace_original": False,
        "text": "no &lt;!channel&gt;",
    }


@pytest.mark.parametrize(("status", "says"), [
    (404, "too old, or was used too often"), (410, "too old"), (500, "HTTP 500"), (403, "HTTP 403"),
])  # fmt: skip
def test_an_answer_that_is_not_taken_is_no_error_of_the_notice(
    hooks: tuple[Hooks, str], status: int, says: str
) -> None:
    made, url = hooks
    made.status = status
    assert says in slack_reply.told(f"{url}/hooks/1", FIXED, f"{url}/api/")
    with pytest.raises(NotAnswered) as caught:
        slack_reply.whisper(f"{url}/hooks/secret", "x", f"{url}/api/")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nobody_is_followed_elsewhere(hooks: tuple[Hooks, str], status: int) -> None:
    made, url = hooks
    made.status, made.location = status, f"{url}/elsewhere"
    assert f"HTTP {status}" in slack_reply.told(f"{url}/hooks/1", FIXED, f"{url}/api/")
    assert [path for path, _ in made.got] == ["/hooks/1"]


def test_nobody_is_waited_for() -> None:
    assert "URLError" in slack_reply.told("http://127.0.0.1:9/x", FIXED, "http://127.0.0.1:9/api/")


class TestTrusted:
    @pytest.mark.parametrize("url", [
        "https://hooks.slack.com/commands/T0/1/x", "https://hooks.slack.com/actions/T0/1/x?a=b",
    ])  # fmt: skip
    def test_slack_is(self, url: str) -> None:
        assert trusted(url)

    @pytest.mark.parametrize("url", [
        "", "https://hooks.slack.com", "http://hooks.slack.com/x", "https://hooks.slack.com.example.com/x",
        "https://hooks.slack.com@example.com/x", "https://example.com/https://hooks.slack.com/x",
        "https://hooks.slack.com:8443/x", "https://example.com\\@hooks.slack.com/x", "https://hooks.slack.com#/x",
        "//hooks.slack.com/x", "https://HOOKS.slack.com/x", "https://hooks.slack.com/\nx", "file:///etc/passwd",
        "http://169.254.169.254/latest", "https://[::1/x", "https://hooks.slack.com/" + "x" * 1000, "https://häoks/x",
    ])  # fmt: skip
    def test_nobody_else_is(self, url: str) -> None:
        assert not trusted(url)
        with pytest.raises(NotAnswered, match="not Slack's"):
            slack_reply.answer(url, {})

    def test_the_stand_in_is_on_the_laptop_and_slack_is_not(self) -> None:
        local = "http://127.0.0.1:4567/api/"
        assert trusted("http://127.0.0.1:4567/hooks/x", local)
        assert not trusted("https://hooks.slack.com/x", local)
        assert not trusted("http://127.0.0.1:4568/hooks/x", local)

    @given(st.text(max_size=30))
    def test_whatever_stands_before_it_does_not_help(self, odd: str) -> None:
        assert not trusted(f"https://{odd}/hooks.slack.com/x")

    @given(st.text(min_size=1, max_size=30))
    def test_whatever_stands_behind_its_name_makes_it_another(self, odd: str) -> None:
        assume(not odd.startswith(("/", "?")))
        assert not trusted(f"https://hooks.slack.com{odd}/x")
