"""Broken queries are refused at the place where they are broken, and with the reason."""

from __future__ import annotations

import itertools

import pytest

from local.insights import Elsewhere, Malformed, parse, redefined

# In each query, the mark stands before the first character that is wrong.
MARK = "§"
BROKEN = [
    # Commands
    ("§", "unexpected end of the query: expected a command"),
    ("   # nothing but a comment§", "unexpected end of the query: expected a command"),
    ("§this is not a query", "there is no command this"),
    ("§fliter a = 1", "there is no command fliter"),
    ("fields a | §group by b", "there is no command group"),
    ("§|fields a", "unexpected symbol found |: expected a command"),
    ("fields a |§", "unexpected end of the query: expected a command"),
    ("fields a §|| limit 1", "the operator is spelt or"),
    ("fields a §filter b = 1", "unexpected symbol found filter"),
    ("fields a | §join b", "the command join is not evaluated here"),
    ("fields a | §tail 5", "the command tail is not evaluated here"),
    ("§SELECT * FROM logs", "there is no command SELECT"),
    ("§lookup t k", "the command lookup is not evaluated here"),
    ("parse @message §csv as a, b", "parse … csv is not evaluated here"),
    ("filter a in §(SOURCE b | fields c)", "a subquery is not evaluated here"),
    ("§unmask @message", "the command unmask is not evaluated here"),
    ("fields a §; limit 1", "unexpected symbol found ;"),
    # Arguments of commands
    ("fields§", "unexpected end of the query: expected a value"),
    ("fields §, a", "unexpected symbol found ,: expected a value"),
    ("fields a,§", "unexpected end of the query: expected a value"),
    ("fields a as§", "unexpected end of the query: expected a field"),
    ("fields a as §'b'", "unexpected symbol found 'b': expected a field"),
    ("fields §*", "unexpected symbol found *: expected a value"),
    ("filter§", "unexpected end of the query: expected a value"),
    ("limit§", "unexpected end of the query: expected a number"),
    ("limit §many", "unexpected symbol found many: expected a number"),
    ("limit §-1", "unexpected symbol found -: expected a number"),
    ("limit §1.5", "limit takes a whole number, not 1.5"),
    ("§limit 0", "limit takes 1 to 100,000, not 0"),
    ("§limit 100001", "limit takes 1 to 100,000, not 100001"),
    ("sort§", "unexpected end of the query: expected a value"),
    ("sort a §down", "unexpected symbol found down"),
    ("dedup §'a'", "unexpected symbol found 'a': expected a field"),
    ("unnest a §b", "unexpected symbol found b: expected into"),
    ("pattern @message | diff §yesterday", "unexpected symbol found yesterday"),
    ("SOURCE logGroups(§tag: 'a') | limit 1", "logGroups() does not know tag, or twice"),
    ("§SOURCE logGroups(namePrefix: ['a','b','c','d','e','f'])", "logGroups() takes 5 prefixes at most"),
    ("§SOURCE logGroups(class: 'GLACIER')", "the class is STANDARD or INFREQUENT_ACCESS"),
    ("SOURCE §'a' | limit 1", "unexpected symbol found 'a': expected logGroups"),
    ("limit 1 | §SOURCE logGroups()", "there is no command SOURCE"),
    # Expressions
    ("filter a §== 1", "equality is written with one ="),
    ("filter a = 1 §&& b = 2", "the operator is spelt and"),
    ("filter a = 1 §|| b = 2", "the operator is spelt or"),
    ("filter a §<> 1", "inequality is written !="),
    ("filter a §!~ /b/", "a regular expression is denied with not like"),
    ("filter §!ispresent(a)", "the operator is not"),
    ("filter a =§ ", "unexpected end of the query: expected a value"),
    ("filter a < 1 §< 2", "unexpected symbol found <"),
    ("filter (a = 1§", "unexpected end of the query: expected )"),
    ("filter a = 1§)", "unexpected symbol found )"),
    ("filter a = §'open", "this text in quotes is never closed"),
    ('filter a = §"open', "this text in quotes is never closed"),
    ("filter a like §/open", "this regular expression is never closed"),
    ("fields §`open", "this name in backticks is never closed"),
    ("filter a like §b", "unexpected symbol found b"),
    ("filter a like §5", "unexpected symbol found 5"),
    ("filter a like /error/§i", "flags stand in a regular expression, as in /(?i)error/"),
    ("filter a =~ §'b'", "unexpected symbol found 'b': expected a regular expression"),
    ("filter a = §/b/", "unexpected symbol found /"),
    ("filter a in §(1, 2)", "unexpected symbol found (: expected ["),
    ("filter a in [1, 2§", "unexpected end of the query: expected , or ]"),
    ("filter §a in []", "in needs at least one value"),
    ("filter a not §= 1", "unexpected symbol found =: expected in or like"),
    ("filter a = §null", "there is no null: a field that is missing is not ispresent(…)"),
    ("filter §5", "filter needs a condition here, such as a comparison"),
    ("filter a like 'x' or §'y'", "filter needs a condition here, such as a comparison"),
    ('filter @timestamp >= §"2026-11-18"', "a time is in epoch milliseconds here, such as 1795000000000, and no text"),
    ('filter §"2026-11-18 10:00" < @ingestionTime', "a time is in epoch milliseconds here"),
    ("filter @timestamp > toMillis(§'2026-11-18T00:00:00Z')", "a time is in epoch milliseconds here"),
    ("fields @message §-- all of it", "a comment begins with #"),
    ("fields @message §// all of it", "a comment begins with #"),
    ('filter @timestamp in [1795000000000, §"2026-11-18"]', "a time is in epoch milliseconds here"),
    ("filter b = 1 and §a + 1", "filter needs a condition here, such as a comparison"),
    ("filter §'text'", "filter needs a condition here, such as a comparison"),
    ("filter a = §5x", "unexpected symbol found 5x"),
    ("fields a §b", "unexpected symbol found b"),
    ("fields a§.", "unexpected symbol found ."),
    # Regular expressions
    ("filter a like §/(/", "cannot be used: missing )"),
    ("filter a like §/[z-a]/", "bad character range z-a"),
    (r"filter a like §/\p{Alpha}/", r"bad escape \p"),
    ("parse @message §/a=(?P<a>x)/", "(?P of a regular expression is not known here: a named group is (?<name>…)"),
    ("filter a like §/(a)?(?(1)b|c)/", "(?( of a regular expression is not known here"),
    ("filter a like §/(?k)x/", "the flags (?k) of a regular expression are not known here"),
    ("filter a like §/[a-z&&[^b]]/", "the nested class [a-z&&[^b] of a regular expression is not known here"),
    ("§parse @message /(a)/", "each group of the regular expression needs a name, (?<name>…)"),
    ("§parse @message /a/", "each group of the regular expression needs a name, (?<name>…)"),
    ("§parse @message /(a)(b)/ as x", "the regular expression has 2 groups and there are 1 names"),
    # parse by glob
    ("§parse @message 'a=*, b=*' as a", "the pattern has 2 * and there are 1 names"),
    ("§parse @message 'a' as a", "the pattern has 0 * and there are 1 names"),
    ("parse @message 'a=*'§", "unexpected end of the query: expected as"),
    ("parse @message §logfmt as lf", "parse … logfmt is not evaluated here"),
    ("parse tolower§(a) '*' as x", "unexpected symbol found ("),
    # Functions
    ("fields §foo(a)", "there is no function foo"),
    ("fields §lower(a)", "there is no function lower: is it tolower?"),
    ("stats §percentile(a, 95)", "there is no function percentile"),
    ("stats §countdistinct(a)", "there is no function countdistinct: is it count_distinct?"),
    ("stats §rate(a, 1m) by bin(5m)", "the function rate is not evaluated here"),
    ("fields §parseDate(a, 'yyyy')", "the function parseDate is not evaluated here"),
    ("fields §strlen()", "strlen takes 1 arguments, not 0"),
    ("fields §strlen(a, b)", "strlen takes 1 arguments, not 2"),
    ("fields §concat()", "concat takes 1 or more arguments, not 0"),
    ("fields §substr(a)", "substr takes 2 to 3 arguments, not 1"),
    ("fields §now(1)", "now takes 0 arguments, not 1"),
    ("fields strlen(§*)", "* stands in count only, not in strlen"),
    ("fields bin(§5)", "bin takes a period such as 5m here"),
    ("fields bin(§a)", "bin takes a period such as 5m here"),
    ("fields datefloor(@timestamp, §5)", "datefloor takes a period such as 5m here"),
    ("fields bin(§0m)", "a period is at least 1 long"),
    ("fields abs(§5m)", "abs takes no period here"),
    ("fields §5m", "a period stands in bin, datefloor and dateceil only"),
    ("fields bin(5 §m)", "unexpected symbol found m"),
    ("fields bin(§5x)", "unexpected symbol found 5"),
    ("stats pct(a, §101)", "the percentile is a number of 0 to 100"),
    ("stats pct(a, §b)", "the percentile is a number of 0 to 100"),
    ("stats §pct(a)", "pct takes 2 arguments, not 1"),
    # Aggregates
    ("fields §count(*)", "count is an aggregate function"),
    ("filter §avg(a) > 1", "avg is an aggregate function"),
    ("stats max(§avg(a))", "avg is an aggregate function: it stands in stats only, and in no other"),
    ("stats count(*) by §max(a)", "max is an aggregate function"),
    ("§stats strlen(a)", "stats needs an aggregate function, such as count(*)"),
    ("stats count(*), §a", "a is neither grouped by nor in an aggregate function"),
    ("stats sum(a) / §b", "b is neither grouped by nor in an aggregate function"),
    ("stats count(*) by§", "unexpected end of the query: expected a value"),
    ("stats§", "unexpected end of the query: expected a value"),
    # The order of commands
    ("dedup a | §filter b = 1", "after dedup, only limit can follow"),
    ("§limit 20 | stats count(*)", "sort and limit come after the last stats"),
    ("§sort a | stats count(*) as n | stats max(n)", "sort and limit come after the last stats"),
    ("stats count(*) as n by a | §limit 5 | stats max(n)", "sort and limit come after the last stats"),
    ("sort a | §pattern @message", "pattern cannot come after sort"),
    ("§diff", "Diff operation has to be used after Pattern"),
    ("stats count(*) | §diff", "Diff operation has to be used after Pattern"),
    ("stats count(*) as a" + "".join(f" | stats max({c}) as {d}" for c, d in itertools.pairwise("abcdefghij"))
     + " | §stats max(j)", "a query has 10 stats commands at most"),
    # Names
    ("parse @message 'a=*' as x | fields §x", "Ephemeral field is already defined: x"),
    ("fields a + 1 as x | fields §b + 1 as x", "Ephemeral field is already defined: x"),
    ("fields toupper(a) as b, strlen(§b) as c", "b is given in the same command: use it in one after that"),
    ("fields x | §parse @message 'a=*' as x", "Ephemeral field is already defined: x"),
    ("filter error = 1 | stats §count(*) as error", "Ephemeral field is already defined: error"),
    ("stats count(*) by §coalesce(error, message) as error", "Ephemeral field is already defined: error"),
    ("stats §sum(bytes) as bytes", "Ephemeral field is already defined: bytes"),
    ("fields §a as @message", "Ephemeral field is already defined: @message"),
    ("stats count(*) as n | sort §m", "Unknown symbols found in or after stats or pattern: m"),
    ("stats count(*) as n by bin(5m) | sort §@timestamp desc",
     "Unknown symbols found in or after stats or pattern: @timestamp (left there: bin(5m), n)"),
    ("stats count(*) by a | filter §b = 1", "Unknown symbols found in or after stats or pattern: b"),
    ("FIELDS @message | STATS SUM(Fault) by Operation | STATS MAX(strlen(§@message)) AS MaxMessageSize",
     "Unknown symbols found in or after stats or pattern: @message"),
    ("FIELDS strlen(@message) AS size | STATS sum(size) AS total BY @logStream | STATS avg(total) BY §bin(5m)",
     "Unknown symbols found in or after stats or pattern: @timestamp, of bin"),
    ("stats count(*) as n by a | stats §latest(n)", "latest needs @timestamp, which is gone after stats"),
    ("pattern @message | fields §level", "Unknown symbols found in or after stats or pattern: level"),
]  # fmt: skip


