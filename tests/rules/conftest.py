from __future__ import annotations

import pytest

from service.domain.catalogue import load_catalogue
from service.rules.facts import matter_vocabulary
from service.rules.rulebook import INCIDENT_RULEBOOK, Rulebook, load_rulebook
from service.rules.vocabulary import FactVocabulary


@pytest.fixture(scope="session")
def vocabulary() -> FactVocabulary:
    return matter_vocabulary(load_catalogue())


@pytest.fixture(scope="session")
def incident(vocabulary: FactVocabulary) -> Rulebook:
    return load_rulebook(INCIDENT_RULEBOOK, vocabulary)
