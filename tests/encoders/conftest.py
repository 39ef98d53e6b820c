"""Encoders scored in this process, from tars to results: what Snakemake's jobs do, without its starts."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
import torch
import warm
import xares_tars as tars
from safetensors.torch import load_file, save_file

from earmark.core.files import write_json
from earmark.core.places import SCRIPTS
from earmark.models.checkpoint import Checkpoint, describe_folder
from earmark.systems.encoders import answer, extract, result, train
from earmark.systems.encoders.asked import AnswerJob, FeaturesJob, ScoreJob, TrainingJob

TRAINING = {
    "max_steps": 150, "per_device_train_batch_size": 4, "learning_rate": 0.005, "warmup_steps": 5,
    "weight_decay": 0.01, "max_grad_norm": 1.0, "seed": 42, "crop_audio_length": 30, "sort_by_length": 128,
    "texts_together": False, "save_steps": 20, "optimizer": "adamw_torch",
}  # fmt: skip
LORA = {"rank": 8, "alpha": 32, "dropout": 0.0, "targets": "all-linear"}


@pytest.fixture(scope="session")
def ending_lm(causal_lm, tmp_path_factory):
    """The small Llama, but that its token for an end has weights, so that it can be learned."""
    folder = tmp_path_factory.mktemp("ending_lm")
    shutil.copytree(causal_lm.folder, folder, dirs_exist_ok=True)
    tensors = load_file(folder / "model.safetensors")
    tensors["model.embed_tokens.weight"][0] = (
        torch.randn(32, generator=torch.Generator().manual_seed(0)) * 0.3
    )
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    write_json(folder / "config.json", config | {"pad_token_id": None})
    return Checkpoint(folder, describe_folder(folder, {"made": "by the tests"}, folder))


class Bench:
    """A folder with tars of tones, an encoder, and a language model of a few thousand weights."""

    def __init__(self, folder, decoder):
        self.folder = folder
        (folder / "spectrum.py").write_text(tars.SPECTRUM)
        self.spectrum = {
            "kind": "own",
            "code": str(folder / "spectrum.py"),
            "arguments": {},
            "dtype": "float32",
        }
        self.decoder = folder / "decoder.json"
        write_json(self.decoder, {**decoder.content, "folder": str(decoder.folder)})
        for number in range(2):
            tars.write(folder / f"train_{number}.tar.gz", tars.tones(12, 100 * number))
        tars.write(folder / "test_0.tar", tars.tones(12, 1000))

    def deaf(self):
        """Return an encoder that hears nothing."""
        path = self.folder / "deaf.py"
        path.write_text(tars.DEAF)
        return {**self.spectrum, "code": str(path)}

    def features(self, shard, tower=None, form="whole-float32", encoder=None, **more):
        """Make a shard's features; returns their folder."""
        tower = tower or self.spectrum
        place = self.folder / "features" / tower["kind"] / form
        settings = {"tower": tower | more, "form": form, "device": "cpu"}
        extract.run(
            FeaturesJob.read(settings, "settings"),
            self.folder / shard,
            encoder,
            place,
            shard.partition(".")[0],
            1,
        )
        return place

    def train(
        self, tower=None, output="model", *, work=None, key="label", encoder=None, processes=None, **changes
    ):
        """Train on the tones; returns the record of the checkpoint."""
        tower = tower or self.spectrum
        compat = changes.get("compat", "none")
        form = "audio" if compat == "xares" else "crop30-42-float32"
        for number in range(2):
            place = self.features(f"train_{number}.tar.gz", tower, form, encoder)
        source = {"name": "tones", "prompts": ["Which tone?"], "key": key, "share": 1.0}
        training = TRAINING | changes.pop("training", {})
        settings = {
            "encoder": tower["kind"], "suite": "tones", "tower": tower,
            "kinds": {"encoder": tower["kind"], "decoder": "causal_lm"},
            "sources": [source | {"shards": ["train_0", "train_1"]}], "training": training,
            "projector": {"kind": "linear", "pool": 1, "stack": 1, "hidden": 8}, "normalise": compat == "none",
            "lora": LORA, "precision": "no", "compat": compat, "max_failed_share": 0.0, "device": "cpu",
        } | changes  # fmt: skip
        record = self.folder / output / "checkpoint.json"
        work = work or self.folder / f"{output}-work"
        if processes is None:
            train.run(TrainingJob.read(settings, "settings"), place, encoder, self.decoder, record, work, 1)
        else:
            self._train_in(processes, settings, place, record, work)
        return record

    def _train_in(self, processes, settings, features, record, work):
        """Train as the rule does: by the script, in so many processes."""
        script = [warm.python(), str(SCRIPTS / "encoder_train.py"), "--settings", json.dumps(settings)]
        options = {"features": features, "decoder": self.decoder, "output": record, "work": work}
        given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        done = subprocess.run(
            [*script, *given, "--processes", str(processes), "--threads", str(processes)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout

    def answer(self, checkpoint, metric="Accuracy", key="label", tower=None, shard="test_0.tar", **changes):
        """Ask the trained model about the test tones; returns the record of its answers."""
        settings = {
            "encoder": "spectrum", "suite": "tones", "dataset": metric.lower(), "prompts": ["Which tone?"],
            "key": key, "metric": metric, "metric_args": {"num_classes": None, "separator": ";"},
            "batch_size": 32, "shards": [shard.partition(".")[0]], "max_failed_share": 0.5, "device": "cpu",
        } | changes  # fmt: skip
        output = checkpoint.parent / f"{metric.lower()}.json"
        place = self.features(shard, tower)
        answer.run(
            AnswerJob.read(settings, "settings"),
            place,
            checkpoint,
            output,
            self.folder / "answering",
            "code",
            1,
        )
        return output

    def score(self, answers, metric="Accuracy", compat="none", **changes):
        """Score answers; returns the result."""
        settings = {
            "encoder": "spectrum", "suite": "tones", "dataset": metric.lower(), "decoder": "tiny", "compat": compat,
            "metric": metric, "metric_args": {"num_classes": None, "separator": ";"}, "weight": 1, "labels": [],
            "max_failed_share": 0.5, "bootstrap": 200, "seed": 0, "training": TRAINING,
        } | changes  # fmt: skip
        output = answers.with_name(f"{answers.stem}-{compat}-result.json")
        result.run(ScoreJob.read(settings, "settings"), answers, output, "code")
        return json.loads(output.read_text())


@pytest.fixture
def bench(tmp_path, ending_lm):
    """A bench of this test's own."""
    return Bench(tmp_path, ending_lm)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, ending_lm):
    """A bench with a model that learned the tones; shared, so nothing may be changed in it."""
    made = Bench(tmp_path_factory.mktemp("bench"), ending_lm)
    made.checkpoint = made.train()
    return made
