"""Few things at once, each in one thread: threads that wait for each other in a small sum cost more than they bring.

And sums that are never parted among threads come out the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

AT_ONCE = 2
Given = TypeVar("Given")
Made = TypeVar("Made")


def each_alone(make: Callable[[Given], Made], given: Iterable[Given], at_once: int = AT_ONCE) -> list[Made]:
    """`make` of each, in their order, `at_once` at a time.

    Trees grow one at a time: the library that grows them changes the process's filters of warnings while it does.
    """

    def alone(one: Given) -> Made:
        with threadpool_limits(1):  # a limit holds for the thread that sets it
            return make(one)

    with threadpool_limits(1), ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(alone, given))
