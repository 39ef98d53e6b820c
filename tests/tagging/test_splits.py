"""Roles go by recording, from the seed; the fold or the test split is never used to choose."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from tagging_task import TAGGING, changed

from earmark.core.errors import UserError
from earmark.systems.tagging.splits import roles


def clip(source, split="train", group=""):
    return SimpleNamespace(
        source_id=source if isinstance(source, list) else [source], split=split, group=group
    )


def named(clips, made):
    return {role: [clips[i] for i in places] for role, places in made.items()}


MANY = [clip(f"r{n // 3}") for n in range(300)] + [clip(f"t{n}", "test") for n in range(20)]


def test_every_clip_has_one_role_and_a_recording_has_one_too():
    made = roles(MANY, TAGGING, "all", 0)
    assert sorted(np.concatenate(list(made.values()))) == list(range(len(MANY)))
    assert all((np.diff(places) > 0).all() for places in made.values())
    recordings = {role: {c.source_id[0] for c in own} for role, own in named(MANY, made).items()}
    assert not recordings["train"] & recordings["validation"]
    assert len(recordings["validation"]) == 20, "a fifth of a hundred recordings"
    assert recordings["test"] == {f"t{n}" for n in range(20)}


def test_roles_are_a_function_of_seed_and_recording_not_of_order_or_number_of_clips():
    def validation(clips, seed):
        made = named(clips, roles(clips, TAGGING, "all", seed))
        return {c.source_id[0] for c in made["validation"]}

    first = validation(MANY, 0)
    assert validation(MANY[::-1], 0) == first
    assert validation([c for n, c in enumerate(MANY) if n % 3 == 0 or n >= 300], 0) == first
    assert validation(MANY, 1) != first


def test_folds_test_on_their_group_whatever_split_it_is_packed_in():
    clips = [clip(f"r{n}", "train" if n % 2 else "test", str(n % 5)) for n in range(100)]
    for fold in "01234":
        made = roles(clips, changed(folds=list("01234")), fold, 0)
        assert {clips[i].group for i in made["test"]} == {fold}
        assert len(made["test"]) == 20 and len(made["validation"]) == 16
        assert fold not in {clips[i].group for i in np.concatenate([made["train"], made["validation"]])}


def test_recordings_joined_to_one_clip_stay_together():
    chain = [clip([f"r{n}", f"r{n + 1}"]) for n in range(10)]
    others = [clip(f"x{n}") for n in range(10)] + [clip("t", "test")]
    for seed in range(20):
        made = roles(chain + others, TAGGING, "all", seed)
        assert len({10 in made[role] or any(i < 10 for i in made[role]) for role in ("train",)}) == 1
        inside = [role for role, places in made.items() if (places < 10).any()]
        assert len(inside) == 1


def test_a_group_of_the_data_set_chooses_where_it_names_one():
    clips = [clip(f"r{n}", group="validation" if n < 3 else "") for n in range(9)] + [clip("t", "test")]
    made = roles(clips, changed(validation_group="validation"), "all", 0)
    assert made["validation"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("clips", "changes", "fold", "message"),
    [
        ([clip("a", group="1")], {}, "6", r"tagging.folds: no clip has the group '6'; known: 1"),
        ([clip("a")], {}, "all", "no clip of the split test"),
        ([clip("a", "test")], {}, "all", "no clip of the split train; name tagging.folds"),
        ([clip("a"), clip("b", "test")], {}, "all", "validation_share: no recording is left to train on"),
        ([clip("a"), clip("b"), clip("a", "test")], {}, "all", r"both trained and tested on \(one is 'a'\)"),
        (
            [clip("a", group="dev"), clip("b", "test")],
            {"validation_group": "valid"},
            "all",
            "validation_group: no clip to train on has the group 'valid'",
        ),
    ],
)
def test_what_cannot_be_split_is_one_line(clips, changes, fold, message):
    with pytest.raises(UserError, match=message) as caught:
        roles(clips, changed(**changes), fold, 0)
    assert "\n" not in str(caught.value)


def test_the_dataset_offers_what_roles_are_made_from(task):
    clips = task.opened()
    made = roles(clips.entries(), TAGGING, "all", 0)
    assert [clips.clip_ids[i] for i in made["test"]] == [f"clip {n}" for n in range(8, 12)]
