"""How much of the audio is kept, as file names spell it."""

from __future__ import annotations

from decimal import Decimal

from earmark.core.errors import UserError


def spelled(ratio: float) -> str:
    """Return a ratio as file names spell it: 0.7, 0.05, 1.0; two ratios that differ never share a name."""
    return format(Decimal(repr(float(ratio))), "f")


def budget(ratio: str) -> tuple[float | None, int | None]:
    """Read the ratio of a file name: a share in (0, 1] or, as ``256t``, a number of audio tokens; not both.

    Raises:
        UserError: out of range, or not the one spelling that names the file.

    """
    if ratio.endswith("t") and ratio[:-1].isdigit() and ratio[0] != "0":
        return None, int(ratio[:-1])
    try:
        value = float(ratio)
    except ValueError:
        raise UserError(
            f"keep ratio '{ratio}' is not a number; use 0.7, or 256t for 256 audio tokens"
        ) from None
    if not 0 < value <= 1:
        raise UserError(f"keep ratio {ratio} is outside (0, 1]: it is the share of audio tokens kept")
    if spelled(value) != ratio:
        raise UserError(f"keep ratio '{ratio}' is spelled '{spelled(value)}' in file names")
    return value, None
