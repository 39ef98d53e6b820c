"""Replies as models write them are read as a careful person reads them."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import yaml

GROUPS = yaml.safe_load((Path(__file__).parent / "replies.yaml").read_text(encoding="utf-8"))
REPLIES = [(name, reply, said) for name, group in GROUPS.items() for reply, said in group["replies"]]


def test_there_are_enough_of_them():
    assert len(REPLIES) >= 400


@pytest.mark.parametrize(("group", "reply", "said"), REPLIES, ids=lambda part: ascii(part)[:60])
def test_a_reply_is_read_as_a_person_reads_it(group, reply, said):
    options = GROUPS[group]["options"]
    parse = importlib.import_module(f"earmark.scoring.parsers.{GROUPS[group]['parser']}").parse
    chosen = parse(reply, options)
    assert (None if chosen is None else "ABCDE"[chosen]) == said
