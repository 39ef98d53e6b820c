from __future__ import annotations

import subprocess

import pytest
from media_server import media, tone

from earmark.core.errors import UserError
from earmark.core.records import read_manifest


def test_a_full_disk_ends_in_one_line_and_the_same_command_goes_on(shard, small_disk, monkeypatch):
    monkeypatch.chdir(small_disk)
    content = media(shard.folder, tone(2), 32000, "wav")
    for i in range(12):
        shard.add(f"item{i}", content)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * 150_000)
    with pytest.raises(
        UserError, match=r"no space left in \.earmark/fetch/loop .*run the same command again"
    ):
        shard.run(workers=1)
    assert not list(small_disk.rglob("*.partial")) and not shard.output.exists()
    rows = shard.ledger()
    kept = {row["clip_id"] for row in rows.values() if row["status"] == "ok"}
    files = {path.name.rpartition("-")[0] for path in shard.cache.rglob("*.flac")}
    assert 0 < len(kept) < 12 and kept <= files
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True, capture_output=True)
    asked = {name: shard.server.asked(f"/{name}.wav") for name in rows}
    shard.run(workers=1)
    assert all(clip.ok for clip in read_manifest(shard.output))
    assert all(shard.server.asked(f"/{name}.wav") == count for name, count in asked.items())
