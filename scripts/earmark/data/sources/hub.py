"""A data set on the hub as a local folder: one commit of it, only the files needed, each one checked.

Files lie in huggingface_hub's own cache (``HF_HOME``), so nothing is kept twice. That library checks
sizes; the checksums the hub lists are checked here, once per file.
"""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from huggingface_hub import (
    RepoFile,
    get_cached_repo_tree,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub import logging as hub_logging
from huggingface_hub.errors import CachedRepoTreeNotFoundError
from huggingface_hub.utils import tqdm as hub_tqdm

from earmark.core.errors import UserError
from earmark.core.files import write_json
from earmark.core.hub import check_room, commit_of, plainly
from earmark.core.progress import Lines, tqdm
from earmark.data.sources.patterns import closest, expanded
from earmark.data.sources.recordings import ordered

OTHERWISE = (
    "the files are not in the local cache; try again, or download them elsewhere and set data.source.root"
)


class _Bar(Lines, hub_tqdm):  # type: ignore[misc]
    """The hub's bars, which it asks to redraw at every change."""


def snapshot(
    repo: str, revision: str, allow: Sequence[str], checks: Path, threads: int = 1
) -> tuple[Path, str]:
    """Return the folder of a data set's files that match ``allow`` and the commit they are of.

    Files in the local cache are not fetched again; offline (``HF_HUB_OFFLINE``) they are all that is
    used. ``allow`` holds patterns in which ``*`` matches any characters, ``/`` too, and braces expand.
    ``checks`` is the file that remembers which files were found to be whole.

    Raises:
        UserError: see :func:`earmark.core.hub.plainly`; a pattern matches nothing; a file is damaged.

    """
    what = f"data.source.hub: {repo}"
    patterns = expanded(allow, "data.source.hub.allow")
    with plainly(what, revision, OTHERWISE):
        commit = commit_of(repo, revision, "dataset")
        if commit != revision:
            print(f"{repo}: '{revision}' is commit {commit}; set revision to it to stay there", flush=True)
        tree = tree_of(repo, commit)
        files = _chosen(tree, patterns, what)
        names = {file.path for file in tree}
        check_room(what, repo, "dataset", commit, files)
        root = Path(
            snapshot_download(
                repo,
                repo_type="dataset",
                revision=commit,
                # A name is itself before it is a pattern: brackets in it match themselves.
                allow_patterns=[glob.escape(p) if p in names else p for p in patterns],
                max_workers=threads,
                tqdm_class=_Bar,
            )
        )
        _check(repo, commit, root, files, checks, threads)
    return root, commit


def tree_of(repo: str, commit: str) -> list[RepoFile]:
    """List a commit's files, with their checksums, from the local cache where it is known."""
    try:
        return list(get_cached_repo_tree(repo, repo_type="dataset", revision=commit))
    except CachedRepoTreeNotFoundError:
        # Fetches the listing and no file; that nothing matches no pattern needs no warning.
        level = hub_logging.get_verbosity()
        hub_logging.set_verbosity_error()
        try:
            snapshot_download(repo, repo_type="dataset", revision=commit, allow_patterns=[], tqdm_class=_Bar)
        finally:
            hub_logging.set_verbosity(level)
    return list(get_cached_repo_tree(repo, repo_type="dataset", revision=commit))


def _chosen(tree: list[RepoFile], patterns: list[str], what: str) -> list[RepoFile]:
    """Return the files that match a pattern; every pattern must match one."""
    names = [file.path for file in tree]
    for name in names:
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise UserError(f"{what}: lists a file that leads out of its folder ({name!r})")
    exact = set(names)
    globs = [pattern for pattern in patterns if pattern not in exact]
    wanted = exact.intersection(patterns)
    for pattern in globs:
        matches = [name for name in names if fnmatchcase(name, _folder(pattern))]
        if not matches:
            raise UserError(f"{what}: no file matches '{pattern}'; {closest(pattern, names)}")
        wanted.update(matches)
    return [file for file in tree if file.path in wanted]


def _folder(pattern: str) -> str:
    """Return a pattern as huggingface_hub reads it: a folder means everything in it."""
    return f"{pattern}*" if pattern.endswith("/") else pattern


def _check(repo: str, commit: str, root: Path, files: list[RepoFile], checks: Path, threads: int) -> None:
    """Compare the files with the hub's checksums; a damaged one is fetched once more, then given up."""
    known: dict[str, list[int]] = json.loads(checks.read_text()) if checks.is_file() else {}
    todo = [file for file in files if known.get(_digest(file)) != _stamp(root / file.path)]
    bar = tqdm(
        ordered(lambda file: (file, is_whole(root / file.path, file)), todo, threads),
        desc="checking",
        total=len(todo),
        unit="file",
        disable=not todo,
    )
    for file, whole in bar:
        path = root / file.path
        if not whole:
            print(f"{repo}: {file.path} is damaged; fetching it again", flush=True)
            hf_hub_download(repo, file.path, repo_type="dataset", revision=commit, force_download=True)
            if not is_whole(path, file):
                path.resolve().unlink()
                path.unlink(missing_ok=True)
                raise UserError(
                    f"data.source.hub: {repo}: {file.path} does not have the checksum the hub lists "
                    f"({_digest(file)[:12]}...), twice; it was removed: try again later, or tell the owner"
                )
        known[_digest(file)] = _stamp(path)
    if todo:
        write_json(checks, known)


def _stamp(path: Path) -> list[int]:
    """Return what changes with a file's content: size and time of change."""
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _digest(file: RepoFile) -> str:
    """Return the checksum the hub lists: SHA-256 of a large file, git's object id of a small one."""
    return file.lfs.sha256 if file.lfs else file.blob_id


def is_whole(path: Path, file: RepoFile) -> bool:
    """Whether a file has the checksum the hub lists."""
    # Git's id of a small file is the SHA-1 of a header and its content.
    digest = hashlib.sha256() if file.lfs else hashlib.sha1(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest() == _digest(file)
