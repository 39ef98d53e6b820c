"""Writing files so that a final name never holds half a file."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

Json = dict[str, Any]
"""An object of JSON that is read, passed on or written as a whole: a record, a row, config as YAML holds it.

What goes on with single keys of it makes something of a type of it first."""

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system says when a disk, or the user's part of it, is full."""

LARGE = 1 << 30
"""Bytes that take long enough to be read for a word about it."""

_BLOCK = 1 << 22


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its name only if the block succeeds.

    The temporary name is fixed, so what a killed job left is overwritten, not piled up.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        open_to_readers(partial)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def open_to_readers(path: Path) -> None:
    """Give a file the mode that open() gives: safetensors makes files that only their owner may read."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def check_space(folder: Path, error: BaseException) -> None:
    """Raise OSError if ``error`` came of a full disk: whether ``folder`` has room for a little more.

    Some libraries' writers don't say why they failed, or do so in words of their own.
    """
    probe = folder / ".room"
    try:
        probe.write_bytes(bytes(1 << 20))
    except OSError as refused:
        if refused.errno in FULL:
            raise refused from error
    finally:
        probe.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` as readable, key-ordered-as-given JSON, by rename."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def peek(stream: BinaryIO, start: int, size: int) -> bytes:
    """Return ``size`` bytes from ``start`` on (-1: to the end), whoever else reads by this descriptor."""
    if isinstance(stream, io.BufferedReader):
        descriptor = stream.fileno()
        return os.pread(descriptor, os.fstat(descriptor).st_size - start if size < 0 else size, start)
    position = stream.tell()
    stream.seek(start)
    content = stream.read(size)
    stream.seek(position)
    return content


def sha256(path: Path, step: Callable[[int], object] | None = None) -> str:
    """Return the SHA-256 of a file as hex, read in blocks; ``step`` is told the bytes of each."""
    with path.open("rb") as stream:
        if step is None:
            return hashlib.file_digest(stream, "sha256").hexdigest()
        digest = hashlib.sha256()
        while block := stream.read(_BLOCK):
            digest.update(block)
            step(len(block))
        return digest.hexdigest()


def _locked(folder: Path, how: int) -> BinaryIO:
    """Return the open, locked lock file of ``folder``, made if need be.

    Its last holder may have removed the folder: a lock on a file that is gone keeps nobody out.

    Raises:
        BlockingIOError: another process holds it and ``how`` says not to wait.

    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            stream = (folder / "lock").open("wb")
        except FileNotFoundError:  # removed since the line above
            continue
        try:
            fcntl.flock(stream, how)
        except BaseException:
            stream.close()
            raise
        if os.fstat(stream.fileno()).st_nlink:
            return stream
        stream.close()


@contextlib.contextmanager
def free(folder: Path) -> Iterator[Path | None]:
    """Hold ``folder`` for this process alone, or yield None if another live process holds it.

    The lock dies with the process.
    """
    try:
        stream = _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield None
        return
    with stream:
        yield folder


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[Path]:
    """Hold ``folder`` for this process alone; wait, saying so, while another process holds it.

    Another job of this run may be at work for it, or after a SIGKILL of Snakemake its job may live
    on and still write: two must not append to the same files.
    """
    with free(folder) as held:
        if held is not None:
            yield held
            return
    print(
        f"another process is working in {folder} (a job of this run, or one left over from a killed "
        "run): waiting for it to end",
        flush=True,
    )
    with _locked(folder, fcntl.LOCK_EX):
        yield folder
