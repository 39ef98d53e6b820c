"""What many tests share: one tiny checkpoint of the real class, and real recordings where there are any."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    WhisperConfig,
    WhisperForConditionalGeneration,
)

from earmark.models import tiny, tiny_qwen2_audio
from earmark.models.checkpoint import Checkpoint, describe_folder
from earmark.models.composed import save as save_composed
from earmark.models.projector import Projector, Shape

if TYPE_CHECKING:
    from real_parts import Parts
    from selenium.webdriver import Chrome

REAL_AUDIO = Path(os.environ.get("EARMARK_TEST_AUDIO", Path(__file__).parents[2] / "shared" / "data"))

SMALL_WHISPER = {"layers": 2, "attention_heads": 2, "ffn_dim": 32}
WORDS_OF_WHISPER = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")

LONG = ("workflow", "separation", "systems", "doctor", "encoders", "training", "tagging", "report")
"""Folders of tests that run whole workflows, or start many processes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files: where one comes last, a process works at it and the others have ended."""
    items.sort(key=lambda item: LONG.index(name) if (name := item.path.parent.name) in LONG else len(LONG))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Keep the garbage collector from what is there to stay: a walk through it takes half a second, each time."""
    gc.disable()
    collected = yield
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, 100)
    gc.enable()
    return collected


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder for what all processes of a run of pytest make once, under a lock."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if hasattr(request.config, "workerinput") else base


@pytest.fixture(scope="session")
def pretrained(shared: Path) -> Parts:
    """Pretrained parts by their names in config/models/."""
    from real_parts import Parts  # reads the whole configuration, which few tests need

    return Parts(shared / "parts")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _no_waiting_for_the_disk() -> Iterator[None]:
    """No test cuts the power, so what is written need not have reached the disk: some 14 ms for every file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory) -> Checkpoint:
    """A thinker with random weights, saved as transformers saves it."""
    folder = tmp_path_factory.mktemp("checkpoint")
    names, prompts = (
        ["dog bark", "rain"],
        ["What is heard?\nA. dog bark\nB. rain\nAnswer with the letter only."],
    )
    made = tiny.build(names, prompts * 5, tiny.Sizes(hidden=32, layers=3, heads=2, kv_heads=1, ffn=32), 0)
    made.save(folder)
    return Checkpoint(folder, describe_folder(folder, {"made": "by the tests"}, folder))


@pytest.fixture(scope="session")
def qwen2_audio(tmp_path_factory) -> Checkpoint:
    """A small Qwen2-Audio with random weights, saved as transformers saves it."""
    folder = tmp_path_factory.mktemp("qwen2_audio")
    sizes = tiny.Sizes(hidden=32, layers=3, heads=2, kv_heads=1, ffn=32, audio_hidden=32, audio_layers=3)
    tiny_qwen2_audio.build(["rain"], ["Describe the music:"] * 5, sizes, 0, folder)
    return Checkpoint(folder, describe_folder(folder, {"made": "by the tests"}, folder))


@pytest.fixture(scope="session")
def whisper(tmp_path_factory) -> Checkpoint:
    """A small Whisper with random weights, saved as transformers saves it."""
    folder = tmp_path_factory.mktemp("whisper")
    torch.manual_seed(0)
    sizes = {f"{side}_{what}": n for side in ("encoder", "decoder") for what, n in SMALL_WHISPER.items()}
    config = WhisperConfig(
        d_model=32, num_mel_bins=80, vocab_size=60, **dict.fromkeys(WORDS_OF_WHISPER, 1), **sizes
    )
    WhisperForConditionalGeneration(config).save_pretrained(folder)
    return Checkpoint(folder, describe_folder(folder, {"made": "by the tests"}, folder))


@pytest.fixture(scope="session")
def causal_lm(tmp_path_factory) -> Checkpoint:
    """A small Llama with random weights and a tokenizer of the bytes it may read."""
    folder = tmp_path_factory.mktemp("causal_lm")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<end>"]
    )
    tokenizer.train_from_iterator(["dog bark, rain"], trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>").save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, intermediate_size=32, num_hidden_layers=3,
        num_attention_heads=2, num_key_value_heads=1, bos_token_id=None, eos_token_id=0, pad_token_id=0,
        tie_word_embeddings=True, initializer_range=0.3,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return Checkpoint(folder, describe_folder(folder, {"made": "by the tests"}, folder))


@pytest.fixture(scope="session")
def composed(whisper, causal_lm, tmp_path_factory) -> Checkpoint:
    """A model composed of the small Whisper and the small Llama, its projector random: 25 tokens a second."""
    folder = tmp_path_factory.mktemp("composed")
    torch.manual_seed(0)
    save_composed(folder, Projector(Shape(stack=2), 32, 32), None)
    own = describe_folder(folder, {"made": "by the tests"}, folder)
    parts = {"encoder": ("whisper", whisper), "decoder": ("causal_lm", causal_lm)}
    named = {
        name: {**part.content, "kind": kind, "folder": str(part.folder)}
        for name, (kind, part) in parts.items()
    }
    return Checkpoint(folder, {**own, "parts": named})


@pytest.fixture(scope="session")
def real_audio() -> Path:
    """The folder of real recordings; its tests are skipped where it isn't."""
    if not (REAL_AUDIO / "esc10" / "metadata.csv").is_file():
        pytest.skip(f"no real recordings at {REAL_AUDIO}; set EARMARK_TEST_AUDIO to a folder with esc10/")
    return REAL_AUDIO


