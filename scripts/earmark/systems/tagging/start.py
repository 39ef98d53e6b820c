"""Where a student's weights start: random, a vision transformer's, or an AST's of another grid.

Positions are interpolated bilinearly, in frequency and time, between the patches of the checkpoint: where
the new patches lie (``placed``), or as AST's published code does (``cropped``). Its CLS and DIST vectors are
kept; a ViT has no DIST, and starts both with its CLS (specification 2.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from transformers import ASTConfig, ASTForAudioClassification, DeiTModel, ViTModel

from earmark.core.errors import UserError
from earmark.core.files import Json
from earmark.models import hub
from earmark.models.checkpoint import list_files
from earmark.models.described import read_plain
from earmark.systems.tagging import network
from earmark.systems.tagging.architecture import Architecture, Init, Sizes

_VISION = {"deit": DeiTModel, "vit": ViTModel}
_SIZES = {
    "hidden": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "mlp": "intermediate_size",
}
_KEPT = ("hidden_act", "layer_norm_eps", "qkv_bias")
"""What config doesn't say and a checkpoint does."""

_HEADS = ("classifier.", "cls_classifier.", "distillation_classifier.", "pooler.")
"""What a vision transformer has on top of its layers; the student's classes are others."""

PLACED, CROPPED = "placed", "cropped"
_POSITIONS = "embeddings.position_embeddings"
_PROJECTION = "embeddings.patch_embeddings.projection.weight"


def begin(
    student: Architecture,
    classes: int | Sequence[str],
    frames: int,
    *,
    kind: str = "multi_label",
    seed: int = 0,
) -> tuple[ASTForAudioClassification, Json]:
    """Return a student with its first weights, and the record of where they come from.

    Args:
        student: sizes, strides and where the weights start.
        classes: their names in order, or just how many.
        frames: of the spectrograms.
        kind: of the task, ``multi_label`` or ``single_label``.
        seed: of what is random, always the new head's weights.

    Raises:
        UserError: the checkpoint is out of reach, damaged, or of other sizes than the student.

    """
    config = network.configure(student, classes, frames, kind)
    init = student.init
    if init.start == "random":
        return network.randomly(config, seed), {"from": "random"}
    folder, origin = _reach(init)
    found = read_plain(folder)
    _check_sizes(student.sizes, found, folder)
    for key in _KEPT:
        if key in found:
            setattr(config, key, found[key])
    model = network.randomly(config, seed)
    fitted = _fill(model, init, folder, found)
    return model, {"from": init.start, **origin, "files": list_files(folder), **fitted}


def _fill(model: ASTForAudioClassification, init: Init, folder: Path, found: Json) -> Json:
    """Give a student the weights of a checkpoint whose config is ``found``; return how they fitted it."""
    config, cropped = model.config, init.positions == CROPPED
    body = model.audio_spectrogram_transformer
    if init.start == "imagenet":
        tensors, rows_columns = _of_vision(folder, found)
        place = _cropped if cropped else _stretched
        coordinates = [place(n, m) for n, m in zip(rows_columns, network.grid(config))]
        head = "new"
    else:
        source = _of_audio(folder, found)
        tensors = {k: v.clone() for k, v in source.audio_spectrogram_transformer.state_dict().items()}
        rows_columns = network.grid(source.config)
        if cropped:
            coordinates = [_cropped(n, m) for n, m in zip(rows_columns, network.grid(config))]
        else:
            coordinates = _between(source.config, config)
        head = _take_head(model, source)
    before = tuple(tensors[_POSITIONS].shape[1:])
    if before[0] != rows_columns[0] * rows_columns[1] + 2:
        raise UserError(f"{folder}: {before[0]} positions don't make a grid of {rows_columns}; is it whole?")
    tensors[_POSITIONS] = interpolate(tensors[_POSITIONS], rows_columns, *coordinates)
    wanted = {name: tuple(value.shape) for name, value in body.state_dict().items()}
    for name in sorted(wanted.keys() ^ tensors.keys()):
        side = "lacks" if name in wanted else "has an unknown tensor"
        raise UserError(f"{folder}: the transformer {side} '{name}'")
    body.load_state_dict(tensors)
    return {
        "grid": list(rows_columns),
        "positions": CROPPED if cropped else PLACED,
        "interpolated": rows_columns != network.grid(config),
        "head": head,
    }


def interpolate(positions: Tensor, grid: tuple[int, int], rows: Tensor, columns: Tensor) -> Tensor:
    """Return position vectors between those of a grid, bilinearly.

    Args:
        positions: [1, 2 + patches, width], CLS and DIST first, then the patches row by row (frequency).
        grid: rows and columns of the patches.
        rows: where the new rows lie, in old rows; whole numbers give the old values bit by bit.
        columns: where the new columns lie, in old columns.

    Returns:
        [1, 2 + new patches, width]; the first two are kept.

    """
    width = positions.shape[-1]
    values = positions[0, 2:].reshape(*grid, width)
    values = _along(values, rows)
    values = _along(values.transpose(0, 1), columns).transpose(0, 1)
    return torch.cat([positions[:, :2], values.reshape(1, -1, width)], dim=1)


def _along(values: Tensor, coordinates: Tensor) -> Tensor:
    """Interpolate linearly along the first dimension."""
    low = coordinates.floor().clamp(0, len(values) - 1).long()
    high = (low + 1).clamp(max=len(values) - 1)
    share = (coordinates - low).clamp(0, 1).to(values.dtype).reshape(-1, *[1] * (values.dim() - 1))
    return torch.lerp(values[low], values[high], share)


