"""What a call asked for, on one line, and nothing secret in it: pure.

Three sieves, one after the other. A parameter whose name speaks of a secret, of an environment, of code, of a document
or of a definition is named and its value hidden, with all that lies beneath it; so is a text that is a document by its
form, whatever its name; and whatever is shown otherwise is searched for what looks like a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any
from urllib.parse import unquote

HIDDEN = "(hidden)"
LINE, VALUE, NAME = 300, 100, 60
# More leaves than this nobody reads on one line; deeper than this no API goes.
LEAVES, SEEN, DEEP, DOCUMENT = 40, 400, 12, 20_000

# As CloudTrail spells them, in any case and with any signs between words.
SECRET = re.compile(
    r"pass(word|wd|phrase|code)|secret|token|credential|private|material|user_?data|auth|cert|signature|otp"
    r"|environment|variable|script(?!ion)|body|command|entry_?point|connection_?(string|url)|payload|content|zip_?file"
    r"|api_?key|access_?key$|plaintext|input|header|login|answer|cookie|psk|kubeconfig|shared_?key|pin$|arguments?$"
    r"|hyper_?parameters|connector_?configuration|configuration_?options|connection_?attributes|assertion"
    r"|(confirm|verif|activat|promo|one_?time|mfa|user)[a-z]*_?code|(activation|solution|vsan|licen[sc]e)_?key"
    r"|(launch|submit)_?parameters",
    re.IGNORECASE,
)
# What people write programs, questions, prompts and messages in.
DOCUMENTS = re.compile(
    r"definition|template|document|manifest|recipe|prompt|instruction|message|query|sql|statement|expression|schema|blob"
    r"|notebook|workflow|mapping|graph_?ql|json|yaml|xml|swagger|spec$"
    r"|(^|function|source|inline|custom|python|handler)_?code$|data$|(?<!image_)propert(y|ies)$|transform|formula|program",
    re.IGNORECASE,
)
# What only says which of them, where it is and how large; and those that are no text of anybody's.
_WHICH = re.compile(
    r".*(id|identifier|identifiers|arn|name|version|type|format|hash|language|status|ur[il]|path|key|bucket|location|prefix|mode|level|limit|size"
    r"|period|seconds|timeout|encoding|capacity|owner|count|policy|ids|arns|names)"
    r"|.*polic(y|ies)_?document|launch_?template.*|(container|task|daemon_?task|job|attribute)_?definitions?|key_?schema"
    r"|schedule_?expression.*|treat_?missing_?data|statement",
    re.IGNORECASE,
)
# Nobody calls a thing so, and people who explain one are brief.
LONGEST = 512
# What only names something, although its name has such a word in it.
NAMES = re.compile(
    r"(secret|cert(ificate)?|environment|authorizer|command|login_?profile)_?(id|arn|name)s?|http_?tokens?",
    re.IGNORECASE,
)
# Of a number only what is one by itself: how long a password must be is no secret.
BARE = re.compile(r"(pass(word|wd|phrase|code)?|secret|token|pin|otp)$", re.IGNORECASE)
# Who is asked for the same thing twice knows it by these; to people they say nothing.
IDLE = frozenset({"clienttoken", "clientrequesttoken", "idempotencytoken", "host", "dryrun", "sid", "version", "xmlns"})
# Of a long line nobody reads more than the beginning.
TELLING = ("instanceType", "imageId", "minCount", "maxCount")
# Lists and wrappers that say nothing themselves.
WRAPPERS = frozenset({"items", "member"})
# What a policy has, and the one of a queue.
POLICY = frozenset({"version", "id", "statement"})
REDRIVE = frozenset({"deadlettertargetarn", "maxreceivecount", "redrivepermission", "sourcequeuearns"})
# Half of a pair: {key: env, value: prod}, {parameterName: max_connections, parameterValue: 50}.
KEYS = frozenset({"key", "name", "parametername", "attributename", "parameterkey", "optionname", "tagkey"})
VALUES = frozenset({"value", "parametervalue", "attributevalue", "tagvalue", "stringvalue", "values"})
# Whose parameters are settings, and no secrets.
TUNED = frozenset({"rds.amazonaws.com", "elasticache.amazonaws.com", "redshift.amazonaws.com", "dax.amazonaws.com"})

_SHAPES = re.compile(
    r"-----BEGIN.*"  # a private key
    r"|\beyJ[\w-]{8,}(\.[\w-]*){0,2}"  # a JSON Web Token
    r"|\b(gh[pousr]_|github_pat_|glpat-|sk_live_|sk-|xox[a-z]-|xapp-)[\w.-]{8,}"
    r"|(?<=://)[^\s/@]+@"  # who logs in where
    r"|(?<=hooks\.slack\.com/)\S+|(?<=://)\S+\?\S+"  # an address that is a key itself, or has one
    r"|\b(pass(word|wd|phrase)?|pwd|secret|token|api_?key)\b[\"']?\s*[=:]\s*\S+",
    re.IGNORECASE,
)
_RUN = re.compile(r"[A-Za-z0-9+/]{32,}={0,2}")
_PART = re.compile(r"[A-Za-z0-9+]{32,}={0,2}")


def said(source: str, parameters: object, more: Iterable[tuple[str, str]] = ()) -> str:
    """Return what a call's parameters say, on one line that is not too long: `groupId=sg-1, fromPort=22`.

    Args:
        source: which service was called.
        parameters: the call's.
        more: what else there is to say, by its name.
    """
    told: list[str] = []
    leaves = islice(chain(_leaves(parameters, source, "", (), 0), more), SEEN)
    for name, value in sorted(leaves, key=lambda leaf: TELLING.index(leaf[0]) if leaf[0] in TELLING else len(TELLING)):
        if len(told) >= LEAVES or sum(map(len, told)) > LINE:
            break
        if (one := f"{name}={value}") not in told:
            told.append(one)
    return clipped(", ".join(told), LINE)


def clean(text: object, longest: int = VALUE) -> str:
    """Return a text on one line, without what looks like a secret, and not too long; empty for what is no text."""
    if not isinstance(text, str):
        return ""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text[:DOCUMENT]).split())
    line = _SHAPES.sub(HIDDEN, line)
    # A name may have any length, and paths look random before they are taken apart.
    runs = _PART if line.startswith(("arn:", "/", "https://")) else _RUN
    return clipped(runs.sub(lambda run: HIDDEN if _random(run[0]) else run[0], line), longest)


def clipped(text: str, longest: int) -> str:
    """Return a text that is not too long."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def secret(name: str) -> bool:
    """Whether the value of a parameter of this name is shown to nobody."""
    return bool(SECRET.search(name)) and not NAMES.fullmatch(name)


