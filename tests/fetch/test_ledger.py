from __future__ import annotations

import pytest

from earmark.config.packing import Kept
from earmark.core.records import Clip, Part
from earmark.data.fetch import ledger as ledgers
from earmark.data.fetch.ledger import Ledger


def row(key: str, status: str = "ok", **more) -> dict:
    return {"key": key, "status": status, "code": "", "reason": "", "cookies": False, "time": 0.0, **more}


def test_a_torn_last_line_is_dropped_and_not_glued_to_the_next(tmp_path):
    path = tmp_path / "ledger.jsonl"
    first = Ledger(path)
    first.append(row("a"))
    first.append(row("b"))
    first.close()
    path.write_bytes(path.read_bytes()[:-7])
    second = Ledger(path)
    assert set(second.rows) == {"a"}
    second.append(row("c"))
    second.close()
    assert list(Ledger(path).rows) == ["a", "c"]


def test_the_latest_row_of_an_item_counts(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(row("a", "pending", code="network"))
    ledger.append(row("a"))
    ledger.close()
    assert Ledger(tmp_path / "ledger.jsonl").rows["a"]["status"] == "ok"


@pytest.mark.parametrize("own", [None, 1.0])
def test_of_several_shardings_the_latest_answer_counts(tmp_path, own):
    # By name, the ledger that was given up is read last.
    answers = {
        "test-00000-of-00004": row("a", time=3.0),
        "test-00001-of-00002": row("a", "pending", time=2.0),
    }
    for name, answer in answers.items():
        ledger = Ledger(tmp_path / name / "ledger.jsonl")
        ledger.append(answer)
        ledger.close()
    now = Ledger(tmp_path / "now" / "ledger.jsonl")
    if own:
        now.append(row("a", "pending", time=own))
    now.adopt(tmp_path.glob("test-*/ledger.jsonl"), {"a"})
    assert now.rows["a"]["status"] == "ok"
    now.append(row("a", "pending", time=4.0))
    now.adopt(tmp_path.glob("test-*/ledger.jsonl"), {"a"})
    assert now.rows["a"]["status"] == "pending"


def test_a_key_covers_what_the_kept_clip_depends_on():
    def clip(**change) -> Clip:
        content = {"path": "http://x/1", "start_s": 1.0, "end_s": 2.0} | change
        return Clip("Y1_1000", ["1"], [Part(**content)], 1.0, 0, 0, "test", ["a"])

    keep = Kept(max_pending_share=0.5)
    keys = {ledgers.key(clip(), keep)}
    keys |= {ledgers.key(clip(**c), keep) for c in ({"path": "http://x/2"}, {"start_s": 0.5}, {"end_s": 3.0})}
    keys |= {ledgers.key(clip(), other) for other in (Kept(sample_rate=16000), Kept(channels="first"))}
    assert len(keys) == 6
    assert ledgers.key(clip(), Kept()) in keys


@pytest.mark.parametrize(
    ("found", "cookies", "expected"),
    [
        (None, False, False),
        (row("a"), False, True),
        (row("a", "pending", code="network"), False, False),
        (row("a", "failed", code="removed"), True, True),
        (row("a", "failed", code="age-gated"), False, True),
        (row("a", "failed", code="age-gated"), True, False),
        (row("a", "failed", code="age-gated", cookies=True), True, True),
    ],
)
def test_what_is_settled(found, cookies, expected):
    assert ledgers.settled(found, cookies=cookies) is expected
