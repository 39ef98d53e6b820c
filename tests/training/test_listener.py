"""The recipe: any class list trains, an interruption changes nothing, the saved model is the trained one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, Qwen2_5OmniThinkerForConditionalGeneration

from earmark.core.errors import UserError
from earmark.models import tiny
from earmark.scoring.question import fill
from earmark.training.recipes import listener, questions, thinker
from earmark.training.recipes.crops import TrainingClip
from earmark.training.stage import Draw, Loss

SMALL: dict[str, Any] = {
    "text_steps": 3,
    "tower_steps": 3,
    "joint_steps": 3,
    "save_every": 2,
    "text_tokens": 300,
    "audio_tokens": 200,
    "sizes": {"hidden": 32, "layers": 2, "heads": 2, "kv_heads": 1, "ffn": 32}
    | {"audio_hidden": 16, "audio_layers": 1, "audio_heads": 2, "audio_ffn": 16},
    "augmentation": {"clip_s": [0.5, 3.0]},
}


def recordings(labels: list[str]) -> list[TrainingClip]:
    rng = np.random.default_rng(0)
    return [
        TrainingClip(f"{label}-{take}", label, rng.standard_normal((128, 150)).astype(np.float16))
        for label in labels
        for take in range(2)
    ]


def train(labels: list[str], folder: Path, **changes: Any) -> thinker.TrainingRecord:
    settings = listener.ListenerSettings.from_mapping(SMALL | changes)
    return listener.train(recordings(labels), settings, folder / "model", folder / "work")


@pytest.mark.parametrize(
    "labels",
    [["dog_bark", "dog_whine"], ["c", "b", "a"], [f"kind_{n}" for n in range(10)]],
    ids=["two", "three", "ten"],
)
def test_class_lists_of_any_length_train_and_save(labels: list[str], tmp_path: Path) -> None:
    record = train(labels, tmp_path)

    assert record.classes == sorted(labels)
    assert [(stage.name, stage.steps) for stage in record.stages] == [("text", 3), ("tower", 3), ("joint", 3)]
    assert all(np.isfinite(stage.loss) for stage in record.stages)
    expected = {"model.safetensors", "config.json", "generation_config.json", "preprocessor_config.json"}
    assert expected | {"tokenizer.json"} <= {path.name for path in (tmp_path / "model").iterdir()}


@pytest.mark.parametrize("stage", ["text", "tower", "joint"])
def test_an_interrupted_training_ends_with_the_same_file(
    stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(["a", "b"], tmp_path / "whole")

    with monkeypatch.context() as patch:
        loss = getattr(listener._Recipe, f"_{stage}_loss")

        def interrupted(recipe: listener._Recipe, draw: Draw) -> Loss:
            if draw.step == 2:
                raise KeyboardInterrupt
            return loss(recipe, draw)

        patch.setattr(listener._Recipe, f"_{stage}_loss", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(["a", "b"], tmp_path / "cut")
    assert not (tmp_path / "cut" / "model").exists()
    train(["a", "b"], tmp_path / "cut")

    whole, cut = (tmp_path / name / "model" / "model.safetensors" for name in ("whole", "cut"))
    assert cut.read_bytes() == whole.read_bytes()


def test_thirty_steps_of_text_lookup_reduce_the_loss(tmp_path: Path) -> None:
    changes = {"text_steps": 30, "tower_steps": 1, "joint_steps": 1, "text_rate": 5e-3}
    record = train(["a", "b", "c", "d"], tmp_path, **changes)

    curve = record.stages[0].curve
    assert curve[-1][1] < 0.8 * curve[0][1]


def test_training_embeds_and_places_audio_as_the_model_itself_does(tmp_path: Path) -> None:
    """The loop calls tower and language model by hand; the saved model's forward must give its loss."""
    labels, folder = ["a", "bb", "ccc"], tmp_path / "model"
    train(labels, tmp_path)
    model = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(folder).eval()
    checkpoint = tiny.Checkpoint(model, AutoTokenizer.from_pretrained(folder), tiny.build_extractor())
    settings = listener.ListenerSettings.from_mapping(SMALL | {"hint_weight": 0.0})
    recipe = listener._Recipe(checkpoint, recordings(labels), labels, settings)

    with torch.no_grad():
        audio, classes = recipe._listen(np.random.default_rng(1))
        loss = recipe._answer(audio, classes, np.random.default_rng(2))
        rng = np.random.default_rng(1)
        frames = recipe._cropper.length(rng)
        mel, _ = recipe._cropper.batch(len(classes), frames, rng)
        ids, mask, targets = recipe._asker.ask(classes.tolist(), audio.shape[1], np.random.default_rng(2))
        logits = model(
            input_ids=ids,
            attention_mask=mask,
            input_features=torch.from_numpy(mel),
            feature_attention_mask=torch.ones(mel.shape[0], frames, dtype=torch.long),
        ).logits
    letter, end = (torch.nn.functional.cross_entropy(logits[:, at], targets[:, at]) for at in (-2, -1))

    assert audio.shape[1] == listener.audio_tokens(frames)
    assert float(loss.total) == pytest.approx(float(letter + 0.1 * end), abs=1e-5)


def test_questions_shuffle_offer_the_answer_once_and_pad_left() -> None:
    names = ["dog bark", "rain", "sea waves", "rooster", "clock tick"]
    text = fill(questions.TEMPLATE, "Which?", names)
    tokenizer = tiny.build_tokenizer(names, [text] * 20)
    asker = questions.Asker(tokenizer, names, 4, "Which?", questions.TEMPLATE)
    rng = np.random.default_rng(0)

    picks = [asker.pick(2, rng) for _ in range(200)]
    assert {place for _, place in picks} == {0, 1, 2, 3}
    assert all(offered[place] == 2 and len(set(offered)) == 4 for offered, place in picks)

    ids, mask, targets = asker.ask([0, 2], 5, rng)
    assert (mask[:, -1] == 1).all()
    assert (ids == tokenizer.convert_tokens_to_ids("<|AUDIO|>")).sum(dim=1).tolist() == [5, 5]
    assert torch.equal(ids[:, -1], targets[:, 0])
    assert (targets[:, 1] == tokenizer.eos_token_id).all()
    assert "\nA. " in tokenizer.decode(ids[0])


@pytest.mark.parametrize(
    ("labels", "changes", "message"),
    [
        (["a"], {}, "at least two classes"),
        (["a_b", "a b"], {}, "look the same"),
        (["a", "b"], {"n_options": 1}, "n_options"),
        (["a", "b"], {"text_stepz": 1}, "text_steps"),
        (["a", "b"], {"sizes": {"hiden": 1}}, "hidden"),
    ],
)
def test_mistakes_end_in_one_line(
    labels: list[str], changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        train(labels, tmp_path, **changes)


def test_an_empty_recording_is_refused_by_name(tmp_path: Path) -> None:
    empty = TrainingClip("nothing-1", "a", np.zeros((128, 0), np.float16))
    settings = listener.ListenerSettings.from_mapping(SMALL)

    with pytest.raises(UserError, match="nothing-1"):
        listener.train([*recordings(["a", "b"]), empty], settings, tmp_path / "model", tmp_path / "work")
