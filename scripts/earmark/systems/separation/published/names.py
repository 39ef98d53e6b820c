"""The names of the network's tensors in AudioSep's checkpoints and here: one table, read both ways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from earmark.core.errors import UserError

_RESIDUAL = {"norm1": "bn1", "norm2": "bn2", "conv1": "conv1", "conv2": "conv2", "shortcut": "shortcut"}
_RESIDUAL_FILM = {"film1": "beta1", "film2": "beta2"}
_DECODER = {"norm": "bn1", "up": "conv1", "unused_norm": "bn2"}
_DECODER_FILM = {"film": "beta1", "unused_film": "beta2"}


def modules(levels: int) -> dict[str, str]:
    """Return the public name of every module that holds tensors, by its name here.

    Args:
        levels: encoders, and decoders, of the network; AudioSep's has 6, and its middle block is called 7a.

    """
    found = {"norm": "base.bn0", "stem": "base.pre_conv", "head": "base.after_conv"}
    found |= _residual("middle", f"conv_block{levels + 1}a", "conv_block1")
    for number in range(levels):
        found |= _residual(f"encoders.{number}", f"encoder_block{number + 1}", "conv_block1")
        ours, theirs = f"decoders.{number}", f"decoder_block{number + 1}"
        found |= {f"{ours}.{a}": f"base.{theirs}.{b}" for a, b in _DECODER.items()}
        found |= {f"{ours}.{a}": f"film.{theirs}->{b}" for a, b in _DECODER_FILM.items()}
        found |= _residual(f"{ours}.residual", theirs, "conv_block2")
    return found


def _residual(ours: str, block: str, part: str) -> dict[str, str]:
    """Return the names of the modules of one residual block."""
    plain = {f"{ours}.{a}": f"base.{block}.{part}.{b}" for a, b in _RESIDUAL.items()}
    return plain | {f"{ours}.{a}": f"film.{block}->{part}->{b}" for a, b in _RESIDUAL_FILM.items()}


def public(names: Iterable[str], levels: int) -> Iterator[tuple[str, str]]:
    """Yield (name here, public name) of tensors of the network."""
    table = modules(levels)
    for name in names:
        module, _, leaf = name.rpartition(".")
        yield name, f"{table[module]}.{leaf}"


def separator_only(name: str) -> bool:
    """Whether a public name is of a learnt tensor of the network, and not of its fixed transforms."""
    fixed = ("base.stft.", "base.istft.")
    return name.startswith(("base.", "film.")) and not name.startswith(fixed)


def without_prefix(names: Iterable[str], prefix: str) -> dict[str, str]:
    """Return the whole name of each tensor below a prefix, or of all where none has it."""
    whole = list(names)
    below = {name.removeprefix(prefix): name for name in whole if name.startswith(prefix)}
    return below or {name: name for name in whole}


def refuse(path: object, missing: list[str], unknown: list[str]) -> None:
    """Raise UserError for the first tensor that a checkpoint lacks or has beyond those of the network."""
    if missing:
        raise UserError(
            f"{path} lacks '{missing[0]}' ({len(missing)} tensors missing): not a whole AudioSep checkpoint; "
            "fetch audiosep_base_4M_steps.ckpt again, or set sizes of the separator to what the file holds"
        )
    if unknown:
        raise UserError(
            f"{path} has an unknown tensor '{unknown[0]}' ({len(unknown)} such): it is of another network; "
            "use an AudioSep checkpoint"
        )
