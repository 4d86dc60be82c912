"""The cluster itself: how it is made, launched, asked and halted. Who may do so, and when, is decided in `server`.

Connection: a unix socket in a folder of mode 700 that belongs to the server's account: `cluster/socket`, or
`/tmp/weiyu-<hash>` where that path is too long for a socket (107 bytes, 103 on macOS) or not plain ASCII. On Windows,
or when asked for, a free port on 127.0.0.1. Both want the generated password (scram) in `cluster/password`, mode 600,
so that it makes no difference whether the server runs as our own uid. The URL's role `weiyu` owns the database `weiyu`
and may create databases, no more; `postgres` with the same password is the superuser.

`server.log` is what the server says, without statements and values: they could hold personal data.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from service.store.embedded import troubles
from service.store.embedded.locks import FileLock, open_private
from service.store.embedded.place import MAJOR, POINTER, EmbeddedServerError, Place, give_to

ON_WINDOWS = sys.platform == "win32"
PATIENCE = 120.0  # seconds; recovery after a crash replays at most about 1 GB (max_wal_size)
_SOCKET_PATH_LIMIT = 103 if sys.platform == "darwin" else 107  # bytes: the system's sun_path less its closing zero
_SOCKET_PORT = 5432  # only a part of the socket's file name
_LOG_LIMIT = 4_000_000  # bytes; a longer log moves to server.log.1 when the next program runs
_TAIL = 2_000  # bytes of the log that go into an error
_SETTINGS = {  # written to postgresql.conf when the cluster is made; an operator may change them there
    "max_connections": "100",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "fsync": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


@dataclass(frozen=True)
class Cluster:
    """The files and the server process of one place. Methods raise EmbeddedServerError and OSError."""

    place: Place
    tcp: bool

    @property
    def data(self) -> Path:
        """PGDATA."""
        return self.place.cluster / "data"

    def answers(self) -> bool:
        """Whether the server takes connections; if so, our role and database exist afterwards."""
        try:
            self._prepare()
        except (FileNotFoundError, psycopg.OperationalError) as error:
            if not self.tcp:  # behind a leftover's port number another PostgreSQL may answer by now
                troubles.refuse_other_password(error)
            return False
        return True

    def launch(self, lock: FileLock) -> None:
        """Make the cluster if there is none, and start it. The processes inherit `lock`. Returns when it answers."""
        if not self.place.cluster.exists():
            self._make(lock)
        troubles.refuse_other_version(self.data, MAJOR)
        folder = None if self.tcp else self._socket_folder()
        if not ON_WINDOWS:  # elsewhere our caller's lock proves that these are leftovers
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            if folder:
                (folder / f".s.PGSQL.{_SOCKET_PORT}.lock").unlink(missing_ok=True)
        options = {
            "listen_addresses": "" if folder else "127.0.0.1",
            "unix_socket_directories": folder or "",
            "port": _SOCKET_PORT if folder else _free_port(),
        }
        words = " ".join(f"-c {name}={value}" for name, value in options.items())
        self._run(["pg_ctl", "start", "-s", "-w", "-t", f"{PATIENCE:.0f}", "-o", words], "启动", lock)
        try:
            self._prepare()
        except psycopg.OperationalError as error:
            troubles.refuse_other_password(error)
            raise EmbeddedServerError(f"数据库已启动但连接不上,请检查 {self.data}/pg_hba.conf。 / {error}") from error

    def halt(self) -> None:
        """Stop the server (fast: open transactions are rolled back) and wait until it is gone."""
        self._run(["pg_ctl", "stop", "-s", "-m", "fast", "-w", "-t", f"{PATIENCE:.0f}"], "停止")

    def url(self) -> str:
        """`postgresql://weiyu:…` of the running server."""
        try:
            host, port = self._address()
        except FileNotFoundError as error:
            raise EmbeddedServerError(f"内置数据库没有在运行 / {error}") from error
        if host.startswith("/"):
            return f"postgresql://weiyu:{self._password()}@/weiyu?host={host}&port={port}"
        return f"postgresql://weiyu:{self._password()}@{host}:{port}/weiyu"

    def log_tail(self, start: int = 0) -> str:
        """The end of the log, nothing older than byte `start`."""
        with open(self.place.home / "server.log", "rb") as log:
            log.seek(max(start, os.fstat(log.fileno()).st_size - _TAIL))
            return log.read().decode("utf-8", "replace").strip()

    def _prepare(self) -> None:
        host, port = self._address()
        password = self._password()
        server = make_conninfo(host=host, port=port, connect_timeout=5)
        with psycopg.connect(
            server, user="postgres", password=password, dbname="postgres", autocommit=True
        ) as superuser:
            if not superuser.execute("SELECT 1 FROM pg_roles WHERE rolname = 'weiyu'").fetchone():
                superuser.execute(sql.SQL("CREATE ROLE weiyu LOGIN CREATEDB PASSWORD {}").format(sql.Literal(password)))
            if not superuser.execute("SELECT 1 FROM pg_database WHERE datname = 'weiyu'").fetchone():
                superuser.execute("CREATE DATABASE weiyu OWNER weiyu")

    def _address(self) -> tuple[str, int]:
        """Socket folder or address, and port, as the postmaster noted them. FileNotFoundError: not yet, or gone."""
        path = self.data / "postmaster.pid"
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) < 6:
            raise FileNotFoundError(f"{path} is not complete yet")
        if Path(lines[1]) != self.data:  # copied while the original ran: the address is the original's
            raise FileNotFoundError(f"{path} belongs to {lines[1]}")
        return lines[4] or lines[5], int(lines[3])

    def _password(self) -> str:
        return (self.place.cluster / "password").read_text(encoding="utf-8").strip()

    def _make(self, lock: FileLock) -> None:
        """initdb beside the final place, then a rename: killed half-way it leaves nothing that looks like a cluster."""
        fresh = self.place.home / "cluster.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        password = fresh / "password"
        with open(open_private(password, os.O_WRONLY), "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(24))
        give_to(self.place.account, fresh)
        give_to(self.place.account, password)
        command = ["initdb", "-D", str(fresh / "data"), "-U", "postgres", f"--pwfile={password}"]
        command += ["--auth=scram-sha-256", "--data-checksums", "--encoding=UTF8", "--no-locale"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        self._run([*command, *(f"--set={name}={value}" for name, value in _SETTINGS.items())], "初始化", lock)
        fresh.rename(self.place.cluster)
        _sync_folder(self.place.home)
        if self.place.home != self.place.data_dir:
            (self.place.data_dir / POINTER).write_text(f"{self.place.home}\n", encoding="utf-8")

    def _socket_folder(self) -> Path:
        folder = self.place.cluster / "socket"
        length = len(os.fsencode(folder / f".s.PGSQL.{_SOCKET_PORT}"))
        # The path goes through a shell, a PostgreSQL list and a URL: only plain characters mean the same to all three.
        if length > _SOCKET_PATH_LIMIT or not re.fullmatch(r"[A-Za-z0-9_./-]+", str(folder)):
            digest = hashlib.sha256(os.fsencode(self.place.home)).hexdigest()[:16]
            folder = Path(f"/tmp/weiyu-{digest}")  # noqa: S108  made with mode 700, owner and mode checked below
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            give_to(self.place.account, folder)
        troubles.refuse_shared_folder(folder, self.place.account)
        return folder

    def _run(self, command: list[str], doing: str, lock: FileLock | None = None) -> None:
        """Run a program of the server as its account, in a session of its own so that Ctrl-C reaches only us.

        PGDATA goes through the environment: pg_ctl hands `-D` to a shell, which would read a `$` in the path.
        """
        account = self.place.account
        kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
        log = self._open_log()
        start = os.fstat(log).st_size
        try:
            done = subprocess.run(
                [str(self.place.binaries / command[0]), *command[1:]],
                env={**kept, "LC_ALL": "C", "PGDATA": str(self.data)},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=(lock.fd,) if lock and not ON_WINDOWS else (),
                cwd="/" if account else self.place.home, start_new_session=True, check=False,
                user=account.uid if account else None, group=account.gid if account else None,
                extra_groups=[] if account else None,
            )  # fmt: skip
        finally:
            os.close(log)
        if done.returncode != 0:
            raise troubles.from_log(doing, self.log_tail(start), self.place.home)

    def _open_log(self) -> int:
        path = self.place.home / "server.log"
        with suppress(FileNotFoundError):
            if path.stat().st_size > _LOG_LIMIT:
                path.replace(path.with_suffix(".log.1"))
        return open_private(path, os.O_WRONLY | os.O_APPEND)


def _sync_folder(folder: Path) -> None:
    """Make a rename in it durable: were it lost after a commit, the next start would take the cluster for half-made."""
    if not ON_WINDOWS:
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
