"""Speech Commands as published: a folder per word, two lists of files that are kept from training.

``word/speaker_nohash_take.wav`` is a word by a speaker. The files of ``testing_list.txt`` are the split
test, those of ``validation_list.txt`` the group ``validation`` of the split train; all others are
trained on. Folders that begin with ``_`` hold no words (``_background_noise_``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from earmark.config.sources.speech_commands import Source
from earmark.core.errors import UserError
from earmark.core.records import Clip
from earmark.data.sources.recordings import with_headers

TESTING, VALIDATION = "testing_list.txt", "validation_list.txt"
LICENCE = "CC-BY-4.0"


def collect(settings: Source, folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one row per recording, by word and name; ``settings``: ``root``.

    What a list names and is not there is a failed row.

    Raises:
        UserError: the folder or a list is missing, or there are no words.

    """
    root = settings.place
    if not root.is_dir():
        raise UserError(f"data.source.root: there is no folder {root}; unpack the archive there")
    testing, validation = _listed(root / TESTING), _listed(root / VALIDATION)
    yield from with_headers(_rows(root, testing, validation), root, threads, hub=settings.hub is not None)


def _listed(path: Path) -> set[str]:
    """Return the files that a list names."""
    try:
        return {line.strip() for line in path.read_text().splitlines() if line.strip()}
    except FileNotFoundError:
        raise UserError(
            f"data.source.root: there is no {path}; root is the folder that the archive was unpacked to"
        ) from None
    except UnicodeDecodeError as error:
        raise UserError(f"data.source.root: {path} is no list of files ({error})") from None


def _rows(root: Path, testing: set[str], validation: set[str]) -> Iterator[Clip]:
    """Yield a row per file, then per listed file that is not there."""
    words = sorted(path.name for path in root.iterdir() if path.is_dir() and path.name[0] not in "._")
    if not words:
        raise UserError(f"data.source.root: {root} has no folders of words")
    missing = testing | validation
    for word in words:
        for path in sorted((root / word).iterdir()):
            if path.suffix.lower() != ".wav" or path.name.startswith("."):
                continue
            name = f"{word}/{path.name}"
            missing.discard(name)
            yield _row(root, name, testing, validation)
    for name in sorted(missing):
        yield _row(root, name, testing, validation)


def _row(root: Path, name: str, testing: set[str], validation: set[str]) -> Clip:
    word, _, file = name.partition("/")
    return Clip.unread(
        root / name,
        name,
        "test" if name in testing else "train",
        [word],
        source_id=[file.partition("_nohash_")[0] if "_nohash_" in file else name],
        licence=LICENCE,
        group="validation" if name in validation and name not in testing else "",
    )
