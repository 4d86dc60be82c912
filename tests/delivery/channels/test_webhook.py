from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from service.delivery.channels.webhook import WebhookChannel
from service.delivery.guard import AddressGuard, parse_allow
from service.delivery.parcel import Address, Parcel, Tools
from service.delivery.posting import BODY_CAP
from service.delivery.result import HEAD_BYTES, PushResult, Verdict, seconds_asked
from service.delivery.signing import new_secret
from service.delivery.transport import new_client
from tests.delivery import receivers
from tests.delivery.receivers import Manners, answers, listening

SECRET = new_secret()
BODY = '{"type":"warning.issued","说明":"预警"}'.encode()
NOW = 1_800_000_000
LOOPBACK = AddressGuard(parse_allow("127.0.0.0/8"))


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with new_client(LOOPBACK) as made:
        yield made


def channel(client: httpx.AsyncClient, seconds: float = 5.0) -> WebhookChannel:
    return WebhookChannel(Tools(LOOPBACK, client, seconds, "http://weiyu.example:8000"))


async def push(client: httpx.AsyncClient, url: str, seconds: float = 5.0, now: int = NOW) -> PushResult:
    return await channel(client, seconds).push(Parcel(Address(url, (SECRET,)), "msg_1", BODY, now))


async def pushed_to(client: httpx.AsyncClient, manners: Manners, seconds: float = 5.0) -> PushResult:
    async with listening(manners) as receiver:
        return await push(client, receiver.url, seconds)


@pytest.mark.parametrize(
    ("status", "verdict", "error"),
    [
        ("200 OK", Verdict.DELIVERED, None),
        ("202 Accepted", Verdict.DELIVERED, None),
        ("302 Found", Verdict.RETRY, "redirect"),
        ("304 Not Modified", Verdict.RETRY, "redirect"),
        ("400 Bad Request", Verdict.RETRY, "bad_status"),
        ("404 Not Found", Verdict.RETRY, "bad_status"),
        ("410 Gone", Verdict.GONE, "bad_status"),
        ("429 Too Many Requests", Verdict.THROTTLE, "bad_status"),
        ("500 Internal Server Error", Verdict.RETRY, "bad_status"),
        ("502 Bad Gateway", Verdict.THROTTLE, "bad_status"),
        ("503 Service Unavailable", Verdict.RETRY, "bad_status"),
        ("504 Gateway Timeout", Verdict.THROTTLE, "bad_status"),
    ],
)
async def test_a_status_has_its_verdict(
    client: httpx.AsyncClient, status: str, verdict: Verdict, error: str | None
) -> None:
    result = await pushed_to(client, answers(status, body=b""))
    assert (result.status, result.verdict, result.error) == (int(status[:3]), verdict, error)


@pytest.mark.parametrize(
    ("manners", "status", "error"),
    [
        (receivers.hangs, None, "timeout"),
        (receivers.drips, 200, "timeout"),
        (receivers.drips_its_head, None, "timeout"),
        (receivers.closes_in_the_middle, 200, "broken_response"),
        (receivers.closes_at_once, None, "broken_response"),
        (receivers.talks_nonsense, None, "broken_response"),
        (answers("200 OK", "X-Long: " + "x" * 200_000), None, "broken_response"),
    ],
)
async def test_a_receiver_without_manners_is_tried_again(
    client: httpx.AsyncClient, manners: Manners, status: int | None, error: str
) -> None:
    result = await pushed_to(client, manners, seconds=0.3)
    assert (result.status, result.error, result.verdict) == (status, error, Verdict.RETRY)
    assert result.milliseconds < 2000


async def test_a_receiver_that_says_200_without_end_is_cut_off_and_has_got_it(client: httpx.AsyncClient) -> None:
    result = await pushed_to(client, receivers.never_ends)
    assert (result.verdict, result.error) == (Verdict.DELIVERED, "too_large")
    assert len(result.response_head) == HEAD_BYTES


async def test_a_body_at_the_cap_is_read_whole(client: httpx.AsyncClient) -> None:
    result = await pushed_to(client, answers("200 OK", body=b"x" * BODY_CAP))
    assert (result.verdict, result.error) == (Verdict.DELIVERED, None)


async def test_a_packed_answer_is_not_unpacked(client: httpx.AsyncClient) -> None:
    result = await pushed_to(client, answers("200 OK", "Content-Encoding: gzip", body=b"not gzip"))
    assert result.response_head == "not gzip"


async def test_bytes_that_a_text_column_cannot_hold_are_replaced(client: httpx.AsyncClient) -> None:
    result = await pushed_to(client, answers("200 OK", body=b"a\x00b\xff"))
    assert result.response_head == "a\ufffdb\ufffd"


