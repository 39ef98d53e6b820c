"""Replies written before the rules were looked at are read as a careful person reads them, within bounds."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import yaml

from earmark.scoring.normalise import plain
from earmark.scoring.parsers import transcript

GROUPS = yaml.safe_load((Path(__file__).parent / "heldout.yaml").read_text(encoding="utf-8"))
TRANSCRIPTS = GROUPS.pop("transcripts")
AGAIN = yaml.safe_load((Path(__file__).parent / "heldout_again.yaml").read_text(encoding="utf-8"))


def read(group, reply):
    parse = importlib.import_module(f"earmark.scoring.parsers.{group['parser']}").parse
    chosen = parse(reply, group["options"])
    return None if chosen is None else "ABCDE"[chosen]


@pytest.mark.parametrize("group", [*GROUPS.values(), *AGAIN.values()], ids=[*GROUPS, *AGAIN])
def test_replies_are_read_as_judged(group):
    assert [reply for reply, said in group["replies"] if read(group, reply) != said] == []


@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
def test_at_most_one_of_a_hundred_is_credited_wrongly_and_five_are_unread(group):
    missed = group.get("missed", [])
    count = len(group["replies"]) + len(missed)
    wrong = [reply for reply, said in missed if read(group, reply) not in (None, said)]
    assert count >= 120
    assert len(wrong) <= 0.01 * count
    assert len(missed) - len(wrong) <= 0.05 * count


def test_transcripts_lose_their_lead_ins_and_nothing_else():
    wrong = [
        reply for reply, words in TRANSCRIPTS if plain(transcript.parse(reply, ()) or "") != words.split()
    ]
    assert len(TRANSCRIPTS) >= 120
    # "He says:" may begin what was said.
    assert all(reply.startswith(("They say", "He says", "She says")) for reply in wrong)
