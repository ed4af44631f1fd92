"""Where somebody pointed a Lambda alias must be where it pointed before, where a person takes that back.

Why: what was released shortly before is most often the cause, and going back is faster than finding out.
Fix: points the alias where the call before it left it, and shares calls out as before. It is offered only where the
change ledger has that call and Parapet itself has not moved the alias in between, and as long as the alias points where
the call left it; never to $LATEST, which may be other code by now.
Undo: points the alias to where the call had pointed it.
Mode: off until it is set to `approve`; then `./parapet revert`, or the answer to why something fails, asks for it, and
a person decides: what the newer code has written, the older one must be able to read.
Anew: none
Controls: none in FSBP or CIS
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import reads, reverts, tags, wanted
from chalicelib.model import Aws, Event, Remedy
from chalicelib.registry import guardrail, taken_back

State = Mapping[str, Any]
PART = "version"


def read(aws: Aws, subject: str) -> State:
    """Return the alias that `function:alias` names, or its ARN; raises AwsError."""
    return reads.alias(aws, subject.rpartition(":function:")[2])


def resource(alias: State) -> str:
    """Return the alias as `function:alias`."""
    return f"{alias['function']}:{alias['name']}"


@guardrail(
    severity="high",
    default="off",
    on={taken_back("lambda:UpdateAlias20150331"): "responseElements.aliasArn"},
    needs={"lambda:GetAlias", "lambda:ListTags", "lambda:UpdateAlias"},
    read=read,
    resource=resource,
    current=wanted.versions,
    tags=tags.of_function,
    gone={"ResourceNotFoundException"},
    event_born=True,
)
def check(alias: State, event: Event | None) -> Iterable[Remedy]:
    """Yield the remedy that takes a move of an alias back, as long as it points where that left it."""
    if event is None:
        return
    was, did = reverts.moved(event)
    now = wanted.versions(alias, PART)
    if now != did.view or was == did:
        return
    yield Remedy(
        why=f"{event.actor.who} pointed alias {resource(alias)} to {did.version}, where it pointed to {was.version}, "
        "to be taken back",
        part=PART,
        fix=(wanted.have_versions(alias, was.version, was.weights),),
        undo=(wanted.have_versions(alias, did.version, did.weights),),
        before=now,
        after=was.view,
    )
