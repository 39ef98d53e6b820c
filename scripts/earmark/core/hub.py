"""The Hugging Face hub: revisions resolved to commits, and a plain word for whatever goes wrong.

The token is huggingface_hub's own business (environment or login); it is never read, logged or
recorded here. Texts of its errors are not repeated either: they hold addresses that may be signed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from httpx2 import Client, HTTPError, Response
from huggingface_hub import HfApi, RepoFile, constants, set_client_factory
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    RevisionResolutionError,
)
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils._http import default_client_factory

from earmark.core import disk
from earmark.core.errors import UserError

COMMIT = re.compile(r"[0-9a-f]{40}")
CHECKSUM = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
MAX_ANSWER_BYTES = 100_000_000
"""More than a page of a listing, or what a repository says of itself, can have."""
_sizes: dict[str, int] = {}
"""Bytes of files by their addresses' paths, as listings state them, or else the heads of the files."""
XET = re.compile("CAS Client Error|File reconstruction error|Task error")
if "HF_HUB_DISABLE_XET" not in os.environ:
    # The chunk store has a client of its own, which no bound of ours reaches; HTTP gives the same files.
    constants.HF_HUB_DISABLE_XET = True


@contextlib.contextmanager
def plainly(what: str, revision: str, otherwise: str) -> Iterator[None]:
    """Turn the errors of huggingface_hub into one line about ``what``.

    ``otherwise`` ends the line where the hub is out of reach: what can be done without it.

    Raises:
        UserError: unknown, private or gated repository, unknown revision, a token that is refused,
            too many requests, hub out of reach.

    """
    try:
        yield
    except (OSError, HTTPError, HFValidationError, RevisionResolutionError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UserError(f"{what}: {_worded(_cause(error), revision, otherwise)}") from None
    except RuntimeError as error:
        # How hf_xet says that its store fails; a full disk is told elsewhere, other errors are bugs.
        if not XET.search(str(error)) or "No space left" in str(error):
            raise
        raise UserError(
            f"{what}: the hub's chunk store fails; try again, or leave HF_HUB_DISABLE_XET unset to go "
            "without it"
        ) from None


def _cause(error: BaseException) -> BaseException:
    """Return what the hub answered, where that is behind a file missing from the local cache."""
    behind = (LocalEntryNotFoundError, RevisionResolutionError)
    while isinstance(error, behind) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _worded(error: BaseException, revision: str, otherwise: str) -> str:
    """Return what went wrong and how to mend it."""
    if isinstance(error, GatedRepoError):
        return "access is gated; accept its terms on its page at the hub and set HF_TOKEN"
    if isinstance(error, RevisionNotFoundError):
        return f"the hub knows no revision '{revision}'"
    if isinstance(error, DisabledRepoError):
        return "the hub has disabled this repository"
    if isinstance(error, RepositoryNotFoundError):
        return "no such repository at the hub, or HF_TOKEN lacks access"
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        return _refusal(error.response.status_code, error.response.headers.get("Retry-After"), otherwise)
    if isinstance(error, HFValidationError):
        return "no repository can have this name"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}; HF_HOME says where files of the hub are kept"
    if "Consistency check failed" in str(error):
        return "a file came down with the wrong size; run the same command again"
    return f"the hub is out of reach ({type(error).__name__}) and {otherwise}"


def _refusal(status: int, retry_after: str | None, otherwise: str) -> str:
    """Return what an HTTP status means here."""
    if status == 401:
        return "the hub refuses the token; renew HF_TOKEN, or unset it for a public repository"
    if status == 403:
        return "the hub denies access; ask for it on the repository's page and set HF_TOKEN"
    if status == 429:
        wait = f" in {retry_after} s" if retry_after and retry_after.isdigit() else " later"
        return (
            "the hub counts too many requests (429); run the same command again"
            f"{wait}, or set HF_TOKEN for a higher limit"
        )
    return f"the hub answers with status {status} and {otherwise}"


def commit_of(repo: str, revision: str, kind: Literal["model", "dataset"]) -> str:
    """Resolve a branch or tag to a commit; when out of reach, to the one it was last time."""
    return str(HfApi().resolve_revision(repo, repo_type=kind, revision=revision).resolved)


