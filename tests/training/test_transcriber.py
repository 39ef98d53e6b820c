"""The transcriber's recipe: it trains, resumes exactly, and its losses are what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, Qwen2_5OmniThinkerForConditionalGeneration

from earmark.core.errors import UserError
from earmark.models import tiny
from earmark.training.recipes import transcriber
from earmark.training.recipes.settings import TranscriberSettings
from earmark.training.stage import Draw, Loss

SMALL: dict[str, Any] = {
    "text_steps": 3,
    "tower_steps": 3,
    "joint_steps": 3,
    "text_rows": 3,
    "audio_rows": 3,
    "save_every": 2,
    "sizes": {"hidden": 32, "layers": 2, "heads": 2, "kv_heads": 1, "ffn": 32}
    | {"audio_hidden": 16, "audio_layers": 1, "audio_heads": 2, "audio_ffn": 16},
}
TEXTS = ("one two", "two one two", "three", "one three two one")


def recordings(texts: tuple[str, ...] = TEXTS) -> list[transcriber.Utterance]:
    rng = np.random.default_rng(0)
    return [
        transcriber.Utterance(
            str(i), tuple(text.split()), rng.standard_normal((128, 120 + 20 * i)).astype(np.float16)
        )
        for i, text in enumerate(texts)
    ]


def train(folder: Path, **changes: Any):
    settings = TranscriberSettings.from_mapping(SMALL | changes)
    return transcriber.train(recordings(), settings, folder / "model", folder / "work")


def test_an_interrupted_training_ends_with_the_same_file(tmp_path, monkeypatch):
    record = train(tmp_path / "whole")
    assert record.classes == ["one", "three", "two"]
    with monkeypatch.context() as patch:
        loss = transcriber.Recipe._joint_loss

        def interrupted(recipe: transcriber.Recipe, draw: Draw) -> Loss:
            if draw.step == 2:
                raise KeyboardInterrupt
            return loss(recipe, draw)

        patch.setattr(transcriber.Recipe, "_joint_loss", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "cut")
    train(tmp_path / "cut")
    whole, cut = (tmp_path / name / "model" / "model.safetensors" for name in ("whole", "cut"))
    assert cut.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("rows", [1, 4])
def test_teacher_forcing_gives_the_loss_of_the_saved_model(tmp_path, rows):
    train(tmp_path)
    folder = tmp_path / "model"
    model = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    checkpoint = tiny.Checkpoint(model, tokenizer, tiny.build_extractor())
    settings = TranscriberSettings.from_mapping(SMALL | {"gain_db": 0.0, "audio_rows": rows})
    clips = recordings()
    recipe = transcriber.Recipe(checkpoint, clips, ["one", "three", "two"], settings)
    drawn = np.random.default_rng(0).integers(len(clips), size=rows)
    assert rows == 1 or len(set(drawn.tolist())) > 2, "rows of different lengths"
    losses = []
    with torch.no_grad():
        loss = recipe._joint_loss(Draw(0, np.random.default_rng(0)))
        prompt = tokenizer.apply_chat_template(
            [{"role": "user", "content": [{"type": "audio"}, {"type": "text", "text": settings.prompt}]}],
            add_generation_prompt=True,
            tokenize=False,
        )
        for clip in (clips[index] for index in drawn):
            frames = clip.mel.shape[1]
            count = transcriber.audio_tokens(frames)
            asked = tokenizer.encode(prompt.replace(tiny.AUDIO, tiny.AUDIO * count))
            answer = [*tokenizer.encode(" ".join(clip.words)), tokenizer.eos_token_id]
            assert tokenizer.decode(answer, skip_special_tokens=True) == " ".join(clip.words)
            ids = torch.tensor([[*asked, *answer]])
            logits = model(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                input_features=torch.from_numpy(clip.mel.astype(np.float32))[None],
                feature_attention_mask=torch.ones(1, frames, dtype=torch.long),
            ).logits
            losses.append(
                torch.nn.functional.cross_entropy(
                    logits[0, len(asked) - 1 : -1], torch.tensor(answer), reduction="none"
                )
            )
    assert float(loss.total) == pytest.approx(float(torch.cat(losses).mean()), abs=1e-5)


def test_thirty_steps_of_reading_reduce_the_loss(tmp_path):
    record = train(tmp_path, text_steps=30, tower_steps=1, joint_steps=1, text_rate=5e-3)
    assert record.stages[0].curve[-1][1] < 0.7 * record.stages[0].curve[0][1]


def test_ctcs_best_path_drops_repeats_and_silence():
    assert transcriber._collapsed(torch.tensor([0, 1, 1, 0, 1, 2, 2, 0])) == [1, 1, 2]


@pytest.mark.parametrize(
    ("texts", "message"),
    [(("one two", ""), "has 0 words"), (("one " * 99,), "has 99 words"), (("one", "one"), "different words")],
)
def test_what_cannot_be_trained_is_named(tmp_path, texts, message):
    settings = TranscriberSettings.from_mapping(SMALL)
    with pytest.raises(UserError, match=message):
        transcriber.train(recordings(texts), settings, tmp_path / "model", tmp_path / "work")
