"""An HTTP client that asks the guard at the moment it connects, so that a name cannot change its address in between."""

from __future__ import annotations

import ssl
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
    """httpx over a connection pool of httpcore with our own backend: httpx offers no public way to hand one in.

    Errors stay httpcore's own (and DeniedAddress, UnresolvableName): the channel gives them their names.
    """

    def __init__(self, guard: AddressGuard, tls: bool, context: ssl.SSLContext) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            # No cap here: in httpcore 1.0.9 a request cancelled while it queues for a connection leaves a dead one in
            # the pool for ever, until none is left. How many pushes run at once is decided where they are claimed.
            max_connections=None,
            max_keepalive_connections=KEPT_CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            network_backend=GuardedBackend(guard, tls),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path
        )
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                request.method, url, headers=request.headers.raw, content=request.stream, extensions=request.extensions
            )
        )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Stream(answer), extensions=answer.extensions
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Stream(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._answer.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._answer.aclose()


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
