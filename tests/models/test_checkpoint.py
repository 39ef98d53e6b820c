"""What a checkpoint's folder lacks is said first; what was changed in it is refused where it is read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from earmark.config.load import Load
from earmark.core.errors import UserError
from earmark.core.files import write_json
from earmark.core.places import SCRIPTS
from earmark.models.checkpoint import Checkpoint, describe_folder
from earmark.models.families import family
from earmark.models.folder_state import SAMPLE, WHOLE, folder_state
from earmark.models.mapped import WeightFile
from earmark.models.weight_files import INDEX, check_complete

UNREAD = family("omni").parts.unread


@pytest.fixture
def sharded(tmp_path, checkpoint):
    """A full Omni's layout: tower and language model in two shards, a talker in a third that isn't there."""
    folder = tmp_path / "omni"
    shutil.copytree(checkpoint.folder, folder)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)]
    parts = [{k: v for k, v in tensors.items() if ("audio_tower" in k) == first} for first in (True, False)]
    for name, part in zip(names, parts, strict=False):
        save_file(part, folder / name)
    weight_map = {key: name for name, part in zip(names, parts, strict=False) for key in part}
    write_json(folder / INDEX, {"weight_map": weight_map | {"talker.x": names[2]}})
    return folder


def record(folder):
    """The checkpoint as its rule records it."""
    path = folder.parent / "checkpoint.json"
    write_json(path, describe_folder(folder, {}, folder.parent, UNREAD))
    return Checkpoint.read(path)


def flip(path, key):
    """Change one bit of a tensor, the size and the times staying as they were."""
    times = path.stat()
    place = WeightFile(path).places[key]
    with path.open("r+b") as stream:
        stream.seek(place.begin + 1)
        (byte,) = stream.read(1)
        stream.seek(place.begin + 1)
        stream.write(bytes([byte ^ 1]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def parts_of(checkpoint, load=None):
    kind = family("omni")
    kind.encoder(checkpoint, "cpu", "float32")
    kind.decoder(checkpoint, "cpu", "float32", "sdpa", load=load)


def test_a_complete_folder_without_its_talker_is_complete(sharded):
    check_complete(sharded, UNREAD)
    parts_of(record(sharded))
    with pytest.raises(UserError, match="model-00003-of-00003.safetensors missing, 1 of the 3"):
        check_complete(sharded)


def test_a_missing_shard_is_found_before_anything_is_hashed(sharded):
    (sharded / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(UserError, match=f"model-00002-of-00003.safetensors missing, 1 of the 2 .* {INDEX}"):
        record(sharded)


def test_a_shard_of_another_download_is_found(sharded):
    shutil.copy(sharded / "model-00001-of-00003.safetensors", sharded / "model-00001-of-00002.safetensors")
    with pytest.raises(UserError, match="does not name model-00001-of-00002.safetensors"):
        check_complete(sharded, UNREAD)


def test_a_shard_without_what_the_index_promises_is_found(sharded):
    shutil.copy(sharded / "model-00001-of-00003.safetensors", sharded / "model-00002-of-00003.safetensors")
    with pytest.raises(UserError, match="model-00002-of-00003.safetensors lacks '.*of different downloads"):
        check_complete(sharded, UNREAD)


@pytest.mark.parametrize("keep", [0, 5, 100, -7])
def test_a_shard_cut_short_is_found(sharded, keep):
    path = sharded / "model-00002-of-00003.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match="model-00002-of-00003.safetensors is missing or damaged"):
        check_complete(sharded, UNREAD)


def test_a_folder_without_weights_is_no_checkpoint(sharded):
    for path in [sharded / INDEX, *sharded.glob("*.safetensors")]:
        path.unlink()
    with pytest.raises(UserError, match="holds neither model.safetensors nor"):
        check_complete(sharded, UNREAD)


@pytest.mark.parametrize("load", [Load(), Load(mode="layerwise"), Load(mode="layerwise", resident_layers=2)])
@pytest.mark.parametrize(
    "key",
    ["model.language_model.layers.1.mlp.up_proj.weight", "model.audio_tower.proj.weight", "lm_head.weight"],
)
def test_a_flipped_bit_in_any_part_is_refused_where_it_is_read(sharded, load, key):
    stored = Checkpoint(sharded, {})
    held = {k: f for f in sharded.glob("model-*") for k in WeightFile(f).places}
    key = (
        key if key in held else key.replace("model.language_model.", "model.").replace("model.audio", "audio")
    )
    checkpoint = record(sharded)
    flip(held[key], key)
    with pytest.raises(
        UserError, match=f"{held[key].name}: '{key}' holds other bytes .*put the old one back"
    ):
        parts_of(checkpoint, load)
    parts_of(stored, load)  # nothing was recorded of it


def test_an_edited_config_is_refused_with_its_file(sharded):
    record(sharded)
    config = json.loads((sharded / "config.json").read_text())
    write_json(sharded / "config.json", config | {"tie_word_embeddings": True})
    with pytest.raises(
        UserError, match="config.json is not the file that was there when .* delete .*checkpoint"
    ):
        Checkpoint.read(sharded.parent / "checkpoint.json")


def test_results_do_not_carry_the_checksum_of_every_tensor(sharded):
    checkpoint = record(sharded)
    assert len(checkpoint.content["tensors"]) > 20
    assert checkpoint.record == {k: v for k, v in checkpoint.content.items() if k != "tensors"}


def test_a_folders_state_changes_with_its_contents_alone(tmp_path):
    large = np.random.default_rng(0).bytes(WHOLE + 5 * SAMPLE)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(large)
    before = folder_state(tmp_path)
    os.utime(tmp_path / "model.safetensors", (1, 1))
    assert folder_state(tmp_path) == before
    (tmp_path / "model.safetensors").write_bytes(np.random.default_rng(1).bytes(len(large)))
    other = folder_state(tmp_path)
    assert other != before
    (tmp_path / "config.json").write_text("[]")
    assert folder_state(tmp_path) not in (before, other)


def test_tensors_are_what_safetensors_itself_reads(tmp_path):
    rng = torch.Generator().manual_seed(0)
    tensors = {
        str(dtype): (torch.rand(3, 5, generator=rng) * 100).to(dtype)
        for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.uint8, torch.bool)
    }
    tensors |= {"empty": torch.empty(0, 4), "scalar": torch.tensor(2.5)}
    save_file(tensors, tmp_path / "x.safetensors", {"format": "pt"})
    ours = WeightFile(tmp_path / "x.safetensors")
    stock = load_file(tmp_path / "x.safetensors")
    assert ours.places.keys() == stock.keys()
    for key, value in stock.items():
        found = ours.tensor(key, ours.checksum(key))
        assert found.dtype == value.dtype and torch.equal(found, value), key


LIMITED = """
import resource, sys
from pathlib import Path
from earmark.models.checkpoint import Checkpoint
from earmark.models.families import family
from earmark.config.load import Load

