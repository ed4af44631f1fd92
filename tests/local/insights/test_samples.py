"""Queries that people run: the samples of the console and of the user guide, and those of public repositories.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-examples.html
"""

from __future__ import annotations

from typing import Any

import pytest

from local.insights import Malformed, parse
from tests.local.insights.logs import found

FIRST, SECOND = "8f5cbdc1-6a1d-4b1e-9d2c-0a1b2c3d4e5f", "9a6dcee2-7b2e-4c2f-8e3d-1b2c3d4e5f60"
REPORTS = [
    f"REPORT RequestId: {FIRST}\tDuration: 100.00 ms\tBilled Duration: 300 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 120 MB\tInit Duration: 200.00 ms\t\n",
    f"REPORT RequestId: {SECOND}\tDuration: 50.00 ms\tBilled Duration: 50 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 64 MB\t\n",
    f"2026-11-18T10:57:00.000Z {SECOND} Task timed out after 3.00 seconds\n\n",
    f"[ERROR]\t2026-11-18T10:58:00.000Z\t{FIRST}\tKeyError: 'id'\n",
    "INIT_START Runtime Version: python:3.11.v1\n",
]
DNS = [
    "1.0 2026-11-18T10:55:00Z Z123412341234 example.com AAAA NOERROR TCP IAD12 198.51.100.7 -",
    "1.0 2026-11-18T10:55:01Z Z123412341234 api.example.com A SERVFAIL UDP FRA6 198.51.100.7 -",
    "1.0 2026-11-18T10:55:02Z Z123412341234 api.example.com A SERVFAIL UDP FRA56-P2 2001:db8::1 198.51.100.0/24\n",
]
TRAIL: list[Any] = [
    {"eventSource": "ec2.amazonaws.com", "eventName": "StopInstances", "awsRegion": "us-east-2", "readOnly": False,
     "requestParameters": {"instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}]}},
     "tlsDetails": {"tlsVersion": "TLSv1.1"}, "userIdentity": {"arn": "arn:aws:iam::123456789012:user/ada"}},
    {"eventSource": "iam.amazonaws.com", "eventName": "CreateUser", "awsRegion": "us-east-1", "readOnly": False,
     "requestParameters": {"userName": "bob"}, "tlsDetails": {"tlsVersion": "TLSv1.3"},
     "responseElements": {"user": {"arn": "arn:aws:iam::123456789012:user/bob"}}},
    {"eventSource": "ec2.amazonaws.com", "eventName": "DescribeInstances", "awsRegion": "us-east-2", "readOnly": True,
     "errorCode": "Client.UnauthorizedOperation", "responseElements": None},
    {"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "awsRegion": "us-east-1",
     "sourceIPAddress": "198.51.100.9", "responseElements": {"ConsoleLogin": "Failure"}},
]  # fmt: skip
API: list[Any] = [
    {"status": "200", "ip": "198.51.100.1", "path": "/a", "httpMethod": "GET", "responseLatency": "20"},
    {"status": "404", "ip": "198.51.100.2", "path": "/b", "httpMethod": "GET", "responseLatency": "9"},
    {"status": "502", "ip": "198.51.100.2", "path": "/a", "httpMethod": "POST", "responseLatency": "-"},
]
SYNC: list[Any] = [
    {"logType": "RequestSummary", "graphQLAPIId": "g1", "statusCode": 200, "latency": 4},
    {"logType": "Tracing", "graphQLAPIId": "g1", "resolverArn": "r1", "duration": 7, "parentType": "Query",
     "fieldName": "pets"},
    {"logType": "Tracing", "graphQLAPIId": "g1", "resolverArn": "r1", "duration": 9, "parentType": "Query",
     "fieldName": "pets", "fieldInError": True},
    {"logType": "RequestSummary", "statusCode": 400, "fieldInError": False},
]  # fmt: skip
FLOWS = [
    "2 123456789012 eni-0a 10.0.0.5 198.51.100.7 443 51000 6 10 840 1795000000 1795000060 ACCEPT OK",
    "2 123456789012 eni-0a 10.0.0.6 198.51.100.7 53 51000 17 2 90 1795000000 1795000060 ACCEPT OK",
    "2 123456789012 eni-0a 198.51.100.9 10.0.0.5 51001 22 6 1 40 1795000000 1795000060 REJECT OK",
    "2 123456789012 eni-0a - - - - - - - 1795000000 1795000060 - SKIPDATA",
]
EVENTS: list[Any] = [
    {"detail-type": "Order Placed", "source": "shop", "detail": {"id": 1}},
    {"detail-type": "Order Placed", "source": "shop", "detail": {"id": 2}},
    {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}},
]
APACHE = [
    '127.0.0.1 - - [18/Nov/2026:10:55:00 +0000] "GET /admin HTTP/1.1" 500 12 "-" "curl/8"',
    '127.0.0.2 - - [18/Nov/2026:10:55:01 +0000] "POST /pay HTTP/1.1" 200 70 "-" "curl/8"',
]
IOT: list[Any] = [
    {"eventType": "Connect", "protocol": "MQTT", "status": "Success"},
    {"eventType": "Connect", "protocol": "MQTT", "status": "Failure", "reason": "AUTHORIZATION_FAILURE"},
]

