"""Any notice whatsoever, for what must hold for each."""

from __future__ import annotations

from hypothesis import strategies as st

from chalicelib.model import COMMANDS, SEVERITIES, Destination, Notice

text = (
    st.text(max_size=40) | st.text(alphabet="é<&\n\t\u202e\ud800😀 ", max_size=30) | st.sampled_from(["x" * 3000, ""])
)
tables = st.lists(st.lists(text, max_size=9).map(tuple), max_size=20).map(tuple)
pairs = st.lists(st.tuples(text, text | st.just("https://example.com/a")), max_size=70).map(tuple)
times = st.floats(-1e18, 1e18) | st.sampled_from([0.0, 1.8e9, float("inf"), float("nan")])
notices = st.builds(
    Notice,
    key=text, thread=text, kind=st.sampled_from(["finding", "trouble", "alert", "digest"]),
    severity=st.sampled_from(SEVERITIES), status=text, title=text, lines=st.lists(text, max_size=70).map(tuple),
    facts=pairs, at=times, finding=st.none() | text, guardrail=st.none() | text, source=text, name=text, service=text,
    account=text, region=text, resource=text, since=st.none() | times, links=pairs, fingerprint=text, alert=text,
    page=st.sampled_from(["trigger", "acknowledge", "resolve", ""]), test=st.booleans(),
    table=tables,
    actions=st.lists(st.sampled_from(COMMANDS), max_size=4).map(tuple),
    destination=st.just(Destination(pagerduty="default", email=("oncall@example.com",))),
)  # fmt: skip