def document(text: str) -> bool:
    """Whether a text is a document by its form: of several lines, of markup, or longer than any name."""
    return len(text) > LONGEST or "\n" in text.strip() or text.lstrip()[:1] in ("{", "[", "<")


def _hidden(name: str, value: object) -> bool:
    """Whether a parameter is told by its name alone."""
    if secret(name):
        return not _number(name, value)
    if not DOCUMENTS.search(name) or isinstance(value, bool | int | float):
        return False
    if isinstance(value, str) and re.fullmatch(r"true|false|\d{1,12}", value):
        return False
    # A policy has statements; what is a statement by itself is a query.
    return not _WHICH.fullmatch(name) or (isinstance(value, str) and name.lower() == "statement")


def _free(name: str, value: object) -> bool:
    """Whether a parameter holds others of any name: those of a document of SSM's, of a job, of a query."""
    return name.lower() == "parameters" and isinstance(value, Mapping) and "items" not in value


def _number(name: str, value: object) -> bool:
    """Whether a value is a flag or a number that is no secret, whatever its name speaks of."""
    return isinstance(value, bool) or (isinstance(value, int | float) and not BARE.search(name))


def _random(run: str) -> bool:
    return any(map(str.isupper, run)) and any(map(str.islower, run)) and any(map(str.isdigit, run))


def _leaves(value: Any, source: str, name: str, path: Sequence[str], depth: int) -> Iterator[tuple[str, str]]:
    """Yield each thing that is told, by its name."""
    if depth > DEEP or value is None or value in ("", [], {}):
        return
    if isinstance(value, str) and (inner := _policy(value)) is not None:
        value = inner
    if isinstance(value, Mapping):
        if (pair := _pair(value, source, path)) is not None:
            yield pair
            return
        for key, inner in value.items():
            own = str(key)
            # What is secret CloudTrail empties itself: environment={}.
            if inner == {} and secret(own):
                yield clean(own, NAME), HIDDEN
            elif own.lower() in IDLE or own.startswith(("xmlns", "xsi")) or inner is None or inner in ("", [], {}):
                continue
            elif _free(own, inner) or _hidden(own, inner):
                yield clean(own, NAME), HIDDEN
            else:
                shown = name if own.lower() in WRAPPERS else clean(own, NAME)
                yield from _leaves(inner, source, shown, (*path, own.lower()), depth + 1)
    elif isinstance(value, list | tuple):
        if all(isinstance(one, str | int | float) for one in value):
            some = [_plain(one) for one in value[:5]]
            more = f" (+{len(value) - 5})" if len(value) > 5 else ""
            yield name or "list", clipped(" ".join(some), 2 * VALUE) + more
        else:
            for inner in value:
                yield from _leaves(inner, source, name, path, depth + 1)
    else:
        yield name or "value", _plain(value)


def _pair(value: Mapping[Any, Any], source: str, path: Sequence[str]) -> tuple[str, str] | None:
    """Return what {key: …, value: …} says; of what may be anything only that it was set. None for anything else."""
    by_name = {str(key).lower(): one for key, one in value.items()}
    given = [by_name[key] for key in VALUES if key in by_name]
    if not given:
        return None
    key = next((by_name[one] for one in KEYS if isinstance(by_name.get(one), str)), "value")
    known = source in TUNED or any("tag" in one or one == "attributes" for one in path)
    shows = known and not secret(key) and isinstance(given[0], str | int | float)
    return clean(key, NAME), _plain(given[0]) if shows else HIDDEN


def _policy(text: str) -> Any:
    """Return the policy that a parameter holds as JSON; None for any other text, also for any other JSON."""
    if len(text) > DOCUMENT or text.lstrip()[:1] not in ("{", "%"):
        return None
    try:
        found = json.loads(unquote(text) if text.startswith("%") else text)
    except (ValueError, RecursionError):
        return None
    keys = {key.lower() for key in found} if isinstance(found, dict) else set()
    return found if keys and ("statement" in keys or keys <= REDRIVE) and keys <= POLICY | REDRIVE else None


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return HIDDEN if document(value) else clean(value)
    return clean(str(value))