def _stretched(old: int, new: int) -> Tensor:
    """Return coordinates from the first old patch to the last, evenly."""
    return torch.linspace(0, old - 1, new, dtype=torch.float64)


def _cropped(old: int, new: int) -> Tensor:
    """Return coordinates as AST's published code takes them.

    Of more patches than are needed those in the middle, wherever the new ones lie; between too few they are
    spread with half a patch left at the ends (``interpolate`` without aligned corners).
    """
    if new <= old:
        return torch.arange(new, dtype=torch.float64) + (old // 2 - new // 2)
    return ((torch.arange(new, dtype=torch.float64) + 0.5) * old / new - 0.5).clamp(0, old - 1)


def _between(old: ASTConfig, new: ASTConfig) -> list[Tensor]:
    """Return coordinates of the new patches where they really lie, in mel bins and frames.

    The patches of an AST have a place: a stride of 12 puts the second one 12 mel bins higher. Only where the
    new ones reach beyond the old ones is the whole axis stretched.
    """
    coordinates = []
    for count, size, stride in zip(network.grid(new), network.grid(old), ("frequency", "time")):
        name = f"{stride}_stride"
        real = torch.arange(count, dtype=torch.float64) * getattr(new, name) / getattr(old, name)
        coordinates.append(real if real[-1] <= size - 1 else _stretched(size, count))
    return coordinates


def _reach(init: Init) -> tuple[Path, Json]:
    """Return the folder of a checkpoint and where it came from."""
    if init.path is not None:
        folder = Path(init.path).expanduser()
        if not folder.is_dir():
            raise UserError(f"student: init.path: there is no folder {folder}")
        return folder, {"path": init.path}
    assert init.hub is not None, "a student that doesn't start at random names a path or a repository"
    return hub.fetch(init.hub, init.revision, _OTHERWISE)


_OTHERWISE = (
    "the weights are not in the local cache; put the checkpoint into a folder and set init.path of the "
    "student to it, or init.from to random"
)


def _check_sizes(sizes: Sizes, found: Json, folder: Path) -> None:
    """Check that a checkpoint is of the student's sizes; what it doesn't say are a base model's."""
    defaults = ASTConfig().to_dict()
    for key, name in _SIZES.items():
        value = found.get(name, defaults[name])
        if value != getattr(sizes, key):
            raise UserError(
                f"student: sizes.{key} is {getattr(sizes, key)}, but {folder} has {value}; set {value}"
            )
    if (patch := found.get("patch_size", network.PATCH)) not in (network.PATCH, [network.PATCH] * 2):
        raise UserError(f"{folder} has patches of {patch}; a student's are {network.PATCH} x {network.PATCH}")


def _of_vision(folder: Path, found: Json) -> tuple[dict[str, Tensor], tuple[int, int]]:
    """Return a vision transformer's tensors under the student's names, and its grid of patches."""
    kind = found.get("model_type")
    if kind not in _VISION:
        raise UserError(f"{folder} is a model of type '{kind}'; init.from imagenet reads deit and vit")
    source, left = network.read(_VISION[kind], folder, "vision transformer", add_pooling_layer=False)
    network.none_left({n for n in left if not n.startswith(_HEADS)}, folder, "vision transformer")
    tensors = {name: value.clone() for name, value in source.state_dict().items()}
    tensors[_PROJECTION] = tensors[_PROJECTION].sum(dim=1, keepdim=True)
    if kind == "vit":
        tensors["embeddings.distillation_token"] = tensors["embeddings.cls_token"].clone()
        positions = tensors[_POSITIONS]
        tensors[_POSITIONS] = torch.cat([positions[:, :1], positions], dim=1)
    size = source.config.image_size
    height, width = (size, size) if isinstance(size, int) else size
    return tensors, (height // network.PATCH, width // network.PATCH)


def _of_audio(folder: Path, found: Json) -> ASTForAudioClassification:
    """Return an AST checkpoint."""
    kind = found.get("model_type")
    if kind != ASTConfig.model_type:
        raise UserError(
            f"{folder} is a model of type '{kind}'; init.from audioset reads {ASTConfig.model_type}"
        )
    source, left = network.read(ASTForAudioClassification, folder, "AST")
    network.none_left(left, folder, "AST")
    if source.config.num_mel_bins != network.MEL_BINS:
        raise UserError(f"{folder} hears {source.config.num_mel_bins} mel bins; a student {network.MEL_BINS}")
    return source


def _take_head(model: ASTForAudioClassification, source: ASTForAudioClassification) -> str:
    """Take the checkpoint's head if it has the student's classes, put in the student's order."""
    theirs = [source.config.id2label[number] for number in range(source.config.num_labels)]
    ours = [model.config.id2label[number] for number in range(model.config.num_labels)]
    if sorted(theirs) != sorted(ours):
        return "new"
    places = torch.tensor([theirs.index(name) for name in ours])
    tensors = dict(source.classifier.state_dict())
    tensors["dense.weight"] = tensors["dense.weight"][places]
    tensors["dense.bias"] = tensors["dense.bias"][places]
    model.classifier.load_state_dict(tensors)
    return "kept" if theirs == ours else "reordered"