async def test_a_closed_port_is_refused(client: httpx.AsyncClient) -> None:
    async with listening(answers("200 OK")) as receiver:
        url = receiver.url
    result = await push(client, url)
    assert (result.error, result.verdict, result.status) == ("refused", Verdict.RETRY, None)


async def test_plain_http_under_an_https_address_is_a_tls_error(client: httpx.AsyncClient) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        result = await push(client, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert (result.error, result.verdict) == ("tls", Verdict.RETRY)


async def test_a_redirect_is_not_followed(client: httpx.AsyncClient) -> None:
    async with listening(answers("200 OK")) as target:
        async with listening(answers("307 Temporary Redirect", f"Location: {target.url}")) as first:
            await push(client, first.url)
        assert (len(first.requests), len(target.requests)) == (1, 0)


async def test_a_cookie_is_not_kept(client: httpx.AsyncClient) -> None:
    async with listening(answers("200 OK", "Set-Cookie: a=b")) as receiver:
        await push(client, receiver.url)
        await push(client, receiver.url)
    assert [headers.get("cookie") for _, headers, _ in receiver.requests] == [None, None]


async def test_a_proxy_of_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(answers("200 OK")) as receiver, listening(answers("200 OK")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        async with new_client(LOOPBACK) as client:
            await push(client, receiver.url)
    assert (len(receiver.requests), len(proxy.requests)) == (1, 0)


async def test_the_reference_verifier_accepts_what_arrived(client: httpx.AsyncClient) -> None:
    async with listening(answers("200 OK")) as receiver:
        await push(client, receiver.url, now=int(time.time()))
    path, headers, body = receiver.requests[0]
    assert (path, body, headers["content-type"]) == ("/hook", BODY, "application/json")
    assert Webhook(SECRET).verify(body, headers) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)


async def test_a_denied_address_is_never_connected_to() -> None:
    async with listening(answers("200 OK")) as receiver, new_client(AddressGuard()) as closed:
        result = await push(closed, receiver.url)
        assert (result.error, result.verdict, receiver.requests) == ("denied_address", Verdict.RETRY, [])


@pytest.mark.parametrize(
    ("url", "error"),
    [("ftp://127.0.0.1/", "endpoint_scheme"), ("http://a:b@127.0.0.1/", "endpoint_userinfo"), ("x", "endpoint_scheme")],
)
async def test_a_url_of_the_wrong_form_is_named_and_not_raised(client: httpx.AsyncClient, url: str, error: str) -> None:
    assert (await push(client, url)).error == error


async def test_a_secret_that_cannot_sign_is_named_and_not_raised(client: httpx.AsyncClient) -> None:
    result = await channel(client).push(Parcel(Address("http://127.0.0.1:1/", ("whsec_short",)), "msg_1", BODY, NOW))
    assert (result.error, result.status) == ("bad_secret", None)


async def test_a_hanging_receiver_holds_up_nobody_else(client: httpx.AsyncClient) -> None:
    async with listening(receivers.hangs) as dead, listening(answers("200 OK")) as alive:
        slow = [asyncio.create_task(push(client, dead.url, seconds=0.6)) for _ in range(10)]
        quick = await push(client, alive.url)
        assert quick.verdict is Verdict.DELIVERED
        assert not any(task.done() for task in slow)
        assert {result.error for result in await asyncio.gather(*slow)} == {"timeout"}


async def test_no_push_queues_inside_the_client_where_cancelling_it_would_leak_a_connection(
    client: httpx.AsyncClient,
) -> None:
    async with listening(receivers.hangs) as dead:
        waiting = [asyncio.create_task(push(client, dead.url, seconds=60)) for _ in range(250)]
        async with asyncio.timeout(20):
            for _ in waiting:
                await dead.arrived.acquire()
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_too_many_requests_and_a_timeout_slow_the_schedule_down(client: httpx.AsyncClient) -> None:
    asked = await pushed_to(client, answers("429 Too Many Requests", "Retry-After: 120"))
    assert (asked.setback.throttled, asked.setback.retry_after) == (True, 120.0)
    silent = await pushed_to(client, receivers.hangs, seconds=0.1)
    assert (silent.setback.throttled, silent.setback.retry_after) == (True, None)
    broken = await pushed_to(client, answers("500 Internal Server Error"))
    assert broken.setback.throttled is False


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        (" 0 ", 0.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("９", None),
        ("9" * 5000, 999_999_999.0),
        ("Fri, 15 Jan 2027 08:01:40 GMT", 100.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("Fri, 15 Jan 99999 07:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(text: str | None, seconds: float | None) -> None:
    assert seconds_asked(text, NOW) == seconds


@given(st.text() | st.datetimes().map(lambda at: format_datetime(at)))
def test_no_retry_after_breaks_the_reader(text: str) -> None:
    seconds = seconds_asked(text, NOW)
    assert seconds is None or seconds >= 0
