"""What of a file of config/ an overlay changes."""

from __future__ import annotations

from earmark.config.files import overlaid

TASK = {"title": "x", "data": {"source": {"kind": "list", "hub": {"repo": "a/b"}, "lists": "l.csv"}}}


def test_one_key_of_a_source_is_changed_by_itself():
    found = overlaid(TASK, {"data": {"source": {"lists": "m.csv"}}})
    assert found["data"]["source"] == TASK["data"]["source"] | {"lists": "m.csv"}


def test_a_folder_takes_the_place_of_the_hub():
    found = overlaid(TASK, {"data": {"source": {"root": "/there"}}})
    assert found["data"]["source"] == {"kind": "list", "root": "/there", "lists": "l.csv"}


def test_data_of_a_kind_that_is_named_replace_the_old_ones():
    other = {"source": {"kind": "folder", "root": "/there"}}
    assert overlaid(TASK, {"data": other}) == {"title": "x", "data": other}
