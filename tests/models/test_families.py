"""A family of models is one file: found by its name, heard at its own rate, audited and refused by name."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import yaml

from earmark.config.settings import Settings
from earmark.core.errors import UserError
from earmark.core.places import ROOT, SCRIPTS
from earmark.data.audit import cost
from earmark.models import families
from earmark.models.contract import MARKS, Marks
from earmark.models.families import family
from earmark.models.sizes import Sizes, sizes_in

SLOW = '''
"""Half as many tokens as Qwen2-Audio, windows of 20 s, marks of its own."""

from earmark.models.contract import Audio, Family, Marks
from earmark.models.families.qwen2_audio import Qwen2Audio
from earmark.models.sizes import Sizes


class Slow(Family):
    """Made up."""

    title = "Slow"
    audio = Audio(samples_per_token=1280, positions_per_token=4, window_s=20.0)
    parts = Qwen2Audio.parts
    marks = Marks("<a>", "<sound>", "")
    published = {"somebody/slow": Sizes(vocabulary=32_000)}

    def code(self):
        """Import the code."""
        from earmark.models import qwen2_audio

        return qwen2_audio
'''
CONFIG = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
MODELS = {"slow-1": {"kind": "slow", "hub": "somebody/slow"}}
LENGTHS = {"count": 10, "mean": 12.0, "std": 1.0, "max": 15.0}


@pytest.fixture
def slow(tmp_path, monkeypatch):
    """A family that somebody added as a file."""
    (tmp_path / "slow.py").write_text(SLOW)
    monkeypatch.setattr(families, "__path__", [*families.__path__, str(tmp_path)])
    yield
    family.cache_clear()
    sys.modules.pop("earmark.models.families.slow", None)


def test_every_family_says_what_the_contract_asks_for():
    assert {"omni", "qwen2_audio"} <= set(families.names())
    for name in families.names():
        kind = family(name)
        assert kind.name == name and kind.title
        assert kind.audio.tokens_per_second > 0 and (kind.parts.decoder or kind.parts.encoder)
        assert not kind.answers or (kind.parts.decoder and kind.parts.encoder)


def test_a_family_is_known_without_importing_torch():
    code = "import sys; from earmark.models.families import family, names; [family(n) for n in names()]"
    code += "; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(SCRIPTS)}, timeout=600)
    assert done.returncode == 0


def test_a_family_added_as_a_file_is_found_configured_and_audited(slow, tmp_path):
    assert "slow" in families.names()
    settings = Settings.load(CONFIG | {"models": MODELS}, tmp_path)
    (task, *_) = settings.tasks
    audited = settings.audit(task).models["slow-1"]
    found = cost.estimate(audited, LENGTHS, 0)
    assert found["audio_tokens"] == 1500  # 10 clips of 12 s, 12.5 a second
    assert found["prefill_flops"] > 0
    # All of a 20 s window attends, where Qwen2-Audio's 30 s would.
    longer = replace(audited, audio=replace(audited.audio, window_s=30.0))
    assert found["encoder_flops"] < cost.estimate(longer, LENGTHS, 0)["encoder_flops"]


def test_a_family_added_as_a_file_encodes_with_the_code_it_names(slow, qwen2_audio):
    encoder = family("slow").encoder(qwen2_audio, "cpu", "float32")
    (states,) = encoder.encode([encoder.mel(np.zeros(16_000, np.float32))])
    assert states.shape == (25, encoder.width)
    assert family("slow").depth(qwen2_audio) == family("qwen2_audio").depth(qwen2_audio)


def test_an_unknown_family_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(
        UserError, match=r"model 'mine': kind: unknown model family 'omnni'; did you mean 'omni'"
    ):
        Settings.load(CONFIG | {"models": {"mine": {"kind": "omnni", "path": "x"}}}, tmp_path)


def test_prompts_are_written_in_one_spelling_and_read_in_the_familys():
    own = Marks("<a>", "<sound>", "")
    assert own.spelled(f"{MARKS.whole}Describe it:") == "<a><sound>Describe it:"
    assert MARKS.spelled(MARKS.whole) == MARKS.whole


def test_sizes_are_read_from_a_config_of_the_real_class(checkpoint):
    config = json.loads((checkpoint.folder / "config.json").read_text())
    stated = sizes_in(config)
    assert stated is not None
    made = Sizes(hidden=32, layers=3, heads=2, kv_heads=1, ffn=32)
    assert asdict(stated) == asdict(made) | {"vocabulary": config["text_config"]["vocab_size"]}
    assert sizes_in({"thinker_config": config}) == stated, "a full Omni's"
    del config["text_config"]["num_hidden_layers"]
    assert sizes_in(config) is None, "a class's default is not guessed"
