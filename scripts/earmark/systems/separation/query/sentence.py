"""Sentence encoders of the BERT kind from a local folder: the mean of the last states."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from earmark.core.errors import UserError
from earmark.models.untrusted import read_part, refuse_own_code
from earmark.systems.separation.query.contract import Vectors, unit

_BATCH = 64
_LONGEST = 256


class Sentence:
    """A sentence encoder, frozen."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        """Load tokenizer and weights; raises UserError if the folder holds none."""
        from transformers import AutoModel, AutoTokenizer  # slow to import

        if not (folder / "config.json").is_file():
            raise UserError(f"text.path: {folder} holds no sentence encoder (config.json is missing)")
        refuse_own_code(folder)
        self._tokenizer: Any = read_part(AutoTokenizer, folder, "tokenizer")
        try:
            self._model: Any = AutoModel.from_pretrained(
                folder, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
            )
        except (OSError, ValueError) as error:
            said = " ".join(str(error).split())[:160]
            raise UserError(f"text.path: {folder} can't be read as a sentence encoder ({said})") from None
        self._model.eval().to(device)
        self._device = device
        self.size = int(self._model.config.hidden_size)

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts, [texts, size]."""
        made = []
        for start in range(0, len(texts), _BATCH):
            part = list(texts[start : start + _BATCH])
            tokens = self._tokenizer(
                part, padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt"
            ).to(self._device)
            states = self._model(**tokens).last_hidden_state
            mask = tokens["attention_mask"].unsqueeze(-1)
            made.append((states * mask).sum(1) / mask.sum(1))
        return unit(torch.cat(made).cpu().numpy())
