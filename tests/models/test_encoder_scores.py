"""What the encoder's last layer attends to is told as whole attention maps say it, without making one."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import Qwen2AudioForConditionalGeneration

from earmark.core.errors import UserError
from earmark.core.records import Clip, Part
from earmark.data import shards
from earmark.models import omni, qwen2_audio, whisper
from earmark.models.contract import Attending
from earmark.models.encode import encode_shard
from earmark.models.families.omni import Omni
from earmark.models.features import FeatureStore, StatesInMemory, scores_key
from earmark.reduction import encoder_scores
from earmark.reduction.encoder_scores import LOUDNESS, SCORES, attention_scores, loudness


def from_map(attention: Tensor, pool: int) -> dict[str, Tensor]:
    """The scores as defined, from a whole map [heads, positions, positions]."""
    found = {}
    for name, joined in (("max", attention.amax(0)), ("mean", attention.mean(0))):
        n = len(joined) // pool
        sums = joined[:, : n * pool].unflatten(1, (n, pool)).sum(2)
        blocks = sums[: n * pool].unflatten(0, (n, pool)).mean(1)
        # a last position that fills no token attends like all others
        found[f"received_{name}"] = sums.sum(0) / pool
        found[f"diagonal_{name}"] = blocks.diagonal()
    return found


@pytest.mark.parametrize("block", [4, 250])
@pytest.mark.parametrize(("positions", "pool"), [(24, 2), (23, 2), (24, 4), (9, 1)])
def test_blocks_of_rows_give_what_the_whole_map_gives(monkeypatch, positions, pool, block):
    monkeypatch.setattr(encoder_scores, "BLOCK", block)
    draw = torch.Generator().manual_seed(positions)
    queries, keys = (torch.randn(2, 3, positions, 8, generator=draw) for _ in range(2))
    found = attention_scores(queries, keys, 0.5, pool)
    for window in range(2):
        whole = (queries[window] @ keys[window].mT * 0.5).softmax(-1)
        for name, values in from_map(whole, pool).items():
            torch.testing.assert_close(found[name][window], values, atol=1e-5, rtol=1e-5)


def test_padding_is_neither_asked_nor_attended_to():
    draw = torch.Generator().manual_seed(1)
    queries, keys = (torch.randn(2, 3, 20, 8, generator=draw) for _ in range(2))
    found = attention_scores(queries, keys, 0.5, 2, [20, 12])
    alone = attention_scores(queries[1:, :, :12], keys[1:, :, :12], 0.5, 2)
    for name in SCORES:
        torch.testing.assert_close(found[name][1, :6], alone[name][0])


def test_the_mean_of_what_tokens_receive_is_one():
    queries, keys = torch.randn(1, 2, 16, 8), torch.randn(1, 2, 16, 8)
    assert attention_scores(queries, keys, 1.0, 2)["received_mean"].mean() == pytest.approx(1)


@torch.no_grad()
def test_qwen2_audio_tells_what_its_stock_encoder_attends_to(request):
    qwen2_audio_small = request.getfixturevalue("qwen2_audio")
    encoder = qwen2_audio.Encoder(qwen2_audio_small, "cpu", "float32")
    mels = [
        encoder.mel(np.random.default_rng(i).normal(size=n).astype("float32"))
        for i, n in enumerate((9000, 16000))
    ]
    # given the stock tower with eager attention, whose last layer gives its map
    stock = Qwen2AudioForConditionalGeneration.from_pretrained(
        qwen2_audio_small.folder, attn_implementation="eager"
    ).model.audio_tower.eval()
    maps = []
    hook = stock.layers[-1].self_attn.register_forward_hook(lambda module, args, out: maps.append(out[1]))
    for mel, (states, told) in zip(mels, encoder.heard(mels), strict=True):
        frames = mel.shape[1] - qwen2_audio.MARGIN
        positions = (frames - 1) // 2 + 1
        whole = torch.nn.functional.pad(mel, (0, encoder.frames - mel.shape[1]), value=float(mel.min()))
        mask = torch.zeros(1, 1, encoder.frames // 2, encoder.frames // 2)
        mask[..., positions:] = -torch.inf
        stock(whole[None], attention_mask=mask)
        # when it is pooled as defined, then it is what the encoder told
        for name, values in from_map(maps[-1][0, :, :positions, :positions], 2).items():
            torch.testing.assert_close(told[name], values, atol=2e-5, rtol=1e-4)
        assert len(states) == len(told["keys"]) == positions // 2
    hook.remove()


@pytest.mark.parametrize("kind", ["omni", "qwen2_audio", "whisper"])
def test_a_clip_is_told_the_same_alone_and_in_a_batch(kind, request):
    fixture = {"omni": "checkpoint", "qwen2_audio": "qwen2_audio"}.get(kind, kind)
    encoder = {"omni": omni, "qwen2_audio": qwen2_audio, "whisper": whisper}[kind].Encoder(
        request.getfixturevalue(fixture), "cpu", "float32"
    )
    assert isinstance(encoder, Attending)
    mels = [
        encoder.mel(np.random.default_rng(i).normal(size=n).astype("float32"))
        for i, n in enumerate((40000, 7000, 52000))
    ]
    for mel, (states, told) in zip(mels, encoder.heard(mels), strict=True):
        ((own, alone),) = encoder.heard([mel])
        torch.testing.assert_close(states, own, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(own, encoder.encode([mel])[0], atol=0, rtol=0)
        for name in SCORES:
            assert len(alone[name]) == len(states)
            torch.testing.assert_close(told[name], alone[name], atol=1e-5, rtol=1e-4)


def test_loudness_is_in_db_and_silence_has_a_floor():
    sound = torch.cat([torch.ones(640), torch.zeros(640), torch.full((300,), 0.1)])
    told = loudness(sound, 3, 640)
    assert told[0] == 0 and told[1] == -120
    # the last token is heard to its end, which is silence
    assert told[2].item() == pytest.approx(10 * np.log10(0.01 * 300 / 640), abs=1e-4)


def test_scores_are_stored_beside_the_states_and_read_by_window(checkpoint, tmp_path):
    # given a clip that is loud and then silent, packed and encoded as the workflow does it
    tar, states = tmp_path / "test.tar", tmp_path / "states.safetensors"
    sound = np.zeros(48_000, dtype="float32")
    sound[:24_000] = 0.1 * np.random.default_rng(0).standard_normal(24_000)
    soundfile.write(tmp_path / "a.wav", sound, 16_000)
    clip = Clip("a", ["a"], [], 3.0, 16_000, 1, "test", ["rain"], key="a")
    clip.parts = [Part(str(tmp_path / "a.wav"), 0.0, 3.0)]
    shards.write(lambda: iter([clip]), tar, tar.with_suffix(".parquet"), shards.Form(16_000))
    encoder = omni.Encoder(checkpoint, "cpu", "float32")
    encode_shard(encoder, Omni.audio, tar, [clip], 60, states, states.with_suffix(".parquet"), {})
    with FeatureStore([states]) as store:
        tokens = len(store.states("a", 0, 75))
        # then every score has a value for each token, a window of it can be read, and silence is quiet
        for name in (*SCORES, LOUDNESS):
            assert len(store.scores("a", name, 0, tokens)) == tokens == 75
            assert torch.equal(store.scores("a", name, 10, 30), store.scores("a", name, 0, tokens)[10:30])
        loud = store.scores("a", LOUDNESS, 0, tokens)
        assert loud[:36].min() > -25 and loud[39:].max() < -90
        with pytest.raises(UserError, match="delete them to make them again"):
            store.scores("a", "pitch", 0, 1)


def test_states_of_several_positions_have_their_mean_as_the_tokens_score(tmp_path):
    by_key = {
        "a": torch.zeros(6, 2),
        scores_key("a", "loudness"): torch.tensor([1.0, 3.0, 5.0, 7.0, 2.0, 2.0]),
    }
    save_file(by_key, tmp_path / "s.safetensors")
    with FeatureStore([tmp_path / "s.safetensors"], per_token=2) as store:
        for each in (store, StatesInMemory(by_key, per_token=2)):
            assert each.scores("a", "loudness", 0, 3).tolist() == [2, 6, 2]
            assert each.scores("a", "loudness", 1, 2).tolist() == [6]