@pytest.mark.parametrize(("marked", "reason"), BROKEN, ids=[marked[:100] for marked, _ in BROKEN])
def test_what_is_broken_is_refused(marked: str, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse(marked.replace(MARK, ""))
    assert reason in caught.value.reason
    assert caught.value.position == marked.index(MARK)
    assert caught.value.end > caught.value.position
    assert isinstance(caught.value, Elsewhere) == reason.endswith(" is not evaluated here")


def test_the_place_is_told_by_line_and_column() -> None:
    with pytest.raises(Malformed) as caught:
        parse("fields a\n| filter b =\n  | limit 1")
    assert (caught.value.position, caught.value.line, caught.value.column) == (24, 3, 3)
    assert str(caught.value).endswith("(line 3, position 3)")


def test_a_query_has_an_end() -> None:
    with pytest.raises(Malformed, match="10,000 characters at most"):
        parse("fields a # " + "x" * 10_000)
    deep = "filter " + "not " * 2400 + "a = 1"
    with pytest.raises(Malformed, match="nested too deep"):
        parse(deep)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("parse @message 'a=*' as level", "level"),
        ("fields strlen(x) as level", "level"),
        ("stats count(*) as level", "level"),
        ("parse @message 'a=*' as other", None),
        ("stats count(*) as n by x | fields n + 1 as level", None),
    ],
)
def test_a_name_that_the_logs_have_is_not_given_again(query: str, name: str | None) -> None:
    error = redefined(parse(query), {"level", "x"})
    assert (error and error.reason) == (name and f"Ephemeral field is already defined: {name}")
