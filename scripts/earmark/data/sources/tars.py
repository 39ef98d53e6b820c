"""Tars of samples, ``<key>.<audio suffix>`` beside ``<key>.json``: webdataset, the shards of XARES-LLM.

Nothing is extracted under a name from the archive. A member that can't be trusted (a path that leads
elsewhere, a link, a device) is listed as failed; an archive that is broken is an error. Label rule:
spec xares_llm, section 3.4.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Self, cast

from earmark.config.sources.tars import Source
from earmark.core.bounded import Expanding
from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.core.records import Clip
from earmark.data.sources.archives import Refused, Store, recordings
from earmark.data.sources.compressed import BROKEN, decompressed
from earmark.data.sources.patterns import wanted_of
from earmark.data.sources.recordings import SUFFIXES, label_problem, name_problem, shown

FALLBACK = ("captions", "caption", "text")
"""Where a label is looked for when none of the fields of config has one."""

TEXT_MEMBERS = (".txt", ".cls")
METADATA_MAX = 1 << 24
HEADER_MAX = 1 << 20
BEHIND_MAX = 4 << 20
KINDS = {
    tarfile.SYMTYPE: "symbolic link",
    tarfile.LNKTYPE: "hard link",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
    tarfile.FIFOTYPE: "pipe",
}


class _Member(tarfile.TarInfo):
    """A member whose headers are checked: tarfile itself stops at a torn one as if all were read."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header; raises ReadError where it is cut or garbled."""
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):  # the end, as it should be
                raise
            raise tarfile.ReadError(f"{error} inside") from None

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        # Long names and attributes are read into memory whole.
        if not self.isreg() and not self.isdir() and self.size > HEADER_MAX:
            raise tarfile.ReadError(f"a header of {self.size} bytes")
        return cast(tarfile.TarInfo, super()._proc_member(archive))  # type: ignore[misc]


def wanted(settings: Source) -> list[str]:
    """Return which files of a hub data set are needed."""
    return wanted_of(settings.splits)


def collect(settings: Source, folder: Path, seed: int, threads: int) -> Iterator[Clip]:
    """Yield one row per sample of the tars of each split, its audio unpacked below ``folder``.

    Raises:
        UserError: a pattern matches nothing, an archive is damaged or over its limits.

    """
    yield from recordings(settings, folder, threads, {}, unpacked, partial(_describe, settings))


def _describe(settings: Source, row: Json, clip: Clip) -> None:
    """Put what a sample's JSON says into its clip."""
    sample = row["json"]
    try:
        _describe_as(settings, sample, clip)
    except Refused as refused:
        clip.fail(str(refused))


def _describe_as(settings: Source, sample: Json, clip: Clip) -> None:
    """Put a sample's labels, texts and names into its clip; raises Refused for what can be none."""
    clip.labels = _values(sample, [*_fields(settings.key), *FALLBACK])
    if settings.label_separator:
        parts = [part.strip() for label in clip.labels for part in label.split(settings.label_separator)]
        clip.labels = [part for part in parts if part]
    clip.text = next(iter(_values(sample, _fields(settings.text_key))), "")
    clip.options = _values(sample, _fields(settings.options_key))
    clip.group = next(iter(_values(sample, _fields(settings.group_key))), "")
    clip.source_id = _values(sample, _fields(settings.source_key))[:1] or clip.source_id
    clip.licence = next(iter(_values(sample, _fields(settings.licence_key))), clip.licence)
    if not clip.labels:
        clip.fail(f"no label (none of {', '.join([*_fields(settings.key), *FALLBACK])})")


def _fields(key: str) -> list[str]:
    """Return the fields of a setting, in the order in which they are tried."""
    return [field.strip() for field in key.split(";") if field.strip()]


def _values(sample: Json, fields: list[str]) -> list[str]:
    """Return the first value that isn't empty as texts: a list of them, one text, or a number."""
    for field in fields:
        value = sample.get(field)
        found = value if isinstance(value, list) else [value]
        if isinstance(value, (str, int, float, list)) and value not in ("", []):
            for item in found:
                if problem := label_problem(item):
                    raise Refused(f"bad metadata ('{shown(field)[:40]}' is {problem})")
            return [str(item) for item in found]
    return []


