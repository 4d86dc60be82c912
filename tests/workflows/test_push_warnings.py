"""The pusher against real receivers: retried until it arrives, given up where all can see, nobody starved."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from service.delivery.guard import AddressGuard, parse_allow
from service.delivery.kinds import Channels
from service.delivery.parcel import Tools
from service.delivery.schedule import ENDURANCE, patience_of
from service.delivery.transport import new_client
from service.domain.levels import Level
from service.store import outbox
from service.store.engine import Beside, Row, insert_all, insert_rows, open_engine, rows_of
from service.store.listener import Bell
from service.store.outbox import Room
from service.store.reference import ReferenceCache
from service.store.tables_service import DepartmentTable, EndpointTable
from service.store.views import Sight
from service.workflows import push_warnings
from service.workflows.parts import Doors
from service.workflows.push_warnings import Pusher, PushLimits
from tests.receiver import Receiver
from tests.served import LOOPBACK, SetClock, until
from tests.store.making import department, endpoint, owed

LEASE = timedelta(seconds=60)
EVERYWHERE = Sight(None, None)


class Post:
    """Endpoints, what they are owed, and pushers on one database under one set clock."""

    def __init__(self, doors: Doors, channels: Channels) -> None:
        self.doors, self.channels = doors, channels
        self.clock = SetClock(datetime.now(UTC))

    def pusher(self, workers: int = 8, each: int = 4) -> Pusher:
        return Pusher(self.doors.engine, self.channels, PushLimits(workers, each, LEASE), self.clock, Bell())

    async def endpoint(self, url: str, **changes: Any) -> UUID:
        owned = {name: changes.pop(name) for name in ("is_coordinator", "area") if name in changes}
        owner = department(**owned)
        async with self.doors.transaction() as connection:
            await insert_rows(connection, DepartmentTable, [owner])
        return await self._endpoint_of(owner["id"], url, changes)

    async def beside(self, at: UUID, url: str, **changes: Any) -> UUID:
        """One more endpoint of the same department."""
        [kept] = await self.standing(at)
        return await self._endpoint_of(kept["department_id"], url, changes)

    async def _endpoint_of(self, owner: UUID, url: str, changes: dict[str, Any]) -> UUID:
        row = endpoint(owner, url=url, **changes)
        async with self.doors.transaction() as connection:
            await insert_rows(connection, EndpointTable, [row])
        return UUID(str(row["id"]))

    async def standing(self, at: UUID) -> list[Row]:
        return await self.rows(f"SELECT * FROM endpoint WHERE id = '{at}'")

    async def owe(self, at: UUID, count: int = 1, **changes: Any) -> list[str]:
        rows = [owed(at, **({"due_at": self.clock(), "created_at": self.clock()} | changes)) for _ in range(count)]
        async with self.doors.transaction() as connection:
            await insert_all(connection, [outbox.owed(rows)], Beside(notify=(outbox.OUTBOX_CHANNEL,)))
        return [row["message_id"] for row in rows]

    async def rows(self, statement: str = "SELECT * FROM outbox ORDER BY id") -> list[Row]:
        async with self.doors.engine.begin() as connection:
            return rows_of(await connection.execute(text(statement)))

    async def states(self) -> Counter[str]:
        return Counter(row["state"] for row in await self.rows())

    async def to_next_due(self) -> timedelta:
        """Step the clock to when the next push is due; gives by how much."""
        due = min(row["due_at"] for row in await self.rows() if row["state"] == "pending")
        step = due - self.clock.moment
        self.clock.moment = max(due, self.clock.moment)
        return step


@pytest.fixture
async def post(database_url: str) -> AsyncIterator[Post]:
    async with AsyncExitStack() as stack:
        engine = open_engine(database_url, 10)
        stack.push_async_callback(engine.dispose)
        guard = AddressGuard(parse_allow(LOOPBACK))
        client = await stack.enter_async_context(new_client(guard))
        yield Post(Doors(engine, ReferenceCache(), b"", ""), Channels(Tools(guard, client, 2, "http://weiyu.example")))


@pytest.fixture
def receiver(post: Post) -> Iterator[Receiver]:
    with receiving(post) as running:
        yield running


@contextlib.contextmanager
def receiving(post: Post) -> Iterator[Receiver]:
    with Receiver() as running:
        running.secrets.append(endpoint(UUID(int=0))["secret"])
        running.clock = post.clock
        yield running


async def test_a_push_is_repeated_with_the_same_id_until_the_receiver_is_back(post: Post, receiver: Receiver) -> None:
    [message] = await post.owe(await post.endpoint(receiver.url))
    receiver.answers = [500, 302, 404]
    pusher = post.pusher()
    for _ in range(4):
        assert await pusher.drain() == 1
        assert await pusher.drain() == 0, "not before it is due again"
        if await post.states() == {"pending": 1}:
            await post.to_next_due()

    assert receiver.ids == [message]
    assert receiver.tried == [message] * 4
    assert await post.states() == {"delivered": 1}
    tries = await post.rows("SELECT number, status FROM attempt ORDER BY number")
    assert [(row["number"], row["status"]) for row in tries] == [(1, 500), (2, 302), (3, 404), (4, 200)]


async def test_nobody_listening_is_a_failure_that_is_tried_again(post: Post) -> None:
    with receiving(post) as gone:
        at = await post.endpoint(gone.url)
    await post.owe(at)

    assert await post.pusher().drain() == 1
    [row] = await post.rows()
    assert (row["state"], row["last_error"], row["last_status"]) == ("pending", "refused", None)


async def test_a_receiver_that_asks_for_time_gets_it_within_reason(post: Post, receiver: Receiver) -> None:
    await post.owe(await post.endpoint(receiver.url), priority=0)  # red: the first wait is 5 s, 60 s when throttled
    receiver.answers, receiver.headers = [429, 429], {"retry-after": "90"}
    await post.pusher().drain()
    assert timedelta(seconds=90) <= await post.to_next_due() <= timedelta(seconds=108)

    receiver.headers = {"retry-after": "86400"}
    await post.pusher().drain()
    assert await post.to_next_due() <= timedelta(seconds=120), "nobody parks a warning for a day"


async def test_a_receiver_that_is_gone_is_switched_off_and_what_it_was_owed_is_given_up(
    post: Post, receiver: Receiver
) -> None:
    at = await post.endpoint(receiver.url)
    await post.owe(at, 30)
    receiver.usual = 410
    pusher = post.pusher()
    await pusher.drain()

    assert await post.states() == {"given_up": 30}
    [kept] = await post.rows("SELECT state, disabled_reason FROM endpoint")
    assert kept["state"] == "disabled"
    assert "410" in kept["disabled_reason"]
    assert len(receiver.tried) <= 4, "no more than were under way"
    assert len(await post.rows("SELECT id FROM attempt")) == len(receiver.tried), "every try is on record"
    async with post.doors.engine.connect() as connection:
        assert len(await outbox.given_up(connection, 500, EVERYWHERE)) == 30


@pytest.mark.parametrize(("priority", "tries"), [(0, 9), (1, 9), (2, 8), (3, 8)])
async def test_a_push_is_given_up_in_sight_when_its_schedule_is_used_up(
    post: Post, receiver: Receiver, priority: int, tries: int
) -> None:
    [message] = await post.owe(await post.endpoint(receiver.url), priority=priority)
    receiver.usual = 500
    pusher = post.pusher()
    while (await post.states())["pending"]:
        assert await pusher.drain() == 1
        if (await post.states())["pending"]:
            await post.to_next_due()

    assert receiver.tried == [message] * tries
    async with post.doors.engine.connect() as connection:
        [dead] = await outbox.given_up(connection, 10, EVERYWHERE)
        assert (await outbox.unsettled(connection))["given_up"] == 1
    assert (dead["message_id"], dead["attempts"], dead["last_status"]) == (message, tries, 500)


async def test_what_a_dead_pusher_had_claimed_goes_out_after_its_lease_with_the_same_id(
    post: Post, receiver: Receiver
) -> None:
    [message] = await post.owe(await post.endpoint(receiver.url))
    async with post.doors.transaction() as connection:
        assert len(await outbox.claim(connection, post.clock(), LEASE, Room(32, 4))) == 1  # and it dies here
    pusher = post.pusher()
    assert await pusher.drain() == 0

    post.clock.moment += LEASE
    assert await pusher.drain() == 1
    assert receiver.ids == [message]


async def test_a_pusher_stopped_in_mid_push_gives_it_back_at_once(
    post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_warnings, "STOP_SECONDS", 0.1)
    [message] = await post.owe(await post.endpoint(receiver.url))
    receiver.gate.clear()
    running = asyncio.create_task(post.pusher().run())
    await until(lambda: receiver.open == 1)
    running.cancel()
    await asyncio.wait([running])
    receiver.gate.set()

    assert await post.pusher().drain() == 1
    assert set(receiver.tried) == {message}
    assert await post.states() == {"delivered": 1}


async def test_a_pusher_told_to_stop_lets_pushes_under_way_finish(post: Post, receiver: Receiver) -> None:
    await post.owe(await post.endpoint(receiver.url))
    receiver.gate.clear()
    running = asyncio.create_task(post.pusher().run())
    await until(lambda: receiver.open == 1)
    running.cancel()
    await asyncio.sleep(0)
    receiver.gate.set()
    await asyncio.wait([running])

    assert await post.states() == {"delivered": 1}


async def test_two_pushers_push_each_row_once_when_nothing_fails(post: Post, receiver: Receiver) -> None:
    messages = await post.owe(await post.endpoint(receiver.url), 60)
    pushers = [post.pusher(workers=6, each=6) for _ in range(2)]
    await asyncio.gather(*(pusher.drain() for pusher in pushers))

    assert sorted(receiver.tried) == sorted(messages)
    assert await post.states() == {"delivered": 60}
    assert sum(pusher.counts["delivered"] for pusher in pushers) == 60


async def test_an_endpoint_never_gets_more_at_once_than_its_share(post: Post, receiver: Receiver) -> None:
    await post.owe(await post.endpoint(receiver.url), 40)
    running = asyncio.create_task(post.pusher(workers=30, each=3).run())
    await until(lambda: len(receiver.got) == 40)
    running.cancel()
    await asyncio.wait([running])

    assert receiver.most <= 3


async def test_a_pusher_never_has_more_under_way_than_its_places(post: Post, receiver: Receiver) -> None:
    for _ in range(10):
        await post.owe(await post.endpoint(receiver.url), 4)
    running = asyncio.create_task(post.pusher(workers=5, each=4).run())
    await until(lambda: len(receiver.got) == 40)
    running.cancel()
    await asyncio.wait([running])

    assert receiver.most <= 5


async def test_a_dead_endpoint_with_a_long_backlog_starves_nobody(post: Post, receiver: Receiver) -> None:
    with receiving(post) as hanging:
        hanging.gate.clear()  # takes every push and never answers: each costs its full time
        dead = await post.endpoint(hanging.url)
        await post.owe(dead, 500, priority=0, due_at=post.clock() - timedelta(hours=1))
        messages = await post.owe(await post.endpoint(receiver.url), 40, priority=3)
        running = asyncio.create_task(post.pusher(workers=8, each=4).run())
        await until(lambda: len(receiver.got) == 40, 5)
        assert sorted(receiver.ids) == sorted(messages)
        hanging.gate.set()
        hanging.usual = 503
        running.cancel()
        await asyncio.wait([running])


async def test_endpoints_that_keep_failing_get_one_push_at_a_time_and_then_a_pause(post: Post) -> None:
    with receiving(post) as failing:
        at = await post.endpoint(failing.url)
        failing.usual = 500
        pusher = post.pusher(workers=8, each=4)
        await post.owe(at, 4)
        await pusher.drain()
        assert failing.most > 1 or len(failing.tried) == 4
        failing.most = 0
        await post.owe(at, 12)
        await pusher.drain()
        assert (failing.most, len(failing.tried)) == (1, ENDURANCE.opens)
        await post.pusher().drain()
        assert len(failing.tried) == ENDURANCE.opens, "no pusher tries while the circuit is open"

        post.clock.moment += ENDURANCE.pause
        await pusher.drain()
        assert len(failing.tried) == ENDURANCE.opens + 1, "one probe"

        failing.usual = 200
        post.clock.moment += ENDURANCE.pause
        await pusher.drain()
        [stands] = await post.rows("SELECT failures, failing_since, paused_until FROM endpoint")
        assert (stands["failures"], stands["failing_since"], stands["paused_until"]) == (0, None, None)
        failing.gate.clear()
        await post.owe(at, 4)
        draining = asyncio.create_task(pusher.drain())
        await until(lambda: failing.open == 4)
        failing.gate.set()
        await draining


async def test_an_endpoint_that_failed_for_days_is_switched_off_and_others_are_told(
    post: Post, receiver: Receiver
) -> None:
    with receiving(post) as failing:
        at = await post.endpoint(failing.url)
        failing.usual = 500
        elsewhere = await post.beside(at, receiver.url, standby=True)
        coordinating = await post.endpoint(receiver.url, is_coordinator=True, area="330000000000")
        await post.endpoint(receiver.url)  # an office that has nothing to do with it
        pusher = post.pusher()
        await post.owe(at, 3, priority=3)
        await pusher.drain()
        post.clock.moment += ENDURANCE.ends - timedelta(seconds=1)
        await pusher.drain()
        assert [row["state"] for row in await post.standing(at)] == ["active"]

        post.clock.moment += timedelta(seconds=2)
        await post.owe(at, 1)
        await pusher.drain()

    [off] = await post.standing(at)
    assert (off["state"], off["disabled_reason"]) == ("disabled", "连续 5 天推送失败")
    owed_there = await post.rows(f"SELECT state FROM outbox WHERE endpoint_id = '{at}'")
    assert {row["state"] for row in owed_there} == {"given_up"}
    notices = await post.rows("SELECT endpoint_id, body FROM outbox")
    told = {row["endpoint_id"] for row in notices if b"endpoint.disabled" in bytes(row["body"])}
    assert told == {elsewhere, coordinating}
    assert [body["data"]["given_up"] for body in receiver.got if body["type"] == "endpoint.disabled"]


async def test_a_standby_hears_what_the_first_address_did_not_take_in_time_and_nothing_else(
    post: Post, receiver: Receiver
) -> None:
    with receiving(post) as failing:
        at = await post.endpoint(failing.url)
        standby = await post.beside(at, receiver.url, standby=True)
        [taken] = await post.owe(at, 1, priority=0)
        await post.owe(standby, 1)
        pusher = post.pusher()
        await pusher.drain()
        assert receiver.ids == [], "while the first address is active nothing is owed to its standby"
        failing.usual = 500
        red, blue = await post.owe(at, 1, priority=0), await post.owe(at, 1, priority=3)
        await pusher.drain()
        post.clock.moment += patience_of(Level.RED) - timedelta(seconds=1)
        await pusher.tend()
        await pusher.drain()
        assert receiver.got == []

        post.clock.moment += timedelta(seconds=1)
        await asyncio.gather(pusher.tend(), post.pusher().tend())
        await pusher.drain()
        await pusher.tend()
        await pusher.drain()

    rows = await post.rows("SELECT endpoint_id, warning_id, state, message_id, why FROM outbox")
    late = next(row["warning_id"] for row in rows if row["message_id"] == red[0])
    over = [row for row in rows if row["endpoint_id"] == standby]
    assert [(row["warning_id"], row["state"]) for row in over] == [(late, "delivered")]
    assert over[0]["why"].startswith("后备通道")
    assert {taken, *blue}.isdisjoint(row["message_id"] for row in over)


async def test_a_standby_is_owed_everything_where_no_first_address_is_active(post: Post, receiver: Receiver) -> None:
    at = await post.endpoint(receiver.url)
    standby = await post.beside(at, receiver.url, standby=True)
    await post.rows(f"UPDATE endpoint SET state = 'disabled' WHERE id = '{at}' RETURNING id")
    await post.owe(standby, 2)

    assert await post.pusher().drain() == 2


async def test_a_pace_per_minute_holds_for_all_pushers_together(post: Post, receiver: Receiver) -> None:
    await post.owe(await post.endpoint(receiver.url, per_minute=30), 60)
    pushers = [post.pusher(), post.pusher()]

    async def drained() -> int:
        await asyncio.gather(*(pusher.drain() for pusher in pushers))
        return len(receiver.ids)

    assert await drained() == 5, "ten seconds' worth at once"
    post.clock.moment += timedelta(seconds=1)
    assert await drained() == 5
    post.clock.moment += timedelta(seconds=3)
    assert await drained() == 7
    post.clock.moment += timedelta(hours=1)
    assert await drained() == 12, "what is unused is not kept"
    post.clock.moment -= timedelta(hours=1)
    await pushers[0].tend()
    assert await drained() == 17, "a clock set back stops nobody"


async def test_a_clock_set_back_an_hour_parks_nothing(post: Post, receiver: Receiver) -> None:
    at = await post.endpoint(receiver.url)
    receiver.answers = [500]
    failed = await post.owe(at, 1)
    pusher = post.pusher()
    post.clock.moment += timedelta(hours=1)
    receiver.answers = [500]
    await pusher.drain()
    fresh = await post.owe(at, 1)
    async with post.doors.transaction() as connection:
        claimed = await outbox.claim(connection, post.clock(), LEASE, Room(32, 4))  # and it dies here
    assert len(claimed) == 1
    post.clock.moment -= timedelta(hours=1)
    assert await pusher.drain() == 0

    await pusher.tend()
    await pusher.drain()
    assert sorted(receiver.ids) == sorted(failed + fresh)


async def test_a_clock_that_jumps_while_a_push_is_under_way_does_not_push_it_twice(
    post: Post, receiver: Receiver
) -> None:
    [message] = await post.owe(await post.endpoint(receiver.url))
    receiver.gate.clear()
    pusher = post.pusher()
    running = asyncio.create_task(pusher.run())
    await until(lambda: receiver.open == 1)
    pushed_at, post.clock.moment = post.clock.moment, post.clock.moment + timedelta(hours=1)
    assert await pusher.drain() == 0
    post.clock.moment = pushed_at
    receiver.gate.set()
    await until(lambda: pusher.counts["delivered"] == 1)
    running.cancel()
    await asyncio.wait([running])

    assert receiver.tried == [message]


async def test_the_database_going_away_for_a_moment_only_delays(post: Post, receiver: Receiver) -> None:
    at = await post.endpoint(receiver.url)
    pusher = post.pusher()
    running = asyncio.create_task(pusher.run())
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
    )
    rows = [owed(at, due_at=post.clock()) for _ in range(3)]
    messages = [row["message_id"] for row in rows]
    async with post.doors.transaction() as connection:  # the one connection that is left
        await connection.execute(text(cut))
        await insert_all(connection, [outbox.owed(rows)], Beside(notify=(outbox.OUTBOX_CHANNEL,)))
    await until(lambda: pusher.counts["delivered"] == 3)
    running.cancel()
    await asyncio.wait([running])

    assert sorted(receiver.ids) == sorted(messages)
