"""Buttons and modals: from a press or a submission to a command, or to a word to the one person who pressed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from chalicelib import commands, times, wiring
from chalicelib.admission import OwnChange
from chalicelib.api import slack_words
from chalicelib.api.slack_desk import Desk
from chalicelib.api.slack_payload import Message, Pressed, Submitted
from chalicelib.explain import asked
from chalicelib.explain.asked import Asked
from chalicelib.model import Command, CommandKind, Finding, ParapetError
from chalicelib.notices import slack_blocks, slack_modals, slack_reply
from chalicelib.notices.slack_modals import EXEMPT, FOR, OWN_CHANGE, SILENCE, UNTIL, WHY
from chalicelib.notices.slack_reply import trusted

T = TypeVar("T")
# No end is later (epoch seconds).
LAST = 1e11
# Seconds that an answer to whoever pressed has at least.
LEAST = 0.3
EXPLAINING = "It is being looked at: what is found comes into the thread within a quarter of a minute."
OLD = "This is from another version of Parapet: use the latest message."


class Unfilled(ParapetError):
    """A modal in which something has to be mended: which block, and what about it."""

    def __init__(self, block: str, text: str) -> None:
        """Keep the block's name."""
        super().__init__(text)
        self.block = block


def pressed(desk: Desk, press: Pressed) -> None:
    """Do what a button stands for: ask for it, or open the modal that asks what is missing.

    Raises:
        Denied: when this person may not.
        Refused: when it is a plain no already.
        ParapetError: for a button that is not ours, or what cannot be read, recorded or opened.
    """
    match = re.fullmatch("((?:a-)?[0-9a-v]{8}):([0-9]{1,6})", press.value)
    if match and press.action == slack_blocks.EXPLAIN and commands.is_alert(match[1]):
        _explained(desk, press, match[1])
        return
    if press.action not in slack_blocks.BUTTONS or not match:
        raise ParapetError(OLD)
    kind = cast("CommandKind", press.action)
    desk.admit(press.user, kind)
    if commands.is_alert(match[1]):
        _answered(desk, press, kind, match[1], int(match[2]))
        return
    finding = desk.finding(match[1])
    command = commands.new(
        kind, desk.asker(press.user), desk.now, desk.settings, finding=finding, question=int(match[2]),
        until=desk.until(kind), id=press.key,
    )  # fmt: skip
    _showing(desk, press, command, lambda show: ask(desk, press.trigger, command, finding, show))


def _answered(desk: Desk, press: Pressed, kind: CommandKind, alert: str, episode: int) -> None:
    """Do what a button of an alert stands for."""
    group = desk.alert(alert)
    if kind == "silence":
        desk.open(press.trigger, slack_modals.silence(group.title, {"alert": alert, "episode": episode}))
        return
    command = commands.new(
        kind, desk.asker(press.user), desk.now, desk.settings, alert=alert, question=episode, id=press.key
    )
    _showing(desk, press, command, lambda show: desk.ask_about(command, group, show))


def _explained(desk: Desk, press: Pressed, alert: str) -> None:
    """Have an alert explained in its thread, by the function that has the time."""
    desk.admit_reader(press.user)
    group, queue = desk.alert(alert), wiring.environment().enrich_queue
    if not queue:
        raise ParapetError("PARAPET_ENRICH_QUEUE is not set: it names the queue")
    about = ("alarm", group.name) if group.source == "alarm" else ("service", group.service)
    body = asked.dump(Asked(*about, group.opened, group.id))
    desk.aws("sqs", "send_message", QueueUrl=queue, MessageBody=body)
    desk.seen.because(alert=alert, explains=about[1])
    try:
        slack_reply.whisper(press.reply_to, EXPLAINING, desk.settings.slack_url, max(LEAST, desk.remaining()))
    except ParapetError as error:
        desk.seen.line("WARNING", f"whoever pressed was not told: {error}")


def _showing(desk: Desk, press: Pressed, command: Command, ask: Callable[[Callable[[], None]], object]) -> None:
    """Ask for a command, with the message showing that it was, for as long as it is."""
    shown: list[Message] = []

    def show() -> None:
        for message in filter(None, [press.message]):
            if _shown(desk, message, slack_blocks.asked(message.blocks, command.kind, command.who, command.at)):
                shown.append(message)

    try:
        ask(show)
    except ParapetError:
        # It was not recorded after all, and can be asked for again.
        for message in shown:
            _shown(desk, message, slack_blocks.told(message.blocks))
        raise


