"""Which process is struck, when; and the whole attack from an empty folder to the comparison."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.attack.ledgers import Heard, Stored, differences, read_stored
from tests.attack.processes import LEASE_SECONDS, PUSH_SECONDS, until_ready
from tests.attack.scene import Scene
from tests.conftest import server_folder

ROLL_EVERY = 5  # strokes between graceful replacements of a server
PATIENCE = 45.0  # seconds in which something must be answered after a stroke, and in which all must drain at the end
# When a stroke falls. The delays are about as long as a report or a push takes, so that some strokes fall between
# commit and answer, or between push and note; how many did is counted afterwards from the ledgers.
MOMENTS = ("any", "after a report was sent", "after a push arrived", "while a receiver holds its answer")
DELAYS = {"any": (0.1, 1.5), MOMENTS[1]: (0.0, 0.025), MOMENTS[2]: (0.0, 0.012), MOMENTS[3]: (0.0, 0.005)}
TARGETS = (
    *("a server", "a server", "a server", "a server", "all servers", "the postmaster", "the postmaster"),
    *("all database processes", "all database processes", "database and a server", "database and all servers"),
)


@dataclass(frozen=True)
class Stroke:
    """What is killed when; `rest`: seconds of undisturbed work before it."""

    moment: str
    target: str
    delay: float
    rest: float


def strokes(number: int, dice: random.Random) -> list[Stroke]:
    moments = [dice.choice(MOMENTS) for _ in range(number)]
    return [Stroke(m, dice.choice(TARGETS), dice.uniform(*DELAYS[m]), dice.uniform(0.2, 1)) for m in moments]


@dataclass
class Outcome:
    """What came of an attack: a table of counts, and every difference by id."""

    counts: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    logs: str = ""


class Axe:
    """Strikes, one stroke after the other, while everybody works."""

    def __init__(self, scene: Scene) -> None:
        self._scene, self._dice = scene, scene.dice
        self.counts: Counter[str] = Counter()

    async def strike(self, plan: Sequence[Stroke]) -> None:
        for number, stroke in enumerate(plan, 1):
            await asyncio.sleep(stroke.rest)
            await self._stroke(stroke)
            await self._something_answered()
            if self._dice.random() < 0.6:  # else the next stroke may fall on processes that are just starting
                await until_ready(self._scene.servers)
            if number % ROLL_EVERY == 0:
                await self._roll()

    async def _stroke(self, stroke: Stroke) -> None:
        with self._held(stroke.moment):
            came = await self._came(stroke.moment)
            await asyncio.sleep(stroke.delay)
            database = self._hit(stroke.target)
        self.counts[f"kills at moment: {stroke.moment if came else 'any'}"] += 1
        self.counts[f"kills of: {stroke.target}"] += 1
        if database:
            await asyncio.sleep(self._dice.uniform(0, 0.5))
            await asyncio.to_thread(self._scene.database.revive)

    @contextlib.contextmanager
    def _held(self, moment: str) -> Iterator[None]:
        held = self._scene.departments if moment == MOMENTS[3] else []
        for department in held:
            department.held.set()
        try:
            yield
        finally:
            for department in held:
                department.held.clear()

    async def _came(self, moment: str) -> bool:
        """Whether the moment came; while nothing works it does not."""
        if moment == "any":
            return True
        event = self._dice.choice(self._scene.reporters).asked if moment == MOMENTS[1] else self._scene.pushed
        event.clear()
        try:
            await asyncio.wait_for(event.wait(), 3)
        except TimeoutError:
            return False
        return True

    def _hit(self, target: str) -> bool:
        """Kill; gives whether the database was hit."""
        scene = self._scene
        database = "database" in target or "postmaster" in target
        if database:
            scene.database.kill(children_too=target != "the postmaster")
        if "server" in target:
            for server in scene.servers if "all servers" in target else [self._dice.choice(scene.servers)]:
                server.kill()
        return database

    async def _something_answered(self) -> None:
        counts = self._scene.told.counts
        before, deadline = counts["requests answered"], time.monotonic() + PATIENCE
        while counts["requests answered"] <= before:
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing was answered for {PATIENCE:g} s after a stroke")
            await asyncio.sleep(0.05)

    async def _roll(self) -> None:
        await until_ready(self._scene.servers)
        await self._dice.choice(self._scene.servers).replace()
        self.counts["graceful replacements"] += 1


async def attack(plan: Sequence[Stroke], seed: int) -> Outcome:
    """The whole attack; one that hangs is a difference too. Leaves no process and no folder behind either way."""
    with server_folder() as folder, contextlib.ExitStack() as stack:
        (folder / "d").mkdir(mode=0o711)
        scene = Scene(folder, random.Random(seed))
        stack.callback(scene.database.stop)
        await asyncio.to_thread(scene.database.start)
        for department in scene.departments:
            stack.enter_context(department)
        started = time.monotonic()
        axe = Axe(scene)
        try:
            async with asyncio.timeout(120 + 10 * len(plan)):
                await _fight(scene, axe, plan)
        except TimeoutError as error:
            scene.told.faults.append(f"the attack hung: {error or 'it took too long'}")
        seconds = round(time.monotonic() - started)
        stored = await asyncio.to_thread(read_stored, scene.database.url)
        outcome = _compared(scene, stored)
        outcome.counts = {"seconds": seconds, "kills": len(plan), **dict(sorted(axe.counts.items())), **outcome.counts}
        if outcome.differences:
            outcome.logs = "\n".join(server.log.read_text("utf-8", "replace")[-3000:] for server in scene.servers)
        return outcome


async def _fight(scene: Scene, axe: Axe, plan: Sequence[Stroke]) -> None:
    graceful = False
    try:
        async with _together([server.watch() for server in scene.servers]):
            await until_ready(scene.servers)
            await scene.furnish()
            async with _together([scene.listener.work(), scene.poller.work(), _wind(scene)]):
                workers = [asyncio.create_task(reporter.work()) for reporter in scene.reporters]
                await _unless_ended(axe.strike(plan), workers)
                await _drain(scene, workers)
        graceful = True
    finally:
        await asyncio.gather(*(asyncio.to_thread(server.end, graceful) for server in scene.servers))


@contextlib.asynccontextmanager
async def _together(works: list[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run these beside what follows; one that fails is told at the end, the others are cancelled."""
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


