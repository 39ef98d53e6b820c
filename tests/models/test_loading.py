"""Low memory: layer by layer, in chunks, in four bits; the answers are those of the plain path."""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
from pathlib import Path

import pytest
import torch
import warm
from reduction_models import ENCODER, made_up
from safetensors.torch import load_file, save_file
from transformers import DynamicCache

from earmark.config.load import Load
from earmark.core.errors import UserError
from earmark.core.places import SCRIPTS
from earmark.models import language, tiny, tiny_qwen2_audio
from earmark.models.checkpoint import Checkpoint
from earmark.models.padding import left_padded
from earmark.reduction.loader import available, load
from earmark.systems.pruning.reduction import Reduction

METHODS = [*available(), *available("kv-")]
LENGTHS = (90, 61)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A checkpoint of each family, of five layers, without its audio tower: nobody may ask for that."""
    sizes = tiny.Sizes(hidden=64, layers=5, heads=4, kv_heads=2, ffn=128, audio_hidden=32, audio_layers=1)
    made = {kind: tmp_path_factory.mktemp(kind) for kind in ("omni", "qwen2_audio")}
    tiny.build(["rain"], ["What is heard?"] * 5, sizes, 0).save(made["omni"])
    tiny_qwen2_audio.build(["rain"], ["What is heard?"] * 5, sizes, 0, made["qwen2_audio"])
    for folder in made.values():
        stored = load_file(folder / "model.safetensors")
        others = ("audio_tower.", "visual.", "multi_modal_projector.")
        kept = {k: v for k, v in stored.items() if not k.removeprefix("model.").startswith(others)}
        kept |= {k: v * 3 for k, v in kept.items() if "_proj." in k}  # so that attention has preferences
        assert len(kept) < len(stored)
        save_file(kept, folder / "model.safetensors")
    return made


def decoder(folders, kind, dtype="float32", **keys):
    family = importlib.import_module(f"earmark.models.{kind}")
    return family.Decoder(Checkpoint(folders[kind], {}), "cpu", dtype, "sdpa", load=Load(**keys))


def greedy(model, method, rows=2):
    """Logits [steps, rows, vocabulary] and what was kept, of prompts of different lengths."""
    ids = [model.prompt_ids("What is heard?", None, n) for n in LENGTHS[:rows]]
    table, mask, positions = left_padded(ids, model.pad_id, model.device)
    draw = torch.Generator().manual_seed(0)
    states = [torch.randn(n, 64, generator=draw) for n in LENGTHS[:rows]]
    reduction = Reduction(load(method), None if method == "base" else 0.4, None, 2, 0, False)
    cache, said = DynamicCache(config=model.model.config), []
    with torch.inference_mode(), reduction.on(model.model) as hooks:
        if hooks is not None:
            scores = {name: [made_up(name, n) for n in LENGTHS[:rows]] for name in ENCODER}
            hooks.expect(table == model.audio_id, ["a", "b"][:rows], encoder=scores)
        said.append(model.forward(model.embed(table, states), mask, positions, cache))
        for _ in range(3):
            mask = torch.cat([mask, mask.new_ones(rows, 1)], dim=1)
            positions = positions[:, -1:] + 1
            step = model.model.embed_tokens(said[-1].argmax(-1)[:, None])
            said.append(model.forward(step, mask, positions, cache))
    return torch.stack(said), [] if hooks is None else [r.kept.tolist() for r in hooks.records]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("kind", "rows"), [("omni", 2), ("qwen2_audio", 2), ("omni", 1)])
def test_low_memory_answers_as_the_plain_path_does(folders, kind, method, rows, monkeypatch):
    # in double precision, so that what differs is no rounding of another order
    monkeypatch.setitem(language.DTYPES, "float64", torch.float64)
    # given what the plain path says, without padding and with it
    logits, kept = greedy(decoder(folders, kind, "float64"), method, rows)
    # when prompts are taken in chunks, and when layers are read one by one too
    for keys in ({"prefill_chunk": 17}, {"prefill_chunk": 40, "mode": "layerwise", "resident_layers": 1}):
        found, chosen = greedy(decoder(folders, kind, "float64", **keys), method, rows)
        # then the same is kept and said
        assert chosen == kept
        torch.testing.assert_close(found, logits, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["omni", "qwen2_audio"])
def test_layer_by_layer_is_exact_and_holds_no_layer_between_calls(folders, kind):
    plain, streamed = decoder(folders, kind), decoder(folders, kind, mode="layerwise")
    assert torch.equal(greedy(plain, "dart")[0], greedy(streamed, "dart")[0])
    assert all(p.is_meta for p in streamed.model.layers.parameters())
    held, read = streamed.weight_bytes()
    layers = sum(p.numel() * 4 for p in plain.model.layers.parameters())
    assert (held + read, read) == (plain.weight_bytes()[0], layers) and plain.weight_bytes()[1] == 0


def test_an_evaluation_holds_the_language_model_alone(folders):
    # the audio tower's tensors aren't in these checkpoints, so asking for one would fail
    for kind in folders:
        model = decoder(folders, kind)
        stored = load_file(folders[kind] / "model.safetensors")
        assert model.weight_bytes()[0] == sum(v.nbytes for v in stored.values())


def test_logits_are_made_for_the_last_position_alone(folders):
    model, seen = decoder(folders, "omni"), []
    model.head.register_forward_pre_hook(lambda module, args: seen.append(args[0].shape))
    greedy(model, "base")
    assert seen == [(2, 64)] * 4


def test_no_piece_of_a_chunked_prefill_is_longer_than_asked(folders):
    model, seen = decoder(folders, "omni", prefill_chunk=17), []
    for layer in model.model.layers:
        layer.mlp.register_forward_pre_hook(lambda module, args: seen.append(args[0].shape[1]))
        layer.self_attn.q_proj.register_forward_pre_hook(lambda module, args: seen.append(args[0].shape[1]))
    greedy(model, "base")
    assert max(seen) == 17


def test_eager_attention_takes_chunks_too(folders):
    family = importlib.import_module("earmark.models.omni")
    found = [
        greedy(family.Decoder(Checkpoint(folders["omni"], {}), "cpu", "float32", "eager", load=keys), "dart")[
            0
        ]
        for keys in (Load(), Load(prefill_chunk=17))
    ]
    torch.testing.assert_close(*found, atol=1e-5, rtol=0)


def test_layers_of_another_dtype_or_shape_are_converted_or_refused(folders, tmp_path):
    half = [greedy(decoder(folders, "omni", "bfloat16", mode=m), "frame")[0] for m in ("full", "layerwise")]
    assert half[0].dtype == torch.bfloat16 and torch.equal(*half)
    for path in folders["omni"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config["text_config"]["intermediate_size"] = 64
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"layers\.0\.mlp\.\w+\.weight' of the language model is"):
        decoder({"omni": tmp_path}, "omni", mode="layerwise")


def test_four_bits_without_bitsandbytes_is_one_line_with_the_fix(folders, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install bitsandbytes, or set load.mode to layerwise"):
        decoder(folders, "omni", mode="4bit")


@pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes isn't installed")
def test_four_bits_compute_what_they_stand_for(folders):
    # given a model whose matrices take an eighth of float32
    plain, small = decoder(folders, "omni"), decoder(folders, "omni", mode="4bit")
    linear = [(n, m) for n, m in plain.model.layers.named_modules() if isinstance(m, torch.nn.Linear)]
    bytes_of = sum(m.weight.nbytes for _, m in linear)
    assert plain.weight_bytes()[0] - small.weight_bytes()[0] == bytes_of - bytes_of // 8
    functional = importlib.import_module("bitsandbytes.functional")
    for name, module in linear:
        other = small.model.layers.get_submodule(name)
        # when a matrix is put back together from its four bits
        restored = functional.dequantize_4bit(other.weight.data, other.weight.quant_state)
        assert 0 < (restored - module.weight).abs().max() < 0.2 * module.weight.abs().max()
        # then it gives what the layer gives, as far as bitsandbytes computes in bfloat16 on a CPU
        states = torch.randn(8, module.in_features, generator=torch.Generator().manual_seed(0))
        expected = torch.nn.functional.linear(states, restored, module.bias)
        assert torch.nn.functional.cosine_similarity(other(states), expected).min() > 0.9995
    assert all(greedy(small, method)[0].isfinite().all() for method in ("base", "dart", "kv-expected"))


PROCESS = """
import sys, torch
from pathlib import Path
from earmark.models.checkpoint import Checkpoint
from earmark.config.load import Load
from earmark.models.omni import Decoder
from earmark.core.timing import MemoryWatch
watch = MemoryWatch(torch.device("cpu"))
load = Load(mode=sys.argv[2])
model = Decoder(Checkpoint(Path(sys.argv[1]), {}), "cpu", "float32", "sdpa", load=load)
ids = torch.randint(5, 50, (1, 32))
with torch.inference_mode():
    embeddings = model.model.embed_tokens(ids)
    model.model(inputs_embeds=embeddings, use_cache=False)
found = watch.lap()
print(found.process - watch.start, *model.weight_bytes())
"""


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="only Linux lets a process reset its peak"
)
def test_layer_by_layer_peaks_lower_than_all_at_once(tmp_path):
    # given 6 layers of 18 MB
    sizes = tiny.Sizes(hidden=512, layers=6, heads=8, kv_heads=2, ffn=2560)
    tiny.build(["rain"], ["What is heard?"], sizes, 0).save(tmp_path)
    peaks = {}
    for mode in ("full", "layerwise"):
        done = subprocess.run(
            [warm.python(), "-c", PROCESS, str(tmp_path), mode],
            capture_output=True,
            text=True,
            check=True,
            cwd=SCRIPTS,
        )
        peaks[mode], _, streamed = map(int, done.stdout.split())
    # then the weights that aren't held aren't in the peak
    assert streamed > 100e6 and peaks["full"] > streamed
    assert peaks["layerwise"] < peaks["full"] - 0.6 * streamed
