"""A small file named by a path or by an address: lists of what to fetch."""

from __future__ import annotations

import time
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError

from earmark.core.addresses import masked, revealed
from earmark.core.errors import UserError
from earmark.core.files import replacing, sha256, write_json
from earmark.data.fetch.network import Network

TRIES = 4
BLOCK = 1 << 16


def local(place: str, folder: Path, name: str, where: str) -> Path:
    """Return a local path for ``place``; an address is fetched to ``folder/name``.

    Beside a fetched file, ``<name>.json`` says where it came from and its SHA-256. Size and time are
    bounded as config's ``fetch`` says.

    Raises:
        UserError: there is no such file, or the server did not give it, or too much of it.

    """
    if not place.startswith(("http://", "https://")):
        path = Path(place).expanduser()
        if not path.is_file():
            raise UserError(f"{where}: there is no file {path}")
        return path
    path, network = folder / name, Network.of_environment()
    limit = time.monotonic() + network.list_deadline_s
    for attempt in range(TRIES):
        try:
            size = _download(place, path, network, limit, where)
            break
        except (requests.RequestException, HTTPError) as error:
            answer = error.response if isinstance(error, requests.RequestException) else None
            status = answer.status_code if answer is not None else None
            final = status is not None and 400 <= status < 500 and status != 429
            if final or attempt == TRIES - 1 or time.monotonic() > limit:
                told = f"HTTP {status}" if status else type(error).__name__
                raise UserError(f"{where}: {place} cannot be fetched ({told}); check the address") from None
            time.sleep(2**attempt)
    write_json(path.with_name(f"{name}.json"), {"url": masked(place), "sha256": sha256(path), "bytes": size})
    return path


def _download(url: str, path: Path, network: Network, limit: float, where: str) -> int:
    """Write what an address gives to ``path``, by rename; returns its bytes."""
    written, most = 0, network.max_list_mb * 1e6
    with requests.get(revealed(url), stream=True, timeout=network.timeout_s) as answer:
        answer.raise_for_status()
        with replacing(path) as partial, partial.open("wb") as stream:
            # What has come, not a whole block: a server that drips would hold up the clock.
            while block := answer.raw.read1(BLOCK, decode_content=True):
                written += stream.write(block)
                if written > most:
                    raise UserError(
                        f"{where}: {url} sends more than fetch.max_list_mb allows ({most / 1e6:g} MB)"
                    )
                if time.monotonic() > limit:
                    raise UserError(
                        f"{where}: {url} takes longer than fetch.list_deadline_s allows "
                        f"({network.list_deadline_s:g} s)"
                    )
    return written
