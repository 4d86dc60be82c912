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

from tests.attack.clients import KEPT_REFUSED, KEPT_UNANSWERED
from tests.attack.ledgers import Heard, Stored, differences, read_stored
from tests.attack.passing import all_drained, wind
from tests.attack.processes import until_ready
from tests.attack.scene import Scene
from tests.conftest import server_folder

ROLL_EVERY = 5  # strokes between graceful replacements of a server
PATIENCE = 45.0  # seconds in which something must be answered after a stroke, and in which all must drain at the end
# When a stroke falls. The delays are about as long as a report or a push takes, so that some strokes fall between
# commit and answer, or between push and note; how many did is counted afterwards from the ledgers.
ANY, SENT, COMMITTED = "any", "after a report was sent", "right after a commit"
ARRIVED, HELD = "after a push arrived", "while a receiver holds its answer"
DELAYS = {ANY: (0.1, 1.5), SENT: (0.0, 0.025), COMMITTED: (0.0, 0.0), ARRIVED: (0.0, 0.012), HELD: (0.0, 0.005)}
MOMENT_SECONDS = 3.0  # a moment that has not come by then does not: nothing works just now
DATABASE = ("the postmaster", "all database processes", "all database processes")
SERVING = ("a server", "a server", "a server", "all servers", "database and a server", "database and all servers")
PUSHING = ("a pusher", "a pusher", "a pusher", "all pushers", "database and a pusher", "database and all pushers")
# A stroke falls on those whom its moment concerns: between commit and answer is the server, between push and note the
# pusher, and the database is in the middle of both.
TARGETS = {
    ANY: (*SERVING, *PUSHING, *DATABASE), SENT: (*SERVING, *DATABASE), COMMITTED: (*SERVING, *DATABASE),
    ARRIVED: (*PUSHING, *DATABASE), HELD: (*PUSHING, *DATABASE),
}  # fmt: skip


@dataclass(frozen=True)
class Stroke:
    """What is killed when; `rest`: seconds of undisturbed work before it."""

    moment: str
    target: str
    delay: float
    rest: float


def strokes(number: int, dice: random.Random) -> list[Stroke]:
    moments = [dice.choice(list(DELAYS)) for _ in range(number)]
    return [Stroke(m, dice.choice(TARGETS[m]), dice.uniform(*DELAYS[m]), dice.uniform(0.2, 1)) for m in moments]


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
                await until_ready(self._scene.processes)
            if number % ROLL_EVERY == 0:
                await self._roll()

    async def _stroke(self, stroke: Stroke) -> None:
        with self._held(stroke.moment):
            if stroke.moment == COMMITTED:
                came = await asyncio.to_thread(self._hit_at_commit, stroke.target)
            else:
                came = await self._came(stroke.moment)
                await asyncio.sleep(stroke.delay)
                self._hit(stroke.target)
        self.counts[f"kills at moment: {stroke.moment if came else ANY}"] += 1
        self.counts[f"kills of: {stroke.target}"] += 1
        if _is_database(stroke.target):
            await asyncio.sleep(self._dice.uniform(0, 0.5))
            await asyncio.to_thread(self._scene.database.revive)

    @contextlib.contextmanager
    def _held(self, moment: str) -> Iterator[None]:
        held = self._scene.departments if moment == HELD else []
        for department in held:
            department.held.set()
        try:
            yield
        finally:
            for department in held:
                department.held.clear()

    async def _came(self, moment: str) -> bool:
        """Whether the moment came; while nothing works it does not."""
        if moment == ANY:
            return True
        event = self._dice.choice(self._scene.reporters).asked if moment == SENT else self._scene.pushed
        event.clear()
        try:
            await asyncio.wait_for(event.wait(), MOMENT_SECONDS)
        except TimeoutError:
            return False
        return True

    def _hit_at_commit(self, target: str) -> bool:
        """The database tells of new events when it has committed them: kill before the answer can have left.

        In a thread of its own, since this process's loop may be a few milliseconds behind.
        """
        heard = False
        with (
            contextlib.suppress(psycopg.Error),
            psycopg.connect(self._scene.database.url, autocommit=True) as listening,
        ):
            listening.execute("LISTEN weiyu_events")
            for _ in listening.notifies(timeout=MOMENT_SECONDS, stop_after=1):
                heard = True
                self._hit(target)
        if not heard:
            self._hit(target)
        return heard

    def _hit(self, target: str) -> None:
        scene = self._scene
        if _is_database(target):
            scene.database.kill(children_too=target != "the postmaster")
        for kind, processes in (("server", scene.servers), ("pusher", scene.pushers)):
            if kind in target:
                for process in processes if f"all {kind}s" in target else [self._dice.choice(processes)]:
                    process.kill()

    async def _something_answered(self) -> None:
        counts = self._scene.told.counts
        before, deadline = counts["requests answered"], time.monotonic() + PATIENCE
        while counts["requests answered"] <= before:
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing was answered for {PATIENCE:g} s after a stroke")
            await asyncio.sleep(0.05)

    async def _roll(self) -> None:
        await until_ready(self._scene.processes)
        await self._dice.choice(self._scene.processes).replace()
        self.counts["graceful replacements"] += 1


def _is_database(target: str) -> bool:
    return "database" in target or "postmaster" in target


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
            outcome.logs = "\n".join(server.log.read_text("utf-8", "replace")[-3000:] for server in scene.processes)
        return outcome


async def _fight(scene: Scene, axe: Axe, plan: Sequence[Stroke]) -> None:
    graceful = False
    try:
        async with _together([process.watch() for process in scene.processes]):
            await until_ready(scene.processes)
            await scene.furnish()
            async with _together([scene.listener.work(), scene.poller.work(), wind(scene)]):
                workers = [asyncio.create_task(reporter.work()) for reporter in scene.reporters]
                await _unless_ended(axe.strike(plan), workers)
                await _drain(scene, workers)
        graceful = True
    finally:
        await asyncio.gather(*(asyncio.to_thread(process.end, graceful) for process in scene.processes))


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
    await until_ready(scene.processes)
    with contextlib.suppress(TimeoutError):  # what is then still open is told as a difference, by its id
        await asyncio.wait_for(all_drained(scene), PATIENCE)


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
    found += [fault for process in scene.processes for fault in process.faults]
    found += [f"poller: number {number} came too late" for number in scene.poller.out_of_order]
    found += ["listener: was told to start anew"] * scene.listener.resets
    refused = sum(department.refused for department in scene.departments)
    found += [f"receivers: {refused} pushes with a bad signature"] if refused else []
    return Outcome(_table(scene, stored), found)


def _table(scene: Scene, stored: Stored) -> dict[str, int]:
    got = [webhook for department in scene.departments for webhook in department.ids]
    states = Counter(row["state"] for row in stored.outbox)
    deaths = Counter({f"{process.kind} {name}": 0 for process in scene.processes for name in process.counts})
    for process in scene.processes:
        deaths.update({f"{process.kind} {name}": count for name, count in process.counts.items()})
    return {
        **dict(sorted(deaths.items())),
        **{name: scene.told.counts[name] for name in (KEPT_UNANSWERED, KEPT_REFUSED)},
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
