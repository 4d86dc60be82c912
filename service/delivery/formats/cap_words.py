"""Which CAP words a warning is said in, read from cap.yaml."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from service.delivery.formats.bulletin import Bulletin
from service.domain.levels import Level
from service.domain.warnings import BY_ORDER
from service.domain.yaml_files import read_yaml

CAP_FILE = Path(__file__).with_name("cap.yaml")
Category = Literal[
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other"
]
Certainty = Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"]


class CapWordsError(ValueError):
    """A mapping that cannot be used; the text says in Chinese what is wrong and where."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Part):
    """What CAP says of one level; `confirmed` is the certainty once a person vouched for the warning."""

    severity: Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"]
    certainty: Certainty
    urgency: Literal["Immediate", "Expected", "Future", "Past", "Unknown"]
    confirmed: Certainty | None = None


class CapWords(_Part):
    """The whole mapping."""

    mapping: str
    version: str
    source: str
    unverified: bool = False
    levels: dict[Level, Words]
    categories: dict[str, Category]
    others: Category

    def certainty(self, bulletin: Bulletin) -> Certainty:
        words = self.levels[bulletin.level]
        return (words.confirmed if _is_vouched_for(bulletin) else None) or words.certainty

    def category(self, code: str, first_level: str) -> Category:
        return self.categories.get(code) or self.categories.get(first_level) or self.others


def _is_vouched_for(bulletin: Bulletin) -> bool:
    """Whether a person said that it is so: a standing order says only that it may leave."""
    by = bulletin.confirmed_by
    return by is not None and not bulletin.unverified and not by.startswith(BY_ORDER)


@cache
def cap_words(source: Path = CAP_FILE) -> CapWords:
    """Read and check the mapping. Raises CapWordsError."""
    try:
        words = CapWords.model_validate(read_yaml(source))
    except ValidationError as error:
        wrong = "；".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise CapWordsError(f"{source.name} 有误：{wrong}") from None
    missing = [level for level in Level if level not in words.levels]
    if missing:
        raise CapWordsError(f"{source.name} 有误：levels 缺少 {missing}")
    return words
