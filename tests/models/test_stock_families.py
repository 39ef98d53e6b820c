"""Families of stock classes: our two parts of each equal the stock class, and pruning works on them."""

from __future__ import annotations

import json
import shutil
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig
from safetensors.torch import load_file, save_file
from transformers import DynamicCache

from earmark.config.load import Load
from earmark.core.errors import UserError
from earmark.core.files import write_json
from earmark.models import ragged
from earmark.models.checkpoint import Checkpoint, describe_folder
from earmark.models.contract import Attending
from earmark.models.families import family
from earmark.models.padding import left_padded
from earmark.models.stock import stock
from earmark.models.vibevoice_asr import seed_of
from earmark.reduction.encoder_scores import ATTENTION, KEYS, LOUDNESS, SCORES, loudness
from earmark.reduction.hooks import TokenReduction
from earmark.reduction.loader import available, load

from .stock_kinds import KINDS, RATE, Kind

VARIED = [kind for kind in KINDS if kind.name in ("voxtral", "qwen3_asr", "qwen3_omni", "phi4_multimodal")]


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def made(request, tmp_path_factory) -> tuple[Kind, Checkpoint]:
    """A small checkpoint of the real class, saved as transformers saves it."""
    kind: Kind = request.param
    folder = tmp_path_factory.mktemp(kind.name)
    kind.make(folder)
    return kind, Checkpoint(folder, describe_folder(folder, {"made": "by the tests"}, folder))


def waves() -> list[np.ndarray]:
    """Shorter than a window, one, and some with a tail."""
    draw = np.random.default_rng(0)
    return [
        (0.1 * draw.standard_normal(round(s * RATE))).astype("float32") for s in (1.23, 2.0, 4.71, 0.5, 5.985)
    ]


def whole_model(kind: Kind, checkpoint: Checkpoint) -> Any:
    """The stock class, its adapter on."""
    # VibeVoice's tokenizers refuse sdpa by name, and every class takes it where it can.
    model = kind.cls.from_pretrained(checkpoint.folder).eval()
    if kind.adapter:
        model.load_adapter(str(checkpoint.folder / kind.adapter))
    return model


def seeded(kind: Kind, mel: torch.Tensor) -> None:
    """Have the stock class draw what our encoder draws for a clip."""
    if kind.seeded:
        torch.manual_seed(seed_of(mel))


def parts(kind: Kind, checkpoint: Checkpoint) -> tuple[Any, Any]:
    """Our encoder and our language model."""
    own = family(kind.name)
    return own.encoder(checkpoint, "cpu", "float32"), own.decoder(checkpoint, "cpu", "float32", "sdpa")


@torch.no_grad()
def test_generate_says_what_our_parts_say(made) -> None:
    kind, checkpoint = made
    model = whole_model(kind, checkpoint)
    encoder, decoder = parts(kind, checkpoint)
    for wave in waves():
        (states,) = encoder.encode([encoder.mel(wave)])
        ids = torch.tensor(
            [decoder.raw_ids("<|audio_bos|><|AUDIO|><|audio_eos|>What is heard?", len(states))]
        )
        seeded(kind, encoder.mel(wave))
        told = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            **kind.inputs(wave, encoder.extractor),
            max_new_tokens=4,
            min_new_tokens=4,
            do_sample=False,
            return_dict_in_generate=True,
            output_logits=True,
        )
        cache = DynamicCache(config=decoder.model.config)
        embeddings, mask = decoder.embed(ids, [states]), torch.ones_like(ids)
        positions = torch.arange(ids.shape[1])[None]
        for step, expected in enumerate(told.logits):
            logits = decoder.forward(embeddings, mask, positions, cache)
            torch.testing.assert_close(logits, expected, atol=5e-5, rtol=1e-4)
            embeddings = decoder.model.embed_tokens(told.sequences[:, ids.shape[1] + step, None])
            mask = torch.cat([mask, mask.new_ones(1, 1)], dim=1)
            positions = positions[:, -1:] + 1


