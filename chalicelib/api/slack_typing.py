"""The slash command: what somebody typed, done, and answered for their eyes only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from chalicelib import commands, pages, registry
from chalicelib.alerts import asking, compose
from chalicelib.api import slack_answers, slack_asking, slack_words, token
from chalicelib.api.route import address
from chalicelib.api.slack_answers import SHOWN, said
from chalicelib.api.slack_desk import Denied, Desk
from chalicelib.api.slack_payload import Typed
from chalicelib.api.slack_words import UNSAID, Said
from chalicelib.matcher import Matcher
from chalicelib.model import COMMANDS, EVERYTHING, STANDING, STATUSES, CommandKind, Finding, Status
from chalicelib.notices.compose import moment
from chalicelib.notices.slack_blocks import BUTTONS
from chalicelib.notices.slack_reply import trusted
from chalicelib.pages import SKEW, Wanted

MOST = 100
OPEN: tuple[Status, ...] = tuple(status for status in STATUSES if status in STANDING)


def answered(desk: Desk, typed: Typed) -> Mapping[str, Any]:
    """Return the answer to what somebody typed, done as far as it can be done at once.

    Raises:
        Unclear: when it cannot be understood.
        Denied: when this person may not.
        ParapetError: when it cannot be.
    """
    wanted = slack_words.read(typed.text, desk.now)
    if wanted.verb == "help":
        return slack_answers.listed("What you can ask for:", [slack_words.help_text()])
    if wanted.verb == "login":
        return _login(desk, typed)
    if wanted.verb in ("status", "findings", "who", "alerts", "silences"):
        desk.admit_reader(typed.user)
        return _shown(desk, wanted)
    if wanted.verb == "unsilence":
        desk.admit(typed.user, "silence")
        return _unsilenced(desk, typed, wanted)
    kind = cast("CommandKind", wanted.verb)
    desk.admit(typed.user, kind)
    if kind in ("pause", "resume"):
        return _switched(desk, typed, kind, wanted)
    if wanted.matcher is not None:
        return _silenced(desk, typed, wanted.matcher, wanted)
    if commands.is_alert(wanted.about):
        return _asked_about(desk, typed, kind, wanted)
    return _asked(desk, typed, kind, wanted)


def _login(desk: Desk, typed: Typed) -> Mapping[str, Any]:
    desk.admit_reader(typed.user)
    try:
        # A token that operates asks for anything: only who may press every button gets one.
        for kind in COMMANDS:
            desk.admit(typed.user, kind)
        operates = True
    except Denied:
        operates = False
    who = desk.asker(typed.user)
    made = token.given(who.who, who.by, desk.now, operates=operates)
    may = "read, undo, approve, pause and so on" if operates else "read"
    desk.seen.because(scope=made["scope"])
    return said(
        f"Paste this token into the page at `{address()}`, or send it to the HTTP API. It lets you {may} until "
        f"{moment(desk.now + made['expires_in'])}; whoever has it is you, so give it to nobody.\n`{made['token']}`"
    )


def _asked_about(desk: Desk, typed: Typed, kind: CommandKind, wanted: Said) -> Mapping[str, Any]:
    group = desk.alert(wanted.about)
    command = commands.new(
        kind, desk.asker(typed.user), desk.now, desk.settings, alert=group.id, why=wanted.why, until=wanted.until,
        question=group.episode, id=typed.key,
        reply_to=typed.reply_to if trusted(typed.reply_to, desk.settings.slack_url) else "",
    )  # fmt: skip
    desk.ask_about(command, group)
    label = BUTTONS[kind].label.removesuffix("…")
    return said(f"⏳ Asked for: {label}, {group.id}. What comes of it is shown here.")


def _silenced(desk: Desk, typed: Typed, about: Matcher, wanted: Said) -> Mapping[str, Any]:
    command = commands.new(
        "silence", desk.asker(typed.user), desk.now, desk.settings, matcher=about, why=wanted.why, until=wanted.until,
        id=typed.key,
    )  # fmt: skip
    desk.seen.because(command=command.id, silence=str(about))
    silence = commands.silence(desk.journal, desk.book, command, about)
    covers = sum(about.fits(one, one.tags, one.id) for one in desk.book.groups())
    return slack_answers.listed(f"🔕 Silenced: {about}", compose.of_silence(silence, covers))


def _unsilenced(desk: Desk, typed: Typed, wanted: Said) -> Mapping[str, Any]:
    silence = asking.meant(desk.book.silences(), wanted.about, desk.now)
    desk.seen.because(silence=silence.id)
    commands.end_silence(desk.book, desk.settings, desk.asker(typed.user), wanted.why, desk.now, silence.id)
    return slack_answers.listed(f"🔔 No longer silenced: {silence.matcher}", ["What fires still is told in minutes."])


def _asked(desk: Desk, typed: Typed, kind: CommandKind, wanted: Said) -> Mapping[str, Any]:
    finding = desk.finding(wanted.about)
    command = commands.new(
        kind, desk.asker(typed.user), desk.now, desk.settings, finding=finding, why=wanted.why,
        until=desk.until(kind, wanted.until), id=typed.key,
        reply_to=typed.reply_to if trusted(typed.reply_to, desk.settings.slack_url) else "",
    )  # fmt: skip
    if slack_asking.ask(desk, typed.trigger, command, finding):
        return said(f"⏳ Asked for: {BUTTONS[kind].label}, {finding.id}. What comes of it is shown here.")
    return said(f"A dialog asks for the rest about {finding.id}.")


def _switched(desk: Desk, typed: Typed, kind: CommandKind, wanted: Said) -> Mapping[str, Any]:
    command = commands.new(
        kind, desk.asker(typed.user), desk.now, desk.settings, why=wanted.why, until=wanted.until, scope=wanted.scope,
        id=typed.key,
    )  # fmt: skip
    desk.seen.because(command=command.id, scope=str(wanted.scope))
    where = "Everything" if wanted.scope == EVERYTHING else str(wanted.scope)
    if kind == "pause":
        commands.pause(desk.journal, command)
        lift = f"`/parapet resume{'' if where == 'Everything' else f' {where}'}`"
        hint = " Type it once more with `why REASON`, and the others know why." if wanted.why == UNSAID else ""
        return said(f"⏸️ {where} is paused until {moment(command.until)}; telling goes on. {lift} ends it.{hint}")
    standing = [one for one in desk.journal.pauses() if one.on(desk.now)]
    if all(one.scope != wanted.scope for one in standing):
        others = "".join(f"\n• `{one.scope}`" for one in standing)
        return said(f"{where} is not paused.{f' What is:{others}' if others else ''}")
    held = commands.resume(desk.journal, desk.aws, command)
    again = f" What waited is looked at again: {len(held)}." if held else ""
    return said(f"▶️ {where} is no longer paused.{again}")


def _shown(desk: Desk, wanted: Said) -> Mapping[str, Any]:
    about = wanted.about
    if wanted.verb == "alerts":
        return slack_answers.alerts([desk.book.shown(one) for one in desk.book.groups()], desk.now)
    if wanted.verb == "silences":
        return slack_answers.silences(desk.book.silences(), desk.now)
    if wanted.verb == "status":
        waiting = {status: _read(desk, Wanted(0.0, desk.now + SKEW, status)) for status in OPEN}
        return slack_answers.status(desk.journal.pauses(), waiting, desk.now)
    if wanted.verb == "who":
        return slack_answers.who(_about(desk, about), about, desk.now)
    if about and about not in registry.services():
        return slack_answers.findings(_about(desk, about), about, desk.now)
    standing = [
        finding
        for status in OPEN
        for finding in _read(desk, Wanted(0.0, desk.now + SKEW, status))
        if about in ("", registry.service_of(finding.violation.guardrail))
    ]
    newest = sorted(standing, key=lambda finding: finding.opened, reverse=True)
    return slack_answers.findings(newest, about, desk.now)


def _about(desk: Desk, resource: str) -> list[Finding]:
    return _read(desk, Wanted(0.0, desk.now + SKEW, resource=resource), SHOWN + 1)


def _read(desk: Desk, wanted: Wanted, limit: int = MOST) -> list[Finding]:
    return list(pages.read(desk.aws, desk.settings.table, wanted, limit).findings)
