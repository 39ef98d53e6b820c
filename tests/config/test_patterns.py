"""What a value has to look like is said in words, never as a regular expression."""

from __future__ import annotations

import re

import pytest

from earmark.config.settings import Settings
from earmark.config.values import SPELLED
from earmark.core.errors import UserError
from earmark.core.places import CONFIG

WRITTEN = ("config", "task", "model", "recipe", "student", "teacher", "sources/*", "teachers/*")


def test_every_pattern_of_the_configuration_is_said_in_words():
    files = [path for name in WRITTEN for path in CONFIG.glob(f"schemas/{name}.schema.json")]
    found = {text for path in files for text in re.findall(r'"pattern": "(.*)"', path.read_text())}
    assert len(found) > 5
    assert {text.replace("\\\\", "\\") for text in found} <= set(SPELLED)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"kind": "folder", "hub": {"repo": "a/b/c"}}, "hub.repo: 'a/b/c' is no data set's name"),
        ({"kind": "folder", "archive": {"url": "ftp://x"}}, "archive.url: 'ftp://x' is no address"),
    ],
)
def test_a_wrong_one_is_refused_in_words(source, said, tmp_path):
    with pytest.raises(UserError, match=re.escape(said)):
        Settings.load(
            {"default_model": "demo", "tasks": {"mine": {"title": "x", "data": {"source": source}}}}, tmp_path
        )