def unpacked(path: Path, store: Store) -> Iterator[Json]:
    """Read a tar once from front to back; yield its samples in the order of their first members.

    A sample has its ``key``, the ``json`` beside its audio, and the ``file`` that the store keeps, or else
    the ``reason`` why it can't be used.

    Raises:
        UserError: the tar is damaged, holds no sample, or is over its limits.

    """
    samples: dict[str, Json] = {}
    try:
        with path.open("rb") as raw, _unzipped(raw, store) as plain:
            with tarfile.open(fileobj=plain, mode="r|", tarinfo=_Member) as archive:
                for member in archive:
                    _take(archive, member, samples, store)
            # To the end, where a gzip's checksum is compared; writers fill the last record with zeros.
            behind = 0
            while block := plain.read(1 << 16):
                behind += len(block)
                if behind > BEHIND_MAX:
                    raise UserError(
                        f"{path} goes on for more than {BEHIND_MAX >> 20} MB after its end; get it again"
                    )
    except (tarfile.TarError, *BROKEN) as error:
        raise UserError(f"{path} is damaged ({shown(str(error))[:100]}); get it again") from None
    if not samples:
        raise UserError(f"{path} holds no sample")
    for key, sample in brought_together(samples).items():
        if "reason" not in sample and "file" not in sample:
            sample["reason"] = "no audio"
        yield {"key": shown(key), **sample}


def brought_together(samples: dict[str, Json]) -> dict[str, Json]:
    """Return samples by webdataset's rule where ours leaves sound and metadata apart.

    Here a key ends at the last dot, so that keys may have dots; webdataset's ends at the first, and
    ``k.speech.wav`` belongs to ``k.meta.json``. Of two recordings under one such key neither is taken.
    """
    lonely: dict[str, list[str]] = {}
    for key, sample in samples.items():
        if ("file" in sample) != bool(sample["json"]) and "reason" not in sample:
            path = PurePosixPath(key)
            lonely.setdefault(str(path.with_name(path.name.partition(".")[0] or path.name)), []).append(key)
    found = dict(samples)
    for key, members in lonely.items():
        heard = [member for member in members if "file" in samples[member]]
        described = [member for member in members if samples[member]["json"]]
        if not (heard and described):
            continue
        if len(heard) > 1:
            for member in heard:
                found[member] = samples[member] | {
                    "reason": f"bad metadata (webdataset's key '{shown(key)[:60]}' has {len(heard)} "
                    f"recordings: {shown(', '.join(heard))[:120]})"
                }
        else:
            told = {name: value for each in described for name, value in samples[each]["json"].items()}
            found[heard[0]] = samples[heard[0]] | {"json": told}
        for member in described:
            found.pop(member, None)
    return found


def _unzipped(raw: BinaryIO, store: Store) -> BinaryIO:
    """Return the stream of a tar, compressed or not, whatever its name says."""
    plain = decompressed(raw)
    if plain is raw:
        return raw
    return cast(BinaryIO, Expanding(plain, raw.tell, store.expansion, store.overexpanded))


def _take(archive: tarfile.TarFile, member: tarfile.TarInfo, samples: dict[str, Json], store: Store) -> None:
    """Take one member into the sample it belongs to."""
    path = PurePosixPath(member.name)
    if member.isdir() or path.name.startswith("._") or "__MACOSX" in path.parts:
        return
    suffix = path.suffix.lower()
    known, problem = suffix in (*SUFFIXES, ".json", *TEXT_MEMBERS), _problem(member)
    try:
        store.admit(member.size)
        if not known and not problem:
            return
        sample = samples.setdefault(_key(member, known), {"json": {}})
        if problem:
            raise Refused(problem)
        stream = cast(BinaryIO, archive.extractfile(member))
        if suffix in SUFFIXES:
            if "file" in sample:
                raise Refused("duplicate key (two recordings)")
            sample["file"] = store.keep(stream, member.name)
        elif member.size > METADATA_MAX:
            raise Refused(f"too large ({suffix} of {member.size / 1e6:.0f} MB)")
        else:
            _describe_more(sample, suffix, stream.read())
    except Refused as refused:
        samples.setdefault(_key(member, known), {"json": {}}).setdefault("reason", str(refused))


def _key(member: tarfile.TarInfo, known: bool) -> str:
    """Return the key of the sample that a member belongs to."""
    return member.name.removesuffix(PurePosixPath(member.name).suffix) if known else member.name


def _problem(member: tarfile.TarInfo) -> str | None:
    """Return why a member can't be taken, or None."""
    if problem := name_problem(member.name):
        return problem
    if not member.isreg() or member.issparse():
        return f"not a plain file ({KINDS.get(member.type, 'special')})"
    return None


def _describe_more(sample: Json, suffix: str, content: bytes) -> None:
    """Add a metadata member to what is known of a sample."""
    try:
        text = content.decode()
        found = json.loads(text) if suffix == ".json" else {suffix[1:]: text.strip()}
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Refused(f"bad metadata ({suffix}: {type(error).__name__})") from None
    if not isinstance(found, dict):
        raise Refused(f"bad metadata ({suffix}: no object)")
    if repeated := found.keys() & sample["json"].keys():
        raise Refused(f"duplicate key ({shown(min(repeated))[:40]} twice)")
    sample["json"] |= found
