"""What is known of a place: a week, the four weeks before it, a year of closings; days to come do not count."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from service.domain.matters import PlaceHistory
from service.store import matters
from service.store.engine import insert_all, open_engine
from tests.makers import NOON

PLACE, OTHER, UNKNOWN = ("990101", "labour"), ("990101", "land"), ("990102", "labour")
TODAY = NOON.date()


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = open_engine(database_url, 1)
    yield made
    await made.dispose()


async def test_days_are_counted_at_both_edges_of_week_month_and_year(engine: AsyncEngine) -> None:
    reports = {back: {"reports": 10**n} for n, back in enumerate((0, 6, 7, 34, 35, -1))}
    closed = {back: {"closed": 10**n, "escalated": 2 * 10**n} for n, back in enumerate((0, 34, 35, 364, 365, -1))}
    async with engine.begin() as connection:
        for counts in (reports, closed):
            days = {(PLACE, TODAY - timedelta(days=back)): count for back, count in counts.items()}
            await insert_all(connection, [matters.counted(days)])
        await insert_all(connection, [matters.counted({(OTHER, TODAY): {"reports": 5, "closed": 3}})])
        known = await matters.histories(connection, [PLACE, OTHER, UNKNOWN], TODAY)

    assert known == {
        PLACE: PlaceHistory(reports_7d=11, reports_28d_before=1100, closed_365d=1111, escalated_365d=2222),
        OTHER: PlaceHistory(reports_7d=5, closed_365d=3),
        UNKNOWN: PlaceHistory(),
    }
