from __future__ import annotations

import pytest

from service.rules.law.book import LawBook, load_law
from service.workflows.workdays import is_workday


@pytest.fixture(scope="session")
def law() -> LawBook:
    return load_law(is_workday=is_workday)
