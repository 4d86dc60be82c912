"""企业微信群机器人: the key is in the address; 20 messages a minute."""

from __future__ import annotations

from typing import Any, ClassVar

from service.delivery.channels.robots import RobotChannel
from service.delivery.parcel import Parcel

MOST_BYTES = 2048  # of a text; source: 企业微信开发文档, 群机器人配置说明


class WeComChannel(RobotChannel):
    """A robot of a WeCom group."""

    too_fast: ClassVar[frozenset[int]] = frozenset({45009})  # 接口调用超过限制
    gone: ClassVar[frozenset[int]] = frozenset({93000})  # 机器人 webhookurl 不合法或者机器人已经被移除出群

    def request(self, parcel: Parcel, text: str) -> tuple[str, dict[str, Any]]:
        whole = text.encode()[:MOST_BYTES].decode(errors="ignore")
        return parcel.address.url, {"msgtype": "text", "text": {"content": whole}}