SAMPLES: list[tuple[str, list[Any], list[dict[str, str]]]] = [
    # Lambda
    ('filter @type = "REPORT"\n| fields @requestId, @billedDuration\n| sort by @billedDuration desc', REPORTS,
     [{"@requestId": FIRST, "@billedDuration": "300"}, {"@requestId": SECOND, "@billedDuration": "50"}]),
    ('filter @type = "REPORT" | sort BY @duration | fields @duration | limit 1', REPORTS, [{"@duration": "50.00"}]),
    ('filter @type = "REPORT" |\nstats avg(@duration), max(@duration), min(@duration) by bin(5m)', REPORTS,
     [{"bin(5m)": "2026-11-18 10:55:00.000", "avg(@duration)": "75",
       "max(@duration)": "100.00", "min(@duration)": "50.00"}]),
    ('filter @type = "REPORT" and @maxMemoryUsed >= (@memorySize * 0.75) | stats count_distinct(@requestId) as many'
     " by bin(30m) as t", REPORTS, [{"t": "2026-11-18 10:30:00.000", "many": "1"}]),
    ('filter @type ="REPORT" | parse @message /Init Duration: (?<init>\\S+)/ | stats count() as total,'
     " count(init) as coldStarts, avg(init) as avgInit, avg(@maxMemoryUsed)/1000/1000 as used by bin (1hr)", REPORTS,
     [{"bin (1hr)": "2026-11-18 10:00:00.000", "total": "2", "coldStarts": "1", "avgInit": "200", "used": "92"}]),
    ('filter @type = "REPORT" | fields greatest(@initDuration, 0) + @duration as duration,'
     " ispresent(@initDuration) as coldStart | stats count(*) as count, pct(duration, 50) as p50,"
     " max(duration) as max by coldStart | sort coldStart", REPORTS,
     [{"coldStart": "0", "count": "1", "p50": "50", "max": "50"},
      {"coldStart": "1", "count": "1", "p50": "300", "max": "300"}]),
    ('filter @type = "REPORT" | stats sum(strcontains(@message, "Init Duration")) / count(*) * 100 as coldPct',
     REPORTS, [{"coldPct": "50"}]),
    ('filter @type = "REPORT" | stats sum(@billedDuration)/1000 * avg(@memorySize)/1024000 as gbs by bin(1h) as h'
     " | display gbs", REPORTS, [{"gbs": "43.75"}]),
    ('fields @timestamp, @requestId, @message | filter @message like "Task timed out" | display @requestId', REPORTS,
     [{"@requestId": SECOND}]),
    ("filter ispresent(@requestId)", [f"2026-11-18T10:57:00.000Z {FIRST} is no line of a function"], []),
    ("filter @message like /(?i)(error|timed out)/ | stats count(*) as n by @requestId | sort @requestId asc", REPORTS,
     [{"@requestId": FIRST, "n": "1"}, {"@requestId": SECOND, "n": "1"}]),
    ('filter @type = "REPORT" and @duration > 60 | sort @timestamp desc | limit 20 | display @duration', REPORTS,
     [{"@duration": "100.00"}]),
    # VPC flow logs, and NAT gateways
    ("stats sum(packets) as packetsTransferred by srcAddr, dstAddr\n| sort packetsTransferred  desc\n| limit 1",
     FLOWS, [{"srcAddr": "10.0.0.5", "dstAddr": "198.51.100.7", "packetsTransferred": "10"}]),
    ("filter protocol=17 | stats count(*) by srcAddr", FLOWS, [{"srcAddr": "10.0.0.6", "count(*)": "1"}]),
    ('filter logStatus="SKIPDATA" | stats count(*) by bin(1h) as t | sort t', FLOWS,
     [{"t": "2026-11-18 10:00:00.000", "count(*)": "1"}]),
    ('filter isIpv4InSubnet(srcAddr, "10.0.0.0/24") | stats sum(bytes) as bytesTransferred by dstAddr', FLOWS,
     [{"dstAddr": "198.51.100.7", "bytesTransferred": "930"}]),
    ("filter (dstAddr like '198.51.100.7' and srcAddr like '10.0.')\n| stats sum(bytes) as sent by srcAddr, dstAddr"
     "\n| sort sent desc\n| limit 10", FLOWS,
     [{"srcAddr": "10.0.0.5", "dstAddr": "198.51.100.7", "sent": "840"},
      {"srcAddr": "10.0.0.6", "dstAddr": "198.51.100.7", "sent": "90"}]),
    ("filter action = 'ACCEPT' and srcAddr like '10.' and dstAddr not like '10.' | sort @timestamp desc"
     " | stats sum(bytes)", FLOWS, [{"sum(bytes)": "930"}]),
    ('parse @message "* * * * * * * * * * * * * *" as v, account, eni, from, to, fromPort, toPort, proto, p, b, s, e,'
     ' act, stat | filter act = "REJECT" | display from, toPort', FLOWS, [{"from": "198.51.100.9", "toPort": "22"}]),
    # Route 53
    ("stats count(*) as n by queryType, bin(10m) as t | sort queryType asc", DNS,
     [{"queryType": "A", "t": "2026-11-18 10:50:00.000", "n": "2"},
      {"queryType": "AAAA", "t": "2026-11-18 10:50:00.000", "n": "1"}]),
    ('filter responseCode="SERVFAIL" | stats count(*) by queryName', DNS,
     [{"queryName": "api.example.com", "count(*)": "2"}]),
    ("stats count(*) as numRequests by resolverIp | sort numRequests desc | limit 1", DNS,
     [{"resolverIp": "198.51.100.7", "numRequests": "2"}]),
    ("filter ispresent(ednsClientSubnet) | display version, queryTimestamp, hostZoneId, protocol, edgeLocation,"
     " ednsClientSubnet", DNS,
     [{"version": "1.0", "queryTimestamp": "2026-11-18T10:55:02Z", "hostZoneId": "Z123412341234", "protocol": "UDP",
       "edgeLocation": "FRA56-P2", "ednsClientSubnet": "198.51.100.0/24"}]),
    # CloudTrail
    ("stats count(*) by eventSource, eventName, awsRegion | sort eventSource, eventName | limit 1", TRAIL,
     [{"eventSource": "ec2.amazonaws.com", "eventName": "DescribeInstances", "awsRegion": "us-east-2",
       "count(*)": "1"}]),
    ('filter (eventName="StartInstances" or eventName="StopInstances") and awsRegion="us-east-2" | display'
     " requestParameters.instancesSet.items.1.instanceId as second, userIdentity.arn", TRAIL,
     [{"second": "i-2", "userIdentity.arn": "arn:aws:iam::123456789012:user/ada"}]),
    ('filter eventName="CreateUser"\n| fields awsRegion, requestParameters.userName, responseElements.user.arn', TRAIL,
     [{"awsRegion": "us-east-1", "requestParameters.userName": "bob",
       "responseElements.user.arn": "arn:aws:iam::123456789012:user/bob"}]),
    ('filter tlsDetails.tlsVersion in [ "TLSv1", "TLSv1.1" ] | stats count(*) as outdated by eventSource,'
     " tlsDetails.tlsVersion | sort eventSource, tlsDetails.tlsVersion", TRAIL,
     [{"eventSource": "ec2.amazonaws.com", "tlsDetails.tlsVersion": "TLSv1.1", "outdated": "1"}]),
    ('filter eventName="ConsoleLogin" and responseElements.ConsoleLogin="Failure" | stats count(*) as Total_Count by'
     " sourceIPAddress as Source_IP, awsRegion as AWS_Region", TRAIL,
     [{"Source_IP": "198.51.100.9", "AWS_Region": "us-east-1", "Total_Count": "1"}]),
    ("filter errorCode like /Unauthorized|Denied|Forbidden/ | fields eventName", TRAIL,
     [{"eventName": "DescribeInstances"}]),
    ("filter readOnly = false and not ispresent(errorCode) | fields eventName", TRAIL,
     [{"eventName": "CreateUser"}, {"eventName": "StopInstances"}]),
    ("filter readOnly | fields eventName, readOnly", TRAIL, [{"eventName": "DescribeInstances", "readOnly": "1"}]),
    ("filter eventSource =~ /^(?i)EC2.amazonaws.com$/ | stats count(*)", TRAIL, [{"count(*)": "2"}]),
    # API Gateway
    ("fields status, ip, path, httpMethod | filter status>=400 and status<=499 | sort @timestamp desc | limit 10", API,
     [{"status": "404", "ip": "198.51.100.2", "path": "/b", "httpMethod": "GET"}]),
    ("fields path, responseLatency | sort responseLatency desc | limit 1", API,
     [{"path": "/a", "responseLatency": "20"}]),
    ("stats count(*) as n, sum(status >= 500) as faults, avg(responseLatency) as mean by path | sort path asc", API,
     [{"path": "/a", "n": "2", "faults": "1", "mean": "20"}, {"path": "/b", "n": "1", "faults": "0", "mean": "9"}]),
    ("filter status like /5\\d\\d/ | stats count(*) by bin(1d) as day", API,
     [{"day": "2026-11-18 00:00:00.000", "count(*)": "1"}]),
    ("stats count(*) by concat(substr(status, 0, 1), 'xx') as class | sort class asc", API,
     [{"class": "2xx", "count(*)": "1"}, {"class": "4xx", "count(*)": "1"}, {"class": "5xx", "count(*)": "1"}]),
    # AppSync
    ('fields ispresent(graphQLAPIId) as isApi | filter isApi | filter logType = "RequestSummary" |'
     " stats count() as statusCount by statusCode | sort statusCount desc", SYNC,
     [{"statusCode": "200", "statusCount": "1"}]),
    ('fields ispresent(resolverArn) as isRes | filter isRes | filter logType = "Tracing" |'
     " stats min(duration), max(duration), avg(duration) as avgDur by resolverArn | sort avgDur desc | limit 10", SYNC,
     [{"resolverArn": "r1", "min(duration)": "7", "max(duration)": "9", "avgDur": "8"}]),
    ("filter logType = 'Tracing' and fieldInError | display duration", SYNC, [{"duration": "9"}]),
    ("filter logType = 'Tracing' and not fieldInError | display duration", SYNC, [{"duration": "7"}]),
    ("filter logType = 'Tracing' | stats avg(duration) as avgDur by concat(parentType, '/', fieldName) as fieldKey",
     SYNC, [{"fieldKey": "Query/pets", "avgDur": "8"}]),
    ("filter logType", SYNC, []),
    # EventBridge, IoT, Apache
    ("stats count(*) as numberOfEvents by `detail-type` | sort numberOfEvents desc", EVENTS,
     [{"detail-type": "Order Placed", "numberOfEvents": "2"},
      {"detail-type": "Scheduled Event", "numberOfEvents": "1"}]),
    ("fields @timestamp, @message | stats count(*) as n by eventType, protocol, status | sort status asc", IOT,
     [{"eventType": "Connect", "protocol": "MQTT", "status": "Failure", "n": "1"},
      {"eventType": "Connect", "protocol": "MQTT", "status": "Success", "n": "1"}]),
    ("filter eventType = 'Connect' and status != 'Success' | fields reason", IOT,
     [{"reason": "AUTHORIZATION_FAILURE"}]),
    ("parse '* - * [*] \"* * *\" * *' as host, identity, dateTimeString, httpVerb, url, protocol, statusCode, rest"
     " | filter statusCode >= \"500\" and statusCode <= 599 | display host, httpVerb, url, statusCode", APACHE,
     [{"host": "127.0.0.1", "httpVerb": "GET", "url": "/admin", "statusCode": "500"}]),
    ('parse @message /"(?<method>GET|POST) (?<endpoint>[^ ]+) HTTP/ | stats count(*) as n by endpoint, method'
     " | sort endpoint asc", APACHE,
     [{"endpoint": "/admin", "method": "GET", "n": "1"}, {"endpoint": "/pay", "method": "POST", "n": "1"}]),
    # Of everybody
    ("filter @message like /Exception/ | stats count(*) as exceptionCount by bin(5m) | sort exceptionCount desc",
     ["a NullPointerException", "fine"], [{"bin(5m)": "2026-11-18 10:55:00.000", "exceptionCount": "1"}]),
    ('fields @message | parse @message "* [*] *" as loggingTime, loggingType, loggingMessage'
     ' | filter loggingType IN ["ERROR"] | display loggingMessage, loggingType = "ERROR" as isError',
     ["10:55 [ERROR] gone", "10:56 [INFO] here"], [{"loggingMessage": "gone", "isError": "1"}]),
    ('fields trim(@message) as trimmed | parse trimmed "[*] * *" as level, time, rest | filter level like "INFO"'
     " | display rest", ["  [INFO] 10:55 fine  "], [{"rest": "fine"}]),
    ('parse @message "User ID: *" as @userId | stats count(*) by @userId', ["User ID: 7", "User ID: 7"],
     [{"@userId": "7", "count(*)": "2"}]),
    ("stats sum(n) as total by datefloor(@timestamp - 3600000, 24h) + 3600000 as day | fields fromMillis(day) as date"
     " | display date, total", [{"n": 2}, {"n": 3}], [{"date": "2026-11-18 01:00:00.000", "total": "5"}]),
    ("stats sum(err!='') as errors by service", [{"service": "s", "err": "x"}, {"service": "s", "err": ""}],
     [{"service": "s", "errors": "1"}]),
    ("stats max(if(name=\"begun\", 1, 0)) as begun, max(if(name=\"done\", 1, 0)) as done by flow"
     " | filter begun = 1 and done = 0 | stats count(*) as lost",
     [{"flow": 1, "name": "begun"}, {"flow": 1, "name": "done"}, {"flow": 2, "name": "begun"}], [{"lost": "1"}]),
    ("stats sum(cost) as spend, count(*) as leads, spend / leads as each by bin(1d) as day | display each",
     [{"cost": 2}, {"cost": 3}], [{"each": "2.5"}]),
    ("fields a != b as different, a | filter ispresent(different) | stats count(*) as n by different | sort n desc",
     [{"a": 1, "b": 2}, {"a": 1, "b": 1}, {"a": 3, "b": 1}], [{"different": "1", "n": "2"}, {"different": "0",
      "n": "1"}]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "messages", "expected"), SAMPLES, ids=[query[:90] for query, _, _ in SAMPLES])
def test_what_a_sample_finds(query: str, messages: list[Any], expected: list[dict[str, str]]) -> None:
    rows = found(query, messages)
    assert rows == expected
    assert [list(row) for row in rows] == [list(row) for row in expected], "the columns are in another order"


@pytest.mark.parametrize(
    ("query", "name", "left"),
    [
        # Samples of the console and of Container Insights name after stats what is gone by then.
        ("fields ispresent(resolverArn) as isRes | stats count() as n by resolverArn | filter isRes", "isRes",
         "resolverArn, n"),
        ('STATS avg(cluster_failed_node_count) as n | FILTER Type="Cluster" | SORT @timestamp DESC', "Type", "n"),
        ("stats count(*) as n by bin(5m) | filter @message like /ERROR/", "@message", "bin(5m), n"),
        ("filter @message like /ERROR/ | stats count(*) as n by bin(5m) | sort @timestamp desc", "@timestamp",
         "bin(5m), n"),
    ],
)  # fmt: skip
def test_what_is_gone_after_stats_is_told_with_what_is_left(query: str, name: str, left: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse(query)
    assert caught.value.position == query.rindex(name)
    assert caught.value.reason.endswith(f": {name} (left there: {left})")
