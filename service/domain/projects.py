"""A project (重大事项): a decision or undertaking that is assessed before it is taken, and followed to its end."""

from __future__ import annotations

from enum import StrEnum


class ProjectKind(StrEnum):
    """What is to be decided. `track` says which way it is assessed."""

    LAND_EXPROPRIATION = "land_expropriation"
    HOUSE_EXPROPRIATION = "house_expropriation"
    CONSTRUCTION = "construction"
    INTRODUCTION = "introduction"
    RESTRUCTURING = "restructuring"
    ASSET_DISPOSAL = "asset_disposal"
    VILLAGE_ELECTION = "village_election"
    COMMUNITY_ELECTION = "community_election"
    POLICY = "policy"

    @property
    def zh(self) -> str:
        return _KINDS[self]

    @property
    def category(self) -> str:
        """The category of matters that such a project stirs up; who answers for it hears of the project too."""
        return _CATEGORIES[self]

    @property
    def track(self) -> Track:
        """An election is checked, not graded: p × q and shares of opposition say nothing about a vote."""
        return Track.QUICK if self in (self.VILLAGE_ELECTION, self.COMMUNITY_ELECTION) else Track.FULL


class Track(StrEnum):
    """前置排查, the quick check before something starts; or 稳评, the full assessment."""

    QUICK = "quick"
    FULL = "full"


class ProjectStage(StrEnum):
    """Where the undertaking itself is, whatever its assessment says."""

    PRE_DECISION = "pre_decision"
    IMPLEMENTING = "implementing"
    COMPLETED = "completed"
    STOPPED = "stopped"


_CATEGORIES = {
    ProjectKind.LAND_EXPROPRIATION: "land_resources.expropriation",
    ProjectKind.HOUSE_EXPROPRIATION: "urban_rural.demolition",
    ProjectKind.CONSTRUCTION: "urban_rural.construction",
    ProjectKind.INTRODUCTION: "urban_rural.planning",
    ProjectKind.RESTRUCTURING: "labour.restructuring",
    ProjectKind.ASSET_DISPOSAL: "organisation_discipline.collective_assets",
    ProjectKind.VILLAGE_ELECTION: "civil_affairs.election",
    ProjectKind.COMMUNITY_ELECTION: "civil_affairs.election",
    ProjectKind.POLICY: "other",
}
_KINDS = {
    ProjectKind.LAND_EXPROPRIATION: "征地",
    ProjectKind.HOUSE_EXPROPRIATION: "房屋征收（拆迁）",
    ProjectKind.CONSTRUCTION: "工程施工",
    ProjectKind.INTRODUCTION: "项目引进",
    ProjectKind.RESTRUCTURING: "企业改制",
    ProjectKind.ASSET_DISPOSAL: "集体资产处置",
    ProjectKind.VILLAGE_ELECTION: "村民委员会换届",
    ProjectKind.COMMUNITY_ELECTION: "居民委员会换届",
    ProjectKind.POLICY: "重大行政决策（其他）",
}
