"""`python -m service.delivery.apprise_child`: one message by Apprise, told as JSON on standard input.

Apprise opens connections by several libraries. Here none of them can pass the guard: an audit hook of the interpreter
sees each address at the moment it is dialled, whoever dials, and refuses it. That is why this is a process of its own.
"""

from __future__ import annotations

import io
import json
import logging
import sys
from ipaddress import ip_address
from typing import Any

from service.delivery.guard import AddressGuard, DeniedAddress, Objection, parse_allow
from service.later import loaded

# Apprise says not whether it encrypts: to public addresses only the ports where that is the rule.
OPEN_PORTS = frozenset({443, 8443})
_DIALLING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_STARTING = frozenset({"subprocess.Popen", "os.exec", "os.system", "os.posix_spawn", "os.fork"})


class Hook:
    """Refuses what the guard denies; `denied` is the first objection."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        self.denied: Objection | None = None

    def __call__(self, event: str, given: tuple[Any, ...]) -> None:
        if event in _DIALLING:
            self._dialled(given[1] if len(given) > 1 else None)
        elif event in _STARTING:
            raise PermissionError(event)

    def _dialled(self, address: Any) -> None:
        if address is None:  # over a connection that was looked at when it was made
            return
        objection = self._objection(address)
        if objection is not None:
            self.denied = self.denied or objection
            raise DeniedAddress(objection)

    def _objection(self, address: Any) -> Objection | None:
        if not isinstance(address, tuple) or len(address) < 2:
            return Objection.DENIED_ADDRESS  # a local socket is no department
        try:
            place = ip_address(str(address[0]).partition("%")[0])
        except ValueError:
            return Objection.DENIED_ADDRESS  # a name: it would be resolved where nobody looks
        return self._guard.objection(place, int(address[1]), tls=True, ports=OPEN_PORTS)


def main() -> None:
    job: dict[str, Any] = json.load(sys.stdin)
    log = io.StringIO()
    logging.basicConfig(stream=log, level=logging.WARNING, format="%(message)s")
    apprise = loaded("apprise:Apprise")()
    hook = Hook(AddressGuard(parse_allow(job["allow"])))
    sys.addaudithook(hook)
    sent = bool(apprise.add(job["url"])) and bool(apprise.notify(title=job["title"], body=job["body"]))
    print(json.dumps({"sent": sent, "denied": hook.denied, "log": log.getvalue()[-500:]}))  # noqa: T201 the answer


if __name__ == "__main__":
    main()
