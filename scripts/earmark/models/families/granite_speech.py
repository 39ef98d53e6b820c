"""Granite Speech: ten tokens a second, attention within blocks of four seconds."""

from __future__ import annotations

from dataclasses import replace

from earmark.core.files import Json
from earmark.models.contract import TRANSFORMERS, Audio, Code, Family, Marks
from earmark.models.sizes import Sizes, sizes_in

SPELLED = {"hidden_size": "hidden_dim", "num_hidden_layers": "num_layers", "num_attention_heads": "num_heads"}


class GraniteSpeech(Family):
    """Its adapter is on whenever it hears; audio is filled up to whole blocks of 0.3 s."""

    title = "Granite Speech"
    audio = Audio(mel_hop=320, samples_per_token=1600, positions_per_token=5, attention_s=4)
    parts = replace(
        TRANSFORMERS, encoder=("encoder.", "model.encoder."), projector=("projector.", "model.projector.")
    )
    marks = Marks(begin="", audio="<|audio|>", end="")
    # Its model card says deeper than the first ten layers; later Granite Speech encoders have sixteen.
    published = {"ibm-granite/granite-speech-3.3-2b": Sizes(2048, 40, 32, 8, 8192, 1024, 16, 8, 11264, 49160)}

    def sizes(self, config: Json) -> Sizes | None:
        """Return the sizes that a config.json states; its tower's section has names of its own."""
        tower = dict(config.get("encoder_config") or {})
        for name, own in SPELLED.items():
            tower[name] = tower.get(own)
        if isinstance(width := tower["hidden_size"], int):
            # A layer of a Conformer has two feed-forwards, and a convolution between two maps.
            wider = 2 * tower.get("feedforward_mult", 4) + 3 * tower.get("conv_expansion_factor", 2) / 2
            tower["intermediate_size"] = round(width * wider)
        return sizes_in({**config, "audio_config": tower})

    def code(self) -> Code:
        """Import the family's code."""
        from earmark.models import granite_speech

        return granite_speech
