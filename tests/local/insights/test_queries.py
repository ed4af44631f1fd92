"""Whole queries and what they find, by what the documentation says of each command.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.insights import parse, run
from tests.local.insights.logs import ACCOUNT, BEGAN, GROUP, NOW, events, found

# One a minute, from 10:55 on.
WEB: list[Any] = [
    {"level": "INFO", "path": "/a", "status": 200, "ms": 10},
    {"level": "ERROR", "path": "/b", "status": 500, "ms": 900},
    {"level": "INFO", "path": "/a", "status": 200, "ms": 30},
    {"level": "WARN", "path": "/b", "status": 404, "ms": 20},
    {"level": "ERROR", "path": "/a", "status": 503, "ms": 40},
    {"path": "/c"},
]
LINES = [
    "[ERROR] user=ada, method:PUT, latency := 12",
    "[INFO] user=bob, method:GET, latency := 3",
    "[ERROR] user=ada, method:GET, latency := 5",
    "something else",
]
REPORT = (
    "REPORT RequestId: 8f5cbdc1-6a1d-4b1e-9d2c-0a1b2c3d4e5f\tDuration: 1203.51 ms\tBilled Duration: 1204 ms\t"
    "Memory Size: 128 MB\tMax Memory Used: 70 MB\tInit Duration: 150.11 ms\t\n"
    "XRAY TraceId: 1-5e1b4151-5ac6c58f5a7a1b2c3d4e5f60\tSegmentId: 0a1b2c3d4e5f6071\tSampled: true\t"
)
LAMBDA: list[Any] = [
    "START RequestId: 8f5cbdc1-6a1d-4b1e-9d2c-0a1b2c3d4e5f Version: $LATEST",
    '[INFO]\t2026-11-18T10:56:00.000Z\t8f5cbdc1-6a1d-4b1e-9d2c-0a1b2c3d4e5f\torder {"order": {"id": 7}} done {"x": 1}',
    "END RequestId: 8f5cbdc1-6a1d-4b1e-9d2c-0a1b2c3d4e5f",
    REPORT,
]
FLOWS: list[Any] = [
    "2 123456789012 eni-0a1b2c3d 10.0.0.5 198.51.100.7 443 51000 6 10 840 1795000000 1795000060 ACCEPT OK",
    "2 123456789012 eni-0a1b2c3d 198.51.100.9 10.0.0.5 51001 22 6 1 40 1795000000 1795000060 REJECT OK",
    "2 123456789012 eni-0a1b2c3d 198.51.100.9 10.0.0.5 51002 22 6 2 80 1795000000 1795000060 REJECT OK",
    "2 123456789012 eni-0a1b2c3d - - - - - - - 1795000000 1795000060 - NODATA",
]
DOCUMENTS: list[Any] = [{"events": [{"name": "exception"}, {"name": "user action"}], "of": "x"}]

TABLE: list[tuple[str, list[Any], list[dict[str, str]]]] = [
    # What is shown
    ("limit 1", ["hello"], [{"@timestamp": "2026-11-18 10:55:00.000", "@message": "hello"}]),
    ("filter ms > 500 | display path", WEB, [{"path": "/b"}]),
    ("fields path | fields status | limit 2", WEB, [{"path": "/c"}, {"path": "/a", "status": "503"}]),
    ("fields path, path | limit 1", WEB, [{"path": "/c"}]),
    ("fields path | display status | limit 2", WEB, [{}, {"status": "503"}]),
    ("display path | display level | filter level = 'WARN'", WEB, [{"level": "WARN"}]),
    ("fields ms / 1000 as s, toupper(path) as p | filter s = 0.9", WEB, [{"s": "0.9", "p": "/B"}]),
    ("fields ms*2 | filter ms = 900", WEB, [{"ms*2": "1800"}]),
    ("fields strlen( path ) | limit 1", WEB, [{"strlen( path )": "2"}]),
    ("display concat(level, '!') as shout, status | filter status = 404", WEB, [{"shout": "WARN!", "status": "404"}]),
    ("parse @message '*=*,' as a, b | fields @timestamp | limit 1", LINES,
     [{"@timestamp": "2026-11-18 10:58:00.000"}]),
    # Order: the latest first, unless sorted
    ("fields path", WEB, [{"path": one["path"]} for one in reversed(WEB)]),
    ("fields ms | sort @timestamp asc | limit 2", WEB, [{"ms": "10"}, {"ms": "900"}]),
    ("fields ms | sort @timestamp | limit 1", WEB, [{"ms": "10"}]),
    ("fields ms | sort ms desc | limit 3", WEB, [{"ms": "900"}, {"ms": "40"}, {"ms": "30"}]),
    ("fields ms | sort ms asc | limit 2", WEB, [{}, {"ms": "10"}]),
    ("fields path, ms | sort path asc, ms desc | limit 3", WEB,
     [{"path": "/a", "ms": "40"}, {"path": "/a", "ms": "30"}, {"path": "/a", "ms": "10"}]),
    ("fields ms | sort abs(ms - 35) asc, ms asc | filter ispresent(ms) | limit 2", WEB, [{"ms": "30"}, {"ms": "40"}]),
    ("fields v | sort v asc", [{"v": v} for v in ("3", "01", "a12345hfh", "5A", "A", "2", "0", "#", "2345_", "111A",
      "@", "A9876fghj", "0#", "@_", "1", "*%04", "!:")],
     [{"v": v} for v in ("!:", "#", "*%04", "0#", "5A", "111A", "2345_", "@", "@_", "A", "A9876fghj", "a12345hfh",
      "0", "01", "1", "2", "3")]),
    ("fields v | sort v desc", [{"v": v} for v in ("10", "9", "b", "10.5", "a")],
     [{"v": v} for v in ("10.5", "10", "9", "b", "a")]),
    ("fields v | sort v asc", [{"v": v} for v in ("v10", "v9", "v1")], [{"v": v} for v in ("v1", "v9", "v10")]),
    # filter
    ("filter level = 'ERROR' | fields path", WEB, [{"path": "/a"}, {"path": "/b"}]),
    ("filter level='ERROR' and status!=503 | fields path", WEB, [{"path": "/b"}]),
    ("filter level = 'ERROR' | filter ms < 100 | fields path", WEB, [{"path": "/a"}]),
    ("where status like /^5/ | fields status", WEB, [{"status": "503"}, {"status": "500"}]),
    ("filter (status>=500) | fields status", WEB, [{"status": "503"}, {"status": "500"}]),
    ("filter status in [404, 503] | fields status", WEB, [{"status": "503"}, {"status": "404"}]),
    ("filter status not in [200, 404] | fields path", WEB, [{"path": "/c"}, {"path": "/a"}, {"path": "/b"}]),
    ("filter not ispresent(level) | fields path", WEB, [{"path": "/c"}]),
    ("filter @message like 'WARN' | fields ms", WEB, [{"ms": "20"}]),
    ("filter @message not like /INFO|ERROR|WARN/ | fields path", WEB, [{"path": "/c"}]),
    ("filter strcontains(path, 'c') | fields path", WEB, [{"path": "/c"}]),
    ("filter @timestamp >= 1794999600000 | fields path", WEB, [{"path": "/c"}]),
    ("filter toMillis(@timestamp) >= (now() * 1000 - 460000) | fields ms", WEB, [{}, {"ms": "40"}]),
    ("filter @log like 'api' and @logStream like '$' | limit 1", ["x"], []),
    # limit
    ("fields ms | sort ms desc | limit 1", WEB, [{"ms": "900"}]),
    ("fields ms | sort ms desc | head 1", WEB, [{"ms": "900"}]),
    ("limit 5 | limit 2 | fields path", WEB, [{"path": "/c"}, {"path": "/a"}]),
    # Comments, case, and blanks
    ("# all of them\nfields path # and what\n| limit 1 # no more", WEB, [{"path": "/c"}]),
    ("FIELDS path | FILTER level = 'WARN' AND NOT status = 200 | LIMIT 1", WEB, [{"path": "/b"}]),
    ("fields path|filter level='WARN'|limit 1", WEB, [{"path": "/b"}]),
    ("filter @message like '#1' | fields path", [{"path": "a#1"}, {"path": "b"}], [{"path": "a#1"}]),
    ('filter path = "say \\"hi\\""', [{"path": 'say "hi"'}], [{"@timestamp": "2026-11-18 10:55:00.000",
      "@message": '{"path": "say \\"hi\\""}'}]),
    ("filter path = 'it\\'s' | fields path", [{"path": "it's"}], [{"path": "it's"}]),
    ('filter path = "a|b" | fields path', [{"path": "a|b"}, {"path": "a"}], [{"path": "a|b"}]),
    ("fields `not`, limit, `by`", [{"not": 1, "limit": 2, "by": 3}], [{"not": "1", "limit": "2", "by": "3"}]),
    # parse by glob
    ('parse @message "user=*, method:*, latency := *" as @user, @method, @latency | filter ispresent(@user)'
     "| stats avg(@latency) by @method, @user | sort @method asc, @user asc", LINES,
     [{"@method": "GET", "@user": "ada", "avg(@latency)": "5"},
      {"@method": "GET", "@user": "bob", "avg(@latency)": "3"},
      {"@method": "PUT", "@user": "ada", "avg(@latency)": "12"}]),
    ("parse @message '[*] *' as kind, rest | display kind, rest | sort @timestamp asc | limit 1", LINES,
     [{"kind": "ERROR", "rest": "user=ada, method:PUT, latency := 12"}]),
    ("parse 'user=*,' as who | display who", LINES, [{}, {"who": "ada"}, {"who": "bob"}, {"who": "ada"}]),
    ("parse @message 'user=*,' as who | limit 1", LINES[:1],
     [{"@timestamp": "2026-11-18 10:55:00.000", "@message": LINES[0], "who": "ada"}]),
    ("parse @message '*' as whole | display whole | limit 1", ["all of it"], [{"whole": "all of it"}]),
    ("parse @message '* *' as first, rest | display first, rest", ["a b c"], [{"first": "a", "rest": "b c"}]),
    ("parse @message '*,*;' as a, b | display a, b", ["1,2,3;4;"], [{"a": "1", "b": "2,3"}]),
    ("parse @message 'a\"*\"' as q | display q", ['a"x" "y"'], [{"q": "x"}]),
    ("parse @message 'url=*' as url | parse url '/api/*/users/*' as version, id | display version, id",
     ["url=/api/v2/users/7"], [{"version": "v2", "id": "7"}]),
    ("parse @logStream '*/*/*/*' as y, m, d, rest | display y, m, d", ["x"], [{"y": "2026", "m": "11", "d": "18"}]),
    # parse by regular expression
    (r"parse @message /user=(?<who>\w+), method:(?<how>\w+)/"
     " | stats count(*) as times by who, how | sort who desc, how asc",
     LINES, [{"who": "bob", "how": "GET", "times": "1"}, {"who": "ada", "how": "GET", "times": "1"},
             {"who": "ada", "how": "PUT", "times": "1"}, {"times": "1"}]),
    (r"parse @message /latency := (\d+)/ as took | filter took > 4 | display took", LINES,
     [{"took": "5"}, {"took": "12"}]),
    (r"parse @message /(?i)USER=(?<who>\w+)/ | display who | limit 2", LINES, [{}, {"who": "ada"}]),
    (r"parse @message /(?<a>x)?(?<b>y)/ | display a, b", ["y"], [{"b": "y"}]),
    (r"parse @message /(\d+\.\d+\.\d+\.\d+)/ as ip multi | stats count(*) as times by ip | sort ip asc",
     ["10.0.0.1 to 10.0.0.2", "10.0.0.1"], [{"ip": "10.0.0.1", "times": "2"}, {"ip": "10.0.0.2", "times": "1"}]),
    # stats
    ("stats count(*)", WEB, [{"count(*)": "6"}]),
    ("stats count()", WEB, [{"count()": "6"}]),
    ("stats count(level), COUNT(*) as every", WEB, [{"count(level)": "5", "every": "6"}]),
    ("stats count_distinct(path) as paths, count_distinct(level) as levels", WEB, [{"paths": "3", "levels": "3"}]),
    ("stats sum(ms), avg(ms), min(ms), max(ms)", WEB,
     [{"sum(ms)": "1000", "avg(ms)": "200", "min(ms)": "10", "max(ms)": "900"}]),
    ("stats pct(ms, 50) as p50, pct(ms, 90) as p90, pct(ms, 0) as p0, pct(ms, 100) as p100, median(ms) as mid", WEB,
     [{"p50": "30", "p90": "900", "p0": "10", "p100": "900", "mid": "30"}]),
    ("stats stddev(v)", [{"v": v} for v in (2, 4, 4, 4, 5, 5, 7, 9)], [{"stddev(v)": "2"}]),
    ("stats earliest(path) as first, latest(level) as last", WEB, [{"first": "/a", "last": "ERROR"}]),
    ("stats sortsFirst(path) as a, sortsLast(status) as z", WEB, [{"a": "/a", "z": "503"}]),
    ("stats earliest(@timestamp) as a, latest(@timestamp) as b, max(@timestamp) - min(@timestamp) as apart", WEB,
     [{"a": "2026-11-18 10:55:00.000", "b": "2026-11-18 11:00:00.000", "apart": "300000"}]),
    ("stats min(path), max(path)", WEB, [{"min(path)": "/a", "max(path)": "/c"}]),
    ("stats sum(level), avg(level), max(nothing) as m, count(*) as rows", WEB, [{"rows": "6"}]),
    ("stats count(*) as rows by level | sort rows desc, level asc", WEB,
     [{"level": "ERROR", "rows": "2"}, {"level": "INFO", "rows": "2"}, {"rows": "1"}, {"level": "WARN", "rows": "1"}]),
    ("stats count(*) by bin(5m) | sort bin(5m) asc", WEB,
     [{"bin(5m)": "2026-11-18 10:55:00.000", "count(*)": "5"},
      {"bin(5m)": "2026-11-18 11:00:00.000", "count(*)": "1"}]),
    ("stats count(*) as rows by bin(1h) as hour, path | filter path = '/a'", WEB,
     [{"hour": "2026-11-18 10:00:00.000", "path": "/a", "rows": "3"}]),
    ("stats sum(status >= 500) * 100 / count(*) as pct5, sum(level = 'ERROR') as errors", WEB,
     [{"pct5": "33.3333", "errors": "2"}]),
    ("stats sum(strcontains(@message, 'ERROR')) as errors by path | sort path asc", WEB,
     [{"path": "/a", "errors": "1"}, {"path": "/b", "errors": "1"}, {"path": "/c", "errors": "0"}]),
    ("stats max(ms) as most, min(ms) as least, most - least as between", WEB,
     [{"most": "900", "least": "10", "between": "890"}]),
    ("stats count(*) as rows by coalesce(level, 'none') as kind | filter kind = 'none'", WEB,
     [{"kind": "none", "rows": "1"}]),
    ("stats avg(ms)/1000 as s by path | filter s > 0.1", WEB, [{"path": "/b", "s": "0.46"}]),
    ("stats count(*) by path | filter count(*) > 1 | sort count(*) asc", WEB,
     [{"path": "/b", "count(*)": "2"}, {"path": "/a", "count(*)": "3"}]),
    ("stats count(*) as rows by path | fields rows * 2 as twice | sort twice desc | limit 1", WEB,
     [{"path": "/a", "rows": "3", "twice": "6"}]),
    ("stats count(*) as rows by path | display path | sort path asc | limit 1", WEB, [{"path": "/a"}]),
    ("stats count(*) by status = 200 as fine | sort fine asc", WEB[:2], [{"fine": "0", "count(*)": "1"},
      {"fine": "1", "count(*)": "1"}]),
    ("filter level = 'NONE' | stats count(*)", WEB, []),
    ("filter level = 'NONE' | stats count(*) by path", WEB, []),
    # Several stats
    ("FIELDS strlen(path) AS length | STATS sum(length) as total BY bin(5m)"
     " | STATS max(total) AS most, avg(total) AS mean",
     WEB, [{"most": "10", "mean": "6"}]),
    ("STATS sum(ms) AS total BY BIN(1m) as @t | STATS max(total) AS most BY dateceil(@t, 10m) | sort most asc"
     " | limit 1", WEB[:5], [{"dateceil(@t, 10m)": "2026-11-18 11:00:00.000", "most": "900"}]),
    ("STATS count_distinct(path) AS paths, count(*) AS rows BY level | FILTER paths > 1 | STATS count(*) AS levels,"
     " sum(rows) / count(*) AS each", WEB, [{"levels": "1", "each": "2"}]),
    ("stats sum(ms) by path | stats max(sum(ms)) as most", WEB, [{"most": "920"}]),
    ("stats count(*) as rows by path | parse path '/*' as rest | sort path desc | limit 1", WEB,
     [{"path": "/c", "rows": "1", "rest": "c"}]),
    ("display path | parse path '/*' as rest | limit 1", WEB, [{"path": "/c"}]),
    # dedup
    ("fields path, ms | dedup path", WEB, [{"path": "/c"}, {"path": "/a", "ms": "40"}, {"path": "/b", "ms": "20"}]),
    ("fields path, ms | sort ms desc | dedup path", WEB, [{"path": "/b", "ms": "900"}, {"path": "/a", "ms": "40"},
      {"path": "/c"}]),
    ("fields path, level | sort @timestamp asc | dedup path, level | limit 2", WEB,
     [{"path": "/a", "level": "INFO"}, {"path": "/b", "level": "ERROR"}]),
    ("fields level | filter path in ['/c'] | dedup level", [{"path": "/c"}, {"path": "/c"}], [{}, {}]),
    # unnest and structures
    ("fields jsonParse(@message) as doc | unnest doc.events into event | display event.name, of", DOCUMENTS,
     [{"event.name": "exception", "of": "x"}, {"event.name": "user action", "of": "x"}]),
    ("fields jsonParse(@message) as doc | unnest doc.events into event | filter event.name = 'exception'"
     " | stats count(*) as times",
     DOCUMENTS, [{"times": "1"}]),
    ("fields jsonParse(@message) as doc | unnest doc.of into what | display what", DOCUMENTS, [{"what": "x"}]),
    ("fields jsonParse(@message) as doc | stats count() by doc.of", DOCUMENTS, [{"doc.of": "x", "count()": "1"}]),
    ("fields jsonParse(@message) as doc | filter doc.events[1].name = 'user action' | display doc.events[1].name",
     DOCUMENTS, [{"doc.events[1].name": "user action"}]),
    ("fields split(of, ',') as some | unnest some into one | stats count(*) as times by one | sort one asc",
     [{"of": "a,b"}, {"of": "b"}], [{"one": "a", "times": "1"}, {"one": "b", "times": "2"}]),
    # Discovered fields: Lambda's lines
    ("filter @type = 'REPORT' | display @requestId, @duration, @billedDuration, @initDuration, @memorySize,"
     " @maxMemoryUsed, @xrayTraceId, @xraySegmentId", LAMBDA,
     [{"@requestId": "8f5cbdc1-6a1d-4b1e-9d2c-0a1b2c3d4e5f", "@duration": "1203.51", "@billedDuration": "1204",
       "@initDuration": "150.11", "@memorySize": "128000000", "@maxMemoryUsed": "70000000",
       "@xrayTraceId": "1-5e1b4151-5ac6c58f5a7a1b2c3d4e5f60", "@xraySegmentId": "0a1b2c3d4e5f6071"}]),
    ("stats count(*) as lines by @requestId", LAMBDA,
     [{"@requestId": "8f5cbdc1-6a1d-4b1e-9d2c-0a1b2c3d4e5f", "lines": "4"}]),
    ("filter ispresent(@type) | fields @type | sort @timestamp asc", LAMBDA,
     [{"@type": "START"}, {"@type": "END"}, {"@type": "REPORT"}]),
    ("filter order.id = 7 | fields x", LAMBDA, [{}]),
    ("stats max(@memorySize / 1000 / 1000) as provisioned, max(@maxMemoryUsed / 1000 / 1000) as used,"
     " provisioned - used as over", LAMBDA, [{"provisioned": "128", "used": "70", "over": "58"}]),
    ("stats min(@memorySize / 1024 / 1024) as mib", LAMBDA, [{"mib": "122.0703"}]),
    # Of JSON
    ("fields `a-b`, c.0, c.1.d, @@at", [{"a-b": 1, "c": [2, {"d": 3}], "@at": 4}],
     [{"a-b": "1", "c.0": "2", "c.1.d": "3", "@@at": "4"}]),
    ("fields big, small", ['{"big": 12345678901234567890, "small": 0.12345678}'],
     [{"big": "12345678901234567890", "small": "0.12345678"}]),
    ("fields f199, f200", [{f"f{number}": number for number in range(300)}], [{"f199": "199"}]),
    ("fields a", ['before {"a": 1}', '{"a": 2} after', '{"a": 3', '[{"a": 4}]'], [{}, {}, {}, {}]),
    # Of VPC flow logs
    ("filter action='REJECT' | stats sum(bytes) as many, count(*) as times by srcAddr, dstPort", FLOWS,
     [{"srcAddr": "198.51.100.9", "dstPort": "22", "many": "120", "times": "2"}]),
    ("filter isIpv4InSubnet(srcAddr, '10.0.0.0/8') | fields dstAddr", FLOWS, [{"dstAddr": "198.51.100.7"}]),
    ("filter logStatus = 'NODATA' | fields interfaceId, srcAddr", FLOWS, [{"interfaceId": "eni-0a1b2c3d"}]),
    # pattern
    ("pattern @message", ["took 12 ms", "took 7 ms", "no answer"],
     [{"@pattern": "took <Number-1> ms", "@ratio": "0.6667", "@sampleCount": "2", "@severityLabel": "NONE"},
      {"@pattern": "no answer", "@ratio": "0.3333", "@sampleCount": "1", "@severityLabel": "NONE"}]),
    ("parse @message 'user=*,' as who | pattern who | filter @sampleCount > 1 | display @pattern", LINES,
     [{"@pattern": "ada"}]),
    ("pattern tolower(@message) | limit 1 | display @pattern, @severityLabel", ["ERROR at 10:00:01 from 10.0.0.1"],
     [{"@pattern": "error at <Time-1> from <IPAddress-2>", "@severityLabel": "ERROR"}]),
    ("filter level = 'NONE' | pattern @message", WEB, []),
]  # fmt: skip


@pytest.mark.parametrize(("query", "messages", "expected"), TABLE, ids=[query for query, _, _ in TABLE])
def test_what_a_query_finds(query: str, messages: list[Any], expected: list[dict[str, str]]) -> None:
    rows = found(query, messages)
    assert rows == expected
    assert [list(row) for row in rows] == [list(row) for row in expected], "the columns are in another order"


@pytest.mark.parametrize(
    ("query", "before", "after", "expected"),
    [
        ("pattern @message | diff", ["took 1 ms"], ["took 2 ms", "took 3 ms"],
         [("took <Number-1> ms", "2", "1", "1 more events")]),
        ("pattern @message | diff", ["took 1 ms"], [], [("took <Number-1> ms", "0", "-1", "missing")]),
        ("filter @message like 'bad' | pattern @message | diff", ["fine", "bad 1"],
         ["bad 2", "bad luck in fine weather"],
         [("bad luck in fine weather", "1", "1", "new"), ("bad <Number-1>", "1", "0", "no change")]),
    ],
)  # fmt: skip
def test_what_has_changed(query: str, before: list[str], after: list[str], expected: list[tuple[str, ...]]) -> None:
    both = [*events(before, BEGAN - 600), *events(after, BEGAN)]
    rows = run(parse(query), both, BEGAN, BEGAN + 3600).rows
    names = ("@pattern", "@sampleCount", "@diffEventCount", "@differenceDescription")
    assert [tuple(row[name] for name in names) for row in rows] == expected


@pytest.mark.parametrize(
    ("against", "shift"), [("previousDay", 86_400), ("previousWeek", 7 * 86_400), ("previousMonth", 30 * 86_400)]
)
def test_an_earlier_day_is_compared_with(against: str, shift: int) -> None:
    both = [*events(["took 1 ms"], BEGAN - shift), *events(["took 2 ms"], BEGAN - 700), *events(["took 3 ms"], BEGAN)]
    results = run(parse(f"pattern @message | diff {against}"), both, BEGAN, BEGAN + 60)
    assert [row["@differenceDescription"] for row in results.rows] == ["no change"]
    assert results.statistics.records_scanned == 2


def test_only_its_time_counts_both_ends_included() -> None:
    rows = found("fields @message | sort @timestamp asc", ["a", "b", "c", "d"], BEGAN + 60, BEGAN + 120)
    assert rows == [{"@message": "b"}, {"@message": "c"}]


def test_ten_thousand_rows_unless_limited() -> None:
    many = [Any] * 0 + ["x"] * 10_050
    some = events(many, BEGAN, 0.001)
    assert len(run(parse("fields @message"), some, BEGAN, NOW).rows) == 10_000
    assert len(run(parse("limit 10020"), some, BEGAN, NOW).rows) == 10_020
    assert len(run(parse("limit 20"), some, BEGAN, NOW, limit=7).rows) == 7


def test_the_statistics() -> None:
    some = events([*WEB, "näher"])
    told = run(parse("filter level = 'ERROR' | stats count(*) by path | limit 1"), some, BEGAN, NOW).statistics
    size = sum(len(json.dumps(one)) for one in WEB) + len("näher".encode())
    assert (told.records_matched, told.records_scanned, told.bytes_scanned) == (2, 7, size)


def test_an_event_points_to_itself_and_an_aggregate_does_not() -> None:
    (row,) = run(parse("fields @log | limit 1"), events(["x"]), BEGAN, NOW).rows
    assert row == {"@log": f"{ACCOUNT}:{GROUP}", "@ptr": "p0"}
    (row,) = run(parse("stats count(*)"), events(["x"]), BEGAN, NOW).rows
    assert row == {"count(*)": "1"}
