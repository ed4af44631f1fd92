"""Any interleaving of people, events, sweeps, commands and crashes ends in a consistent journal and account."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from chalicelib import bus, commands, obeying, registry, scope
from chalicelib.events import parse
from chalicelib.journal import Journal
from chalicelib.model import EVERYTHING, ORIGINS, Asker, Aws, Command, CommandKind, Scope
from chalicelib.settings import Limits
from tests import samples
from tests.machine.cloud import ACCESS, DATABASE, GROUP, GROUPS, GUARDED, KEY, ORDERS, RAILS, ROOT, USER, Spot
from tests.machine.watch import Happened, Watch
from tests.machine.world import FAULTS, TABLE, Fault, Invocation, Job, Reach, World
from tests.samples import ACCOUNT, ALICE, REGION, cloudtrail

BOB = {**ALICE, "arn": f"arn:aws:iam::{ACCOUNT}:user/bob", "userName": "bob"}
DEPLOY = samples.assumed("deploy", "carol")
PEOPLE = {"alice": ALICE, "bob": BOB, "carol": DEPLOY}
ASKERS = {
    "alice": ALICE["arn"], "bob": BOB["arn"], "carol": DEPLOY["arn"], "alice in Slack": "slack:U012AB3CD",
    "mallory": f"arn:aws:iam::{ACCOUNT}:user/mallory",
}  # fmt: skip
SCOPES = (
    EVERYTHING, EVERYTHING, Scope(service="ec2"), Scope(guardrail=KEY), Scope(region="us-east-1"),
    Scope(region=REGION, service="rds"), Scope(region="global"),
)  # fmt: skip
WAIVED = (
    Scope(guardrail=GROUP), Scope(resource=GROUPS[0]), Scope(guardrail=KEY, region=REGION),
    Scope(principal=ALICE["arn"]), Scope(guardrail=ACCESS, principal=DEPLOY["arn"]),
)  # fmt: skip
ASKED: Mapping[str, tuple[CommandKind, ...]] = {
    "asked": ("approve", "reject", "exempt"), "held": ("approve", "exempt"), "failed": ("approve", "exempt"),
    "observed": ("exempt", "acknowledge"), "rejected": ("approve", "exempt"), "undone": ("approve", "exempt"),
    "exempted": ("approve", "exempt"), "noted": ("acknowledge",),
}  # fmt: skip
MODES = ("enforce", "enforce", "approve", "observe", "off")
SWEPT = (GROUP, KEY, ACCESS, DATABASE)
SECONDS = (0.4, 1.0, 3.0, 7.0, 25.0, 61.0, 130.0, 700.0, 3700.0, 7 * 3600.0, 86500.0, 8 * 86400.0, 31 * 86400.0)
# The timer wakes each minute; it is enough to see it wake after so long.
TICKS = (61.0, 86400.0, 7 * 86400.0 + 1)
# `PARAPET_MACHINE=long pytest tests/machine` looks for half an hour, each time elsewhere.
LONG = os.environ.get("PARAPET_MACHINE") == "long"

# How calls go, by their number or by their operation.
Plan = Mapping[int | str, Fault]
index = st.integers(0, 15)
# How its calls go: by the number of the call, what happens to it; and after how many calls others come in between.
plans: st.SearchStrategy[Plan] = st.just({}) | st.dictionaries(st.integers(0, 12), st.sampled_from(FAULTS), max_size=2)
stops = st.none() | st.none() | st.integers(1, 12)


def resumed(command: Command, aws: Aws, journal: Journal) -> None:
    commands.resume(journal, aws, command)


def at(group: str, port: int) -> Spot:
    """A port of a group, open to the world."""
    return Spot(GROUP, group, f"tcp {port}-{port} 0.0.0.0/0")


class Machine(RuleBasedStateMachine):
    """Lambda, people and time around the core."""

    def __init__(self) -> None:
        super().__init__()
        self.watch = Watch()
        self.world = World(self.watch)
        self.watch.world = self.world
        self.broken = False
        self.numbers = 0
        self.pressed: list[Command] = []
        samples.clock[0] = self.world.clock
        self.world.set(guardrails={rail: {"mode": dict.fromkeys(ORIGINS, "enforce")} for rail in SWEPT})
        self.world.set(guardrails={**self.world.settings.guardrails, ROOT: {"mode": dict.fromkeys(ORIGINS, "observe")}})
        self.events: list[Happened] = []
        self.late: list[Happened] = []

    # Running

    def run(self, one: Invocation, plan: Plan, stop: int | None = None) -> None:
        """Have an invocation make its calls, all or a few, as planned."""
        with self.told():
            while not one.over and (stop is None or one.calls < stop):
                operation = one.at.operation if one.at else ""
                one.go(plan.get(one.calls) or plan.get(operation, ""))
            self.watch.consistent()

    @contextmanager
    def told(self) -> Iterator[None]:
        """Say what has happened when something is found to be broken."""
        try:
            yield
        except Exception as error:
            self.broken = True
            error.add_note("\n".join(self.world.trace[-80:]))
            raise

    def start(self, job: Job, plan: Plan, stop: int | None = None) -> None:
        self.run(self.world.invoke(job), plan, (stop or None))

    def on_event(self, happened: Happened) -> Job:
        event = parse(happened.event)
        [service] = {registry.service_of(rail) for rail in RAILS if registry.woken((registry.get(rail),), event)}
        return Job(
            "event", service, f"event {event.name} {happened.id[-4:]}",
            lambda one: self.world.pipeline(one).handle(event, one.request), happened.id,
        )  # fmt: skip

    def swept(self, rail: str) -> Job:
        def run(one: Invocation) -> None:
            self.world.pipeline(one).sweep(rail, ACCOUNT, (REGION,), one.request)

        return Job("sweep", registry.service_of(rail), f"sweep of {rail}", run)

    def on_bus(self, kind: str, detail: dict[str, Any]) -> Job:
        def run(one: Invocation) -> None:
            pipeline = self.world.pipeline(one)
            if kind == bus.COMMAND:
                obeying.carry_out(pipeline, detail["command"], one.request)
            else:
                assert kind == bus.LOOK_AGAIN
                pipeline.look_again(detail["finding"], one.request)

        name = "command" if kind == bus.COMMAND else "look"
        about = detail.get("command") or detail.get("finding")
        return Job(name, detail["service"], f"{name} {about}", run, about)  # type: ignore[arg-type]

    def timer(self) -> Job:
        def run(one: Invocation) -> None:
            aws = Reach(one, REGION)
            commands.take_up(Journal(aws, TABLE), aws, one.settings, self.world.clock())

        return Job("timer", "", "timer", run)

    # People

    def happened(self, event: dict[str, Any] | None, spot: Spot | None) -> Happened | None:
        if event is None:
            return None
        self.world.seq += 1
        self.world.note()
        view = self.world.cloud.view(spot) if spot else None
        who = event["detail"]["userIdentity"]["arn"]
        found = Happened(event, self.world.seq, spot, view, who, self.world.clock())
        self.watch.trail[found.id] = found
        self.events.append(found)
        self.late.append(found)
        return found

    @rule(
        what=index,
        who=st.sampled_from([*PEOPLE]),
        text=st.sampled_from(("", "for a minute")),
        now=st.booleans(),
        plan=plans,
        stop=stops,
    )
    def break_something(self, what: int, who: str, text: str, now: bool, plan: Any, stop: int | None) -> None:
        """A person makes something wrong; the event arrives at once, or later."""
        cloud, spot = self.world.cloud, None
        if what < 8:
            group, port = GROUPS[what % 3], GUARDED[what % 2]
            event, spot = (
                cloud.open_port(group, port, text, PEOPLE[who]),
                Spot(GROUP, group, f"tcp {port}-{port} 0.0.0.0/0"),
            )
        elif what < 11:
            event, spot = cloud.schedule(PEOPLE[who]), Spot(KEY, next(iter(cloud.keys), ""), "deletion")
        elif what < 13:
            event = cloud.make_key(PEOPLE[who])
            made = event["detail"]["responseElements"]["accessKey"]["accessKeyId"] if event else ""
            spot = Spot(ACCESS, USER, made) if made in cloud.foreign else None
        elif what < 15:
            event, spot = cloud.publish(PEOPLE[who]), Spot(DATABASE, ORDERS, "PubliclyAccessible")
        else:
            day = samples.moment(self.world.clock())[:10]
            event = cloudtrail("s3:CreateBucket", {"bucketName": "b"}, {}, identity=samples.ROOT)
            spot = Spot(ROOT, ACCOUNT, f"{day} 198.51.100.7")
        found = self.happened(event, spot)
        if found and now:
            self.late.remove(found)
            self.start(self.on_event(found), plan, stop)

    @rule(what=index, who=st.sampled_from([*PEOPLE]))
    def break_and_tell(self, what: int, who: str) -> None:
        """The usual: somebody makes something wrong, the event arrives, and nothing else happens."""
        self.break_something(what=what, who=who, text="", now=True, plan={}, stop=None)

    @precondition(lambda self: self.watch.findings())
    @rule(which=st.integers(0, 3), choice=index, who=st.sampled_from([*ASKERS]), glass=st.booleans())
    def decide(self, which: int, choice: int, who: str, glass: bool) -> None:
        """The usual: somebody asks for what can be asked for, and it is carried out."""
        found = sorted(self.watch.findings(), key=lambda one: -one.opened)
        kinds = ASKED.get(found[which % len(found)].status, ("undo",))
        self.command(
            which=which, kind=kinds[choice % len(kinds)], seconds=8 * 86400.0, who=who, late=0, glass=glass, now=True,
            plan={}, stop=None,
        )  # fmt: skip

    @rule(what=index, who=st.sampled_from([*PEOPLE]), text=st.sampled_from(("", "for a minute", "for good")))
    def change_something(self, what: int, who: str, text: str) -> None:
        """A person changes what is there, or puts it right."""
        cloud, group, port = self.world.cloud, GROUPS[what % 3], GUARDED[what % 2]
        if what < 6:
            cloud.close_port(group, port)
        elif what < 8:
            self.happened(
                cloud.redescribe(group, port, text, PEOPLE[who]), Spot(GROUP, group, f"tcp {port}-{port} 0.0.0.0/0")
            )
        elif what < 10:
            self.happened(cloud.harmless(group, PEOPLE[who]), None)
        elif what == 10:
            for key, state in cloud.keys.items():
                cloud.keys[key] = {"PendingDeletion": "Disabled", "Disabled": "Enabled"}.get(state, "Disabled")
        elif what == 11:
            for key in cloud.users.get(USER, {}):
                cloud.users[USER][key] = "Inactive" if cloud.users[USER][key] == "Active" else "Active"
        elif what == 12:
            cloud.databases = dict.fromkeys(cloud.databases, False)
        elif what == 13:
            cloud.busy ^= {ORDERS}
        elif what == 14:
            cloud.groups.pop(group, None)
        else:
            cloud.groups.setdefault(group, {})
        self.world.seq += 1
        self.world.note()

    # What arrives

    @precondition(lambda self: self.events)
    @rule(which=index, plan=plans, stop=stops)
    def deliver(self, which: int, plan: Any, stop: int | None) -> None:
        """An event arrives: late, out of order, or again."""
        found = self.events[-1 - which % len(self.events)]
        if found in self.late:
            self.late.remove(found)
        self.start(self.on_event(found), plan, stop)

    @precondition(lambda self: self.late)
    @rule(which=index)
    def lose(self, which: int) -> None:
        """An event never arrives."""
        self.late.pop(which % len(self.late))

    @rule(rail=st.sampled_from(SWEPT), plan=plans, stop=stops)
    def sweep(self, rail: str, plan: Any, stop: int | None) -> None:
        self.start(self.swept(rail), plan, stop)

    @rule(plan=plans, stop=stops)
    def tick(self, plan: Any, stop: int | None) -> None:
        self.start(self.timer(), plan, stop)

    @precondition(lambda self: self.world.emitted)
    @rule(which=index, again=st.booleans(), plan=plans, stop=stops)
    def arrive(self, which: int, again: bool, plan: Any, stop: int | None) -> None:
        """What was put on the bus arrives; sometimes it will once more."""
        at = which % len(self.world.emitted)
        kind, detail = self.world.emitted[at] if again else self.world.emitted.pop(at)
        self.start(self.on_bus(kind, detail), plan, stop)

    @precondition(lambda self: self.world.under_way)
    @rule(which=index, plan=plans, more=st.none() | st.integers(1, 6))
    def go_on(self, which: int, plan: Any, more: int | None) -> None:
        """What was interrupted goes on."""
        one = self.world.under_way[which % len(self.world.under_way)]
        done = one.calls
        self.run(one, {done + number: fault for number, fault in plan.items()}, done + more if more else None)

    @precondition(lambda self: self.world.under_way)
    @rule(which=index, how=st.sampled_from(("killed before", "killed after")))
    def kill(self, which: int, how: Any) -> None:
        self.world.under_way[which % len(self.world.under_way)].go(how)

    @precondition(lambda self: self.world.again)
    @rule(which=index, plan=plans, stop=stops)
    def retry(self, which: int, plan: Any, stop: int | None) -> None:
        """Lambda delivers again what has failed."""
        self.run(self.world.retry(which % len(self.world.again)), plan, stop)

    @rule(seconds=st.sampled_from(SECONDS))
    def wait(self, seconds: float) -> None:
        """Time passes; the timer wakes when it matters."""
        end = self.world.clock() + seconds
        self.minutes(end)
        for at in TICKS:
            if self.world.clock() + at < end:
                self.world.forward(at)
                self.start(self.timer(), {})
        self.world.forward(end - self.world.clock())
        with self.told():
            self.watch.consistent()

    def minutes(self, end: float) -> None:
        """The timer wakes each minute for as long as a command waits for its answer."""
        for _ in range(70):
            if self.watch.unanswered() and self.world.clock() + 60 < end:
                self.world.forward(60)
                self.start(self.timer(), {})

    # People at the controls

    def person(self, run: Callable[[Aws, Journal], object], name: str, plan: Any) -> None:
        """Somebody asks the API, which answers or fails; it is not delivered again."""

        def asked(one: Invocation) -> None:
            aws = Reach(one, REGION)
            run(aws, Journal(aws, TABLE))

        self.start(Job("api", "", name, asked), plan)

    def new(self, kind: CommandKind, who: str, **more: Any) -> Command:
        by = ASKERS[who]
        self.numbers += 1
        given = {"id": f"{self.numbers:016x}", "why": "a reason", **more}
        return commands.new(kind, Asker(who, by, "api"), self.world.clock(), self.world.settings, **given)

    @precondition(lambda self: self.watch.findings())
    @rule(
        which=index, kind=st.sampled_from(("approve", "undo", "exempt", "reject", "acknowledge")),
        seconds=st.sampled_from((3600.0, 30.0, 8 * 86400.0)), who=st.sampled_from([*ASKERS]), late=st.integers(0, 2),
        glass=st.booleans(), now=st.booleans(), plan=plans, stop=stops,
    )  # fmt: skip
    def command(
        self, which: int, kind: Any, seconds: float, who: str, late: int, glass: bool, now: bool, plan: Any,
        stop: int | None,
    ) -> None:  # fmt: skip
        """A person asks for something about a finding, perhaps in answer to an old question."""
        found = sorted(self.watch.findings(), key=lambda one: -one.opened)
        finding = found[which % len(found)]
        until = self.world.clock() + seconds if kind in ("undo", "exempt") else 0.0
        question = max(0, finding.question - late + 1) if late and kind in ("approve", "reject") else None
        command = self.new(kind, who, finding=finding, until=until, question=question, break_glass=glass)
        self.pressed.append(command)
        self.press(command, now, plan, stop)

    @precondition(lambda self: self.pressed)
    @rule(which=index, now=st.booleans(), plan=plans, stop=stops)
    def press_again(self, which: int, now: bool, plan: Any, stop: int | None) -> None:
        """The same is asked for under the same number."""
        self.press(self.pressed[-1 - which % len(self.pressed)], now, plan, stop)

    def press(self, command: Command, now: bool, plan: Any, stop: int | None) -> None:
        self.world.tell(f"{command.who} asks to {command.kind} {command.finding}")
        count = len(self.world.emitted)
        self.person(
            lambda aws, journal: commands.ask(journal, aws, command), f"asking {command.id}", {} if now else plan
        )
        if now and len(self.world.emitted) > count:
            self.start(self.on_bus(*self.world.emitted.pop()), plan, stop)

    @rule(
        what=st.sampled_from(("pause", "resume", "waive", "end")), which=index,
        seconds=st.sampled_from((700.0, 30.0, 8 * 86400.0)), plan=plans,
    )  # fmt: skip
    def switch(self, what: str, which: int, seconds: float, plan: Any) -> None:
        """A person pauses, goes on, gives a waiver or ends one."""
        if what == "pause":
            self.pause(seconds if which else 0.0, SCOPES[which % len(SCOPES)], plan)
        elif what == "resume":
            self.resume(SCOPES[which % len(SCOPES)], plan)
        elif what == "waive":
            self.waive(seconds, WAIVED[which % len(WAIVED)], plan)
        elif self.waived():
            self.end_waiver(which, plan)

    def pause(self, seconds: float, about: Scope, plan: Any) -> None:
        until = self.world.clock() + seconds if seconds else 0.0
        command = self.new("pause", "bob", until=until, scope=about)
        self.world.tell(f"pause {about} for {seconds}")
        self.person(lambda _aws, journal: commands.pause(journal, command), f"pause {about}", plan)

    def resume(self, about: Scope, plan: Any) -> None:
        command = self.new("resume", "bob", scope=about)
        self.person(lambda aws, journal: commands.resume(journal, aws, command), f"resume {about}", plan)

    def waive(self, seconds: float, about: Scope, plan: Any) -> None:
        command = self.new("exempt", "bob", until=self.world.clock() + seconds, scope=about)
        self.world.tell(f"waive {about} for {seconds}")
        self.person(lambda _aws, journal: commands.waive(journal, command), f"waive {about}", plan)

    def end_waiver(self, which: int, plan: Any) -> None:
        found = self.waived()
        waiver, command = (
            found[which % len(found)],
            self.new("exempt", "bob", scope=WAIVED[0], until=self.world.clock() + 60),
        )
        self.person(lambda aws, journal: commands.end_waiver(journal, aws, command, waiver), f"end {waiver}", plan)

    def waived(self) -> list[str]:
        return [
            name[7:] for name in self.world.table.items.get(("EXEMPTIONS", "EXEMPTIONS"), {}) if name[:7] == "waiver "
        ]

    @rule(
        rail=st.sampled_from(SWEPT), event=st.sampled_from(MODES), sweep=st.sampled_from(MODES),
        rules=st.none() | st.tuples(st.booleans(), st.sampled_from((Limits(), Limits(1, 1), Limits(2, 2)))),
    )  # fmt: skip
    def set(self, rail: str, event: str, sweep: str, rules: tuple[bool, Limits] | None) -> None:
        """Somebody changes settings."""
        if rules:
            self.world.tell(f"four eyes: {rules[0]}, {rules[1]}")
            control = replace(self.world.settings.control, four_eyes=rules[0])
            self.world.set(control=control, limits=rules[1])
        else:
            self.set_modes(rail, event, sweep)

    def set_modes(self, rail: str, event: str, sweep: str) -> None:
        self.world.tell(f"{rail} is set to {event}, {sweep}")
        self.world.set(guardrails={**self.world.settings.guardrails, rail: {"mode": {"event": event, "sweep": sweep}}})

    # The end

    def settle(self) -> None:
        """Deliver all that is owed, with nothing going wrong any longer."""
        self.world.cloud.busy.clear()
        for one in list(self.world.under_way):
            self.run(one, {})
        for event in self.late:
            self.start(self.on_event(event), {})
        self.late.clear()
        self.drain()
        self.rest()

    def rest(self) -> None:
        """Some minutes pass, with nothing but the timer and the sweep."""
        self.watch.calm = True
        for _ in range(70):
            if self.watch.unanswered():
                self.world.forward(60)
                self.start(self.timer(), {})
                self.drain()
        for _ in range(2):
            self.world.forward(125)
            self.start(self.timer(), {})
            self.drain()
            for rail in SWEPT:
                self.start(self.swept(rail), {})
        self.world.forward(125)
        self.start(self.timer(), {})
        self.drain()

    def free(self) -> None:
        """Everything may be fixed, and no permission lasts."""
        for name in list(self.world.table.items.get(("CONTROL", "CONTROL"), {})):
            if name.startswith("pause"):
                command = self.new("resume", "bob", scope=scope.parse(name[5:], scope.PAUSED_BY))
                self.person(partial(resumed, command), "resume", {})
        modes = {"mode": dict.fromkeys(ORIGINS, "enforce")}
        self.world.set(guardrails={**self.world.settings.guardrails, **dict.fromkeys(SWEPT, modes)}, limits=Limits())
        self.world.forward(40 * 86400.0)
        self.start(self.timer(), {})
        self.drain()
        self.rest()

    def drain(self) -> None:
        while self.world.again or self.world.emitted:
            while self.world.again:
                self.run(self.world.retry(0), {})
            while self.world.emitted:
                self.start(self.on_bus(*self.world.emitted.pop(0)), {})

    def teardown(self) -> None:
        if not self.broken:
            with self.told():
                self.settle()
                self.watch.quiet()
                self.free()
                self.watch.freed()


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=5000 if LONG else 250,
    stateful_step_count=60 if LONG else 40,
    deadline=None,
    derandomize=not LONG,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
