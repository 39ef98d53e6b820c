"""Half-Truth Audio Detection: utterances, some of them with stretches replaced by fake speech.

Labels come from the corpus's list, one utterance a line: name, segments ``start-end-T`` or
``start-end-F`` joined by ``/`` (T true, F fake), and a flag, 0 for an utterance that holds fake
speech. An utterance is ``fake`` as a whole; which stretches of it are stands in its ``spans``, and
stays with them when utterances are joined to long audio. True stretches of a fake utterance are never
taken for fake speech, nor the other way round.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from earmark.audio.waveform import AudioError
from earmark.config.sources.had import Source
from earmark.core.errors import UserError
from earmark.core.records import Clip, Span
from earmark.data.sources.corpus import completed, file_of, recording, root_of, side
from earmark.data.sources.recordings import shown

REAL, FAKE = "real", "fake"
SHOWN = 40  # characters of an unreadable line that go into its reason


def collect(settings: Source, folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one row per utterance of the list, in its order.

    Raises:
        UserError: the folder or the list is missing or not text.

    """
    labels = file_of(settings, "labels", settings.labels)
    return completed(settings, _rows(labels, settings, seed), threads)


def _rows(labels: Path, settings: Source, seed: int) -> Iterator[Clip]:
    """Yield a row per line of the list; failed where the line says nothing usable."""
    folder = root_of(settings) / settings.audio
    seen: set[str] = set()
    try:
        with labels.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, start=1):
                words = line.split()
                if not words:
                    continue
                name = words[0].removesuffix(".wav")
                split = side(name, settings.test_share, seed)
                clip = recording(settings, settings.licence, folder / f"{name}.wav", "unknown", "", split)
                try:
                    clip.labels, clip.spans = _truth(words)
                    if name in seen:
                        clip.clip_id = f"{clip.clip_id} (line {number})"
                        raise AudioError("listed twice")
                except AudioError as error:
                    clip.fail(str(error))
                seen.add(name)
                yield clip
    except UnicodeDecodeError as error:
        raise UserError(f"data.source.labels: {labels} is not text ({error})") from None
    if not seen:
        raise UserError(f"data.source.labels: {labels} lists nothing")


def _truth(words: list[str]) -> tuple[list[str], list[Span]]:
    """Return the label of a line and the fake spans in it.

    Raises:
        AudioError: the line is not of that form, or its flag and its segments disagree.

    """
    unreadable = AudioError(f"unreadable label ({shown(' '.join(words)[:SHOWN])})")
    if len(words) != 3 or words[2] not in ("0", "1"):
        raise unreadable
    spans, end = [], 0.0
    for segment in words[1].split("/"):
        fields = segment.split("-")
        try:
            start, stop, kind = float(fields[0]), float(fields[1]), fields[2]
        except (ValueError, IndexError):
            raise unreadable from None
        if len(fields) != 3 or kind not in ("T", "F") or not (end <= start < stop < math.inf):
            raise unreadable
        end = stop
        if kind == "F":
            spans.append(Span(start, stop, FAKE))
    if (words[2] == "0") != bool(spans):
        raise AudioError(
            f"label conflict (flag {words[2]} says {FAKE if words[2] == '0' else REAL}, "
            f"{len(spans)} of its segments are fake)"
        )
    return [FAKE if spans else REAL], spans
