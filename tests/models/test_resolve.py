"""From what config says of weights to a folder that can be loaded."""

from __future__ import annotations

import shutil

import pytest

from earmark.config.origin import Wanted
from earmark.core.errors import UserError
from earmark.models.weights import resolve


def test_a_decoder_without_its_tokenizer_is_refused_before_anything_is_encoded(causal_lm, tmp_path):
    folder = tmp_path / "decoder"
    shutil.copytree(causal_lm.folder, folder)
    wanted = Wanted.read({"kind": "causal_lm", "path": str(folder), "unread": []}, "--settings")
    assert resolve.checkpoint(wanted, [], tmp_path / "made")[0] == folder
    for path in folder.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(
        UserError, match=f"{folder}: its tokenizer can't be read .*; fetch it again"
    ) as raised:
        resolve.checkpoint(wanted, [], tmp_path / "made")
    assert "\n" not in str(raised.value)
