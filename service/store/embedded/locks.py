"""Locks on files: the operating system lets go of them when their holder dies, however it dies."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_SLOTS = 256  # Windows has no shared lock: a sharer takes one byte of these, an exclusive holder takes all of them


class FileLock:
    """One open lock file. Two objects in one process exclude each other as two processes would.

    On Linux and macOS the lock belongs to the open file: a child that inherits `fd` holds it on after we close ours.
    """

    def __init__(self, path: Path) -> None:
        """Open `path`, made when missing, readable by its directory's owner only. Raises OSError."""
        self.fd = open_private(path, os.O_RDWR)

    def take(self, *, shared: bool = False) -> bool:
        """Try once, without waiting. True: held until `close`. Shared holders stand beside each other."""
        if sys.platform == "win32":
            return any(self._lock_bytes(slot, 1) for slot in range(_SLOTS)) if shared else self._lock_bytes(0, _SLOTS)
        try:
            fcntl.flock(self.fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def take_within(self, seconds: float) -> bool:
        """Take exclusively, trying for at most `seconds`. A blocking lock would wait for a hung holder for ever."""
        deadline = time.monotonic() + seconds
        while not self.take():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def close(self) -> None:
        """Let go, unless a child still holds the inherited `fd`. May be called twice."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    if sys.platform == "win32":

        def _lock_bytes(self, start: int, count: int) -> bool:
            os.lseek(self.fd, start, os.SEEK_SET)
            with contextlib.suppress(OSError):
                msvcrt.locking(self.fd, msvcrt.LK_NBLCK, count)
                return True
            return False


def open_private(path: Path, flags: int) -> int:
    """Open or create a file with mode 600 and return its descriptor.

    A file made by root goes to the owner of its directory, who would otherwise be locked out of it later.
    """
    fd = os.open(path, flags | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    if sys.platform != "win32" and os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(fd, owner.st_uid, owner.st_gid)
    return fd
