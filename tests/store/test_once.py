"""Work that many ask for at once is done once, and nobody joins work that may not know what just changed."""

from __future__ import annotations

import asyncio

import pytest

from service.store.once import Once


class Work:
    """Work that ends when it is let go; counts how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = asyncio.Event()

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        await self.go.wait()
        return number


async def test_those_who_ask_together_share_the_work_and_later_ones_begin_anew() -> None:
    once, work = Once[int](), Work()
    asked = [asyncio.create_task(once.do("key", work)) for _ in range(5)]
    other = asyncio.create_task(once.do("other", work))
    await asyncio.sleep(0)
    work.go.set()

    assert await asyncio.gather(*asked) == [1] * 5
    assert await other == 2
    assert await once.do("key", work) == 3


async def test_one_who_gives_up_takes_the_work_from_nobody() -> None:
    once, work = Once[int](), Work()
    first, second = (asyncio.create_task(once.do("key", work)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    work.go.set()

    assert await second == 1
    assert first.cancelled()


async def test_nobody_joins_work_that_began_before_something_was_forgotten() -> None:
    once, work = Once[int](), Work()
    before = asyncio.create_task(once.do("key", work))
    await asyncio.sleep(0)
    once.forget()
    after = asyncio.create_task(once.do("key", work))
    await asyncio.sleep(0)
    work.go.set()

    assert (await before, await after) == (1, 2)


async def test_a_failure_is_told_to_all_who_waited_and_kept_for_nobody() -> None:
    async def fail() -> int:
        raise ValueError("once")

    once, work = Once[int](), Work()
    failed = await asyncio.gather(*(once.do("key", fail) for _ in range(3)), return_exceptions=True)
    assert [str(error) for error in failed] == ["once"] * 3
    work.go.set()
    assert await once.do("key", work) == 1
    with pytest.raises(ValueError, match="once"):
        await once.do("key", fail)
