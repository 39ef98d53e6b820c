"""The twenty data sets of XARES-LLM: where their shards lie, how they are asked and scored.

Specification: xares_llm, section 3.2. Where upstream's presets of single data sets differ from those of its
tasks (a key, a pattern, an evaluation on one shard of 32), the tasks' values are taken for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MetricName = Literal["Accuracy", "iWER", "iCER", "mAP", "FENSE", "DATE"]

DATA = "mispeech/xares_llm_data"
MECAT = "mispeech/MECAT-Caption"
ANY = "text;caption;captions;label;labels"
LABEL = "label;labels"


@dataclass(frozen=True)
class Dataset:
    """One data set: patterns of its shards inside a repository, and what is asked about its clips."""

    name: str
    folder: str
    prompt: str
    train: str
    test: str
    train_key: str
    test_key: str
    metric: MetricName
    task_prob: float
    """Its weight among the data sets of its task."""
    all_prob: float | None
    """Its weight among all twenty; None: its share of the shards."""
    steps: int = 10_000
    """Optimiser steps where it is trained on alone."""
    classes: int | None = None
    repo: str = DATA

    @property
    def train_patterns(self) -> list[str]:
        """Patterns of the training shards, with braces."""
        return self._patterns("train", self.train)

    @property
    def test_patterns(self) -> list[str]:
        """Patterns of the test shards, with braces."""
        return self._patterns("test", self.test)

    def _patterns(self, split: str, pattern: str) -> list[str]:
        if self.repo == DATA:
            return [f"{self.folder}/{split}/{pattern}.tar.gz"]
        every = f"{{0M0,000,SMA,S00,0MA,S0A,SM0,00A}}/{split}_0000-0000000.tar.gz"
        return [every, f"{{S00,SM0}}/{split}_0001-0000000.tar.gz"]


TASK1 = (
    Dataset(
        "asvspoof2015", "ASVSpoof2015", "Detect if the audio is genuine or a spoof.",
        "asvspoof_train_0000{00..17}", "asvspoof_eval_000{00..193}",
        "binary_spoof", "binary_spoof", "Accuracy", 1, None,
    ),
    Dataset(
        "cremad", "CremaD", "Identify the emotion expressed in the speech.",
        "train_cremad_with_text_0000{00..05}", "valid_cremad_with_text_0000{00..01}",
        "label", LABEL, "Accuracy", 1, None, 1000,
    ),
    Dataset(
        "esc-50", "ESC-50", "Classify the environmental sound.",
        "esc50_fold_{1..4}_0000000", "esc50_fold_5_0000000",
        LABEL, ANY, "Accuracy", 0.5, None, 2000,
    ),
    Dataset(
        "fluentspeechcommands", "FluentSpeechCommands",
        "Identify the command, action, and object from the speech.",
        "train_intent_with_text_0000{00..23}", "test_intent_with_text_0000{00..03}",
        ANY, ANY, "Accuracy", 2, None, 3000,
    ),
    Dataset(
        "freemusicarchive", "FreeMusicArchive", "Classify the music genre (FMA).",
        "small_train_0000{00..63}", "fma_small_test_0000{00..07}",
        "genre", "genre", "Accuracy", 2, None,
    ),
    Dataset(
        "fsd50k", "FSD50k", "Multi-label classification for FSD50k",
        "train_with_text_0000{00..08}", "eval_with_text_0000{00..31}",
        LABEL, LABEL, "mAP", 3, None, 5000, classes=200,
    ),
    Dataset(
        "fsdkaggle2018", "FSDKaggle2018", "Multi-label classification for FSDKaggle2018",
        "train_with_text_0000{00..20}", "test_with_text_0000{00..02}",
        LABEL, LABEL, "mAP", 2, None, classes=41,
    ),
    Dataset(
        "gtzan", "GTZAN", "Classify the music genre (GTZAN).",
        "gtzan_fold_{0..8}_0000000", "gtzan_fold_9_0000000",
        "genre", "genre", "Accuracy", 1, None, 2000,
    ),
    Dataset(
        "libricount", "LibriCount", "Count the amount of speakers.",
        "libricount_fold{00..03}", "libricount_fold04",
        "num_speakers", "num_speakers", "Accuracy", 1, None, 2000,
    ),
    Dataset(
        "nsynth", "NSynth", "Classify the music instrument.",
        "train_000{000..371}", "test_0000{00..05}",
        "instrument_family_str", "instrument_family_str", "Accuracy", 3, 0.03, 20_000,
    ),
    Dataset(
        "speechcommandsv1", "SpeechCommandsV1", "Classify the keyword.",
        "train_renamed_with_text_0000{00..51}", "test_renamed_with_text_0000{00..06}",
        ANY, ANY, "Accuracy", 1, 0.05,
    ),
    Dataset(
        "urbansound8k", "Urbansound8k", "Classify the urban sound.",
        "urbansound_fold{1..9}_0000000", "urbansound_fold10_0000000",
        "soundevent", "soundevent", "Accuracy", 1, None, 2000,
    ),
    Dataset(
        "vocalsound", "VocalSound", "Classify the vocal sound.",
        "train_with_text_0000{00..20}", "test_0000{00..04}",
        ANY, "labels", "Accuracy", 2, None, 2000,
    ),
    Dataset(
        "voxceleb1", "VoxCeleb1", "Are the two speakers the same or different?",
        "train_0000{00..39}", "test_0000{00..18}",
        LABEL, ANY, "Accuracy", 2, None, 5000,
    ),
    Dataset(
        "voxlingua33", "VoxLingua33", "Classify the language.",
        "train_subset_k_000{000..209}", "dev_0000{00..05}",
        LABEL, ANY, "Accuracy", 3, 0.2, 30_000,
    ),
)  # fmt: skip
"""Understanding, the challenge's track A."""

TASK2 = (
    Dataset(
        "aishell-1", "AISHELL-1", "Transcribe the Chinese speech into text.",
        "train_000{000..173}", "test_000{000..011}",
        "text", "text", "iCER", 2, 0.05, 50_000,
    ),
    Dataset(
        "clotho", "Clotho", "Generate a short caption for the audio.",
        "train_0000{00..17}", "test_0000{00..04}",
        ANY, "caption;captions", "FENSE", 1, 0.02, 5000,
    ),
    Dataset(
        "librispeech", "LibriSpeech", "Transcribe the English speech into text",
        "train-clean-100-0000{00..19}", "test-clean-0000{00..19}",
        "trans", "trans", "iWER", 2, 0.05, 50_000,
    ),
    Dataset(
        "songdescriber", "Songdescriber", "Generate a caption for the music",
        "train_song_describer_0000{00..01}", "valid_song_describer_0000{00..01}",
        "caption", "captions", "FENSE", 1, None, 2000,
    ),
    Dataset(
        "mecat", "", "Write a general audiocaption.",
        "", "", "long", "long", "DATE", 3, 0.2, repo=MECAT,
    ),
)  # fmt: skip
"""Generation, the challenge's track B."""

DATASETS = {each.name: each for each in (*TASK1, *TASK2)}
