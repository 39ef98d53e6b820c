"""The check says plainly what is wrong with an encoder, and how to mend it."""

from __future__ import annotations

import pytest
import torch

from earmark.models.towers.asked import Tower
from earmark.systems.encoders.check import contract
from earmark.systems.encoders.check.finding import Finding, page
from earmark.systems.encoders.check.run import checked

GOOD = """
import torch
class E(torch.nn.Module):
    output_dim = 4
    def forward(self, audio, audio_attention_mask=None):
        frames = audio[:, : audio.shape[1] // 160 * 160].unflatten(1, (-1, 160))
        lengths = None if audio_attention_mask is None else audio_attention_mask.sum(1) // 160
        mask = None if lengths is None else (torch.arange(frames.shape[1])[None] < lengths[:, None]).int()
        return frames[..., :4], mask
"""


@pytest.fixture
def findings(tmp_path):
    def run(content, **more):
        path = tmp_path / "mine.py"
        path.write_text(content)
        return checked(Tower(kind="own", code=f"{path}:E", **more), None, "cpu")

    return run


def test_a_sound_encoder_can_be_scored(findings):
    found = findings(GOOD)
    assert {each.verdict for each in found} == {"ok", "note"}
    said = page("mine", found)
    assert said.startswith("Encoder 'mine' can be scored.\n")
    assert "  ok   batch and padding: features depend on the clip alone" in said
    assert "ten minutes of audio: become 60000 frames" in said


@pytest.mark.parametrize(
    ("old", "new", "name", "message"),
    [
        ("output_dim = 4", "pass", "output_dim", "it is None"),
        (
            "audio, audio_attention_mask=None",
            "audio, *, audio_attention_mask=None",
            "forward",
            "takes 1 argument",
        ),
        ("output_dim = 4", "output_dim = 5", "result", "for 3 clips, width 5"),
        ("return frames[..., :4], mask", "return frames[..., :4]", "result", "a Tensor, no pair"),
        ("return frames[..., :4], mask", "return frames[..., 0], mask", "result", "not three-dimensional"),
        ("return frames", "return frames[:2]", "result", "for 3 clips"),
        (":4], mask", ":4], audio_attention_mask", "mask", "the mask is (3, 50000)"),
        (":4], mask", ":4], None if mask is None else mask.flip(1)", "mask", "do not come first"),
        (":4], mask", ":4], None if mask is None else 2 * mask", "mask", "other values than 0 and 1"),
        (":4], mask", ":4].log(), mask", "values", "are not finite"),
        (":4], mask", ":4].long(), mask", "dtype", "features are int64"),
        (":4], mask", ":4] + torch.rand(1), mask", "determinism", "gives other features"),
        ("frames = audio", "1 / 0; frames = audio", "without a mask", "fails (ZeroDivisionError"),
        ("output_dim = 4", "raise ValueError('no')", "loading", "cannot be imported"),
        ("output_dim = 4", "raise SystemExit(3)", "loading", "cannot be imported (SystemExit: 3)"),
        (
            "output_dim = 4",
            "output_dim = property(lambda self: 1 / 0)",
            "output_dim",
            "it is ZeroDivisionError",
        ),
        ("frames = audio", "raise SystemExit(3); frames = audio", "without a mask", "fails (SystemExit: 3)"),
        ("return frames[..., :4]", "return frames[..., :4].numpy()", "result", "of type ndarray, no tensor"),
        (":4], mask", ":4].to('meta'), mask", "result", "hold no values"),
        (":4], mask", ":4], None if mask is None else torch.ones_like(mask)", "mask", "and 153 alone"),
        ("frames = audio", "audio *= 2; frames = audio", "audio", "changes the audio"),
    ],
)
def test_a_broken_contract_is_named_with_its_cure(findings, old, new, name, message):
    [wrong] = [each for each in findings(GOOD.replace(old, new)) if each.verdict == "wrong"][:1]
    assert wrong.name == name and message in wrong.found and wrong.cure


@pytest.mark.parametrize(
    ("old", "new", "name", "message"),
    [
        (":4], mask", ":4], None", "ragged batch", "no mask comes back: padding is heard"),
        (":4], mask", ":4] - audio.mean(), mask", "batch and padding", "clips are encoded one by one"),
        (":4], mask", ":4] / frames.std(), mask", "silence", "2 s: features are not finite"),
        ("// 160 * 160", "// 1760 * 1760", "a short clip", "there is no frame at all"),
        ("// 160\n        mask", "// 200\n        mask", "ragged batch", "the mask keeps 250 of 312 frames"),
        (":4], mask", ":4] * (2 if self.training else 1), mask", "training mode", "differ in training mode"),
        ("return", "assert audio.shape[1] < 10**6\n        return", "ten minutes of audio", "fails (AssertionError"),
    ],
)  # fmt: skip
def test_what_is_worth_knowing_is_a_note(findings, old, new, name, message):
    [note] = [each for each in findings(GOOD.replace(old, new)) if each.name == name]
    assert note.verdict == "note" and message in note.found


def test_an_encoder_with_a_lazy_layer_is_told_to_run_it_once(findings):
    made = "def __init__(self): super().__init__(); self.late = torch.nn.LazyLinear(4)"
    [wrong] = findings(GOOD.replace("output_dim = 4", f"output_dim = 4\n    {made}"))
    assert wrong.verdict == "wrong" and "a lazy layer" in wrong.found


def test_batches_of_an_encoder_that_hears_its_neighbours_are_refused(findings):
    [wrong] = [
        f for f in findings(GOOD.replace(":4], mask", ":4] - audio.mean(), mask"), batch_clips=8) if f.cure
    ]
    assert (wrong.verdict, wrong.cure) == ("wrong", "set batch_clips to 1")


def test_features_that_come_back_on_the_cpu_are_told_of():
    audio = torch.zeros(1, 1600, device="meta")  # stands for a GPU's
    first = next(contract.values(contract.Heard(torch.zeros(1, 5, 4), None), audio))
    assert first == Finding("device", "note", "features come on cpu; they are moved")
