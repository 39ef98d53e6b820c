"""A small file named by a path or by an address: lists of what to fetch."""

from __future__ import annotations

import time
from pathlib import Path

import requests

from earmark.core.errors import UserError
from earmark.core.files import replacing, sha256, write_json

TRIES = 4
TIMEOUT_S = 60


def local(place: str, folder: Path, name: str, where: str) -> Path:
    """Return a local path for ``place``; an address is fetched to ``folder/name``.

    Beside a fetched file, ``<name>.json`` says where it came from and its SHA-256.

    Raises:
        UserError: there is no such file, or the server did not give it.

    """
    if not place.startswith(("http://", "https://")):
        path = Path(place).expanduser()
        if not path.is_file():
            raise UserError(f"{where}: there is no file {path}")
        return path
    path = folder / name
    for attempt in range(TRIES):
        try:
            size = _download(place, path)
            break
        except requests.RequestException as error:
            status = error.response.status_code if error.response is not None else None
            final = status is not None and 400 <= status < 500 and status != 429
            if final or attempt == TRIES - 1:
                told = f"HTTP {status}" if status else f"{type(error).__name__}: {error}"
                raise UserError(f"{where}: {place} cannot be fetched ({told}); check the address") from None
            time.sleep(2**attempt)
    write_json(path.with_name(f"{name}.json"), {"url": place, "sha256": sha256(path), "bytes": size})
    return path


def _download(url: str, path: Path) -> int:
    """Write what an address gives to ``path``, by rename; returns its bytes."""
    with requests.get(url, stream=True, timeout=TIMEOUT_S) as answer:
        answer.raise_for_status()
        with replacing(path) as partial, partial.open("wb") as stream:
            return sum(stream.write(block) for block in answer.iter_content(1 << 20))
