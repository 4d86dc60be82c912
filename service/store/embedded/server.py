"""Who starts and who stops the embedded server of one data directory, when several processes share it.

Three lock files decide; none holds a process number, and every lock dies with its holder:
`users.lock`   shared by each process between start and stop; whoever can then take it alone was the last and stops.
`decide.lock`  held for the moments in which somebody starts, joins or stops.
`server.lock`  held by initdb, the postmaster and all its children, which inherit it: free means that no process of this
               cluster lives, so a leftover postmaster.pid is stale even if another process has that number by now.
On Windows a lock cannot be inherited and pg_ctl judges by itself; these branches follow the documentation, unrun.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from service.store.embedded import troubles
from service.store.embedded.cluster import ON_WINDOWS, PATIENCE, Cluster
from service.store.embedded.locks import FileLock
from service.store.embedded.place import FALLBACK_ROOT, EmbeddedServerError, Place, find_place


class EmbeddedServer:
    """This process's share in the embedded server of one data directory. Blocking; for one thread at a time.

    A process that dies without `stop` leaves the server running; the next start finds it, the next last stop stops it.
    """

    def __init__(self, data_dir: Path, *, tcp: bool = ON_WINDOWS, fallback_root: Path = FALLBACK_ROOT) -> None:
        """`tcp`: a loopback port, no socket. `fallback_root`: holds the clusters whose data directory is closed."""
        self._data_dir = data_dir
        self._tcp = tcp
        self._fallback_root = fallback_root
        self._place: Place | None = None
        self._users: FileLock | None = None

    def start(self) -> str:
        """Make, start or join the server; return its `postgresql://…` for psycopg. Raises EmbeddedServerError.

        May be called again to revive a server that was killed. The database is `weiyu`, empty at first.
        """
        with troubles.explained(f"准备数据目录 {self._data_dir} "), self._deciding():
            try:
                self._join()
                self._ensure_running()
                return self._cluster.url()
            except BaseException:
                self._leave()
                raise

    def stop(self) -> None:
        """Give up our share; the last one stops the server and waits for it. Harmless when not started."""
        if self._users is not None:
            with troubles.explained("停止内置数据库"), self._deciding():
                self._leave()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def place(self) -> Place:
        """Where the cluster lives; `place.note` is a sentence for the log when that is not the data directory."""
        if self._place is None:
            self._place = find_place(self._data_dir, self._fallback_root)
        return self._place

    @property
    def url(self) -> str:
        """What `start` returned. Raises EmbeddedServerError when the server does not run."""
        return self._cluster.url()

    @property
    def _cluster(self) -> Cluster:
        return Cluster(self.place, self._tcp)

    def _lock(self, name: str) -> FileLock:
        return FileLock(self.place.home / f"{name}.lock")

    @contextmanager
    def _deciding(self) -> Iterator[None]:
        with closing(self._lock("decide")) as decide:
            if not decide.take_within(2 * PATIENCE):
                raise EmbeddedServerError(
                    f"另一个进程一直在启动或停止 {self.place.home} 的数据库,请结束该进程后再试 / decide.lock is held"
                )
            yield

    def _join(self) -> None:
        if self._users is None:
            self._users = self._lock("users")
            if not self._users.take(shared=True):
                raise EmbeddedServerError(f"使用 {self.place.home} 的进程太多 / no free slot in users.lock")

    def _leave(self) -> None:
        if self._users is not None:
            self._users.close()
            self._users = None
        with closing(self._lock("users")) as alone:
            if alone.take():
                self._halt()

    def _ensure_running(self) -> None:
        """Join what answers, start when nothing lives, wait for what is in between (starting, dying, initdb)."""
        deadline = time.monotonic() + PATIENCE
        while not self._cluster.answers():
            with closing(self._lock("server")) as lock:
                if lock.take():
                    self._cluster.launch(lock)
                    return
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"数据库进程还在,但 {PATIENCE:.0f} 秒内没有应答,请查看日志后再试。"
                    f" / a process of this cluster lives but does not answer\n{self._cluster.log_tail()}"
                )
            time.sleep(0.03)

    def _halt(self) -> None:
        if not ON_WINDOWS and self._nothing_lives(0):
            return
        try:
            self._cluster.halt()
        except EmbeddedServerError:
            # Its postmaster was killed a moment ago and the children are still noticing: wait for them instead.
            if ON_WINDOWS or not self._nothing_lives(10):
                raise

    def _nothing_lives(self, seconds: float) -> bool:
        with closing(self._lock("server")) as lock:
            return lock.take_within(seconds)
