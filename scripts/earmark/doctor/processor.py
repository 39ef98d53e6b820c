"""What a core makes of a large model's operations, by what its processor does in hardware."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

from earmark.config.composed import known
from earmark.config.settings import Settings
from earmark.doctor.findings import NOTE, Finding
from earmark.doctor.machine import AREA

AMX, IN_HARDWARE = "amx_bf16", {"amx_bf16", "avx512_bf16", "bf16"}
"""How Linux calls what computes in bfloat16: Intel's tiles, x86 vectors, Arm's."""

SPEED_AMX, SPEED = 0.7e12, 0.19e12
"""Operations a second of a core in bfloat16: 0.66 to 0.77 TFLOP/s were measured with AMX and 0.18 to 0.19
with AVX-512 BF16, both at 3B, encoder and prefill."""

SPEED_FLOAT32, SPEED_EMULATED = 0.12e12, 0.02e12
"""Two thirds of what single matrix products made, which is what a model makes of them: 0.18 TFLOP/s in
float32, and in bfloat16 without hardware 0.017 (AVX2) and 0.038 (AVX-512)."""


@cache
def flags() -> frozenset[str]:
    """Return what the processor can do as Linux names it; nothing elsewhere, where it isn't known."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    words = (line.partition(":") for line in lines)
    return frozenset(
        next((said.split() for name, _, said in words if name.strip() in ("flags", "Features")), ())
    )


def emulates(dtype: str) -> bool:
    """Whether this machine is known to lack the hardware for a model's numbers."""
    return dtype == "bfloat16" and bool(flags()) and not flags() & IN_HARDWARE


def speed(dtype: str) -> float:
    """Return about how many operations a second a core makes of a model held in ``dtype``."""
    if dtype == "float32":
        return SPEED_FLOAT32
    if emulates(dtype):
        return SPEED_EMULATED
    return SPEED_AMX if AMX in flags() else SPEED


def checks(settings: Settings, models: Collection[str]) -> Iterator[Finding]:
    """Yield a finding for every model in bfloat16 where the processor only emulates it."""
    for name in sorted(models):
        if emulates(known(settings, name).dtype):
            text = f"{name} computes in bfloat16, which this processor emulates, several times slower"
            yield Finding(
                AREA, "bfloat16", NOTE, text, "dtype: float32 in its config, which takes twice the memory"
            )