async def _unless_ended(work: Coroutine[Any, Any, None], workers: list[asyncio.Task[None]]) -> None:
    """Do this; a worker that ends before it is a mistake of the attack's own and ends it."""
    strokes = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({strokes, *workers}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    except BaseException:
        for task in (strokes, *workers):
            task.cancel()
        raise


async def _drain(scene: Scene, workers: list[asyncio.Task[None]]) -> None:
    """Nothing new; all that was sent is answered, all that is owed is pushed or given up, all events are seen."""
    for reporter in scene.reporters:
        reporter.closing = True
    for department in scene.departments:
        department.moody = False
    await asyncio.wait_for(asyncio.gather(*workers), PATIENCE)
    await until_ready(scene.servers)
    with contextlib.suppress(TimeoutError):  # what is then still open is told as a difference, by its id
        await asyncio.wait_for(_all_drained(scene), PATIENCE)


async def _all_drained(scene: Scene) -> None:
    drained = False
    while not drained:
        drained = await asyncio.to_thread(_drained, scene)
        await asyncio.sleep(0.3)


def _drained(scene: Scene) -> bool:
    with psycopg.connect(scene.database.url, autocommit=True) as connection:
        _let_time_pass(connection, also_leases=True)
        found = connection.execute(
            "SELECT (SELECT count(*) FROM outbox WHERE state = 'pending'), (SELECT seq FROM feed_counter)"
        ).fetchone()
    assert found is not None
    return found[0] == 0 and scene.listener.seen[-1:] == [found[1]] and scene.poller.next == found[1]


async def _wind(scene: Scene) -> None:
    """Retries wait minutes and hours; here they come due at once. Leases of the dead run their time until the end."""
    while True:
        with contextlib.suppress(psycopg.Error):  # the database may be away
            await asyncio.to_thread(_let_time_pass_at, scene.database.url)
        await asyncio.sleep(0.5)


def _let_time_pass_at(url: str) -> None:
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        _let_time_pass(connection, also_leases=False)


def _let_time_pass(connection: psycopg.Connection[tuple[Any, ...]], also_leases: bool) -> None:
    """What waits is due now, as if its time had passed. A lease is only ended when no push can be under way on it."""
    cut = "lease_token IS NULL"
    if also_leases:
        cut = f"({cut} OR due_at < now() + interval '{LEASE_SECONDS - 3 * PUSH_SECONDS} seconds')"
    moved = connection.execute(
        f"UPDATE outbox SET due_at = now(), lease_token = NULL WHERE state = 'pending' AND due_at > now() AND {cut}"
    )
    if moved.rowcount:
        connection.execute("NOTIFY weiyu_outbox")


def _compared(scene: Scene, stored: Stored) -> Outcome:
    pushes = {
        endpoint: [
            (webhook, f"{body['data']['id']}/{body['data']['revision']}")
            for webhook, body in zip(department.ids, department.got, strict=True)
        ]
        for endpoint, department in zip(scene.endpoints, scene.departments, strict=True)
    }
    heard = Heard(pushes, tuple(scene.endpoints), scene.listener.seen, scene.poller.latest)
    found = differences(scene.told, stored, heard)
    found += [fault for server in scene.servers for fault in server.faults]
    found += [f"poller: number {number} came too late" for number in scene.poller.out_of_order]
    found += ["listener: was told to start anew"] * scene.listener.resets
    refused = sum(department.refused for department in scene.departments)
    found += [f"receivers: {refused} pushes with a bad signature"] if refused else []
    return Outcome(_table(scene, stored), found)


def _table(scene: Scene, stored: Stored) -> dict[str, int]:
    got = [webhook for department in scene.departments for webhook in department.ids]
    states = Counter(row["state"] for row in stored.outbox)
    deaths = sum((server.counts for server in scene.servers), Counter[str]())
    return {
        **{f"server {name}": count for name, count in sorted(deaths.items())},
        **dict(sorted(scene.told.counts.items())),
        "reports sent": len(scene.told.event_of),
        "reports answered": len(scene.told.answers),
        "incidents stored": len(stored.incidents),
        "matters": len(stored.matters),
        "warnings": len(stored.warnings),
        "events in the feed": len(stored.events),
        "events the listener saw": len(scene.listener.seen),
        "listener cut off": scene.listener.cuts,
        "pushes owed": len(stored.outbox),
        "pushes delivered": states["delivered"],
        "pushes given up": states["given_up"],
        "pushes received (200)": len(got),
        "of these, repeats with the same id": len(got) - len(set(got)),
        "pushes cut off half-way": sum(department.cut_off for department in scene.departments),
        "receiver hung": sum(department.hangs for department in scene.departments),
        "claims whose pusher died": stored.claims - stored.tries_noted,
    }
