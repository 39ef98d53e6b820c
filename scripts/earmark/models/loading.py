"""How a decoder's weights come into memory: all of them, one layer at a time, or in four bits.

`layerwise` leaves the layers in the checkpoint's files and lets accelerate bring each in for the time
of its call; the files are memory-mapped, nothing is copied to disk. `4bit` quantises the layers'
matrices with bitsandbytes (NF4) as they are read. Embeddings, norms and the output head are always
whole. docs/low_memory.md says what each mode takes.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from transformers.initialization import no_init_weights

from earmark.config.load import Load
from earmark.core.bounded_work import at_most
from earmark.core.errors import UserError
from earmark.models.checkpoint import Checkpoint, check_shapes, fill, locate, read_tensors, shapes_of
from earmark.models.chunks import in_chunks
from earmark.models.experts import stack_of, stacked
from earmark.models.mapped import WeightFile
from earmark.models.untrusted import in_a_line

SECONDS, MEGABYTES = 120.0, 2000.0
"""What a module may take to build: its tables of positions have megabytes, and its matrices no memory yet."""


def check_load(load: Load) -> None:
    """Refuse, before anything is read, a mode whose package is missing; UserError."""
    if load.mode == "4bit" and importlib.util.find_spec("bitsandbytes") is None:
        raise UserError(
            "load.mode 4bit needs the package bitsandbytes: pip install bitsandbytes, or set load.mode to "
            "layerwise"
        )


def read_decoder(
    build: Callable[[], Any],
    checkpoint: Checkpoint,
    prefixes: Sequence[str],
    dtype: torch.dtype,
    device: torch.device,
    load: Load,
    owns: Callable[[str], bool] = lambda name: True,
) -> Any:
    """Return the decoder that ``build`` makes, its weights read as ``load`` says.

    Tensors of the checkpoint that the decoder has no place for belong to layers that aren't wanted; those
    that it doesn't own, by what follows their ``prefixes``, to other parts.

    Raises:
        UserError: a tensor is missing, left over or of another shape, or a package is missing.

    """
    check_load(load)
    model = _chunked(unfilled(build, checkpoint.folder), load)
    wanted = _wanted(model, owns)
    if load.mode == "full":
        tensors = stacked(read_tensors(checkpoint, prefixes, dtype, wanted))
        fill(model, tensors, "language model", checkpoint.folder)
        return model.to(device)

    shapes = shapes_of(checkpoint, prefixes, wanted)
    if load.mode == "4bit" and any(stack_of(name) != name for name in shapes):
        raise UserError("load.mode 4bit leaves a mixture's experts whole; set load.mode to layerwise")
    check_shapes(
        {name: tuple(value.shape) for name, value in model.state_dict().items()},
        _stacked_shapes(shapes),
        "language model",
        checkpoint.folder,
    )
    resident = load.resident_layers if load.mode == "layerwise" else 0
    later = tuple(f"layers.{number}." for number in range(resident, len(model.layers)))

    def now(name: str) -> bool:
        return wanted(name) and not name.startswith(later)

    at_once = stacked(read_tensors(checkpoint, prefixes, dtype, now))
    model.load_state_dict(at_once, assign=True, strict=False)
    layers = model.layers
    model.layers = layers[:resident]
    model.to(device)
    model.layers = layers
    place = _stream if load.mode == "layerwise" else _quantise
    for number in range(resident, len(layers)):
        place(layers[number], checkpoint, [f"{p}layers.{number}." for p in prefixes], dtype, device)
    return model


class _Unfilled(TorchFunctionMode):
    """Gives no memory to what modules leave to be filled; what they compute, rotary tables say, is real."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.empty and kwargs.get("device") is None:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)


def unfilled(build: Callable[[], Any], folder: Path) -> Any:
    """Return the module that ``build`` makes, its matrices without memory until they are loaded.

    Built with memory they would reserve that of float32, whatever they are read as.

    Raises:
        UserError: the config of ``folder`` describes no module that transformers can build.

    """
    try:
        with no_init_weights(), _Unfilled(), at_most(SECONDS, MEGABYTES):
            return build()
    except UserError:
        raise
    except Exception as error:  # a config can be wrong in as many ways as it has keys
        raise UserError(
            f"{folder}/config.json describes nothing that can be built ({in_a_line(error)}); fetch it again"
        ) from None


def parameter_count(*modules: nn.Module) -> int:
    """Return how many weights modules have together; those that they share count once."""
    return sum({id(p): p.numel() for module in modules for p in module.parameters()}.values())


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


def _wanted(model: Any, owns: Callable[[str], bool]) -> Callable[[str], bool]:
    """Return which tensors to read: all that a decoder owns; of one cut to its first layers what it has."""
    if not isinstance(model.norm, nn.Identity):
        return owns
    names = frozenset(model.state_dict())
    return lambda name: stack_of(name) in names


def _stacked_shapes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Return shapes by the names that tensors are computed with."""
    found = stacked({name: torch.empty(shape, device="meta") for name, shape in shapes.items()})
    return {name: tuple(value.shape) for name, value in found.items()}


class _Stored(Mapping[str, Tensor]):
    """A layer's weights in the checkpoint's files, read whenever one is asked for."""

    def __init__(self, checkpoint: Checkpoint, prefixes: Sequence[str], dtype: torch.dtype) -> None:
        self._checkpoint, self._dtype = checkpoint, dtype
        self._places = locate(checkpoint, prefixes)
        self._members: dict[str, list[str]] = {}
        for name in self._places:
            self._members.setdefault(stack_of(name), []).append(name)

    @cached_property
    def _files(self) -> dict[str, WeightFile]:
        return {file: WeightFile(self._checkpoint.folder / file) for file, _ in self._places.values()}

    def __getitem__(self, name: str) -> Tensor:
        return stacked({own: self._read(own) for own in self._members[name]})[name]

    def _read(self, name: str) -> Tensor:
        file, key = self._places[name]
        return self._checkpoint.changed(key, self._files[file].tensor(key)).to(self._dtype)

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


def _stream(
    layer: Any, checkpoint: Checkpoint, prefixes: Sequence[str], dtype: torch.dtype, device: torch.device
) -> None:
    """Have accelerate read the layer's weights before each call and forget them after it.

    They are compared with their checksums once, here, and not at every call.
    """
    from accelerate.hooks import AlignDevicesHook, add_hook_to_module

    read_tensors(checkpoint, prefixes, dtype)
    hook = AlignDevicesHook(
        execution_device=device,
        offload=True,
        weights_map=_Stored(checkpoint, prefixes, dtype),
        place_submodules=True,
        skip_keys=["past_key_values"],
    )
    # accelerate casts what it reads to what stood there before.
    add_hook_to_module(layer.to(dtype), hook)


def _quantise(
    layer: Any, checkpoint: Checkpoint, prefixes: Sequence[str], dtype: torch.dtype, device: torch.device
) -> None:
    """Read the layer and replace each of its linear maps by one of four bits a weight."""
    bnb = importlib.import_module("bitsandbytes.nn")
    tensors = read_tensors(checkpoint, prefixes, dtype)
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
