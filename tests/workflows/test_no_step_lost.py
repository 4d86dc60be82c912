"""No interleaving of report, signature, ending, silence, ticks and crash loses or doubles a step of escalation.

The real database, a set clock; a crash is the database refusing one write of the tick's transaction, or its commit.
What must have happened is told by a model that knows nothing of chains: a list of turns per department, by hand.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from service.domain.levels import Level
from service.domain.problems import Problem
from service.domain.rosters import ShiftRole
from service.main import load_engines, open_doors
from service.store.engine import open_engine
from service.workflows.clocks import issue_overdue
from service.workflows.escalating import escalate_overdue
from service.workflows.parts import Engines
from tests.conftest import fresh_database
from tests.makers import AREAS, NOON
from tests.served import load_areas, settings_for
from tests.workflows.test_escalating import ORANGE, RED, Tower

TEXTS = ("砚池巷拆迁补偿未谈妥", "南湖小区电梯停运两周", "东岭村土地款没有到账", "第三中学分班办法争议")
CRASHES = ("chain", "escalation", "warning", "duty", "warning_event", "outbox", "commit")
TABLES = CRASHES[:-1]
ARMS = """
CREATE TABLE crash_at (place text);
CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM crash_at WHERE place = TG_ARGV[0]) THEN RAISE EXCEPTION 'crash at %', TG_ARGV[0]; END IF;
  RETURN NEW;
END $$;
CREATE CONSTRAINT TRIGGER crash AFTER UPDATE ON chain DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION crash('commit');
"""

# (step, told, minutes until the next turn, whether anybody is there); written out from the policy that ships.
Turn = tuple[int, int, int, bool]
LEAD: dict[str, list[Turn]] = {
    "red": [(0, 1, 5, True), (1, 0, 5, True), (2, 0, 5, True), (3, 0, 10, True), (3, 1, 10, True), (3, 2, 10, True)],
    "orange": [(0, 1, 30, True), (1, 0, 30, True), (2, 0, 30, True), (3, 0, 60, True), (3, 1, 60, True)],
}
HELPER: dict[str, list[Turn]] = {
    "red": [(0, 1, 5, True), (1, 0, 5, False), (2, 0, 5, True)],
    "orange": [(0, 1, 30, True), (1, 0, 30, False), (2, 0, 30, True)],
}
CONFIRM: list[Turn] = [(0, 0, 5, True), (0, 1, 5, True), (1, 0, 5, True)]
FIRST_WAIT = {"red": 5, "orange": 30}
Step = tuple[UUID, str, str, datetime, int, int, datetime, bool]  # warning, who, clock, since, step, told, at, reached


@dataclass
class Silence:
    """One department's silence in the model: its turns, and when the next is due."""

    since: datetime
    turns: list[Turn]
    due: datetime
    live: bool = True

    def walk(self, now: datetime, quiet_until: datetime | None = None) -> list[tuple[int, int, bool]]:
        """The turns taken now; while it is quiet the next is looked for every five minutes, and when the quiet ends."""
        taken: list[tuple[int, int, bool]] = []
        if self.live and self.due <= now and quiet_until is not None and quiet_until > now:
            self.due = min(quiet_until, now + timedelta(minutes=5))
            return taken
        while self.live and self.due <= now:
            if not self.turns:
                self.live = False
                break
            step, told, minutes, there = self.turns.pop(0)
            taken.append((step, told, there))
            if there:
                self.due = now + timedelta(minutes=minutes)
                break
        return taken


@dataclass
class Known:
    """One warning in the model."""

    id: UUID
    matter_id: UUID
    level: str
    pending_until: datetime | None
    silences: dict[tuple[str, str], Silence] = field(default_factory=dict)
    open: bool = True
    quiet_until: datetime = NOON

    def quiet(self, now: datetime) -> datetime | None:
        """One office's silence hides what is not red, and never what asks somebody to confirm."""
        hides = self.level != "red" and self.pending_until is None
        return self.quiet_until if hides and now < self.quiet_until else None


