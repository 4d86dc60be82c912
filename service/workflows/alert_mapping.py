"""Which category and area an alert speaks of, read from alerts_in.yaml: every fault with its line and column."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from service.domain.catalogue import Catalogue
from service.rules.positions import LoadFailure, hint, read_source
from service.rules.schema import Text
from service.rules.validation import Part, validated

MAPPING_FILE = Path(__file__).with_name("alerts_in.yaml")
Names = Annotated[list[Text], Field(min_length=1)]


class AlertMappingError(LoadFailure):
    """A mapping that cannot be used; `errors` holds every fault with its position."""


class LabelNames(Part):
    """In which labels an alert says where, what and with which signals."""

    area: Names
    category: Names
    signals: Names


class AnnotationNames(Part):
    """In which annotations an alert says what people may read."""

    title: Names
    text: Names
    place_text: Names
    people_affected: Names


class AlertMapping(Part):
    """The whole mapping."""

    mapping: Text
    version: Text
    source: Text
    unverified: bool
    labels: LabelNames
    annotations: AnnotationNames
    alertnames: dict[str, Text]
    own_label: Text
    resolve_minutes: Annotated[int, Field(ge=1, le=1440)]


_INSIDE: dict[str, type[BaseModel]] = {"labels": LabelNames, "annotations": AnnotationNames}


def load_alert_mapping(
    catalogue: Catalogue, source: Path | str | bytes = MAPPING_FILE, name: str | None = None
) -> AlertMapping:
    """Read and check a mapping against the catalogue. Raises AlertMappingError."""
    document = read_source(source, name)
    mapping = None if document.errors else validated(AlertMapping, document, (), _INSIDE)
    for alertname, category in mapping.alertnames.items() if mapping else ():
        if category not in catalogue.categories:
            said = f"目录中没有类别 ‘{category}’{hint(category, catalogue.categories)}"
            document.fault(("alertnames", alertname), said)
    if mapping is None or document.errors:
        raise AlertMappingError(document.errors)
    return mapping
