"""钉钉群机器人: with 加签 the address carries time and signature of the moment; 20 messages a minute."""

from __future__ import annotations

import base64
import hmac
from typing import Any, ClassVar
from urllib.parse import quote_plus

from service.delivery.channels.robots import RobotChannel
from service.delivery.parcel import Parcel


class DingTalkChannel(RobotChannel):
    """A robot of a DingTalk group; its secret (SEC…) is given by DingTalk."""

    too_fast: ClassVar[frozenset[int]] = frozenset({130101, 660026})  # 发送速度太快而限流
    gone: ClassVar[frozenset[int]] = frozenset({300005})  # token is not exist

    def request(self, parcel: Parcel, text: str) -> tuple[str, dict[str, Any]]:
        url = parcel.address.url
        if parcel.address.secrets:
            milliseconds = parcel.now_unix * 1000
            url += f"&timestamp={milliseconds}&sign={quote_plus(sign(parcel.address.secrets[0], milliseconds))}"
        return url, {"msgtype": "text", "text": {"content": text}}


def sign(secret: str, milliseconds: int) -> str:
    """HMAC-SHA256 under the secret over time, newline and secret."""
    return base64.b64encode(hmac.digest(secret.encode(), f"{milliseconds}\n{secret}".encode(), "sha256")).decode()
