"""What the summary and the page are made from: the configured results, and all others on disk.

Imported when the workflow is parsed, so it stays light.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from earmark.config.settings import Settings
from earmark.core.errors import UserError
from earmark.core.files import sha256
from earmark.report import files
from earmark.systems.contract import systems
from earmark.systems.pruning import request as pruning

RESULTS = Path("results")


def required(settings: Settings) -> list[str]:
    """Return the results that the configuration asks for, of every system that is on the main page."""
    return [path for system in systems() if system.on_main_page for path in system.results(settings)]


def others(settings: Settings) -> str:
    """Return a digest of all other results on disk: names and contents.

    As inputs they might be made again, or no longer be makeable; as a parameter, a new or changed one makes
    the summary stale and nothing else.
    """
    configured, digest = set(required(settings)), hashlib.sha256()
    for path in files.find(RESULTS):
        if path.as_posix() not in configured:
            digest.update(f"{path.as_posix()}\0{sha256(path)}\n".encode())
    return digest.hexdigest()[:16]


def import_files(block: Mapping[str, Any]) -> list[Path]:
    """Return the files a block of config's ``import`` names, sorted.

    Raises:
        UserError: there is none.

    """
    pattern = Path(block["path"]).expanduser()
    start = Path(pattern.anchor)
    found = sorted(path for path in start.glob(str(pattern.relative_to(start))) if path.is_file())
    if not found:
        raise UserError(f"config: import: there is no file {block['path']}")
    return found


def imported(settings: Settings) -> list[str]:
    """Return every file that config imports; raises UserError if a block names none."""
    return [str(path) for block in settings.content["import"] for path in import_files(block)]


def sounds(settings: Settings) -> Iterator[str]:
    """Yield the packed test shards of the grid's tasks that the page's sound is cut from.

    A shard that was removed once its features were made is left out: it isn't packed again for a few seconds
    of sound.
    """
    wanted = settings.content["report"]
    if not (wanted["audio_mb"] and wanted["wrong_answers"]):
        return
    for task in sorted({task for _, task, _, _ in pruning.cells(settings)}):
        of = settings.task(task)["data"]["shards"]["test"]
        models = sorted({model for model, other, _, _ in pruning.cells(settings) if other == task})
        for shard in range(of):
            name = f"test-{shard:05d}-of-{of:05d}"
            tar = f"data/{task}/shards/{name}.tar"
            if Path(tar).exists() or not Path(f"features/{models[0]}/{task}/{name}.parquet").exists():
                yield tar
