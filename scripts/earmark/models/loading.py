"""How a decoder's weights come into memory: all of them, one layer at a time, or in four bits.

`layerwise` leaves the layers in the checkpoint's files and lets accelerate bring each in for the time
of its call; the files are memory-mapped, nothing is copied to disk. `4bit` quantises the layers'
matrices with bitsandbytes (NF4) as they are read. Embeddings, norms and the output head are always
whole. docs/low_memory.md says what each mode takes.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers.initialization import no_init_weights

from earmark.core.errors import UserError
from earmark.models.checkpoint import check_shapes, fill, locate, read_tensors, shapes_of
from earmark.models.chunks import in_chunks


@dataclass(frozen=True)
class Load:
    """The keys of ``load`` in a model's config."""

    mode: str = "full"
    resident_layers: int = 0
    prefill_chunk: int | None = None

    def check(self) -> None:
        """Refuse, before anything is read, a mode whose package is missing; UserError."""
        if self.mode == "4bit" and importlib.util.find_spec("bitsandbytes") is None:
            raise UserError(
                "load.mode 4bit needs the package bitsandbytes: pip install bitsandbytes, or set load.mode "
                "to layerwise"
            )


def read_decoder(
    build: Callable[[], Any],
    folder: Path,
    prefixes: Sequence[str],
    dtype: torch.dtype,
    device: torch.device,
    load: Load,
) -> Any:
    """Return the decoder that ``build`` makes, its weights read from ``folder`` as ``load`` says.

    Tensors of the checkpoint that the decoder has no place for belong to layers that aren't wanted.

    Raises:
        UserError: a tensor is missing, left over or of another shape, or a package is missing.

    """
    load.check()
    names = dict.fromkeys(prefixes, "")
    if load.mode == "full":
        with no_init_weights():
            model = _chunked(build(), load)
        fill(model, read_tensors(folder, names, dtype, _wanted(model)), "language model", folder)
        return model.to(device)

    from accelerate import init_empty_weights

    with no_init_weights(), init_empty_weights(include_buffers=False):
        model = _chunked(build(), load)
    wanted = _wanted(model)
    check_shapes(
        {name: tuple(value.shape) for name, value in model.state_dict().items()},
        shapes_of(folder, names, wanted),
        "language model",
        folder,
    )
    resident = load.resident_layers if load.mode == "layerwise" else 0
    later = tuple(f"layers.{number}." for number in range(resident, len(model.layers)))

    def now(name: str) -> bool:
        return (wanted is None or wanted(name)) and not name.startswith(later)

    model.load_state_dict(read_tensors(folder, names, dtype, now), assign=True, strict=False)
    layers = model.layers
    model.layers = layers[:resident]
    model.to(device)
    model.layers = layers
    place = _stream if load.mode == "layerwise" else _quantise
    for number in range(resident, len(layers)):
        place(layers[number], folder, {p + f"layers.{number}.": "" for p in prefixes}, dtype, device)
    return model


def weight_bytes(*modules: nn.Module) -> tuple[int, int]:
    """Return the bytes of all weights in memory, and of those brought in layer by layer."""
    distinct = {id(p): p for module in modules for p in module.parameters()}.values()
    sizes = [(p.is_meta, p.numel() * p.element_size()) for p in distinct]
    return sum(n for meta, n in sizes if not meta), sum(n for meta, n in sizes if meta)


def _chunked(model: Any, load: Load) -> Any:
    """Return the decoder, its layers taking prompts in chunks if that is asked for.

    Done before accelerate wraps the layers, so that weights come in once for all chunks.
    """
    if load.prefill_chunk is not None:
        for layer in model.layers:
            in_chunks(layer, load.prefill_chunk)
    return model


def _wanted(model: Any) -> Callable[[str], bool] | None:
    """Return which tensors to read of a decoder cut to its first layers; None for a whole one."""
    if not isinstance(model.norm, nn.Identity):
        return None
    return frozenset(model.state_dict()).__contains__


def _stream(
    layer: Any, folder: Path, prefixes: Mapping[str, str], dtype: torch.dtype, device: torch.device
) -> None:
    """Have accelerate read the layer's weights before each call and forget them after it."""
    from accelerate.hooks import AlignDevicesHook, add_hook_to_module
    from accelerate.utils import OffloadedWeightsLoader

    index = {
        name: {
            "safetensors_file": str(folder / file),
            "weight_name": key,
            "dtype": str(dtype).removeprefix("torch."),
        }
        for name, (file, key) in locate(folder, dict(prefixes)).items()
    }
    hook = AlignDevicesHook(
        execution_device=device,
        offload=True,
        weights_map=OffloadedWeightsLoader(index=index),
        place_submodules=True,
        skip_keys=["past_key_values"],
    )
    # accelerate casts what it reads to what stood there before.
    add_hook_to_module(layer.to(dtype), hook)


def _quantise(
    layer: Any, folder: Path, prefixes: Mapping[str, str], dtype: torch.dtype, device: torch.device
) -> None:
    """Read the layer and replace each of its linear maps by one of four bits a weight."""
    bnb = importlib.import_module("bitsandbytes.nn")
    tensors = read_tensors(folder, dict(prefixes), dtype)
    layer.load_state_dict(tensors, assign=True)
    for name, module in list(layer.named_modules()):
        if isinstance(module, nn.Linear):
            small = bnb.Linear4bit(
                module.in_features,
                module.out_features,
                bias=module.bias is not None,
                compute_dtype=dtype,
                quant_type="nf4",
                device="meta",
            )
            small.weight = bnb.Params4bit(
                _owned(module.weight.data), requires_grad=False, quant_type="nf4", module=small
            )
            if module.bias is not None:
                small.bias = module.bias
            layer.set_submodule(name, small)
    layer.to(device)


def _owned(values: Tensor) -> Tensor:
    """Return a copy that is no view of a file."""
    return values.clone()
