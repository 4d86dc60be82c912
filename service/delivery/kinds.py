"""Every kind of channel, by hand; a module is loaded when its first push is made."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlsplit

from service.delivery.parcel import Channel, Tools
from service.later import loaded

KINDS = {
    "webhook": "service.delivery.channels.webhook:WebhookChannel",
    "email": "service.delivery.channels.email:EmailChannel",
    "wecom": "service.delivery.channels.wecom:WeComChannel",  # 企业微信
    "dingtalk": "service.delivery.channels.dingtalk:DingTalkChannel",  # 钉钉
    "feishu": "service.delivery.channels.feishu:FeishuChannel",  # 飞书
    "sms": "service.delivery.channels.sms:SmsChannel",  # 短信网关
    "syslog": "service.delivery.channels.syslog:SyslogChannel",
    "apprise": "service.delivery.channels.apprise:AppriseChannel",
}


class Channels:
    """The channels of this process, each made when it is first asked for."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self._made: dict[str, Channel] = {}

    def of(self, kind: str) -> Channel:
        """The channel of a kind in `KINDS`."""
        if kind not in self._made:
            self._made[kind] = cast(Channel, loaded(KINDS[kind])(self.tools))
        return self._made[kind]


def shown(url: str) -> str:
    """An address that opens the way by itself, as it may be shown: scheme and host, and the last four characters."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}/…{url[-4:]}"
