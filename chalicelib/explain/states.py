"""How something that a service stands on is bad, as a clause that can stand behind `because`; pure.

By the name of the gauge, and by the kind of thing where that means another thing: a true, plain sentence for each.
"""

from __future__ import annotations

from chalicelib.explain.model import Filled

# `{of}` is what people call the thing, `{said}` how bad it is.
_WORDS = {
    "age": "messages wait for {said} in the {of}",
    "backlog": "many messages wait in the {of} ({said})",
    "capacity": "the {of} uses {said} of the largest capacity that it may have",
    "checkers": "only {said} of those who check the {of} see it healthy",
    "commits": "the {of} takes {said} for a commit",
    "concurrency": "the {of} uses {said} concurrent executions",
    "connections": "the {of} uses {said} connections",
    "cpu": "the {of} uses {said} of its CPU",
    "disk": "the {of} uses {said} of its disk",
    "dropped": "the {of} drops packets",
    "duration": "the longest execution of the {of} takes {said}",
    "evictions": "the {of} is full, and drops keys",
    "failed": "the {of} cannot deliver its messages",
    "healthy": "no target of the {of} is healthy",
    "hits": "the {of} answers only {said} from its cache",
    "impaired": "instances of the {of} fail their status checks",
    "in_flight": "the {of} has {said} messages in flight",
    "lag": "the {of} is {said} behind its source",
    "letters": "messages that nobody can process lie in the {of}",
    "memory": "the {of} uses {said} of its memory",
    "nodes": "nodes of the {of} have failed",
    "pod_cpu": "its pods in the {of} use {said} of their CPU",
    "pod_memory": "its pods in the {of} use {said} of their memory",
    "pods": "none of its pods runs in the {of}",
    "ports": "the {of} has no port left",
    "read_capacity": "the {of} uses {said} units of read capacity a second",
    "read_throttles": "the {of} throttles reads",
    "reads": "the {of} takes {said} for a read",
    "redriven": "messages of the {of} end in its dead letters",
    "rejected": "the {of} rejects connections",
    "requests": "the {of} gets {said} requests a second",
    "size": "the {of} cannot grow any more ({said} instances)",
    "storage": "the {of} has {said} of its storage left",
    "tasks": "only {said} tasks of the {of} run",
    "throttled": "the {of} is throttled",
    "transactions": "the {of} has used {said} transaction ids",
    "unhealthy": "targets of the {of} are unhealthy",
    "unreached": "the {of} cannot reach its targets",
    "unsaved": "the dead letters of the {of} do not take its events",
    "up": "the {of} was restarted",
    "write_capacity": "the {of} uses {said} units of write capacity a second",
    "write_throttles": "the {of} throttles writes",
    "writes": "the {of} takes {said} for a write",
}
# What the same name means of another kind of thing.
_OF_KIND = {
    ("cognito", "throttled"): "the {of} throttles sign-ins",
    ("ec2", "impaired"): "the {of} fails its status checks",
    ("aurora", "memory"): "the {of} has {said} of its memory left",
    ("eks", "cpu"): "a node of the {of} uses {said} of its CPU",
    ("eks", "disk"): "a node of the {of} uses {said} of its disk",
    ("eks", "memory"): "a node of the {of} uses {said} of its memory",
    ("lambda_function", "dropped"): "events for the {of} are dropped",
    ("rds", "memory"): "the {of} has {said} of its memory left",
}
# What is said where all of it is in use, and where nothing of it is there.
_FULL = {"connections": "the {of} has no connection left"}
_GONE = {"tasks": "no task of the {of} runs"}


def told(one: Filled) -> str:
    """Return how a thing is bad: `instances of the group shop-web fail their status checks`."""
    words = _OF_KIND.get((one.kind, one.gauge)) or _WORDS[one.gauge]
    used, _, full = (part.replace(",", "") for part in one.said.partition(" of "))
    if used.isdigit() and full.isdigit():
        # What is full is known within some percent.
        words = _FULL.get(one.gauge, words) if int(used) >= int(full) else words
        words = _GONE.get(one.gauge, words) if not int(used) else words
    return words.format(of=one.of, said=one.said)