def ask(
    desk: Desk, trigger: str, command: Command, finding: Finding, before: Callable[[], None] = lambda: None
) -> bool:
    """Ask for a command, or open the modal that asks what is missing; returns whether it is asked for.

    Raises Refused when it is a plain no already, ParapetError.
    """
    if command.kind == "exempt":
        obstacle = ""
        try:
            desk.check(command, finding)
        except OwnChange as own:
            obstacle = str(own)
        view = slack_modals.exempt(finding.why, _carried(command, insists=bool(obstacle)), obstacle)
    else:
        try:
            desk.ask(command, finding, before)
            return True
        except OwnChange as own:
            view = slack_modals.own_change(finding.why, str(own), _carried(command, insists=True), command.why)
    desk.open(trigger, view)
    return False


def submitted(desk: Desk, modal: Submitted) -> None:
    """Ask for what a modal was about; raises Unfilled for a field to mend, else as `pressed` does."""
    carried = modal.carried
    if modal.modal == SILENCE:
        _silenced(desk, modal)
        return
    number, question, reply_to = (carried.get(name) for name in ("finding", "question", "reply_to"))
    kind = cast("CommandKind", str(carried.get("kind")))
    if kind not in slack_blocks.BUTTONS or modal.modal != (EXEMPT if kind == "exempt" else OWN_CHANGE):
        raise ParapetError(OLD)
    desk.admit(modal.user, kind)
    finding = desk.finding(str(number))
    why = _filled(WHY, lambda: slack_words.reason(modal.given.get(WHY, "")))
    command = commands.new(
        kind, desk.asker(modal.user), desk.now, desk.settings, finding=finding, why=why,
        question=question if type(question) is int else None,
        until=_until(desk, modal.given) if kind == "exempt" else _end(carried.get("until")), id=modal.key,
        reply_to=str(reply_to) if trusted(str(reply_to), desk.settings.slack_url) else "",
    )  # fmt: skip
    try:
        desk.ask(command, finding)
    except OwnChange:
        if carried.get("insists") is not True:
            raise
        desk.ask(replace(command, break_glass=True), finding)


def _silenced(desk: Desk, modal: Submitted) -> None:
    """Have an alert silenced for as long as a modal says."""
    alert, episode = modal.carried.get("alert"), modal.carried.get("episode")
    desk.admit(modal.user, "silence")
    group = desk.alert(str(alert))
    why = _filled(WHY, lambda: slack_words.reason(modal.given.get(WHY, "")))
    until = _filled(FOR, lambda: times.after(modal.given.get(FOR, ""), "the end", desk.now))
    command = commands.new(
        "silence", desk.asker(modal.user), desk.now, desk.settings, alert=group.id, why=why, until=until, id=modal.key,
        question=episode if type(episode) is int else None,
    )  # fmt: skip
    desk.ask_about(command, group)


def _carried(command: Command, *, insists: bool) -> Mapping[str, Any]:
    """Return what a modal carries of a command: nothing that is believed without another look."""
    return {
        "kind": command.kind, "finding": command.finding, "question": command.question, "until": command.until,
        "insists": insists, "reply_to": command.reply_to,
    }  # fmt: skip


def _end(value: Any) -> float:
    return float(value) if type(value) in (int, float) and 0 <= value < LAST else 0.0


def _until(desk: Desk, given: Mapping[str, str]) -> float:
    if day := given.get(UNTIL):
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", day, re.ASCII):
            raise Unfilled(UNTIL, "This is not a day.")
        return _filled(UNTIL, lambda: times.until(day, "the end", desk.now))
    if span := given.get(FOR):
        return _filled(FOR, lambda: times.after(span, "the end", desk.now))
    raise Unfilled(FOR, "Say for how long, or until the end of which day.")


def _filled(block: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except ParapetError as error:
        raise Unfilled(block, str(error)) from error


def _shown(desk: Desk, message: Message, blocks: Sequence[Mapping[str, Any]]) -> bool:
    """Have a message show some blocks; before anything comes of a press, since its outcome is to stand there last."""
    where = {"channel": message.channel, "ts": message.ts, "text": message.text, "blocks": list(blocks)}
    try:
        desk.slack.call("chat_update", desk.remaining, **where, parse="none", link_names=False)
    except ParapetError as error:
        desk.seen.line("WARNING", f"the message does not show how things are: {error}")
        return False
    return True
