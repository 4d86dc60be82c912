"""Time that passes faster than it would: pushes wait minutes and hours for their next try, an attack does not."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import psycopg

from tests.attack.processes import LEASE_SECONDS, PUSH_SECONDS
from tests.attack.scene import Scene


async def all_drained(scene: Scene) -> None:
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


async def wind(scene: Scene) -> None:
    """Retries wait minutes and hours; here they come due at once. Leases of the dead run their time until the end."""
    while True:
        with contextlib.suppress(psycopg.Error):  # the database may be away
            await asyncio.to_thread(_let_time_pass_at, scene.database.url)
        await asyncio.sleep(0.5)


def _let_time_pass_at(url: str) -> None:
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        _let_time_pass(connection, also_leases=False)


def _let_time_pass(connection: psycopg.Connection[tuple[Any, ...]], also_leases: bool) -> None:
    """What waits is due now, and no circuit is open, as if its time had passed.

    A lease is only ended when no push can be under way on it.
    """
    cut = "lease_token IS NULL"
    if also_leases:
        cut = f"({cut} OR due_at < now() + interval '{LEASE_SECONDS - 3 * PUSH_SECONDS} seconds')"
    moved = connection.execute(
        f"UPDATE outbox SET due_at = now(), lease_token = NULL WHERE state = 'pending' AND due_at > now() AND {cut}"
    )
    opened = connection.execute("UPDATE endpoint SET paused_until = NULL WHERE paused_until > now()")
    if moved.rowcount or opened.rowcount:
        connection.execute("NOTIFY weiyu_outbox")
