"""One running service for all tests of a module: for tests that leave nothing behind that another would meet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.served import Served, serving

INSIDE = ("Traceback", "psycopg", "sqlalchemy", "SELECT ", "INSERT ", "jsonb", ".py")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with serving(module_database_url, tmp_path_factory.mktemp("served")) as served:
        yield served


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The body of a refusal, which must be problem+json in Chinese that shows nothing of the house."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (body["code"], body["status"]) == (code, status)
    told = [body["detail"], *(error["detail"] for error in body.get("errors", []))]
    assert all(any("\u4e00" <= char <= "\u9fff" for char in text) for text in told), told
    assert not [word for word in INSIDE if word in response.text]
    return body


def fields(body: dict[str, Any]) -> dict[str, str]:
    return {error["field"]: error["code"] for error in body["errors"]}
