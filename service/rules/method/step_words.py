"""Chinese names of what the steps speak of."""

from __future__ import annotations

BODY_NAMES = {"decider": "决策主体", "assessor": "评估主体", "implementer": "实施主体"}
SCALE_NAMES = {
    "households": ("涉及户数", "户"), "people": ("涉及人数", "人"), "area_m2": ("面积", "平方米"),
    "staff": ("职工人数", "人"), "money_yuan": ("金额", "元"),
}  # fmt: skip
