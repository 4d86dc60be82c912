"""Pages put together from bytes are what the declared model would have said, and what is kept stays bounded."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from service.api.pages import KeptBytes, page_of
from service.api.shapes import WarningOut, WarningPage

WARNINGS = st.lists(st.builds(WarningOut), max_size=4)


@settings(max_examples=60, deadline=None)
@given(WARNINGS, st.integers(0, 2**63 - 1), st.booleans())
def test_a_page_of_rendered_warnings_is_the_declared_page_byte_for_byte(
    items: list[WarningOut], following: int, more: bool
) -> None:
    rendered = [TypeAdapter(WarningOut).dump_json(item) for item in items]

    assert page_of(rendered, following, more) == TypeAdapter(WarningPage).dump_json(
        WarningPage(items=items, next=following, more=more)
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.binary(max_size=40)), max_size=60))
def test_no_more_is_kept_than_was_said_and_never_a_wrong_value(puts: list[tuple[int, bytes]]) -> None:
    kept, latest = KeptBytes(100), dict[int, bytes]()
    for key, value in puts:
        kept.put(key, value)
        latest[key] = value
        found = {key: kept.get(key) for key in range(10)}
        assert kept.size == sum(len(one) for one in found.values() if one) <= 100
        assert all(one in (None, latest.get(key)) for key, one in found.items())


def test_what_was_not_asked_for_the_longest_leaves_first() -> None:
    kept = KeptBytes(10)
    for key in "abc":
        kept.put(key, b"1234" if key < "c" else b"12")
    kept.get("a")

    kept.put("d", b"1234")

    assert [kept.get(key) for key in "abcd"] == [b"1234", None, b"12", b"1234"]
    kept.put("large", b"x" * 11)
    assert kept.get("large") is None
