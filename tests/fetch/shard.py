"""A shard of segments on the media server, fetched as the rule does it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from media_server import MediaServer, media, tone

from earmark.config.packing import Kept
from earmark.config.source import read
from earmark.core.places import SCRIPTS
from earmark.core.records import Clip, read_manifest, write_manifest
from earmark.data.fetch.job import fetch
from earmark.data.fetch.network import Network
from earmark.data.sources import youtube

CLASSES = 'index,mid,display_name\n0,/m/a,"Dog, barking"\n1,/m/b,Rain\n'
FAST = {"requests_per_hour": None, "timeout_s": 2, "backoff_s": 0.01, "retries": 1}
KEEP = {"sample_rate": 32000, "channels": "mean", "max_pending_share": 0}


class Shard:
    """Items are added by name; each is a recording of a few seconds unless content is given."""

    def __init__(self, server: MediaServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.lines: list[str] = []
        self.cache = Path(".earmark/fetch/loop")
        self.output = Path("data/loop/fetched/test-00000-of-00001.parquet")
        self._plain = media(folder, tone(2), 32000, "wav")

    def add(
        self, name: str, content: bytes | None = None, span: tuple[float, float] = (0.5, 1.5), **fault
    ) -> str:
        """Add a segment of a recording; returns its path on the server."""
        path = f"/{name}.wav"
        self.server.add(path, self._plain if content is None else content)
        if fault:
            self.server.fault(path, **fault)
        self.lines.append(f'{name}, {span[0]:.3f}, {span[1]:.3f}, "/m/a,/m/b"\n')
        return path

    def settings(self) -> dict[str, Any]:
        """The task's data.source."""
        (self.folder / "list.csv").write_text("# a\n# b\n# c\n" + "".join(self.lines))
        (self.folder / "classes.csv").write_text(CLASSES)
        return {
            "kind": "youtube",
            "lists": {"test": str(self.folder / "list.csv")},
            "classes": str(self.folder / "classes.csv"),
            "url": f"{self.server.url}/{{id}}.wav",
            "licence": "tests",
        }

    def recordings(self) -> Path:
        """The wanted list, as the download rule writes it."""
        path = self.folder / "data/loop/recordings.parquet"
        write_manifest(
            path, youtube.collect(read(self.settings(), "data.source"), self.folder / "source", 0, 1)
        )
        return path

    def run(self, keep: dict[str, Any] | None = None, **network) -> list[Clip]:
        """Fetch within this process; returns the manifest."""
        reach = Network(**{**FAST, **network})
        arguments = (
            self.recordings(),
            "test",
            (0, 1),
            Kept.read(KEEP | (keep or {}), "keep"),
            reach,
            self.cache,
            self.output,
        )
        fetch(*arguments)
        return read_manifest(self.output)

    def start(self, split: str = "test", **network) -> subprocess.Popen[str]:
        """Start the script as a process of its own."""
        command = [sys.executable, str(SCRIPTS / "fetch.py"), "--recordings", str(self.recordings())]
        command += ["--split", split, "--shard", "0", "--of", "1", "--settings", json.dumps(KEEP)]
        command += ["--network", json.dumps(FAST | network), "--cache", str(self.cache)]
        return subprocess.Popen(
            [*command, "--output", str(self.output)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
        )

    def ledger(self) -> dict[str, dict[str, Any]]:
        """The latest row of every item, by the name it was added with."""
        lines = (self.cache / "test-00000-of-00001/ledger.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        return {row["clip_id"][1:].rpartition("_")[0]: row for row in rows}
