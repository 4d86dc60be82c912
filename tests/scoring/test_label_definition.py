from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.domain.catalogue import load_catalogue
from service.rules.thresholds import load_thresholds
from service.scoring.label_definition import LABELS_FILE, LabelDefinitionError, load_definition

DAY = date(2026, 6, 10)
AREA = "990101001001"


def written(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The shipped definition, changed."""
    content = yaml.safe_load(LABELS_FILE.read_text("utf-8"))
    change(content)
    file = folder / "labels.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    return file


def test_the_shipped_definition_says_what_was_asked_for() -> None:
    definition = load_definition()
    assert definition.horizons == (7, 14, 30)
    assert definition.value("least_people", AREA, DAY) == 5
    assert definition.disruption | definition.harm <= set(load_catalogue().signals)


def test_places_speech_and_announcements_are_no_part_of_it() -> None:
    named = load_definition().disruption | load_definition().harm
    assert named.isdisjoint({"sensitive_place", "media_present", "spreading_online", "gathering_announced"})


def test_the_label_and_the_service_agree_from_how_many_people_on_a_matter_is_predicted() -> None:
    served = load_thresholds().value("model.minimum_people", AREA, DAY)
    assert load_definition().value("least_people", AREA, DAY) == served


def test_a_district_may_set_its_own_number_from_a_day_on(tmp_path: Path) -> None:
    own = {"value": 50, "region": ["990101"], "from": date(2026, 1, 1), "source": "某区约定"}
    definition = load_definition(written(tmp_path, lambda c: c["values"][1]["entries"].append(own)))
    assert definition.value("growth_people", AREA, DAY) == 50
    assert definition.value("growth_people", AREA, date(2025, 12, 31)) == 30
    assert definition.value("growth_people", "990102001001", DAY) == 30


def test_where_no_value_is_in_force_it_says_so(tmp_path: Path) -> None:
    definition = load_definition(written(tmp_path, lambda c: c["values"][0]["entries"][0].update(region=["110105"])))
    with pytest.raises(LabelDefinitionError, match="least_people"):
        definition.value("least_people", AREA, DAY)


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("不认识的信号", lambda c: c["harm"].update(anger={})),
        ("growth_times", lambda c: c["values"].pop()),
        ("horizons", lambda c: c.update(horizons=[30, 7])),
        ("source", lambda c: c["values"][0]["entries"][0].pop("source")),
        ("anew_after_days", lambda c: c["disruption"]["road_blocked"].update(anew_after_days=0)),
        ("extra", lambda c: c.update(extra=1)),
    ],
)
def test_a_faulty_definition_is_refused_with_the_reason(
    tmp_path: Path, said: str, change: Callable[[dict[str, Any]], object]
) -> None:
    with pytest.raises(LabelDefinitionError, match=said):
        load_definition(written(tmp_path, change))
