"""Checkpoints from the Hugging Face hub or a local folder, with a plain word when out of reach.

Only the thinker's weight files come down: a full Omni repository also holds a talker and a vocoder.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import EntryNotFoundError

from earmark.core.errors import UserError
from earmark.core.hub import commit_of, plainly
from earmark.models.checkpoint import INDEX

SMALL = ["*.json", "*.txt", "*.jinja"]
OTHERWISE = (
    "the weights are not in the local cache; put the checkpoint into a folder and set "
    "models.<name>.path to it, or use model 'demo'"
)


def fetch(
    repo: str, revision: str, otherwise: str = OTHERWISE, files: Sequence[str] | None = None
) -> tuple[Path, dict[str, Any]]:
    """Return the folder of a hub checkpoint and its origin, the revision resolved to a commit.

    Files already in the local cache are not fetched again. ``otherwise`` says what to do without the hub;
    ``files`` are patterns of the weights, those with a thinker's tensors unless given.

    Raises:
        UserError: see :func:`earmark.core.hub.plainly`.

    """
    with plainly(f"model {repo}", revision, otherwise):
        commit = commit_of(repo, revision, "model")
        snapshot_download(repo, revision=commit, allow_patterns=SMALL)
        patterns = SMALL + (_thinker_files(repo, commit) if files is None else list(files))
        folder = Path(snapshot_download(repo, revision=commit, allow_patterns=patterns))
    return folder, {"hub": repo, "revision": revision, "commit": commit}


def _thinker_files(repo: str, commit: str) -> list[str]:
    """Return the weight files that hold a tensor of the thinker."""
    try:
        index = Path(hf_hub_download(repo, INDEX, revision=commit))
    except EntryNotFoundError:
        return ["model.safetensors"]
    weight_map: dict[str, str] = json.loads(index.read_text())["weight_map"]
    return sorted({file for key, file in weight_map.items() if not key.startswith(("talker.", "token2wav."))})


def local(path: str) -> Path:
    """Return a local checkpoint folder.

    Raises:
        UserError: there is no such folder.

    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise UserError(f"model path: there is no folder {folder}")
    return folder