def test_a_clip_has_the_same_states_alone_and_among_others(made) -> None:
    kind, checkpoint = made
    encoder, _ = parts(kind, checkpoint)
    mels = [encoder.mel(wave) for wave in waves()]
    for mel, together in zip(mels, encoder.encode(mels), strict=True):
        assert torch.equal(encoder.encode([mel])[0], together)
        if isinstance(encoder, Attending):
            ((states, told),) = encoder.heard([mel])
            assert torch.equal(states, together)
            assert {len(told[name]) for name in SCORES} == {len(states)}


def scores(encoder: Any, wave: np.ndarray, width: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """A clip's states, and the encoder's scores; from one that gives none, scores by lot."""
    mel = encoder.mel(wave)
    if isinstance(encoder, Attending):
        ((states, told),) = encoder.heard([mel])
    else:
        (states,) = encoder.encode([mel])
        draw = torch.Generator().manual_seed(len(states))
        told = {name: torch.rand(len(states), generator=draw) for name in ATTENTION}
        told[KEYS] = torch.randn(len(states), width, generator=draw)
    told[LOUDNESS] = loudness(torch.from_numpy(wave), len(states), len(wave) // len(states))
    return states, told


def check_batch(kind: Kind, checkpoint: Checkpoint, method: str) -> None:
    """Compare two rows in a padded batch with each alone, in the prefill and one step after."""
    encoder, decoder = parts(kind, checkpoint)
    states, told = zip(*(scores(encoder, wave, 8) for wave in waves()[:2]), strict=True)
    prompts = [decoder.raw_ids("<|AUDIO|>rain", len(each)) for each in states]
    width = max(map(len, prompts))
    ids = torch.tensor([[decoder.pad_id] * (width - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    found = []
    for rows in ([0, 1], [0], [1]):
        own_ids, own_mask = ids[rows], mask[rows]
        if len(rows) == 1:
            own_ids, own_mask = own_ids[:, own_mask[0] == 1], own_mask[:, own_mask[0] == 1]
        audio = (own_ids == decoder.audio_id) & (own_mask == 1)
        embeddings = decoder.model.embed_tokens(own_ids.masked_fill(audio, 0))
        embeddings[audio] = torch.cat([states[row] for row in rows])
        positions = (own_mask.cumsum(1) - 1).clamp(min=0)
        cache = DynamicCache(config=decoder.model.config)
        with TokenReduction(decoder.model, load(method), keep_ratio=0.4, layer=1) as reduction:
            reduction.expect(
                audio_mask=audio,
                sample_ids=[str(row) for row in rows],
                encoder={name: [told[row][name] for row in rows] for name in told[0]},
            )
            found.append(decoder.forward(embeddings, own_mask, positions, cache))
            step = decoder.model.embed_tokens(found[-1].argmax(-1)[:, None])
            longer = torch.cat([own_mask, own_mask.new_ones(len(rows), 1)], dim=1)
            found.append(decoder.forward(step, longer, positions[:, -1:] + 1, cache))
    for row in (0, 1):
        for step in (0, 1):
            torch.testing.assert_close(found[step][row], found[2 + 2 * row + step][0], atol=5e-5, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("method", ["frame", "fastadasp", "fastv"])
def test_pruning_a_padded_batch_equals_pruning_its_rows_alone(made, method) -> None:
    check_batch(*made, method)


@torch.no_grad()
@pytest.mark.parametrize("method", [name for name in available() if not load(name).keeps_all])
@pytest.mark.parametrize("made", VARIED, ids=lambda kind: kind.name, indirect=True)
def test_every_method_prunes_a_padded_batch_as_its_rows_alone(made, method) -> None:
    """On a Llama, a Qwen3, experts with three rows of positions, and heads out of one projection."""
    check_batch(*made, method)


@torch.no_grad()
def test_a_step_with_a_cache_says_what_the_whole_says_without_one(made) -> None:
    kind, checkpoint = made
    encoder, decoder = parts(kind, checkpoint)
    (states,) = encoder.encode([encoder.mel(waves()[0])])
    ids = torch.tensor([decoder.raw_ids("<|AUDIO|>What is heard?", len(states))])
    audio, places = ids == decoder.audio_id, torch.arange(ids.shape[1] + 1)[None]
    embeddings = decoder.embed(ids, [states])
    step = decoder.model.embed_tokens(ids[:, -1:])
    ones = torch.ones_like(places)
    with TokenReduction(decoder.model, load("frame"), keep_ratio=0.4, layer=1) as reduction:
        reduction.expect(audio_mask=audio)
        cache = DynamicCache(config=decoder.model.config)
        decoder.forward(embeddings, ones[:, :-1], places[:, :-1], cache)
        cached = decoder.forward(step, ones, places[:, -1:], cache)
        reduction.expect(audio_mask=torch.nn.functional.pad(audio, (0, 1)))
        whole = decoder.model(
            inputs_embeds=torch.cat([embeddings, step], dim=1),
            attention_mask=ones,
            position_ids=places,
            use_cache=False,
        ).last_hidden_state
    torch.testing.assert_close(cached, decoder.head(whole[:, -1]), atol=5e-5, rtol=1e-4)


@torch.no_grad()
def test_dropping_at_the_input_equals_a_prompt_cut_by_hand(made) -> None:
    kind, checkpoint = made
    model = whole_model(kind, checkpoint)
    encoder, decoder = parts(kind, checkpoint)
    (states,) = encoder.encode([encoder.mel(waves()[0])])
    ids = torch.tensor([decoder.raw_ids("<|audio_bos|><|AUDIO|><|audio_eos|>rain", len(states))])
    inputs = kind.inputs(waves()[0], encoder.extractor)

    def logits() -> torch.Tensor:
        seeded(kind, encoder.mel(waves()[0]))
        return model(input_ids=ids, **inputs).logits

    untouched = logits()
    with TokenReduction(model, load("frame"), keep_ratio=1.0, layer=0):
        assert torch.equal(logits(), untouched)
    with TokenReduction(model, load("frame"), keep_ratio=0.4, layer=0) as reduction:
        pruned = logits()
    audio = (ids[0] == decoder.audio_id).nonzero()[:, 0]
    first = int(reduction.records[0].kept[0]) if audio[0] == 0 else None
    stays = ids[0] != decoder.audio_id
    stays[audio[reduction.records[0].kept]] = True
    assert first in (None, 0)
    text = decoder.model
    by_hand = text(
        inputs_embeds=decoder.embed(ids, [states])[:, stays], position_ids=stays.nonzero()[:, 0][None]
    ).last_hidden_state
    torch.testing.assert_close(pruned, decoder.head(by_hand), atol=5e-5, rtol=1e-4)


@pytest.mark.parametrize("made", [k for k in KINDS if k.renamed], ids=lambda kind: kind.name, indirect=True)
def test_the_published_layout_loads(made, tmp_path) -> None:
    """Checkpoints on the hub were written with `language_model.model.`, newer ones with `model.language_model.`."""
    kind, checkpoint = made
    tensors = load_file(checkpoint.folder / "model.safetensors")
    other = {_renamed(kind, name): value for name, value in tensors.items()}
    assert not set(other) & set(tensors)
    shutil.copytree(checkpoint.folder, tmp_path, dirs_exist_ok=True)
    save_file(other, tmp_path / "model.safetensors", {"format": "pt"})
    copied = Checkpoint(tmp_path, describe_folder(tmp_path, {"made": "by the tests"}, tmp_path))
    for ours, theirs in zip(parts(kind, checkpoint), parts(kind, copied), strict=True):
        for mine, its in zip(_weights(ours), _weights(theirs), strict=True):
            assert torch.equal(mine, its)


@torch.no_grad()
@pytest.mark.parametrize("made", [k for k in KINDS if k.adapter], ids=lambda kind: kind.name, indirect=True)
def test_phi_loads_as_its_branch_on_the_hub_was_converted(made, tmp_path) -> None:
    """By transformers 4.50: two shards, adapters without peft's wrapper and by pattern, rope as it was spelled."""
    kind, checkpoint = made
    shutil.copytree(checkpoint.folder, tmp_path, dirs_exist_ok=True)
    tensors = load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    shards = {f"model-0000{n + 1}-of-00002.safetensors": sorted(tensors)[n::2] for n in (0, 1)}
    for file, names in shards.items():
        save_file({name: tensors[name] for name in names}, tmp_path / file, {"format": "pt"})
    index = {
        "metadata": {"total_size": 0},
        "weight_map": {n: f for f, names in shards.items() for n in names},
    }
    write_json(tmp_path / "model.safetensors.index.json", index)
    adapter = load_file(tmp_path / kind.adapter / "adapter_model.safetensors")
    plain = {name.removeprefix("base_model.model."): value for name, value in adapter.items()}
    assert not set(plain) & set(adapter)
    save_file(plain, tmp_path / kind.adapter / "adapter_model.safetensors")
    pattern = r"model.layers.\d+.((self_attn.(qkv|o)_proj)|(mlp.(gate_up|down)_proj))"
    lora = LoraConfig(r=4, lora_alpha=8, target_modules=pattern, lora_dropout=0.01, task_type="CAUSAL_LM")
    lora.save_pretrained(str(tmp_path / kind.adapter))
    config = json.loads((tmp_path / "config.json").read_text())
    rope = config.pop("rope_parameters")
    config["rope_scaling"] = {key: rope[key] for key in ("long_factor", "short_factor")} | {
        "type": "longrope"
    }
    config |= {key: rope[key] for key in ("rope_theta", "partial_rotary_factor")}
    write_json(tmp_path / "config.json", config | {"transformers_version": "4.50.0.dev0"})
    copied = Checkpoint(tmp_path, describe_folder(tmp_path, {"made": "by the tests"}, tmp_path))
    both = parts(kind, checkpoint), parts(kind, copied)
    for ours, theirs in zip(*both, strict=True):
        for mine, its in zip(_weights(ours), _weights(theirs), strict=True):
            assert torch.equal(mine, its)
    # What weights don't hold (rope, scales) shows in the outcome. Its last bits depend on where a mapped file puts its
    # tensors: matrix libraries round otherwise at another remainder of 64 bytes.
    (encoder, decoder), (its_encoder, its_decoder) = both
    (states,) = encoder.encode([encoder.mel(waves()[0])])
    (its_states,) = its_encoder.encode([its_encoder.mel(waves()[0])])
    torch.testing.assert_close(its_states, states, atol=1e-5, rtol=1e-5)
    ids = torch.tensor([decoder.raw_ids("<|AUDIO|>What is heard?", len(states))])
    mask, places = torch.ones_like(ids), torch.arange(ids.shape[1])[None]
    logits = [
        own.forward(own.embed(ids, [states]), mask, places, DynamicCache(config=own.model.config))
        for own in (decoder, its_decoder)
    ]
    torch.testing.assert_close(*logits, atol=1e-5, rtol=1e-5)


def _renamed(kind: Kind, name: str) -> str:
    """The other of both spellings."""
    for old, new in kind.renamed:
        if name.startswith(old):
            return new + name[len(old) :]
        if name.startswith(new):
            return old + name[len(new) :]
    return name[len("model.") :] if name.startswith("model.") else f"model.{name}"


def _weights(part: Any) -> list[torch.Tensor]:
    return [value for _, value in sorted(part.model.state_dict().items())]


def test_a_checkpoint_of_another_family_is_refused(made, qwen2_audio) -> None:
    kind, _ = made
    with pytest.raises(UserError, match="is no .* config"):
        family(kind.name).encoder(qwen2_audio, "cpu", "float32")


@torch.no_grad()
def test_prompts_of_a_batch_attend_by_themselves(made, monkeypatch) -> None:
    """But for those of a decoder with a sliding window, which transformers masks."""
    kind, checkpoint = made
    seen: list[int] = []
    attend = ragged.attention

    def noted(module: Any, query: Any, key: Any, value: Any, mask: Any, **options: Any) -> Any:
        seen.append(0 if mask is None else mask.dim())
        return attend(module, query, key, value, mask, **options)

    monkeypatch.setitem(ragged.ALL_ATTENTION_FUNCTIONS._global_mapping, ragged.NAME, noted)
    decoder = family(kind.name).decoder(checkpoint, "cpu", "float32", "sdpa")
    rows = [decoder.raw_ids("<|AUDIO|>rain", 5), decoder.raw_ids("<|AUDIO|>rain", 9)]
    table, mask, places = left_padded(rows, 0, torch.device("cpu"))
    states = [torch.linspace(-1, 1, n * 32).reshape(n, 32) for n in (5, 9)]
    decoder.forward(decoder.embed(table, states), mask, places, DynamicCache(config=decoder.model.config))
    windows = getattr(decoder.model.config, "sliding_window", None) is not None
    assert set(seen) == {4 if windows else 2}


@torch.no_grad()
def test_weights_brought_in_layer_by_layer_give_the_same_logits(made) -> None:
    kind, checkpoint = made
    own = family(kind.name)
    found = []
    for mode in ("full", "layerwise"):
        decoder = own.decoder(checkpoint, "cpu", "float32", "sdpa", load=Load(mode=mode, resident_layers=1))
        ids = torch.tensor([decoder.raw_ids("<|AUDIO|>rain", 5)])
        states = [torch.linspace(-1, 1, 5 * 32).reshape(5, 32)]
        cache = DynamicCache(config=decoder.model.config)
        places = torch.arange(ids.shape[1])[None]
        found.append(decoder.forward(decoder.embed(ids, states), torch.ones_like(ids), places, cache))
    assert torch.equal(*found)


@pytest.mark.parametrize("made", [k for k in KINDS if k.lora], ids=lambda kind: kind.name, indirect=True)
def test_without_its_adapter_a_model_that_needs_one_is_refused_and_with_it_its_weights_differ(made) -> None:
    kind, checkpoint = made
    weights = checkpoint.folder / kind.adapter / "adapter_model.safetensors"
    _, decoder = parts(kind, checkpoint)
    stored = load_file(checkpoint.folder / "model.safetensors")
    (plain,) = (v for k, v in stored.items() if k.endswith(f"layers.0.self_attn.{kind.lora[0]}.weight"))
    assert not torch.equal(decoder.model.layers[0].self_attn.get_submodule(kind.lora[0]).weight, plain)
    hidden = weights.rename(weights.with_suffix(".away"))
    try:
        with pytest.raises(UserError, match=r"adapter_model.safetensors is missing, without which .* hear"):
            parts(kind, checkpoint)
    finally:
        hidden.rename(weights)


def test_tokens_that_the_checkpoint_ends_answers_with_end_them(made) -> None:
    kind, checkpoint = made
    path = checkpoint.folder / "generation_config.json"
    before = path.read_text()
    path.write_text('{"eos_token_id": [5, 7]}')
    try:
        assert {5, 7} <= parts(kind, checkpoint)[1].stop_ids
    finally:
        path.write_text(before)


def test_a_class_that_transformers_lacks_is_named_in_one_line():
    with pytest.raises(UserError, match="has no SomethingNew, which this kind of model needs") as refused:
        stock("SomethingNew")
    assert "\n" not in str(refused.value)
