"""The closed words of the wire, each with its Chinese field term."""

from __future__ import annotations

from enum import StrEnum


class Source(StrEnum):
    """Where a report came from (来源)."""

    GRID = "grid"  # 网格
    HOTLINE = "hotline"  # 热线
    LETTER = "letter"  # 来信
    VISIT = "visit"  # 来访
    ONLINE = "online"  # 网上
    SUPERIOR = "superior"  # 上级交办
    LEADER_MAILBOX = "leader_mailbox"  # 领导信箱
    POLICE_LINKAGE = "police_linkage"  # 110 联动
    FIELD_VISIT = "field_visit"  # 下访
    OTHER = "other"  # 其他


class ReportStage(StrEnum):
    """Which report of an event it is."""

    INITIAL = "initial"  # 初报
    FOLLOW_UP = "follow_up"  # 续报
    FINAL = "final"  # 终报


class Handling(StrEnum):
    """What became of the matter where it was reported."""

    SETTLED_ON_SPOT = "settled_on_spot"  # 当场办结
    FORWARDED = "forwarded"  # 上报


class MatterStatus(StrEnum):
    """Where a matter stands."""

    OPEN = "open"  # 办理中
    CLOSED = "closed"  # 已办结
    MERGED = "merged"  # 已并入另一事项


class WarningState(StrEnum):
    """Where a warning stands."""

    PENDING_CONFIRMATION = "pending_confirmation"  # 待核实
    ISSUED = "issued"  # 已发出
    ACKNOWLEDGED = "acknowledged"  # 牵头单位已签收
    RESOLVED = "resolved"  # 已办结
    CANCELLED = "cancelled"  # 已撤销


class DutyRole(StrEnum):
    """A department's part in a warning."""

    LEAD = "lead"  # 牵头
    PARTICIPANT = "participant"  # 配合
    COORDINATOR = "coordinator"  # 协调


class Outcome(StrEnum):
    """What really happened (结果)."""

    SETTLED = "settled"  # 化解
    ESCALATED = "escalated"  # 升级
    FALSE_ALARM = "false_alarm"  # 误报
    UNKNOWN = "unknown"  # 不明


class SubjectKind(StrEnum):
    """What a warning is about."""

    MATTER = "matter"  # 事项
    PROJECT = "project"  # 重大事项
    AREA = "area"  # 区域


class Scope(StrEnum):
    """What a key may do."""

    REPORT = "report"
    PLAN = "plan"
    RESPOND = "respond"
    READ = "read"
    ADMINISTER = "administer"
