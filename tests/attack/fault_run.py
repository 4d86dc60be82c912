"""The fault run: two pushers among bad receivers, killed again and again, under a clock that is stepped both ways."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from service.delivery.schedule import Setback, schedule_for, wait_range
from service.domain.levels import Level
from service.store.engine import open_engine
from tests.attack.fault_pusher import off_clock
from tests.attack.fault_scene import FaultScene, furnished
from tests.attack.processes import PUSH_SECONDS, Database, Pusher, until_ready
from tests.conftest import server_folder

CLOCK_STEPS = (3600.0, 0.0, -3600.0, 0.0)  # seconds by which the clock is off, one after the other
STEP_EVERY = 4  # kills
PARKED_AFTER = 40.0  # seconds: a lease and two looks of a pusher
PATIENCE = 240.0  # seconds in which all must drain at the end


class FaultPusher(Pusher):
    """One `push` process whose clock and name service the run steers."""

    module = ("tests.attack.fault_pusher",)


@dataclass
class Found:
    """What came of a run: a table of counts, and everything that is wrong."""

    counts: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


async def run(kills: int, seed: int) -> Found:
    """The whole run. Leaves no process and no folder behind."""
    with server_folder() as folder, contextlib.ExitStack() as stack:
        (folder / "d").mkdir(mode=0o711)
        database = Database(folder / "d")
        stack.callback(database.stop)
        await asyncio.to_thread(database.start)
        clock = folder / "clock"
        clock.write_text("0", "utf-8")
        engine = open_engine(database.url, 4)
        scene = FaultScene(engine, database.url, random.Random(seed), clock)
        pushers = [_pusher(folder, number, database, clock) for number in (1, 2)]
        try:
            return await _run(scene, pushers, kills)
        finally:
            await asyncio.gather(*(asyncio.to_thread(pusher.end, False) for pusher in pushers))
            await engine.dispose()


def _pusher(folder: Path, number: int, database: Database, clock: Path) -> FaultPusher:
    pusher = FaultPusher(folder / "d", number, database)
    pusher._environment |= {"FAULT_CLOCK": str(clock), "WEIYU_DATABASE_URL": database.url}
    return pusher


async def _run(scene: FaultScene, pushers: list[FaultPusher], kills: int) -> Found:
    started, counts = time.monotonic(), Counter[str]()
    watch = Watch(scene)
    async with furnished(scene), _beside(*(pusher.watch() for pusher in pushers), watch.wind()):
        await until_ready(pushers)
        async with _beside(_owe_all(scene)):
            await _kill(scene, pushers, kills, counts)
        _set_clock(scene, 0)
        for department in scene.good:
            department.moody = False
        drained = await _drained(scene)
        wrong = [*watch.parked(), *_differences(scene), *([] if drained else ["not all was settled in time"])]
        counts |= Counter({"seconds": round(time.monotonic() - started), **_table(scene, pushers)})
        counts["longest wait beyond its schedule, seconds"] = round(watch.longest)
    return Found(dict(counts), wrong)


async def _kill(scene: FaultScene, pushers: list[FaultPusher], kills: int, counts: Counter[str]) -> None:
    """A kill -9 after another, some right as a push arrives; a step of the clock now and then."""
    steps = 0
    for number in range(1, kills + 1):
        await asyncio.sleep(scene.dice.uniform(0.1, 0.9))
        await until_ready(pushers)
        held = scene.dice.random() < 0.5
        if held:
            await _arrived(scene)
        scene.dice.choice(pushers).kill()
        counts["kills, of these right as a push arrived"] += held
        counts["kills"] += 1
        if number % max(1, min(STEP_EVERY, kills // len(CLOCK_STEPS))) == 0:
            _set_clock(scene, CLOCK_STEPS[steps % len(CLOCK_STEPS)])
            counts["steps of the clock"] += 1
            steps += 1


async def _arrived(scene: FaultScene) -> None:
    event, loop = asyncio.Event(), asyncio.get_running_loop()
    for department in scene.good:
        department.heard = lambda: loop.call_soon_threadsafe(event.set)
        department.held.set()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), 2)
    for department in scene.good:
        department.held.clear()


async def _owe_all(scene: FaultScene) -> None:
    """Good ones get all they can take, each bad one a few; all at once would be over before the first kill."""
    left = {place.endpoint_id: place.fault.most_owed for place in scene.places}
    while True:
        for at in scene.good_ids:
            await scene.owe(at, off_clock(scene.clock))
        for place in scene.dice.sample(scene.places, 3):
            if left[place.endpoint_id]:
                left[place.endpoint_id] -= 1
                await scene.owe(place.endpoint_id, off_clock(scene.clock))
        await asyncio.sleep(0.1)


def _set_clock(scene: FaultScene, seconds: float) -> None:
    fresh = scene.clock.with_suffix(".new")
    fresh.write_text(str(seconds), "utf-8")
    fresh.replace(scene.clock)


@dataclass
class Watch:
    """Lets waiting time pass, but only as long as the schedule says; what waits longer is parked."""

    scene: FaultScene
    seen: dict[str, float] = field(default_factory=dict)  # message id → since when it waits too long
    longest: float = 0.0

    async def wind(self) -> None:
        while True:
            with contextlib.suppress(psycopg.Error):
                await asyncio.to_thread(self._wind_once)
            await asyncio.sleep(0.3)

    def parked(self) -> list[str]:
        return [f"push {message}: parked" for message, since in self.seen.items() if _age(since) > PARKED_AFTER]

    def _wind_once(self) -> None:
        now = off_clock(self.scene.clock)
        with psycopg.connect(self.scene.url, autocommit=True) as connection:
            waiting = connection.execute(
                "SELECT message_id, priority, attempts, due_at, lease_token IS NULL FROM outbox"
                " WHERE state = 'pending' AND due_at > %s",
                [now],
            ).fetchall()
            late = {row[0] for row in waiting if row[3] - now > _longest(row[1], row[2], row[4])}
            self.seen = {message: self.seen.get(message, time.monotonic()) for message in late}
            self.longest = max([self.longest, *map(_age, self.seen.values())])
            passing = [row[0] for row in waiting if row[4] and row[0] not in late]
            connection.execute(
                "UPDATE outbox SET due_at = %s WHERE message_id = ANY(%s) AND lease_token IS NULL", [now, passing]
            )
            connection.execute(
                "UPDATE endpoint SET paused_until = NULL WHERE paused_until <= %s", [now + timedelta(minutes=1)]
            )
            connection.execute("NOTIFY weiyu_outbox")


def _age(since: float) -> float:
    return time.monotonic() - since


def _longest(priority: int, attempts: int, waits: bool) -> timedelta:
    """The longest a push may wait: a lease while it is claimed, else the step of its schedule at its widest."""
    if not waits:
        return timedelta(seconds=PUSH_SECONDS * 2 + 31)
    steps = schedule_for(Level.of_rank(4 - priority)).waits
    step = steps[min(max(attempts, 1), len(steps)) - 1]
    return timedelta(seconds=wait_range(step, Setback(throttled=True, retry_after=1e9))[1] + 1)


async def _drained(scene: FaultScene) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        [(pending,)] = await asyncio.to_thread(scene.rows, "SELECT count(*) FROM outbox WHERE state = 'pending'")
        if pending == 0:
            return True
        await asyncio.sleep(0.5)
    return False


def _differences(scene: FaultScene) -> list[str]:
    return [*_lost(scene), *_doubled(scene), *_unnamed(scene), *_standby(scene)]


def _lost(scene: FaultScene) -> Iterator[str]:
    """Good receivers have got everything; bad ones have it visibly given up, or took it."""
    states = dict(scene.rows("SELECT message_id, state FROM outbox"))
    off = {row[0] for row in scene.rows("SELECT id FROM endpoint WHERE state = 'disabled'")}
    got = {message for department in scene.good for message in department.ids}
    for message, (at, _) in scene.owed.items():
        state = states.get(message, "switched off" if at in off else "LOST")
        if at in scene.good_ids and not (state == "delivered" and message in got):
            yield f"push {message} to a good receiver: {state}, {'received' if message in got else 'never received'}"
        if state not in ("delivered", "given_up", "switched off"):
            yield f"push {message}: {state}"


def _doubled(scene: FaultScene) -> Iterator[str]:
    """Whatever is repeated is repeated under the same id."""
    about = {row[0]: (row[1], row[2]) for row in scene.rows("SELECT message_id, warning_id, endpoint_id FROM outbox")}
    for department in scene.good:
        yield from (f"push {message}: nobody owed it" for message in department.ids if message not in about)
        times: dict[Any, set[str]] = defaultdict(set)
        for message in department.ids:
            times[about.get(message)].add(message)
        yield from (f"{key}: ids {sorted(ids)}" for key, ids in times.items() if len(ids) > 1)


def _unnamed(scene: FaultScene) -> Iterator[str]:
    """Every attempt that failed has a name, and it is the one that fits the fault."""
    fitting = {place.endpoint_id: place.fault for place in scene.places}
    found: dict[Any, Counter[str]] = defaultdict(Counter)
    for at, error in scene.rows("SELECT endpoint_id, error FROM attempt WHERE status IS NULL OR error IS NOT NULL"):
        found[at][str(error)] += 1
        if at in fitting and error not in fitting[at].errors:
            yield f"{fitting[at].name}: a failure is called {error}"
    for at, fault in fitting.items():
        if not found[at]:
            yield f"{fault.name}: never failed, so it was not tried"
    if scene.target.requests:
        yield f"a redirect was followed {len(scene.target.requests)} times"


def _standby(scene: FaultScene) -> Iterator[str]:
    """What the address with a standby did not take, the standby has heard."""
    [failing] = [place.endpoint_id for place in scene.places if place.fault.name == "answers 500"]
    taken = scene.rows(f"SELECT warning_id, state FROM outbox WHERE endpoint_id = '{scene.standby_id}'")
    heard = {row[0] for row in taken if row[1] == "delivered"}
    for message, (at, warning) in scene.owed.items():
        if at == failing and warning not in heard:
            yield f"push {message} of {warning}: the standby never heard of it"


def _table(scene: FaultScene, pushers: list[FaultPusher]) -> dict[str, int]:
    states = Counter(row[0] for row in scene.rows("SELECT state FROM outbox"))
    got = [message for department in scene.good for message in department.ids]
    [(attempts, claims)] = scene.rows("SELECT (SELECT count(*) FROM attempt), (SELECT sum(attempts) FROM outbox)")
    table = {
        "pusher starts": sum(pusher.counts["starts"] for pusher in pushers),
        "pushes owed": sum(states.values()),
        "pushes delivered": states["delivered"],
        "pushes given up": states["given_up"],
        "attempts noted": attempts,
        "claims whose pusher died": int(claims) - attempts,
        "received by good receivers (200)": len(got),
        "of these, repeats with the same id": len(got) - len(set(got)),
    }
    names = {place.endpoint_id: place.fault.name for place in scene.places}
    errors = "SELECT endpoint_id, error, count(*) FROM attempt WHERE error IS NOT NULL GROUP BY 1, 2"
    for at, error, number in sorted(scene.rows(errors), key=lambda row: (names.get(row[0], ""), row[1])):
        place = f"{names.get(at, 'good receiver in a bad mood')}: {error}"
        table[place] = table.get(place, 0) + number
    return table


@contextlib.asynccontextmanager
async def _beside(*works: Any) -> AsyncIterator[None]:
    """Run these beside what follows; one that fails is told at the end."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error
