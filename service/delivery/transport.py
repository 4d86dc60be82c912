"""An HTTP client that asks the guard at the moment it connects, so that a name cannot change its address in between."""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpcore
import httpx

from service.delivery.guard import AddressGuard

KEPT_CONNECTIONS = 50  # idle ones kept for the next push
KEEP_ALIVE_SECONDS = 15.0
CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0  # source: Standard Webhooks 1.0.0, 15 to 30 s


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves once, refuses if any address is denied, connects to a checked address. TLS and Host keep the name."""

    def __init__(self, guard: AddressGuard, tls: bool) -> None:
        self._guard = guard
        self._tls = tls
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._guard.admit(host, port, self._tls)
        share = None if timeout is None else timeout / len(addresses)
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(str(address), port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue  # the next address may answer
        return await self._inner.connect_tcp(str(addresses[-1]), port, share, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class GuardedTransport(httpx.AsyncBaseTransport):
    """httpx over connections of httpcore with our own backend: httpx offers no public way to hand one in.

    Errors stay httpcore's own (and DeniedAddress, UnresolvableName): the channel gives them their names.
    """

    def __init__(self, guard: AddressGuard, tls: bool, context: ssl.SSLContext) -> None:
        self._backend = GuardedBackend(guard, tls)
        self._context = context
        self._kept = KeptConnections()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path
        )
        connection = await self._kept.take(url.origin) or self._opened(url.origin)
        answer = await connection.handle_async_request(
            httpcore.Request(
                request.method, url, headers=request.headers.raw, content=request.stream, extensions=request.extensions
            )
        )
        stream = _Stream(answer, connection, self._kept, url.origin)
        return httpx.Response(answer.status, headers=answer.headers, stream=stream, extensions=answer.extensions)

    def _opened(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        return httpcore.AsyncHTTPConnection(
            origin, self._context, keepalive_expiry=KEEP_ALIVE_SECONDS, network_backend=self._backend
        )

    async def aclose(self) -> None:
        await self._kept.aclose()


Place = tuple[bytes, bytes, int]


class KeptConnections:
    """Idle connections, for the next push to the same place.

    httpcore's own pool looks at every connection for every request, asks the system about each, and in 1.0.9 keeps a
    dead one for ever when a request is cancelled while it queues: here it was a third of a push. How many run at once
    is decided where pushes are claimed.
    """

    def __init__(self) -> None:
        self._idle: OrderedDict[httpcore.AsyncHTTPConnection, tuple[Place, float]] = OrderedDict()
        self._by_place: dict[Place, list[httpcore.AsyncHTTPConnection]] = {}

    async def take(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection | None:
        """One that is still good; those that are not are closed."""
        here = self._by_place.get(_place(origin), [])
        while here:
            connection = here[-1]
            self._forget(connection)
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    async def keep(self, connection: httpcore.AsyncHTTPConnection, origin: httpcore.Origin) -> None:
        """After an answer was read to its end; the oldest give way."""
        now, place = asyncio.get_running_loop().time(), _place(origin)
        self._idle[connection] = place, now
        self._by_place.setdefault(place, []).append(connection)
        while (oldest := next(iter(self._idle))) is not connection:
            if len(self._idle) <= KEPT_CONNECTIONS and now - self._idle[oldest][1] < KEEP_ALIVE_SECONDS:
                break
            self._forget(oldest)
            await oldest.aclose()

    async def aclose(self) -> None:
        for connection in [*self._idle]:
            self._forget(connection)
            await connection.aclose()

    def _forget(self, connection: httpcore.AsyncHTTPConnection) -> None:
        place, _ = self._idle.pop(connection)
        self._by_place[place].remove(connection)
        if not self._by_place[place]:
            del self._by_place[place]


def _place(origin: httpcore.Origin) -> Place:
    return origin.scheme, origin.host, origin.port


class _Stream(httpx.AsyncByteStream):
    def __init__(
        self,
        answer: httpcore.Response,
        connection: httpcore.AsyncHTTPConnection,
        kept: KeptConnections,
        origin: httpcore.Origin,
    ) -> None:
        self._answer, self._connection, self._kept, self._origin = answer, connection, kept, origin
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._answer.aiter_stream():
            yield part

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._answer.aclose()
        if self._connection.is_idle():  # read to its end; else it has closed itself
            await self._kept.keep(self._connection, self._origin)


class GuardedClient(httpx.AsyncClient):
    """A client that remembers its certificates, for what is encrypted but not HTTP."""

    certificates: ssl.SSLContext


def certificates(client: httpx.AsyncClient) -> ssl.SSLContext:
    """The authorities that a client of `new_client` trusts."""
    assert isinstance(client, GuardedClient)
    return client.certificates


def new_client(guard: AddressGuard, context: ssl.SSLContext | None = None) -> GuardedClient:
    """The client of all pushes; whoever makes it closes it. `context`: for receivers with an authority of their own.

    No proxy and no settings from the environment, no redirect followed, no cookie kept.
    """
    context = context or httpx.create_ssl_context(trust_env=False)
    client = GuardedClient(
        transport=GuardedTransport(guard, tls=True, context=context),
        mounts={"http://": GuardedTransport(guard, tls=False, context=context)},
        timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS),
        trust_env=False,
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )
    client.certificates = context
    return client
