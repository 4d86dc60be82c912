"""Files of evidence over HTTP: kept when declared, plain and as recorded; refused with what would be right."""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import Any

import httpx
import psycopg
import pytest

from service.domain.words import Scope
from service.store.engine import open_engine
from service.workflows.verifying import verify
from tests.journeys.conftest import ok
from tests.journeys.shared import refused
from tests.makers import COUNTY, OTHER_COUNTY, VILLAGE
from tests.served import Served

PLAIN = {"declared": "no_personal_data"}


def chunk(name: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(*more: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND")


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


JFIF = segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
SCAN = segment(0xDA, b"\x01\x01\0\0\x3f\0") + b"\x12\xff\x00\x34\xff\xd0\x56" + b"\xff\xd9"


def jpeg(*more: bytes, after: bytes = b"") -> bytes:
    return b"\xff\xd8" + JFIF + b"".join(more) + segment(0xDB, bytes(65)) + SCAN + after


def pdf(*objects: bytes) -> bytes:
    return b"%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj\n" + b"\n".join(objects) + b"\ntrailer <<>>\n%%EOF\n"


def packed(inside: bytes) -> bytes:
    body = zlib.compress(inside)
    return b"5 0 obj << /Type /ObjStm /Filter /FlateDecode >>\nstream\n" + body + b"\nendstream endobj"


@pytest.fixture
async def street(admin: httpx.AsyncClient) -> str:
    return str(ok(await admin.post("/v1/departments", json={"name": "清河街道", "area": COUNTY}), 201)["id"])


@pytest.fixture
async def planner(served: Served) -> httpx.AsyncClient:
    return await served.client(Scope.PLAN, name="街道办")


async def filed(planner: httpx.AsyncClient, street: str, content: bytes, kind: str = "notice") -> str:
    """The path of the file of a new project's evidence with this hash."""
    made = {"name": "清河片区", "kind": "house_expropriation", "area": VILLAGE, "department_id": street}
    project = ok(await planner.post("/v1/projects", json=made), 201)["id"]
    filing = {"kind": kind, "title": "征收公告", "dated": "2026-11-01", "department_id": street,
              "sha256": hashlib.sha256(content).hexdigest()}  # fmt: skip
    evidence = ok(await planner.post(f"/v1/projects/{project}/evidence", json=filing), 201)["id"]
    return f"/v1/projects/{project}/evidence/{evidence}/file"


async def put(client: httpx.AsyncClient, path: str, content: bytes, said: str, **query: Any) -> httpx.Response:
    return await client.put(path, content=content, params=PLAIN | query, headers={"content-type": said})


@pytest.mark.parametrize(
    ("content", "said", "kind", "evidence_kind"),
    [
        (pdf(), "application/pdf", "notice", "notice"),
        (png(), "image/png", "plan", "plan"),
        (jpeg(segment(0xE2, b"ICC_PROFILE\0x")), "image/jpeg", "place_photo", "photograph"),
    ],
)
async def test_a_plain_file_is_kept_and_given_back_as_an_attachment(
    planner: httpx.AsyncClient, reader: httpx.AsyncClient, street: str, content: bytes, said: str, kind: str,
    evidence_kind: str,
) -> None:  # fmt: skip
    path = await filed(planner, street, content, evidence_kind)
    kept = ok(await put(planner, path, content, said, kind=kind))
    assert (kept["size"], kept["media_type"], kept["removed_at"]) == (len(content), said, None)
    assert ok(await put(planner, path, content, said, kind=kind)) == kept

    answer = await reader.get(path)
    assert answer.content == content
    headers = answer.headers
    assert (headers["content-type"], headers["x-content-type-options"]) == (said, "nosniff")
    assert headers["content-disposition"].startswith("attachment; ")
    assert "sandbox" in headers["content-security-policy"]
    evidence = ok(await reader.get(path.removesuffix("/file").rpartition("/")[0]))
    assert [one["has_file"] for one in evidence] == [True]


@pytest.mark.parametrize(
    ("content", "said", "told"),
    [
        (jpeg(segment(0xE1, b"Exif\0\0MM\0*GPS")), "image/jpeg", "Exif"),
        (jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>")), "image/jpeg", "元数据"),
        (jpeg(segment(0xFE, "张三摄".encode())), "image/jpeg", "注释"),
        (jpeg(segment(0xE0, b"JFXX\0\x10thumbnail")), "image/jpeg", "缩略图"),
        (jpeg(after=jpeg()), "image/jpeg", "图像之后"),
        (jpeg()[:-2], "image/jpeg", "不是完整"),
        (png(chunk(b"eXIf", b"MM\0*")), "image/png", "元数据"),
        (png(chunk(b"tEXt", b"Author\0x")), "image/png", "元数据"),
        (png() + b"PK\x03\x04", "image/png", "图像之后"),
        (png()[:-8], "image/png", "不是完整"),
        (pdf(b"2 0 obj << /Author (Zhang) >> endobj"), "application/pdf", "作者"),
        (pdf(packed(b"<< /Author <FEFF5F20> >>")), "application/pdf", "作者"),
        (pdf(b"<dc:creator><rdf:Seq><rdf:li>Z</rdf:li></rdf:Seq></dc:creator>"), "application/pdf", "作者"),
        (pdf(packed(b"<< /S /JavaScript /JS (app.alert(1)) >>")), "application/pdf", "脚本"),
        (pdf(b"3 0 obj << /EmbeddedFiles 4 0 R >> endobj"), "application/pdf", "附件"),
        (pdf()[:-6], "application/pdf", "不是完整"),
    ],
)
async def test_what_a_file_carries_unseen_refuses_it(
    planner: httpx.AsyncClient, street: str, content: bytes, said: str, told: str
) -> None:
    path = await filed(planner, street, content)
    body = refused(await put(planner, path, content, said, kind="notice"), 422, "file_refused")
    assert told in body["errors"][0]["detail"]
    refused(await planner.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("content", "said", "query", "status", "code"),
    [
        (b"<html>", "text/html", {}, 415, "unsupported_media_type"),
        (png(), "application/pdf", {}, 415, "unsupported_media_type"),
        (pdf(), "application/pdf", {"kind": "place_photo"}, 415, "unsupported_media_type"),
        (png(), "image/png", {"kind": "plan"}, 422, "file_refused"),
        (png(), "image/png", {"kind": "questionnaire"}, 422, "invalid_request"),
        (png(), "image/png", {"declared": "yes"}, 422, "invalid_request"),
        (png() + b"0" * 5_000_000, "image/png", {}, 413, "body_too_large"),
        (b"", "image/png", {}, 415, "unsupported_media_type"),
    ],
)
async def test_what_may_not_be_kept_is_refused(
    planner: httpx.AsyncClient, street: str, content: bytes, said: str, query: dict[str, str], status: int, code: str
) -> None:
    path = await filed(planner, street, content)
    refused(await put(planner, path, content, said, **({"kind": "notice"} | query)), status, code)


async def test_without_a_declaration_with_another_hash_or_for_other_papers_nothing_is_kept(
    planner: httpx.AsyncClient, street: str
) -> None:
    path = await filed(planner, street, png())
    bare = await planner.put(path, content=png(), params={"kind": "notice"}, headers={"content-type": "image/png"})
    refused(bare, 422, "invalid_request")
    other = png(chunk(b"pHYs", bytes(9)))
    body = refused(await put(planner, path, other, "image/png", kind="notice"), 422, "file_refused")
    assert "SHA-256" in body["detail"]
    sheet = await filed(planner, street, png(), "sign_in_sheet")
    refused(await put(planner, sheet, png(), "image/png", kind="notice"), 422, "file_refused")
    ok(await planner.post(path.removesuffix("/file") + "/withdraw"))
    refused(await put(planner, path, png(), "image/png", kind="notice"), 409, "evidence_withdrawn")


async def test_a_removed_file_is_gone_and_both_steps_stay(
    planner: httpx.AsyncClient, reader: httpx.AsyncClient, street: str, served: Served
) -> None:
    path = await filed(planner, street, png())
    ok(await put(planner, path, png(), "image/png", kind="notice"))
    refused(await reader.delete(path), 403, "scope_missing")
    assert ok(await planner.delete(path))["removed_at"]
    refused(await planner.get(path), 404, "not_found")
    refused(await planner.delete(path), 404, "not_found")
    with psycopg.connect(served.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM evidence_content").fetchone() == (0,)
    steps = ok(await reader.get(path.partition("/evidence/")[0] + "/trail"))
    assert [step["action"] for step in steps][-2:] == ["evidence file stored", "evidence file removed"]


async def test_a_file_changed_behind_the_record_is_found(
    planner: httpx.AsyncClient, street: str, served: Served
) -> None:
    path = await filed(planner, street, png())
    ok(await put(planner, path, png(), "image/png", kind="notice"))
    assert await found(served) == []
    with psycopg.connect(served.database_url) as connection:
        connection.execute("UPDATE evidence_content SET content = 'x'")
    assert any("散列值" in one for one in await found(served))


async def found(served: Served) -> list[str]:
    engine = open_engine(served.database_url, 1)
    async with engine.connect() as connection:
        verified = await verify(connection)
    await engine.dispose()
    return [*verified.found]


async def test_a_key_of_another_county_does_not_reach_it(
    planner: httpx.AsyncClient, street: str, served: Served
) -> None:
    path = await filed(planner, street, png())
    ok(await put(planner, path, png(), "image/png", kind="notice"))
    neighbour = await served.client(Scope.PLAN, area=OTHER_COUNTY)
    refused(await put(neighbour, path, png(), "image/png", kind="notice"), 404, "not_found")
    refused(await neighbour.get(path), 404, "not_found")
    refused(await neighbour.delete(path), 404, "not_found")
