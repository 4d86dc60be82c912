"""What a viewer may see. Every read of warnings and matters starts from one of these two conditions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from service.domain.areas import prefix_of


@dataclass(frozen=True, slots=True)
class Sight:
    """A viewer's narrowing: the area subtree of the key, and the department it speaks for."""

    area: str | None
    department_id: UUID | None

    @property
    def parameters(self) -> dict[str, Any]:
        return {"sight_area": prefix_of(self.area) + "%" if self.area else "%", "sight_department": self.department_id}


# A restricted warning (not yet known to touch five people) is seen by the departments that owe it, nobody else.
WARNINGS_IN_SIGHT = (
    "(w.area LIKE :sight_area AND (NOT w.restricted OR CAST(:sight_department AS uuid) = ANY(w.department_ids)))"
)
MATTERS_IN_SIGHT = "(m.area LIKE :sight_area)"
PROJECTS_IN_SIGHT = "(p.area LIKE :sight_area)"
