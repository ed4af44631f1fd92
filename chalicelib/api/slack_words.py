"""What somebody typed behind `/parapet`, read: a verb, what it is about, for how long, and why. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chalicelib import matcher, scope, times
from chalicelib.matcher import Matcher
from chalicelib.model import EVERYTHING, ParapetError, Scope
from chalicelib.section import meant

USES = {
    "status": "status",
    "findings": "findings [SERVICE or RESOURCE]",
    "who": "who RESOURCE",
    "undo": "undo ID [for 30m] [why REASON]",
    "approve": "approve ID",
    "reject": "reject ID [why REASON]",
    "exempt": "exempt ID",
    "acknowledge": "acknowledge ID",
    "alerts": "alerts",
    "ack": "ack ID",
    "silence": "silence (ID or service=checkout …) 4h REASON",
    "silences": "silences",
    "unsilence": "unsilence ID [why REASON]",
    "dismiss": "dismiss ID [why REASON]",
    "pause": "pause 30m [service=ec2 …] [why REASON]",
    "resume": "resume [service=ec2 …]",
    "login": "login",
    "help": "help",
}
DOES = {
    "status": "whether fixing is paused, and what waits for somebody",
    "findings": "what stands; or the latest about a service or a resource",
    "who": "who brought what about a resource, when, from where",
    "undo": "take a fix back, and permit it for a while",
    "approve": "make a fix that was asked about",
    "reject": "leave it as it is, and ask no more",
    "exempt": "permit it until a day; a dialog asks",
    "acknowledge": "say that you have seen it; of an alert, that you are on it",
    "alerts": "what fires",
    "ack": "the same as acknowledge",
    "silence": "tell nobody for a while that an alert, or whatever fits, fires; its end is told",
    "silences": "what is silenced, by whom, until when",
    "unsilence": "end a silence",
    "dismiss": "say that there was nothing to do about an alert; it is counted",
    "pause": "stop fixing at once, everywhere or where you say; telling goes on",
    "resume": "let Parapet fix again",
    "login": "a token for the page and the HTTP API, for you alone",
    "help": "this",
}
EXAMPLES = {
    "who": "who sg-0a1b2c3d4e5f60718",
    "undo": "undo abcd1234 for 30m why the vendor connects today",
    "acknowledge": "acknowledge a-3f9k2m1q",
    "silence": "silence service=checkout 4h a migration",
    "unsilence": "unsilence 5f3a9c01",
    "dismiss": "dismiss a-3f9k2m1q",
    "pause": "pause 30m service=ec2 why a migration",
    "resume": "resume service=ec2",
}
LONGEST, REASON = 2000, 500
FINDING, ALERT = "[0-9a-v]{8}", "a-[0-9a-v]{8}"
# Whoever must stop everything at once need not say why.
UNSAID = "no reason given"


class Unclear(ParapetError):
    """Something typed that cannot be understood; the text says what to mend, with an example."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was typed: the verb, the finding, alert, resource or service, an end (epoch seconds; 0: none), why, where.

    `matcher` is what a silence is about that is not for one alert.
    """

    verb: str
    about: str = ""
    until: float = 0.0
    why: str = ""
    scope: Scope = EVERYTHING
    matcher: Matcher | None = None


def read(text: str, now: float) -> Said:
    """Return what somebody typed; raises Unclear."""
    if len(text) > LONGEST:
        raise Unclear(f"That is too long: {len(text)} characters, and {LONGEST} are read.")
    words, why = _reason(text.split())
    verb = words.pop(0).lower() if words else "help"
    verb = "acknowledge" if verb == "ack" else verb
    if verb not in USES:
        raise Unclear(f"There is no `{_shown(verb)}`{_shown(meant(verb, USES))}. `/parapet help` shows them all.")
    if verb in ("status", "help", "alerts", "silences", "login"):
        return Said(verb)
    if verb == "silence":
        return _silence(words, why, now)
    if verb in ("pause", "resume"):
        return _switch(verb, words, why, now)
    if verb == "findings":
        return Said(verb, " ".join(words))
    if not words:
        raise Unclear(_example(verb, _WANTED.get(verb, "which finding, by its id")))
    if verb == "who":
        return Said(verb, " ".join(words))
    about, until = words.pop(0), 0.0
    if verb in ("acknowledge", "dismiss"):
        _alert(about)
    if verb == "unsilence":
        if not re.fullmatch("[0-9a-f]{4,16}", about):
            raise Unclear(_example(verb, f"the id of a silence: not `{_shown(about)}`"))
    elif verb == "dismiss" and not re.fullmatch(ALERT, about):
        raise Unclear(_example(verb, f"the id of an alert: not `{_shown(about)}`"))
    elif verb != "acknowledge" and re.fullmatch(ALERT, about):
        raise Unclear(f"`{about}` is an alert, and `{verb}` is for findings. `/parapet help` shows what is for alerts.")
    elif not (re.fullmatch(FINDING, about) or (verb in ("acknowledge", "dismiss") and re.fullmatch(ALERT, about))):
        raise Unclear(_example(verb, f"the id of a finding, eight letters and digits: not `{_shown(about)}`"))
    if verb == "undo" and len(words) == 2 and words[0].lower() == "for":
        until, words = _until(verb, words[1], now), []
    if words:
        raise Unclear(_example(verb, f"nothing of `{_shown(' '.join(words))}`; write `why` before a reason"))
    return Said(verb, about, until, why)


def reason(text: str) -> str:
    """Return a reason as it is kept; raises Unclear for one that cannot be."""
    found = " ".join(text.split())
    if not found:
        raise Unclear("Say why.")
    if len(found) > REASON:
        raise Unclear(f"Say it shorter: {len(found)} characters, and {REASON} are kept.")
    if any("\ud800" <= letter <= "\udfff" for letter in found):
        raise Unclear("It holds half a character, which is not text.")
    return found


def help_text() -> str:
    """Return what can be typed."""
    return "\n".join(f"/parapet {use}: {DOES[verb]}" for verb, use in USES.items())


def _reason(words: list[str]) -> tuple[list[str], str]:
    at = next((number for number, word in enumerate(words) if number and word.lower().rstrip(":") == "why"), None)
    if at is None:
        return words, ""
    return words[:at], reason(" ".join(words[at + 1 :]))


_WANTED = {
    "who": "which resource",
    "acknowledge": "which finding or alert, by its id",
    "dismiss": "which alert, by its id",
    "unsilence": "which silence, by its id",
}


def _alert(about: str) -> bool:
    """Whether something is an alert's id; raises Unclear for what looks like one and cannot be."""
    if about.startswith("a-") and not re.fullmatch(ALERT, about):
        raise Unclear(f"There is no alert `{_shown(about)}`: `/parapet alerts` lists them, with their whole ids.")
    return re.fullmatch(ALERT, about) is not None


