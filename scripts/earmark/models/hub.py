"""Checkpoints from the Hugging Face hub or a local folder, with a plain word when out of reach.

Only the weight files of parts that are read come down: a full Omni repository also holds a talker and a
vocoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import RepoFile, get_cached_repo_tree, hf_hub_download, snapshot_download
from huggingface_hub.errors import CachedRepoTreeNotFoundError, EntryNotFoundError
from huggingface_hub.utils import filter_repo_objects

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.core.hub import check_room, commit_of, plainly
from earmark.models.untrusted import refuse_own_code, weight_map
from earmark.models.weight_files import ADAPTED, INDEX, SINGLE

SMALL = ["*.json", "*.txt", "*.jinja"]
ADAPTERS = [f"{folder}adapter_model.safetensors" for folder in ADAPTED]
OTHERWISE = (
    "the weights are not in the local cache; put the checkpoint into a folder and set "
    "models.<name>.path to it, or use model 'demo'"
)


def fetch(
    repo: str,
    revision: str,
    otherwise: str = OTHERWISE,
    unread: tuple[str, ...] = (),
    files: Sequence[str] | None = None,
) -> tuple[Path, Json]:
    """Return the folder of a hub checkpoint and its origin, the revision resolved to a commit.

    Files already in the local cache are not fetched again, and those of ``unread`` parts (the beginnings
    of their tensors' names) not at all. ``otherwise`` says what to do without the hub; ``files`` are
    patterns of the weights, where they are not safetensors alone.

    Raises:
        UserError: see :func:`earmark.core.hub.plainly`.

    """
    with plainly(f"model {repo}", revision, otherwise):
        commit = commit_of(repo, revision, "model")
        refuse_own_code(Path(snapshot_download(repo, revision=commit, allow_patterns=SMALL)))
        patterns = SMALL + (_weight_files(repo, commit, unread) if files is None else list(files))
        check_room(f"model {repo}", repo, "model", commit, _listed(repo, commit, patterns))
        folder = Path(snapshot_download(repo, revision=commit, allow_patterns=patterns))
    return folder, {"hub": repo, "revision": revision, "commit": commit}


def _listed(repo: str, commit: str, patterns: Sequence[str]) -> list[RepoFile]:
    """Return the files that match, as the hub listed them; none if only the cache was asked."""
    try:
        tree = get_cached_repo_tree(repo, revision=commit)
    except CachedRepoTreeNotFoundError:
        return []
    return list(filter_repo_objects(tree, allow_patterns=list(patterns), key=lambda file: file.path))


def _weight_files(repo: str, commit: str, unread: tuple[str, ...]) -> list[str]:
    """Return the weight files that hold a tensor that is read."""
    try:
        index = Path(hf_hub_download(repo, INDEX, revision=commit))
    except EntryNotFoundError:
        return [SINGLE, *ADAPTERS]
    return ADAPTERS + sorted({file for key, file in weight_map(index).items() if not key.startswith(unread)})


def local(path: str) -> Path:
    """Return a local checkpoint folder.

    Raises:
        UserError: there is no such folder.

    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise UserError(f"model path: there is no folder {folder}")
    return folder
