"""The outbox: claimed under a lease, each endpoint within its share, a lost lease changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.store import outbox, reference, standing
from service.store.engine import Row, insert_all, insert_rows, new_id, open_engine, rows_of
from service.store.outbox import Room
from service.store.tables_service import DepartmentTable, EndpointTable
from tests.makers import NOON
from tests.store.making import department, endpoint, owed

LEASE = timedelta(seconds=60)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = open_engine(database_url, 10)
    yield made
    await made.dispose()


async def _endpoint(engine: AsyncEngine, **changes: Any) -> UUID:
    owner = department()
    row = endpoint(owner["id"], **changes)
    async with engine.begin() as connection:
        await insert_rows(connection, DepartmentTable, [owner])
        await insert_rows(connection, EndpointTable, [row])
    return UUID(str(row["id"]))


async def _owe(engine: AsyncEngine, *rows: Row) -> None:
    async with engine.begin() as connection:
        await insert_all(connection, [outbox.owed(rows)])


async def _claim(engine: AsyncEngine, now: Any = NOON, room: Room | None = None) -> list[Row]:
    async with engine.begin() as connection:
        return await outbox.claim(connection, now, LEASE, room or Room(32, 4))


async def _rows(engine: AsyncEngine, statement: str = "SELECT * FROM outbox") -> list[Row]:
    async with engine.connect() as connection:
        return rows_of(await connection.execute(text(statement)))


def _attempt(row: Row) -> Row:
    return {
        "id": new_id(), "outbox_id": row["id"], "endpoint_id": row["endpoint_id"], "number": row["attempts"],
        "started_at": NOON, "milliseconds": 1, "status": 200, "error": None, "response_head": None,
    }  # fmt: skip


DELIVERED = {
    "state": "delivered", "due_at": None, "last_status": 200, "last_error": None, "done_at": NOON, "touched_at": NOON,
}  # fmt: skip


async def _finish(engine: AsyncEngine, row: Row) -> bool:
    async with engine.begin() as connection:
        return await outbox.finish(connection, [outbox.Tried(row, _attempt(row), DELIVERED)]) == {row["id"]}


def _ids(rows: Sequence[Row]) -> set[UUID]:
    return {row["id"] for row in rows}


async def test_a_claimed_push_is_not_claimed_again_before_its_lease_ends(engine: AsyncEngine) -> None:
    await _owe(engine, owed(await _endpoint(engine)))
    first = await _claim(engine)

    assert len(first) == 1
    assert await _claim(engine, NOON + LEASE - timedelta(seconds=1)) == []
    again = await _claim(engine, NOON + LEASE)
    assert (again[0]["message_id"], again[0]["attempts"]) == (first[0]["message_id"], 2)


async def test_whoever_lost_its_lease_changes_nothing_but_its_try_is_kept(engine: AsyncEngine) -> None:
    await _owe(engine, owed(await _endpoint(engine)))
    dead = (await _claim(engine))[0]
    alive = (await _claim(engine, NOON + LEASE))[0]

    assert not await _finish(engine, dead)
    assert (await _rows(engine))[0]["state"] == "pending"
    assert await _finish(engine, alive)
    assert not await _finish(engine, alive), "finished is finished"
    assert len(await _rows(engine, "SELECT * FROM attempt")) == 3


async def test_a_claim_keeps_to_the_share_of_an_endpoint_and_the_free_places(engine: AsyncEngine) -> None:
    one, other = await _endpoint(engine), await _endpoint(engine)
    await _owe(engine, *[owed(one) for _ in range(9)], *[owed(other) for _ in range(9)])

    claimed = await _claim(engine, room=Room(free=5, each=3, busy=[one, one]))
    assert len(claimed) == 4
    assert [row["endpoint_id"] for row in claimed].count(one) == 1, "two of three places of it are taken"
    assert len(await _claim(engine, room=Room(free=2, each=3))) == 2


async def test_what_a_pusher_still_holds_is_not_given_to_it_again_by_a_clock_that_jumped(engine: AsyncEngine) -> None:
    await _owe(engine, owed(await _endpoint(engine)))
    held = await _claim(engine)

    later = NOON + timedelta(hours=1)
    assert await _claim(engine, later, Room(32, 4, held=[row["id"] for row in held])) == []
    assert _ids(await _claim(engine, later)) == _ids(held), "another pusher takes over"


async def test_the_most_urgent_pushes_go_first(engine: AsyncEngine) -> None:
    at = await _endpoint(engine)
    blue, red, early = owed(at, priority=3), owed(at, priority=0), owed(at, due_at=NOON - timedelta(hours=1))
    await _owe(engine, blue, red, early)

    order = [_ids(await _claim(engine, room=Room(1, 1))) for _ in range(3)]
    assert order == [{red["id"]}, {early["id"]}, {blue["id"]}]


async def test_two_hundred_claims_at_once_give_each_push_to_one(engine: AsyncEngine) -> None:
    endpoints = [await _endpoint(engine) for _ in range(5)]
    await _owe(engine, *[owed(at) for at in endpoints for _ in range(40)])

    async def claim_all() -> list[UUID]:
        found: list[UUID] = []
        while rows := await _claim(engine, room=Room(7, 3)):
            found += [row["id"] for row in rows]
        return found

    claimed = [row for rows in await asyncio.gather(*(claim_all() for _ in range(8))) for row in rows]
    assert len(claimed) == len(set(claimed)) == 200


async def test_nothing_new_is_owed_to_a_disabled_endpoint(engine: AsyncEngine) -> None:
    await _owe(engine, owed(await _endpoint(engine, state="disabled")))
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM outbox"))).scalar_one() == 0


async def test_an_endpoint_disabled_since_gets_nothing_and_keeps_what_it_is_owed(engine: AsyncEngine) -> None:
    at = await _endpoint(engine)
    await _owe(engine, owed(at))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE endpoint SET state = 'disabled'"))
    assert await _claim(engine) == []

    async with engine.begin() as connection:
        await connection.execute(text("UPDATE endpoint SET state = 'active'"))
    assert len(await _claim(engine)) == 1


async def test_a_push_given_back_is_due_at_once_as_if_never_claimed(engine: AsyncEngine) -> None:
    await _owe(engine, owed(await _endpoint(engine)))
    claimed = await _claim(engine)
    async with engine.begin() as connection:
        await outbox.give_back(connection, claimed, NOON)

    assert (await _claim(engine))[0]["attempts"] == 1


async def test_owing_a_push_twice_is_owing_it_once(engine: AsyncEngine) -> None:
    row = owed(await _endpoint(engine))
    await _owe(engine, row, row | {"id": new_id(), "message_id": "msg_other"})

    assert [kept["message_id"] for kept in await _rows(engine)] == [row["message_id"]]


async def test_stopping_an_endpoint_while_it_is_being_deleted_does_not_end_in_a_circle(engine: AsyncEngine) -> None:
    for _ in range(10):
        at = await _endpoint(engine)
        await _owe(engine, *[owed(at) for _ in range(20)])

        async def stop(at: UUID = at) -> None:
            async with engine.begin() as connection:
                await standing.switch_off(connection, at, "410", NOON)

        async def delete(at: UUID = at) -> None:
            async with engine.begin() as connection:
                await reference.delete_endpoint(connection, at, NOON)

        await asyncio.gather(stop(), delete(), stop())
    assert {row["state"] for row in await _rows(engine)} <= {"given_up", "cancelled"}


async def test_what_is_owed_and_given_up_is_counted_without_reading_the_delivered(engine: AsyncEngine) -> None:
    at = await _endpoint(engine)
    await _owe(engine, *[owed(at, state=state) for state in ("pending", "pending", "given_up", "delivered")])
    async with engine.begin() as connection:
        assert await outbox.unsettled(connection) == {"pending": 2, "given_up": 1}
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        for state in ("pending", "given_up"):
            plan = await connection.execute(text(f"EXPLAIN SELECT count(*) FROM outbox WHERE state = '{state}'"))
            assert "outbox_" in "".join(plan.scalars())