def _silence(words: list[str], why: str, now: float) -> Said:
    """Read what a silence is about, its length, and behind that why."""
    at = next((number for number, word in enumerate(words) if re.fullmatch(r"\d+[smhd]", word)), None)
    if not at:
        raise Unclear(_example("silence", "what it is about, and for how long"))
    about = words[: at - 1] if at > 1 and words[at - 1].lower() == "for" else words[:at]
    until = _until("silence", words[at], now)
    told = reason(" ".join(filter(None, [*words[at + 1 :], why])))
    if len(about) == 1 and _alert(about[0]):
        return Said("silence", about[0], until, told)
    try:
        return Said("silence", "", until, told, matcher=matcher.parse(" ".join(about)))
    except ParapetError as error:
        raise Unclear(f"{_shown(str(error))}. For example: `/parapet {EXAMPLES['silence']}`") from None


def _switch(verb: str, words: list[str], why: str, now: float) -> Said:
    until = 0.0
    if verb == "pause":
        if not words:
            raise Unclear(_example(verb, "for how long"))
        until, why = _until(verb, words.pop(0), now), why or UNSAID
    try:
        where = scope.parse(" ".join(words), scope.PAUSED_BY)
    except ParapetError as error:
        raise Unclear(f"{_shown(str(error))}. For example: `/parapet {EXAMPLES[verb]}`") from None
    return Said(verb, "", until, why, where)


def _until(verb: str, text: str, now: float) -> float:
    try:
        return times.after(text, "for", now)
    except ParapetError as error:
        raise Unclear(f"{_shown(str(error))}. For example: `/parapet {EXAMPLES[verb]}`") from None


def _example(verb: str, wanted: str) -> str:
    return f"`{verb}` wants {wanted}. For example: `/parapet {EXAMPLES.get(verb, f'{verb} abcd1234')}`"


def _shown(text: str) -> str:
    return text.replace("`", "'")
