"""Stored logits read by clip id: means over teachers, temperatures, what is missing, what doesn't agree."""

import pickle

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.metrics import average_precision_score

from earmark.core.errors import UserError
from earmark.systems.tagging.classes import Classes
from earmark.systems.tagging.teachers.checks import check
from earmark.systems.tagging.teachers.store import Logits, Places, Row, write

CLASSES = Classes(("a", "b", "c"), ("", "", ""), "multi_label")


def stored(path, ids, rows, **metadata):
    listed = [Row(name, name, "ok", "", False) for name in ids]
    listed.append(Row("bad", "bad", "failed", "missing (a file)", False))
    rows = np.concatenate([rows, np.full((1, rows.shape[1]), np.nan)])
    known = {"teacher": "t", "digest": "d", "classes_digest": CLASSES.digest}
    write(path, rows.astype(np.float32), listed, known | metadata)
    return path


@pytest.fixture
def two(tmp_path):
    """Two teachers of two shards each, the second of which has heard less."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2, 6, 3)).astype(np.float32)
    ids = [f"id{n}" for n in range(6)]
    first = [stored(tmp_path / f"a{k}.safetensors", ids[3 * k :][:3], rows[0, 3 * k :][:3]) for k in (0, 1)]
    second = [stored(tmp_path / "b0.safetensors", ids[:4], rows[1, :4], digest="e", teacher="u")]
    return rows, [first, second]


def test_probabilities_are_of_the_mean_of_the_teachers_logits(two) -> None:
    rows, files = two
    logits = Logits(files)
    mean = torch.from_numpy(rows[:, 3].mean(axis=0))

    found = logits.probabilities("id3", 2.0, "multi_label")
    single = logits.probabilities("id3", 2.0, "single_label")

    assert found.dtype == np.float32
    np.testing.assert_allclose(found, torch.sigmoid(mean / 2), rtol=1e-6)
    np.testing.assert_allclose(single, torch.softmax(mean / 2, 0), rtol=1e-6)
    assert logits.missing(["id0", "id4", "bad", "id5", "id1"]) == ["id4", "bad", "id5"]
    with pytest.raises(UserError, match="no teacher's logits for clip 'id4'"):
        logits.probabilities("id4", 1.0, "multi_label")


def test_a_copy_in_another_process_reads_the_same(two) -> None:
    logits = Logits(two[1])
    before = logits.get("id1")

    assert np.array_equal(pickle.loads(pickle.dumps(logits)).get("id1"), before)


def test_files_that_do_not_belong_together_are_named(two, tmp_path) -> None:
    other = stored(tmp_path / "c.safetensors", ["x"], np.zeros((1, 3)), digest="other")
    with pytest.raises(UserError, match="c.safetensors: digest is other, but d in the files before"):
        Logits([[two[1][0][0], other]])
    foreign = stored(tmp_path / "f.safetensors", ["x"], np.zeros((1, 3)), classes_digest="y")
    with pytest.raises(UserError, match="classes_digest"):
        Logits([two[1][0], [foreign]])
    with pytest.raises(UserError, match="one id is listed twice"):
        Logits([[two[1][0][0], two[1][0][0]]])
    foreign.write_bytes(foreign.read_bytes()[:20])
    with pytest.raises(UserError, match="f.safetensors holds other bytes than its index"):
        Logits([[foreign]])


def test_ids_are_found_whatever_their_number() -> None:
    places = Places(((f"clip {n}", 3 * n) for n in range(5000)), "ids")

    assert len(places) == 5000
    assert [places.get(f"clip {n}") for n in (0, 17, 4999)] == [0, 51, 14997]
    assert places.get("clip 5000") is None
    assert Places([], "ids").get("x") is None


def test_before_training_missing_clips_are_counted_and_named(two) -> None:
    logits, labels = Logits(two[1]), np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    ids = ["id0", "id4", "id1", "id5"]

    with pytest.raises(
        UserError, match="2 of 4 training clips have no logits of 't', 'u' .first: 'id4', 'id5'"
    ):
        check(logits, CLASSES, ids, csr_array(labels), "refuse")
    assert check(logits, CLASSES, ids, csr_array(labels), "labels").without_logits == 2
    with pytest.raises(UserError, match="none of the 2 training clips"):
        check(logits, CLASSES, ["x", "y"], csr_array(labels[:2]), "labels")


def test_another_order_of_classes_is_refused_before_training(two) -> None:
    logits = Logits(two[1])
    turned = Classes(("b", "a", "c"), ("", "", ""), "multi_label")

    with pytest.raises(UserError, match="not in their order"):
        check(logits, turned, ["id0"], csr_array(np.ones((1, 3), np.float32)), "refuse")
    more = Classes(("a", "b", "c", "d"), ("",) * 4, "multi_label")
    with pytest.raises(UserError, match="of 3 classes that are not the student's 4"):
        check(logits, more, ["id0"], csr_array(np.ones((1, 4), np.float32)), "refuse")


def test_the_teachers_own_precision_shows_rows_of_other_clips(tmp_path) -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((200, 3)) < 0.3).astype(np.float32)
    ids = [f"id{n}" for n in range(200)]
    good = labels * 4 - 2 + rng.normal(size=(200, 3))
    right = stored(tmp_path / "r.safetensors", ids, good, teacher="right")
    wrong = stored(tmp_path / "w.safetensors", ids, np.roll(good, 1, axis=0), teacher="wrong")

    found = check(Logits([[right], [wrong]]), CLASSES, ids, csr_array(labels), "refuse")

    oracle = average_precision_score(labels, good.astype(np.float32), average="macro")
    first, second = (score for _, score in found.teachers)
    assert first.map == pytest.approx(oracle)
    assert first.map > 0.9
    assert second.map == pytest.approx(second.chance, abs=0.1)


def test_logits_with_a_flipped_bit_are_refused(two) -> None:
    _, (first, _) = two
    content = bytearray(first[1].read_bytes())
    content[-5] ^= 1
    first[1].write_bytes(content)
    with pytest.raises(UserError, match=f"{first[1].name} holds other bytes than .* delete"):
        Logits([first])