class Interleavings(RuleBasedStateMachine):
    """Acts on the real workflows and on the model, then compares the records."""

    url: str
    engines: Engines
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.known: list[Known] = []
        self.expected: set[Step] = set()
        self.runner.run(self._settle())

    async def _settle(self) -> None:
        self.engine = open_engine(self.url, 4)
        doors = await open_doors(settings_for(self.folder), self.engine)
        self.tower = await Tower(doors, self.engines, NOON).settle()
        await self.tower.roster(*ShiftRole, hours=10_000)
        await self.tower.order(Level.RED)
        self.who = {"lead": self.tower.lead, "helper": self.tower.helper, "office": self.tower.office}

    def teardown(self) -> None:
        self.runner.run(self.engine.dispose())
        self.runner.close()

    # ---- what people and clocks do

    @precondition(lambda self: len(self.known) < len(TEXTS))
    @rule(red=st.booleans())
    def report(self, red: bool) -> None:
        what = {"text": TEXTS[len(self.known)], **(RED if red else ORANGE)}
        told = self.runner.run(self.tower.report(**what))
        now = self.tower.clock()
        known = Known(told.warnings[0], told.matter_id, "red" if red else "orange", None)
        if red:
            self._clocks_begin(known)
        else:
            known.pending_until = now + timedelta(minutes=15)
            known.silences["office", "confirm"] = Silence(now, [*CONFIRM], now)
        self.known.append(known)

    @precondition(lambda self: any(one.open and one.level == "orange" for one in self.known))
    @rule(data=st.data())
    def worsen(self, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from([one for one in self.known if one.open and one.level == "orange"]))
        words = TEXTS[self.known.index(known)]
        self.runner.run(self.tower.report(text=words, matter_id=known.matter_id, **RED))
        known.level, known.pending_until = "red", None
        self._clocks_begin(known)

    @precondition(lambda self: any(one.open for one in self.known))
    @rule(data=st.data(), who=st.sampled_from(["lead", "helper", "office"]), racing=st.booleans())
    def sign(self, data: st.DataObject, who: str, racing: bool) -> None:
        """Signing, or signing while a tick runs: the tick's own transaction comes before or after, never between."""
        known = data.draw(st.sampled_from([one for one in self.known if one.open]))
        if known.pending_until is not None:
            with contextlib.suppress(Problem):
                self.runner.run(self.tower.sign(known.id, self.who[who]))
                raise AssertionError("what has not left cannot be signed")
            return
        if racing:
            self.runner.run(self._both(self.tower.sign(known.id, self.who[who]), self.tower.escalate()))
            self._adopt(known, who)
        else:
            self.runner.run(self.tower.sign(known.id, self.who[who]))
        silence = known.silences.get((who, "sign"))
        if silence:
            silence.live = False

    @precondition(lambda self: any(one.open and one.pending_until for one in self.known))
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from([one for one in self.known if one.open and one.pending_until]))
        self.runner.run(self.tower.confirm(known.id, self.tower.office))
        self._left(known)

    @precondition(lambda self: any(one.open for one in self.known))
    @rule(data=st.data())
    def resolve(self, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from([one for one in self.known if one.open]))
        self.runner.run(self.tower.resolve(known.id))
        known.open = False
        for silence in known.silences.values():
            silence.live = False

    @precondition(lambda self: any(one.open for one in self.known))
    @rule(data=st.data(), minutes=st.sampled_from([3, 20, 90]))
    def silence(self, data: st.DataObject, minutes: int) -> None:
        known = data.draw(st.sampled_from([one for one in self.known if one.open]))
        self.runner.run(self.tower.silence(known.id, minutes))
        known.quiet_until = max(known.quiet_until, self.tower.clock() + timedelta(minutes=minutes))

    @rule(minutes=st.sampled_from([1, 4, 5, 10, 30, 31, 240]))
    def time_passes(self, minutes: int) -> None:
        self.tower.clock.moment += timedelta(minutes=minutes)

    @rule()
    def tick(self) -> None:
        self.runner.run(self._tick())
        self._predict()

    @rule()
    def two_ticks(self) -> None:
        self.runner.run(self._both(self._tick(), self._tick()))
        self._predict()

    @rule(place=st.sampled_from(CRASHES))
    def crash(self, place: str) -> None:
        """A tick that dies at a write or at its commit has done nothing; it may have had nothing to write there."""
        self.runner.run(self._crash(place))
        self._adopt_whole_steps()

    # ---- the model

    def _clocks_begin(self, known: Known) -> None:
        now = self.tower.clock()
        due = now + timedelta(minutes=FIRST_WAIT[known.level])
        known.silences.pop(("office", "confirm"), None)
        for who, turns in (("lead", LEAD), ("helper", HELPER)):
            known.silences[who, "sign"] = Silence(now, [*turns[known.level]], due)

    def _left(self, known: Known) -> None:
        known.pending_until = None
        self._clocks_begin(known)

    def _predict(self) -> None:
        now = self.tower.clock()
        for known in self.known:
            if known.open and known.pending_until is not None and known.pending_until <= now:
                self._left(known)
            for (who, clock), silence in known.silences.items():
                self._note(known, (who, clock), silence, silence.walk(now, known.quiet(now)))

    def _note(self, known: Known, of: tuple[str, str], silence: Silence, taken: list[tuple[int, int, bool]]) -> None:
        now = self.tower.clock()
        self.expected |= {(known.id, *of, silence.since, step, told, now, there) for step, told, there in taken}

    def _adopt(self, signed: Known, who: str) -> None:
        """After a race: the tick took all its steps; that of who signed, only if it came first."""
        recorded = self.runner.run(self._recorded())
        for known in self.known:
            for (name, clock), silence in known.silences.items():
                before = (silence.due, [*silence.turns], silence.live)
                taken = silence.walk(self.tower.clock(), known.quiet(self.tower.clock()))
                steps = {
                    (known.id, name, clock, silence.since, s, t, self.tower.clock(), there) for s, t, there in taken
                }
                if known is signed and name == who and not steps <= recorded:
                    silence.due, silence.turns, silence.live = before
                    continue
                self.expected |= steps

    def _adopt_whole_steps(self) -> None:
        """After a crash each warning has moved by all its steps or by none."""
        recorded = self.runner.run(self._recorded())
        left = {
            row["id"] for row in self.runner.run(self.tower.rows("SELECT id FROM warning WHERE issued_at IS NOT NULL"))
        }
        now = self.tower.clock()
        for known in self.known:
            if known.open and known.pending_until is not None and known.pending_until <= now and known.id in left:
                self._left(known)
            before = {of: (one.due, [*one.turns], one.live) for of, one in known.silences.items()}
            steps = {
                (known.id, *of, one.since, s, t, now, there)
                for of, one in known.silences.items()
                for s, t, there in one.walk(now, known.quiet(now))
            }
            if steps & recorded:
                self.expected |= steps
            elif steps:
                for of, one in known.silences.items():
                    one.due, one.turns, one.live = before[of]

    # ---- the service

    async def _tick(self) -> None:
        await issue_overdue(self.tower.doors, self.tower.engines, self.tower.clock())
        await escalate_overdue(self.tower.doors, self.tower.engines, self.tower.clock())

    async def _both(self, one: Any, other: Any) -> None:
        await asyncio.gather(one, other)

    async def _crash(self, place: str) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(text("INSERT INTO crash_at VALUES (:place)"), {"place": place})
        with contextlib.suppress(ExceptionGroup):
            await issue_overdue(self.tower.doors, self.tower.engines, self.tower.clock())
        with contextlib.suppress(ExceptionGroup):
            await escalate_overdue(self.tower.doors, self.tower.engines, self.tower.clock())
        async with self.engine.begin() as connection:
            await connection.execute(text("DELETE FROM crash_at"))

    async def _recorded(self) -> set[Step]:
        names = {row["id"]: name for name, row in self.who.items()}
        rows = await self.tower.rows("SELECT * FROM escalation")
        return {
            (
                row["warning_id"], names[row["department_id"]], row["clock"], row["since"], row["step"], row["told"],
                row["at"], row["told_id"] is not None,
            )
            for row in rows
        }  # fmt: skip

    @invariant()
    def every_step_is_recorded_once_and_no_other(self) -> None:
        assert self.runner.run(self._recorded()) == self.expected

    @invariant()
    def every_step_that_reached_somebody_is_owed_to_each_endpoint_once(self) -> None:
        lost = self.runner.run(self.tower.rows(_LOST))
        assert lost == []
        doubled = self.runner.run(self.tower.rows(_UNASKED))
        assert doubled == []

    @invariant()
    def no_chain_waits_on_a_warning_that_has_ended(self) -> None:
        ended = "w.state IN ('resolved', 'cancelled') AND c.next_at IS NOT NULL"
        statement = f"SELECT 1 FROM chain c JOIN warning w ON w.id = c.warning_id WHERE {ended}"
        assert self.runner.run(self.tower.rows(statement)) == []


