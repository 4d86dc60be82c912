"""What can go wrong with the embedded server and what to do about it: error numbers and log lines become a sentence."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.store.embedded.place import Account, EmbeddedServerError

_DISK_FULL = "磁盘空间不足,请清理数据目录所在分区后重试"
_LOG_ROOM = 100_000  # bytes
_NOT_WRITABLE = "没有写权限,请检查数据目录的所有者和权限,或换一个数据目录、换原来的运行账号"
_BY_NUMBER = {
    errno.ENOSPC: _DISK_FULL,
    errno.EDQUOT: "磁盘配额已用完,请清理后重试",
    errno.EACCES: _NOT_WRITABLE,
    errno.EPERM: _NOT_WRITABLE,
    errno.EROFS: "文件系统是只读的,请换一个数据目录",
    errno.ENOTDIR: "路径中有一段不是目录,请换一个数据目录",
    errno.EEXIST: "数据目录的位置上已有一个文件,请换一个数据目录",
    errno.ELOOP: "该位置上是符号链接,请删除它或换一个数据目录",
}
_BY_LOG_LINE = (  # first match wins; the words are PostgreSQL 18's, under LC_ALL=C
    ("could not resize shared memory", "共享内存(/dev/shm)不足,请调大后重试"),
    ("could not map anonymous shared memory", "内存不足,请释放内存后重试"),
    ("Cannot allocate memory", "内存不足,请释放内存后重试"),
    ("No space left on device", _DISK_FULL),
    (
        "could not look up effective user ID",
        "当前用户号在系统中没有名字,请用有名字的账号运行(容器中可在 /etc/passwd 加一行)",
    ),
    ("incompatible with server", "数据文件与程序版本不一致,请用建库时的版本,或导出后重新导入"),
    ("Address already in use", "端口或套接字被占用,请结束占用它的进程后重试"),
    ("could not bind", "不能建立套接字,请检查套接字目录后重试"),
    ("could not create lock file", "不能写锁文件,请检查套接字目录和数据目录的权限"),
    ("could not locate a valid checkpoint record", "数据文件已损坏,请从备份恢复"),
    ("invalid value for parameter", "配置有误,请检查 cluster/data/postgresql.conf"),
    ("configuration file", "配置有误,请检查 cluster/data/postgresql.conf"),
    ("Permission denied", _NOT_WRITABLE),
)


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn an OSError of the block into an EmbeddedServerError that says what to do."""
    try:
        yield
    except OSError as error:
        advice = _BY_NUMBER.get(error.errno or 0, "请按下面的信息处理后重试")
        raise EmbeddedServerError(f"{doing}失败:{advice}。 / {error}") from error


def from_log(doing: str, tail: str, folder: Path) -> EmbeddedServerError:
    """The error for a program of the server that failed, judged by what it wrote to the log in `folder`."""
    advice = next((advice for words, advice in _BY_LOG_LINE if words in tail), "请按下面的日志处理后重试")
    if not tail and shutil.disk_usage(folder).free < _LOG_ROOM:
        advice = _DISK_FULL  # so full that the log could not say it
    return EmbeddedServerError(f"内置数据库{doing}失败:{advice}。 / log tail:\n{tail}")


def refuse_other_version(data: Path, major: str) -> None:
    """Raise when the cluster was made by another major version of PostgreSQL."""
    found = (data / "PG_VERSION").read_text(encoding="utf-8").strip()
    if found != major:
        raise EmbeddedServerError(
            f"数据目录是 PostgreSQL {found} 建的,程序是 {major}。请用 {found} 导出(pg_dumpall)再导入新的数据目录。"
            f" / PG_VERSION is {found}, binaries are {major}: {data}"
        )


def refuse_shared_folder(folder: Path, account: Account | None) -> None:
    """Raise unless the socket folder is a real folder, mode 700, of the server's account: anyone may write in /tmp."""
    if sys.platform == "win32":
        return
    found = folder.lstat()
    owner = account.uid if account else os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) != 0o700:
        raise EmbeddedServerError(
            f"套接字目录 {folder} 不属于运行数据库的账号(uid {owner})或权限不是 700,可能是别人建的。请删除它后重试。"
            f" / owner {found.st_uid}, mode {stat.filemode(found.st_mode)}"
        )


def refuse_other_password(error: Exception) -> None:
    """Raise when the server lives but refuses our password; any other failed connection means: not yet, or no more."""
    if "password authentication failed" in str(error):
        raise EmbeddedServerError(
            f"cluster/password 里的密码与数据库不符(被改过?)。请把 postgres 用户的密码改回该文件中的值。 / {error}"
        ) from error
