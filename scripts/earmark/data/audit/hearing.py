"""Packed clips heard once more, for the audit: a fingerprint of each."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import soundfile

from earmark.audio.fingerprint import fingerprint
from earmark.core.progress import tqdm
from earmark.data.audit.prints import Row
from earmark.data.shards import damaged, members


def heard(tars: Sequence[Path]) -> Iterator[Row]:
    """Yield the fingerprint of every clip of some shards.

    Raises:
        UserError: a shard is damaged.

    """
    for tar in tqdm(tars, desc="hearing", unit="shard"):
        for member in members(tar):
            try:
                samples, rate = soundfile.read(io.BytesIO(member["flac"]), dtype="float32")
            except (KeyError, soundfile.SoundFileError) as error:
                raise damaged(tar, error) from None
            yield fingerprint(samples, rate), tar.name, member["__key__"]