mode, folder, allowed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
kind = family("omni")
kind.code()
held = next(int(l.split()[1]) << 10 for l in open("/proc/self/status") if l.startswith("VmSize"))
resource.setrlimit(resource.RLIMIT_AS, (held + allowed, held + allowed))
kind.decoder(Checkpoint(folder, {}), "cpu", "bfloat16", "sdpa", load=Load(mode=mode))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of addresses are Linux's")
@pytest.mark.parametrize(("mode", "share"), [("full", 1.5), ("layerwise", 0.9)])
def test_no_more_addresses_are_reserved_than_weights_are_held(tmp_path, mode, share):
    from earmark.models import tiny

    sizes = tiny.Sizes(hidden=512, layers=16, heads=8, kv_heads=2, ffn=4096)
    made = tiny.build(["rain"], ["What is heard?"] * 5, sizes, 0)
    made.model.to(torch.bfloat16)
    made.save(tmp_path)
    weights = (tmp_path / "model.safetensors").stat().st_size
    assert weights > 200e6
    subprocess.run(
        [sys.executable, "-c", LIMITED, mode, str(tmp_path), str(int(weights * share))],
        check=True,
        env=os.environ | {"PYTHONPATH": str(SCRIPTS), "OMP_NUM_THREADS": "1"},
        timeout=600,
    )
