"""docs/delivery.md says what the code does: its table, its kinds, its ten lines."""

from __future__ import annotations

import re
import time
from typing import Any

from service.delivery.kinds import KINDS
from service.delivery.schedule import as_table
from service.delivery.signing import headers, new_secret
from tests.source import ROOT

PAGE = (ROOT / "docs" / "delivery.md").read_text("utf-8")


def test_the_table_of_schedules_is_the_one_in_use() -> None:
    assert as_table() in PAGE


def test_every_kind_has_its_line() -> None:
    assert [kind for kind in KINDS if f"`{kind}`" not in PAGE] == []


def test_the_ten_lines_check_a_signature() -> None:
    found = re.search(r"```python\n(.+?)```", PAGE, re.DOTALL)
    assert found is not None
    page: dict[str, Any] = {}
    exec(found[1], page)  # noqa: S102 our own page
    secret, body = new_secret(), '{"说明":"预警"}'.encode()
    signed = headers([new_secret(), secret], "msg_1", int(time.time()), body)
    assert page["verified"](secret, signed, body)
    assert not page["verified"](secret, signed, body + b" ")
    assert not page["verified"](new_secret(), signed, body)
    assert not page["verified"](secret, headers([secret], "msg_1", int(time.time()) - 400, body), body)
