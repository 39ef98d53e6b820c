"""A data set that comes as one archive: brought down once, checked, unpacked safely, then a folder.

Tasks that name the same archive share it. A download that was interrupted goes on where it stopped; what is
unpacked takes its name at the end, so that half a folder is never taken for a whole one.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from earmark.config.source import Archive, Limits
from earmark.core.errors import UserError
from earmark.core.files import exclusive, sha256, write_json
from earmark.core.progress import tqdm
from earmark.data.sources.recordings import name_problem

FOLDER = Path("sources") / "archives"
"""Below the working directory."""
BLOCK = 1 << 20
TIMEOUT_S = 60
UNPACK = "unpack it yourself and set data.source.root"


def unpacked(archive: Archive) -> tuple[Path, str]:
    """Return the folder that an archive holds and where its recordings come from.

    Raises:
        UserError: it is out of reach, not the file that config names, damaged, over its limits, or holds
            something that leads out of the folder.
    """
    address = archive.url or str(Path(archive.path or "").expanduser().resolve())
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", PurePosixPath(address).name)[:40]
    place = FOLDER / f"{name}-{hashlib.sha256(address.encode()).hexdigest()[:8]}"
    with exclusive(place):
        record = place / "unpacked.json"
        found = json.loads(record.read_text())["sha256"] if record.is_file() else ""
        if not found or archive.sha256 not in (None, found):
            record.unlink(missing_ok=True)
            file = fetched(archive.url, place / "archive") if archive.url else Path(address)
            if not file.is_file():
                raise UserError(f"data.source.archive.path: there is no file {file}")
            found = sha256(file)
            if archive.sha256 not in (None, found):
                if archive.url:
                    file.unlink()
                raise UserError(
                    f"data.source.archive.sha256: {address} has {found}, config says {archive.sha256}: "
                    "it is torn or another version; replace it, or set sha256 to what it has if you trust it"
                )
            _unpack(file, place, archive.limits)
            write_json(record, {"from": address, "sha256": found})
            (place / "archive").unlink(missing_ok=True)
    files = (place / "files").resolve()
    root = (files / archive.inside).resolve()
    if not (root.is_dir() and root.is_relative_to(files)):
        there = ", ".join(sorted(path.name for path in files.iterdir())[:5])
        raise UserError(
            f"data.source.archive.inside: {address} holds no folder '{archive.inside}'; it holds {there}"
        )
    return root, f"archive:{archive.url or name}@{found}"


def fetched(url: str, path: Path, key: str = "data.source.archive.url", cure: str = UNPACK) -> Path:
    """Bring a file down, going on behind what is there of it.

    Raises:
        UserError: it is out of reach; names the ``key`` that it comes from and the ``cure``.
    """
    if path.is_file():
        return path
    partial = path.with_suffix(".partial")
    have = partial.stat().st_size if partial.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            have = have if answer.status == http.client.PARTIAL_CONTENT else 0
            left = int(answer.headers.get("Content-Length") or 0)
            with (
                partial.open("ab" if have else "wb") as target,
                tqdm(total=have + left, initial=have, desc="fetching", unit="B", unit_scale=True) as bar,
            ):
                while block := answer.read(BLOCK):
                    target.write(block)
                    bar.update(len(block))
        if left and partial.stat().st_size < have + left:
            raise http.client.IncompleteRead(b"", have + left - partial.stat().st_size)
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            partial.unlink()
        raise UserError(f"{key}: {url} answers with status {error.code}; is the address right?") from None
    except (OSError, http.client.HTTPException) as error:
        raise UserError(
            f"{key}: {url} is out of reach ({type(error).__name__}); run the same command again to go on, "
            f"or {cure}"
        ) from None
    return partial.replace(path)


def _unpack(file: Path, place: Path, limits: Limits) -> None:
    """Unpack an archive into ``place``/files: plain files and folders alone, within limits."""
    partial = place / ".files.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    total = count = 0
    try:
        for name, size, stream in _members(file):
            total, count = total + size, count + 1
            for key, value, most in (
                ("members", count, limits.members),
                ("archive_mb", total / 1e6, limits.archive_mb),
                ("member_mb", size / 1e6, limits.member_mb),
            ):
                if value > most:
                    raise UserError(
                        f"{file} holds more than data.source.archive.limits.{key} allows ({value:.0f}, at "
                        f"most {most:g}); raise it if you trust the archive"
                    )
            if problem := name_problem(name):
                raise UserError(f"{file}: the member {name[:80]!r} {problem}; nothing was unpacked")
            target = partial / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as written:
                shutil.copyfileobj(stream, written, BLOCK)
        shutil.rmtree(place / "files", ignore_errors=True)
        partial.rename(place / "files")
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise UserError(f"{file} is damaged ({error}); delete it to fetch it again") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _members(file: Path) -> Iterator[tuple[str, int, BinaryIO]]:
    """Yield name, size and content of every plain file; links and devices are passed over."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    with archive.open(info) as stream:
                        yield info.filename, info.file_size, stream  # type: ignore[misc]
        return
    try:
        opened = tarfile.open(file)  # noqa: SIM115
    except tarfile.ReadError:
        raise UserError(
            f"{file} is no zip and no tar archive, or torn; replace it (one fetched from a url: delete it)"
        ) from None
    with opened as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None:
                with content:
                    yield member.name, member.size, content  # type: ignore[misc]