def check_room(
    what: str, repo: str, kind: Literal["model", "dataset"], commit: str, files: Iterable[RepoFile]
) -> None:
    """Check that the disk of the hub's cache has room for those files of a commit that aren't there yet.

    Args:
        what: is fetched, for the message.
        repo: owner and name.
        kind: of the repository.
        commit: that the files are of.
        files: as the hub lists them.

    Raises:
        UserError: names what is needed and what is free.

    """
    place = Path(constants.HF_HUB_CACHE)
    snapshot = place / repo_folder_name(repo_id=repo, repo_type=kind) / "snapshots" / commit
    needed = sum(file.size for file in files if not (snapshot / file.path).exists())
    left = disk.free(place)
    if needed > left:
        raise UserError(
            f"{what}: {needed / 1e6:,.0f} MB are to be fetched to {place}, where {left / 1e6:,.0f} MB are "
            "free; make space, or set HF_HOME to a folder on a larger disk"
        )


def _check(response: Response) -> None:
    """Refuse what would be a path where huggingface_hub names files by it: commits and checksums.

    Raises:
        UserError: one of them is no hexadecimal number of its length.

    """
    path, headers = response.request.url.path, response.headers
    commit = headers.get("X-Repo-Commit")
    etag = headers.get("X-Linked-Etag") or (headers.get("ETag") if "/resolve/" in path else None)
    if response.request.method == "GET":
        _bound(response)
    elif "/resolve/" in path:
        _compare(response)
    if response.is_success and path.startswith("/api/") and response.request.method == "GET":
        response.read()
        content = response.json() if "json" in headers.get("Content-Type", "") else None
        if isinstance(content, list) and "/tree/" in path:
            _learn(path, content)
        if isinstance(content, dict) and "sha" in content:
            commit = str(content["sha"])
    if commit is not None and not COMMIT.fullmatch(commit):
        raise UserError(f"{response.request.url.host} names a commit {commit[:60]!r}, which is none")
    if etag and not CHECKSUM.fullmatch(etag.removeprefix("W/").strip('"')):
        raise UserError(f"{response.request.url.host} gives a file the checksum {etag[:60]!r}, which is none")


def _learn(path: str, listing: list[Any]) -> None:
    """Remember the sizes that a page of a repository's listing states."""
    base = path.removeprefix("/api").removeprefix("/models").replace("/tree/", "/resolve/", 1).rstrip("/")
    for entry in listing:
        if isinstance(entry, dict) and isinstance(entry.get("size"), int) and entry.get("type") == "file":
            _sizes[f"{base}/{entry.get('path')}"] = entry["size"]


def _compare(response: Response) -> None:
    """Check the size in a file's head against the listing; raises UserError."""
    path, headers = response.request.url.path, response.headers
    stated = headers.get("X-Linked-Size") or (
        "" if response.is_redirect else headers.get("Content-Length", "")
    )
    if not stated or not stated.isdecimal() or response.is_error or "Content-Encoding" in headers:
        return
    if _sizes.setdefault(path, int(stated)) != int(stated):
        name = path.partition("/resolve/")[2].partition("/")[2]
        host = response.request.url.host
        raise UserError(f"{host} lists {name[:80]!r} with {_sizes[path]} bytes and would send {stated[:20]}")


def _bound(response: Response) -> None:
    """Let a body end in a UserError where it has more, unpacked, than its file is listed with.

    A file that lies on another host has an address of its own: it gets the largest size listed.
    """
    path, plain = response.request.url.path, response.iter_bytes
    answer = path.startswith("/api/") or not _sizes
    most = MAX_ANSWER_BYTES if answer else _sizes.get(path, max(_sizes.values()))
    most = most if response.is_success else MAX_ANSWER_BYTES

    def bounded(chunk_size: int | None = None) -> Iterator[bytes]:
        seen = 0
        for block in plain(chunk_size):
            seen += len(block)
            if seen > most:
                raise UserError(
                    f"{response.request.url.host} sends more than the {most} bytes that are listed"
                )
            yield block

    response.iter_bytes = bounded  # type: ignore[method-assign]


def _client() -> Client:
    """Return huggingface_hub's client with an eye on what it is answered."""
    client = default_client_factory()
    client.event_hooks = {**client.event_hooks, "response": [_check]}
    return client


set_client_factory(_client)
