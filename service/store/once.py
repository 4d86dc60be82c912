"""What many ask for at the same moment is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Work under way, by key. Whoever asks for a key while it is worked on waits for that work and shares its end."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[T]] = {}

    async def do(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of `work`, begun now unless it is under way. A caller that gives up does not end it for others."""
        under_way = self._under_way
        task = under_way.get(key)
        if task is None:
            task = under_way[key] = asyncio.create_task(work())
            task.add_done_callback(lambda done: _ended(done, under_way, key))
        return await asyncio.shield(task)

    def forget(self) -> None:
        """Let nobody join what is under way: it may not know what just changed."""
        self._under_way = {}


def _ended(task: asyncio.Task[T], under_way: dict[Hashable, asyncio.Task[T]], key: Hashable) -> None:
    under_way.pop(key, None)
    if not task.cancelled():
        task.exception()  # seen, also when every caller gave up
