"""A connected socket to an address that the guard has seen: for everything that is not HTTP."""

from __future__ import annotations

import asyncio
import socket

from service.delivery.guard import AddressGuard, IPAddress, Target
from service.delivery.transport import CONNECT_SECONDS


async def dial(guard: AddressGuard, target: Target) -> socket.socket:
    """Resolves once, refuses if any address is denied, connects to a checked one; the caller closes it.

    Raises DeniedAddress, UnresolvableName or the OSError of the last address that was tried.
    """
    addresses = await guard.admit(target.host, target.port, target.tls, target.ports)
    for address in addresses[:-1]:
        try:
            return await _connected(address, target.port, CONNECT_SECONDS / len(addresses))
        except OSError:
            continue  # the next address may answer
    return await _connected(addresses[-1], target.port, CONNECT_SECONDS / len(addresses))


async def _connected(address: IPAddress, port: int, seconds: float) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setblocking(False)
    try:
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().sock_connect(made, (str(address), port))
    except BaseException:
        made.close()
        raise
    return made
