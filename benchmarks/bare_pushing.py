"""What the drain is held against: httpx posting the same bytes to the same receiver, and nothing else.

`python -m benchmarks.bare_pushing URL COUNT AT_ONCE` prints posts per second; 1 at once is the plain loop.
"""

from __future__ import annotations

import asyncio
import sys
import time

import httpx

from service.delivery.message import example_body
from service.store.engine import new_id
from tests.makers import NOON

BODY = example_body(NOON, "https://weiyu.example")


async def main(url: str, count: int, at_once: int) -> None:
    left = iter(range(count))
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=at_once)

    async def post_on(client: httpx.AsyncClient) -> None:
        for _ in left:
            response = await client.post(url, content=BODY, headers={"webhook-id": f"msg_{new_id().hex}"})
            response.raise_for_status()

    async with httpx.AsyncClient(trust_env=False, limits=limits) as client:
        await client.post(url, content=BODY)
        began = time.perf_counter()
        await asyncio.gather(*(post_on(client) for _ in range(at_once)))
        print(count / (time.perf_counter() - began))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