# A step without its push, and a push of an escalation without its step.
_LOST = """
SELECT e.* FROM escalation e CROSS JOIN unnest(e.endpoint_ids) AS wanted(id)
WHERE NOT EXISTS (SELECT 1 FROM outbox o JOIN warning_event v ON v.warning_id = o.warning_id AND v.revision = o.revision
  WHERE o.warning_id = e.warning_id AND o.revision = e.revision AND o.endpoint_id = wanted.id AND v.type = 'escalated')
"""
_UNASKED = """
SELECT o.id FROM outbox o JOIN warning_event v ON v.warning_id = o.warning_id AND v.revision = o.revision
WHERE v.type = 'escalated' AND NOT EXISTS (SELECT 1 FROM escalation e WHERE e.warning_id = o.warning_id
  AND e.revision = o.revision AND o.endpoint_id = ANY(e.endpoint_ids))
"""


def test_no_interleaving_loses_or_doubles_a_step(
    cluster: str, template_database: str, owner: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    engines = load_engines(settings_for(tmp_path))

    class Fresh(Interleavings):
        """Each run in a database of its own, armed with crashes."""

        def __init__(self) -> None:
            self.place = fresh_database(cluster, template_database, owner)
            self.url, self.engines, self.folder = self.place.__enter__(), engines, tmp_path
            asyncio.run(load_areas(self.url, AREAS))
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(ARMS)
                for table in TABLES:
                    connection.execute(
                        f"CREATE TRIGGER crash_{table} BEFORE INSERT OR UPDATE ON {table}"
                        f" FOR EACH ROW EXECUTE FUNCTION crash('{table}')"
                    )
            super().__init__()

        def teardown(self) -> None:
            super().teardown()
            self.place.__exit__(None, None, None)

    run_state_machine_as_test(
        Fresh,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
