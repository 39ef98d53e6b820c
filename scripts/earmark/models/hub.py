"""Checkpoints from the Hugging Face hub or a local folder, with a plain word when out of reach.

Only the thinker's weight files come down: a full Omni repository also holds a talker and a vocoder.
The token is huggingface_hub's own business (environment or login); it is never read, logged or
recorded here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from httpx2 import HTTPError
from huggingface_hub import HfApi, constants, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from earmark.errors import UserError
from earmark.models.checkpoint import INDEX

SMALL = ["*.json", "*.txt", "*.jinja"]


def fetch(repo: str, revision: str) -> tuple[Path, dict[str, Any]]:
    """Return the folder of a hub checkpoint and its origin, the revision resolved to a commit.

    Files already in the local cache are not fetched again; an interrupted download resumes.

    Raises:
        UserError: unknown or gated repository, unknown revision, hub out of reach.

    """
    try:
        commit = _commit(repo, revision)
        snapshot_download(repo, revision=commit, allow_patterns=SMALL)
        patterns = SMALL + _thinker_files(repo, commit)
        folder = Path(snapshot_download(repo, revision=commit, allow_patterns=patterns))
    except GatedRepoError:
        raise UserError(
            f"model {repo}: access is gated; accept its terms on its page at the hub and set HF_TOKEN"
        ) from None
    except RevisionNotFoundError:
        raise UserError(f"model {repo}: the hub knows no revision '{revision}'") from None
    except RepositoryNotFoundError:
        raise UserError(f"model {repo}: no such repository at the hub, or HF_TOKEN lacks access") from None
    except (OSError, OfflineModeIsEnabled, LocalEntryNotFoundError, HTTPError) as error:
        raise UserError(
            f"model {repo}: the hub is out of reach ({type(error).__name__}) and the weights are not in "
            "the local cache; put the checkpoint into a folder and set models.<name>.path to it, or use "
            "model 'embedded'"
        ) from None
    return folder, {"hub": repo, "revision": revision, "commit": commit}


def _commit(repo: str, revision: str) -> str:
    """Resolve a branch or tag to a commit, from the local cache when offline."""
    if constants.HF_HUB_OFFLINE:
        folder = Path(snapshot_download(repo, revision=revision, allow_patterns=SMALL, local_files_only=True))
        return folder.name
    return str(HfApi().model_info(repo, revision=revision, timeout=20).sha)


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
