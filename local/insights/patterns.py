"""What texts have in common: the patterns of `pattern` and `diff`, in which what varies is a numbered token.

CloudWatch Logs learns its patterns by machine; these are found by rules, and so are alike and not the same.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

SHOWN = ("@pattern", "@ratio", "@sampleCount", "@severityLabel")
COMPARED = (*SHOWN, "@diffEventCount", "@differenceDescription")
# What is known to vary, by the name that its token gets.
_KINDS = (
    ("Timestamp", r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"),
    ("Date", r"\d{4}[-/]\d\d[-/]\d\d|\d\d/[A-Z][a-z]{2}/\d{4}"),
    ("Time", r"\d\d:\d\d:\d\d(?:[.,]\d+)?"),
    ("UUID", r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"),
    ("IPAddress", r"\d{1,3}(?:\.\d{1,3}){3}"),
    ("TraceId", r"1-[0-9a-f]{8}-[0-9a-f]{24}"),
    ("Id", r"(?:0x)?(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,}"),
    ("Number", r"\d+(?:\.\d+)?(?:ms|s|KB|MB|GB|%)?"),
)
_VARYING = re.compile("|".join(rf"(?P<{kind}>(?<![A-Za-z0-9_]){pattern}(?![A-Za-z0-9_]))" for kind, pattern in _KINDS))
_WORD = re.compile(r"<\w+>|[\w.$@-]+|\s+|.", re.DOTALL)
_SEVERITY = re.compile(
    r"\b(?:(FATAL|CRITICAL|EMERG(?:ENCY)?)|(ERROR|ERR|SEVERE)|(WARN(?:ING)?)|(INFO|NOTICE)|(DEBUG)|(TRACE))\b", re.I
)
_LABELS = ("FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE")
_LEVELS = frozenset({
    "FATAL", "CRITICAL", "EMERG", "EMERGENCY", "ERROR", "ERR", "SEVERE", "WARN", "WARNING", "INFO", "NOTICE", "DEBUG",
    "TRACE",
})  # fmt: skip
# Of the words of two texts, so many must be the same to be one pattern; and a text is compared with so many patterns.
ALIKE, COMPARED_WITH = 0.7, 50


@dataclass(slots=True)
class Shape:
    """Words that texts have in common, which of them tell anything, and where each of the texts stood among all."""

    words: list[str]
    telling: list[str]
    members: list[int]


def shapes(texts: Sequence[str]) -> list[Shape]:
    """Return the patterns of some texts, the most frequent first."""
    masked: dict[str, list[int]] = defaultdict(list)
    for place, text in enumerate(texts):
        masked[_VARYING.sub(lambda found: f"<{found.lastgroup}>", text)].append(place)
    found = []
    for template, members in masked.items():
        words = _WORD.findall(template)
        found.append(Shape(words, _telling(words), members))
    fewer = _merged(found)
    while len(fewer) < len(found):
        # With what is known to vary by now, more may be alike.
        found, fewer = fewer, _merged(fewer)
    return sorted(fewer, key=lambda one: (-len(one.members), min(one.members)))


def _merged(shapes: Sequence[Shape]) -> list[Shape]:
    by_length: dict[int, list[Shape]] = defaultdict(list)
    # What is frequent shows best what the rest may be like.
    for new in sorted(shapes, key=lambda one: -len(one.members)):
        alike = by_length[len(new.words)]
        shape = next((one for one in alike[:COMPARED_WITH] if _similar(one.telling, new.telling)), None)
        if shape is None:
            alike.append(new)
        else:
            shape.words = [a if a == b else "<Token>" for a, b in zip(shape.words, new.words, strict=True)]
            shape.telling = _telling(shape.words)
            shape.members.extend(new.members)
    return [one for many in by_length.values() for one in many]


def _telling(words: Sequence[str]) -> list[str]:
    """Return the words with nothing for blanks, brackets and the names of JSON, which are alike in most texts."""
    named = [words[place + 1 : place + 3] == ['"', ":"] for place in range(len(words))]
    return [
        word if not name and (word[0].isalnum() or len(word) > 2) and not word.isspace() else ""
        for word, name in zip(words, named, strict=True)
    ]


def _similar(first: Sequence[str], second: Sequence[str]) -> bool:
    same = telling = 0
    for a, b in zip(first, second, strict=True):
        if a != b and (a.upper() in _LEVELS or b.upper() in _LEVELS):
            return False
        if a or b:
            telling += 1
            same += a == b or "<Token>" in (a, b)
    return bool(telling) and same >= ALIKE * telling


def pattern(shape: Shape) -> str:
    """Return a shape as it is shown, its tokens numbered from the left."""
    number, words = 0, []
    for word in shape.words:
        if len(word) > 2 and word[0] == "<" and word[-1] == ">":
            number += 1
            word = f"{word[:-1]}-{number}>"
        words.append(word)
    return "".join(words)


def severity(texts: Sequence[str]) -> str:
    """Return the worst level that texts tell of themselves by their first such word; NONE where they tell none."""
    found = [one for one in map(_SEVERITY.search, texts) if one]
    return min((_LABELS[(one.lastindex or 1) - 1] for one in found), key=_LABELS.index, default="NONE")


def difference(now: int, before: int) -> str:
    """Tell how a count has changed."""
    if not before:
        return "new"
    if not now:
        return "missing"
    if now == before:
        return "no change"
    return f"{abs(now - before)} {'more' if now > before else 'fewer'} events"
