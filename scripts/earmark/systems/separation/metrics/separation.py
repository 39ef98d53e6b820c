"""How much closer to its source an estimate is than the mixture: SDR, SI-SDR, and what each gained."""

from __future__ import annotations

from earmark.scoring.contract import Measure, Metric


class Separation(Metric):
    """Ratios of the source's power to that of the error; computed in systems/separation/scores.py.

    SDR takes the estimate as it is; SI-SDR (Le Roux et al., ICASSP 2019, but without their removal of means)
    allows it any volume.
    """

    measures = (
        Measure("sdri", "SDR improvement", "SDRi", unit="dB"),
        Measure("si_sdri", "SI-SDR improvement", "SI-SDRi", unit="dB"),
        Measure("sdr", "signal-to-distortion ratio", "SDR", unit="dB"),
        Measure("si_sdr", "scale-invariant SDR", "SI-SDR", unit="dB"),
        Measure("mixture_sdr", "SDR of the mixture", "mixture SDR", unit="dB"),
    )
    remark = (
        "Turning a mixture of two equally loud sounds down to half gains 3 dB of SDR and nothing of SI-SDR: "
        "read both."
    )