@pytest.fixture(scope="session")
def real_speech(real_audio, tmp_path_factory) -> Path:
    """Recorded speech in the layouts of LibriSpeech-long and VoxCeleb, copies of them."""
    root = tmp_path_factory.mktemp("real_speech")
    chapter = root / "librispeech-long" / "test-clean" / "1" / "1"
    wav = root / "VoxCeleb" / "concatenated_audio" / "wav"
    chapter.mkdir(parents=True)
    for row in pd.read_csv(real_audio / "read_speech_lj" / "metadata.csv").to_dict("records"):
        source = real_audio / "read_speech_lj" / row["file"]
        shutil.copy(source, chapter)
        (chapter / f"{source.stem}.txt").write_text(row["transcript"])
    items = []
    for row in pd.read_csv(real_audio / "speaker_gender" / "metadata.csv").to_dict("records"):
        source = real_audio / "speaker_gender" / row["file"]
        (wav / row["speaker"]).mkdir(parents=True, exist_ok=True)
        shutil.copy(source, wav / row["speaker"])
        items.append(
            {
                "path": f"{row['speaker']}/{source.name}",
                "question": "Is the speaker male or female?",
                "answer_gt": str(row["label"]).capitalize(),
                "speaker_id_original": row["speaker"],
            }
        )
    (wav.parent / "gender_id_task_meta.json").write_text(json.dumps(items))
    return root


@pytest.fixture
def small_disk(request, tmp_path) -> Iterator[Path]:
    """A folder that holds 600 kB, or what a test asks for, on a real file system."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = [
        "mount",
        "-t",
        "tmpfs",
        "-o",
        f"size={getattr(request, 'param', '600k')}",
        "tmpfs",
        str(folder),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount command here")
    if done.returncode:
        pytest.skip(f"mounting a small file system is not permitted here ({done.stderr.strip()})")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def browser(chrome: Chrome) -> Chrome:
    """A headless browser that records what pages ask for and complain about, those of this test alone."""
    for kind in ("browser", "performance"):
        chrome.get_log(kind)
    return chrome


@pytest.fixture(scope="session")
def chrome() -> Iterator[Chrome]:
    """The browser of all tests: starting one takes seconds."""
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("needs chromium and chromedriver on PATH")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield opened
    opened.quit()
