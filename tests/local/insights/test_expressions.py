"""Operators and functions, each by what the documentation says of it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.insights.logs import found

SAID = {
    "n": 5, "f": 2.5, "neg": -3, "text": "xyZfooxyZ", "word": "Failed", "digits": "0042", "dash": "-", "empty": "",
    "blank": "  ", "yes": True, "no": False, "nothing": None, "ip": "10.1.2.3", "six": "2001:db8::1",
    "public": "8.8.8.8", "list": "[1,\"two\",{\"a\":3}]", "map": "{\"a\":{\"b.c\":[7,8]},\"t\":true}",
    "dotted.key": "d",
    "deep": {"er": [{"x": 1}, {"x": "two"}], "foo-bar": "dash"}, "limit": "field", "when": 1795000000123,
    "long": "9" * 5000, "unicode": "na\u00efve\U0001f600",
}  # fmt: skip

VALUES = [
    # Arithmetic
    ("n + 2", "7"), ("n - 2", "3"), ("n * 2", "10"), ("n / 2", "2.5"), ("2 ^ 3", "8"), ("10 % 3", "1"),
    ("2 + 3 * 4", "14"), ("(2 + 3) * 4", "20"), ("2 ^ 3 ^ 2", "512"), ("-n + 1", "-4"), ("-2 ^ 2", "-4"),
    ("10 - 3 - 2", "5"), ("1 / 3", "0.3333"), ("n / 0", None), ("n % 0", None), ("word + 1", None),
    ("missing + 1", None),
    ('"3" + "4"', "7"), ("digits + 0", "42"), ("1.5 + 1.5", "3"), ("neg % 2", "-1"), ("1e3 + 1", "1001"),
    ("n+2", "7"), ("foo-bar", None), ("9 ^ 9999", None), ("0 - 0.00001", "0"), ("-1 / 3", "-0.3333"),
    ("long + 1", None), ('long = "x"', "0"), ("2 ^ 60 * 1000 > 2 ^ 60", "1"),
    ("9007199254740993 + 0", "9007199254740993"),
    ("9223372036854775807 * 9223372036854775807", "85070591730234615865843651857942052864"), ("yes + yes", "2"),
    # Comparisons: what looks like a number is compared as one
    ("n = 5", "1"), ('n = "5"', "1"), ('n = "5.0"', "1"), ("n != 5", "0"), ("n < 10", "1"), ('n < "10"', "1"),
    ("n <= 5", "1"), ("n > 5", "0"), ("n >= 5", "1"), ('word = "Failed"', "1"), ('word = "failed"', "0"),
    ('word < "Gone"', "1"), ("dash >= 0", "0"), ("dash < 0", "0"), ("digits = 42", "1"), ("missing = 5", "0"),
    ("missing != 5", "1"), ("missing != nothing", "0"), ("missing < 5", "0"), ("missing >= 5", "0"),
    ("yes = 1", "1"), ("no = 0", "1"),
    ("yes = true", "1"), ("no = false", "1"), ("n = f * 2", "1"),
    # Booleans
    ("n = 5 and f = 2.5", "1"), ("n = 4 and f = 2.5", "0"), ("n = 4 or f = 2.5", "1"), ("not n = 5", "0"),
    ("not (n = 4 or n = 6)", "1"), ("n = 1 and n = 2 or n = 5", "1"), ("n = 5 OR n = 6 AND n = 7", "1"),
    # like and in
    ("word like /ail/", "1"), ('word like "ail"', "1"), ("word like /AIL/", "0"), ("word like /(?i)AIL/", "1"),
    ("word =~ /^F.*d$/", "1"), ("word not like /x/", "1"), ('word not like "ail"', "0"), ("n like /5/", "1"),
    ("missing like /./", "0"), ("missing not like /./", "1"), ('text like "o.x"', "0"), ("text like /o.x/", "1"),
    (r"ip like /10\.1\./", "1"), (r"deep.`foo-bar` =~ /^(?i)DASH$/", "1"),
    ('word in ["Failed", "Gone"]', "1"), ('word in ["Fail"]', "0"), ("n in [4, 5]", "1"), ('n in ["5"]', "1"),
    ('word not in ["Gone"]', "1"), ("missing in [1]", "0"), ("missing not in [1]", "1"),
    # Fields
    ("deep.er.0.x", "1"), ("deep.er.1.x", "two"), ("deep.`foo-bar`", "dash"), ("`dotted.key`", "d"),
    ("dotted.key", "d"), ("deep", None), ("limit", "field"), ("yes", "1"), ("no", "0"), ("nothing", None),
    ("f", "2.5"), ("digits", "0042"), ("@log", "123456789012:/aws/lambda/api"), ("@logStream", "2026/11/18/[7]a1b2"),
    ("@timestamp", "2026-11-18 10:55:00.000"), ("@ingestionTime", "2026-11-18 10:55:00.500"),
    # Numbers
    ("abs(neg)", "3"), ("ceil(f)", "3"), ("floor(f)", "2"), ("floor(-f)", "-3"), ("greatest(1, n, f)", "5"),
    ("least(1, n, f)", "1"), ("greatest(n, word)", "5"), ("log(1)", "0"), ("log(0)", None), ("sqrt(16)", "4"),
    ("sqrt(neg)", None), ("round(2.5)", "3"), ("round(f * 1.234, 2)", "3.09"), ("abs(word)", None),
    ("toNumber(digits)", "42"), ("toInt(f)", "2"), ("toInt(3000000000)", None), ("toLong(3000000000)", "3000000000"),
    ("toDouble(n)", "5"), ("ABS(neg)", "3"), ("round(haversine(52.52, 13.405, 48.8566, 2.3522))", "877"),
    # Dates
    ("bin(1h)", "2026-11-18 10:00:00.000"), ("bin(5m)", "2026-11-18 10:55:00.000"),
    ("datefloor(@timestamp, 1d)", "2026-11-18 00:00:00.000"), ("dateceil(@timestamp, 1h)", "2026-11-18 11:00:00.000"),
    ("dateceil(@timestamp, 5m)", "2026-11-18 10:55:00.000"), ("datefloor(@timestamp, 1mo)", "2026-11-01 00:00:00.000"),
    ("datefloor(@timestamp, 1q)", "2026-10-01 00:00:00.000"), ("dateceil(@timestamp, 1y)", "2027-01-01 00:00:00.000"),
    ("bin(300s)", "2026-11-18 10:55:00.000"), ("datefloor(when, 300s)", "2026-11-18 11:06:00.000"),
    ("datefloor(when, 5m)", "2026-11-18 11:05:00.000"), ("datefloor(when, 100ms)", "2026-11-18 11:06:40.100"),
    ("datefloor(when, 2hrs)", "2026-11-18 10:00:00.000"), ("datefloor(when, 1week)", "2026-11-12 00:00:00.000"),
    ("fromMillis(when)", "2026-11-18 11:06:40.123"), ("toMillis(@timestamp)", "1794999300000"),
    ("fromMillis(word)", None), ("fromMillis(1e30)", None),
    ("datefloor(1e30, 1y)", None), ("fromMillis(0 - 86400000)", "1969-12-31 00:00:00.000"), ("now()", "1795000000"),
    ("now() * 1000 - toMillis(@timestamp)", "700000"),
    ("@timestamp < now() * 1000", "1"), ('formatDate(@timestamp, "%Y-%m-%d")', "2026-11-18"),
    ('strftime(when, "%H:%M", "Europe/Berlin")', "12:06"), ("queryStartTime()", "1794999300000"),
    ("queryEndTime()", "1795000000000"), ("queryTimeRange()", "700000"),
    # General
    ("ispresent(n)", "1"), ("ispresent(missing)", "0"), ("isPresent(nothing)", "0"), ("ispresent(empty)", "1"),
    ("coalesce(missing, nothing, n)", "5"), ("coalesce(missing, nothing)", None), ('coalesce(empty, "x")', ""),
    ('if(n > 4, "many", "few")', "many"), ('if(missing > 4, "many", "few")', "few"),
    ('case(n > 9, "a", n > 4, "b", "c")', "b"), ('case(n > 9, "a")', None), ('case(n > 9, "a", "c")', "c"),
    ("isNumeric(digits)", "1"), ("isNumeric(word)", "0"), ("messageSize(unicode)", "10"), ("isempty(empty)", "1"),
    ("isempty(missing)", "1"), ("isempty(blank)", "0"), ("isblank(blank)", "1"), ("isblank(missing)", "1"),
    ("isblank(word)", "0"),
    # Texts
    ('concat(word, "-", n)', "Failed-5"), ('trim("xyZxyfooxyxyZ", "xyZ")', "foo"),
    ('ltrim("xyZxyfooxyZ", "xyZ")', "fooxyZ"),
    ('rtrim("xyZfooxyxyZ", "xyZ")', "xyZfoo"), ('trim("  a ")', "a"), ('ltrim(" a ")', "a "), ('rtrim(" a ")', " a"),
    ("strlen(unicode)", "6"), ("strlen(missing)", None), ("toupper(word)", "FAILED"), ("tolower(word)", "failed"),
    ("substr(text, 3, 3)", "foo"), ("substr(text, 6)", "xyZ"), ("substr(text, 20)", ""), ("substr(text, -1)", None),
    ('replace("foo", "o", "0")', "f00"), ('strcontains(word, "ail")', "1"), ('strcontains(word, "AIL")', "0"),
    ('strcontains(word, "AIL", true)', "1"), ('strcontains(missing, "a")', "0"), ('startsWith(word, "Fa")', "1"),
    ('endsWith(word, "Fa")', "0"), ('urlencode("a b/c")', "a%20b%2Fc"), ('urldecode("a%20b")', "a b"),
    ('base64encode("hello")', "aGVsbG8="), ('base64decode("aGVsbG8=")', "hello"), ('base64decode("!")', None),
    ('split("a,b", ",")', '["a","b"]'), ('hexToAscii("48656c6c6f")', "Hello"), ('hexToDec("0xff")', "255"),
    ("decToHex(255)", "0xff"), ("decToHex(-255)", "-0xff"),
    # Structures
    ("jsonStringify(jsonParse(map))", '{"a":{"b.c":[7,8]},"t":true}'), ("jsonParse(list)", '[1,"two",{"a":3}]'),
    ("jsonParse(word)", None), ("toupper(jsonParse(map))", None), ("jsonParse(map) = jsonParse(map)", "0"),
    ("jsonArraySize(list)", "3"), ("jsonArraySize(map)", None), ('jsonArrayContains(list, "two")', "1"),
    ('jsonArrayContains(list, "TWO")', "0"), ('jsonArrayContains(word, "F")', "0"),
    # Addresses
    ("isValidIp(ip)", "1"), ("isValidIp(six)", "1"), ("isValidIp(word)", "0"), ("isValidIpV4(ip)", "1"),
    ("isValidIpV4(six)", "0"), ("isValidIpV6(six)", "1"), ("isValidIp(missing)", "0"),
    ('isIpInSubnet(ip, "10.0.0.0/8")', "1"), ('isIpInSubnet(six, "2001:db8::/32")', "1"),
    ('isIpv4InSubnet(ip, "192.0.2.0/24")', "0"), ('isIpv4InSubnet(six, "2001:db8::/32")', "0"),
    ('isIpv6InSubnet(six, "2001:db8::/32")', "1"), ('isIpInSubnet(ip, "nonsense")', "0"),
    ("ipv4ToNumber(ip)", "167838211"), ("isPrivateIP(ip)", "1"), ("isPrivateIP(public)", "0"),
    ("isPublicIP(public)", "1"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), VALUES, ids=[expression for expression, _ in VALUES])
def test_the_value_of(expression: str, expected: str | None) -> None:
    (row,) = found(f"fields {expression} as result", [SAID])
    assert row == ({} if expected is None else {"result": expected})


@pytest.mark.parametrize(
    ("path", "expected"),
    [("m.a.`b.c`[1]", "8"), ("m.a.`b.c`[2]", None), ("m.t", "1"), ("m.a", '{"b.c":[7,8]}'), ("m.nope.x", None)],
)
def test_what_is_within_a_map(path: str, expected: Any) -> None:
    (row,) = found(f"fields jsonParse(map) as m | display {path} as result", [SAID])
    assert row.get("result") == expected
