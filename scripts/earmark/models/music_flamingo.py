"""Music Flamingo as two separate parts: its audio encoder with the projector, and the language model."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import MusicFlamingoConfig, MusicFlamingoModel, Qwen2Model

from earmark.models.audio_windows import AttendingWindows
from earmark.models.families.music_flamingo import MusicFlamingo
from earmark.models.language import LanguageModel
from earmark.models.stock import depths, reader

config_of = reader("musicflamingo", "Music Flamingo", MusicFlamingoConfig)
depth = depths(config_of)


class Encoder(AttendingWindows):
    """See :class:`earmark.models.audio_windows.WindowEncoder`."""

    family = MusicFlamingo
    build = MusicFlamingoModel
    read_config = staticmethod(config_of)

    def features(self, windows: Tensor, lengths: list[int]) -> Tensor:
        """Return the tokens of a clip's windows: their states are turned by the time from its beginning.

        The stock model reads from a prompt which windows belong together; it is given one of this clip alone.
        """
        ends = torch.tensor(lengths, device=self.device)
        mask = torch.arange(self.frames, device=self.device) < ends[:, None]
        _, counts = self.tower._get_feat_extract_output_lengths(ends)
        prompt = torch.full((1, int(counts.sum())), self.config.audio_token_id, device=self.device)
        tokens: Tensor = self.model.get_audio_features(windows, mask.long(), prompt).pooler_output
        return tokens


class Decoder(LanguageModel):
    """The language model; see :class:`LanguageModel`."""

    build = Qwen2Model
    family = MusicFlamingo
    read_config = staticmethod(config_of)
