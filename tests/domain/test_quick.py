from dataclasses import FrozenInstanceError, replace

import pytest

from service.domain.matters import Matter
from service.domain.quick import changed
from tests.scoring.makers import NOON, matter


def test_a_changed_value_is_what_replace_makes_of_it() -> None:
    old = matter()
    assert changed(old, report_count=7, closed_at=NOON) == replace(old, report_count=7, closed_at=NOON)
    assert old == matter(id=old.id), "the old one stays as it was"


def test_a_changed_value_is_as_frozen_as_the_old_one() -> None:
    made = changed(matter(), title="改")
    assert type(made) is Matter
    with pytest.raises(FrozenInstanceError):
        made.title = "再改"  # type: ignore[misc]


def test_a_field_that_is_not_there_cannot_be_changed() -> None:
    with pytest.raises(TypeError, match="petitioner"):
        changed(matter(), petitioner="x")
