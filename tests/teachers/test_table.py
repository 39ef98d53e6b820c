"""Logits from elsewhere: every format gives the same rows, joined by id; what runs code is refused."""

import json
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from earmark.core.errors import UserError

from .conftest import packed


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


@pytest.fixture
def few(tmp_path):
    return packed(tmp_path, count=4)  # clips 0 to 3, of which 2 failed


IDS = ["clip 3", "clip 0", "other", "clip 1", "clip 9"]


def written(folder, rows: np.ndarray, suffix: str) -> str:
    path = folder / f"table.{suffix}"
    if suffix == "npy":
        np.save(path, rows)
    elif suffix == "npz":
        np.savez(path, predictions=rows)
    elif suffix == "safetensors":
        save_file({"logits": rows}, path)
    else:
        pq.write_table(pa.table({"clip_id": IDS, "logits": list(rows)}), path)
    return str(path)


def ids(folder, suffix: str) -> str:
    path = folder / f"ids.{suffix}"
    if suffix == "json":
        path.write_text(json.dumps({name: row for row, name in enumerate(IDS)}))
    elif suffix == "csv":
        path.write_text("row,clip_id\n" + "".join(f"{row},{name}\n" for row, name in enumerate(IDS)))
    elif suffix == "npy":
        np.save(path, np.array(IDS))
    else:
        pq.write_table(pa.table({"clip_id": IDS}), path)
    return str(path)


@pytest.mark.parametrize(
    ("table", "listed"),
    [("npy", "json"), ("npz", "csv"), ("safetensors", "npy"), ("parquet", None), ("npy", "parquet")],
)
def test_every_format_gives_each_clip_its_row(few, rows, table, listed) -> None:
    folder = few.folder
    options = {"ids": ids(folder, listed)} if listed else {}
    settings = few.settings("table", path=written(folder, rows, table), **options)
    settings["storage"] = "float32"
    few.teach(settings)

    stored = few.logits(settings)

    assert np.array_equal(stored.get("clip 0")[0], rows[1])
    assert np.array_equal(stored.get("clip 1")[0], rows[3])
    assert np.array_equal(stored.get("clip 3")[0], rows[0])
    assert stored.missing(["clip 2"]) == ["clip 2"]  # it failed, before


def test_rows_may_be_named_by_the_recording_and_be_out_of_order(few, rows) -> None:
    path = few.folder / "index.csv"
    path.write_text("video,place\nsource1,4\nsource0,2\n")
    settings = few.settings(
        "table", path=written(few.folder, rows, "npy"), ids=str(path), join="source_id",
        id_column="video", row_column="place",
    )  # fmt: skip
    settings["storage"] = "float32"
    few.teach(settings)

    stored = few.logits(settings)

    assert np.array_equal(stored.get("clip 0")[0], rows[2])
    assert stored.missing(["clip 3"]) == ["clip 3"]
    assert stored.failed == {"not in the table": 1, "missing": 1}


def test_a_table_in_another_order_of_classes_is_put_into_the_tasks(few, rows) -> None:
    (few.folder / "names.csv").write_text("index,display_name\n0,chirp\n1,hum\n2,hiss\n")
    settings = few.settings("table", path=written(few.folder, rows, "parquet"))
    settings |= {"classes": str(few.folder / "names.csv"), "storage": "float32"}
    record = few.teach(settings)

    stored = few.logits(settings)

    assert record["order"] == [1, 2, 0]
    assert np.array_equal(stored.get("clip 0")[0], rows[1][[1, 2, 0]])


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["hum", "hiss", "bang"], "it lacks 1 \\('chirp'\\), the task lacks 1 \\('bang'\\)"),
        (["hum", "hiss", "hum"], "'hum' is listed twice"),
        (["hum", "hiss"], "has 3 columns, and the teacher 2 classes"),
    ],
)
def test_classes_that_are_not_the_tasks_are_named(few, rows, names, said) -> None:
    (few.folder / "names.csv").write_text("name\n" + "".join(f"{name}\n" for name in names))
    settings = few.settings("table", path=written(few.folder, rows, "parquet"))

    with pytest.raises(UserError, match=said):
        few.teach(settings | {"classes": str(few.folder / "names.csv")})


def test_probabilities_become_logits_that_give_them_back(few, rows) -> None:
    given = 1 / (1 + np.exp(-rows.astype(np.float64)))
    given[1] = [0.0, 1.0, 0.5]
    settings = few.settings(
        "table", path=written(few.folder, given, "parquet"), values="probabilities", clamp=1e-6
    )
    settings["storage"] = "float32"
    few.teach(settings)

    stored = few.logits(settings)

    np.testing.assert_allclose(stored.probabilities("clip 3", 1.0, "multi_label"), given[0], atol=1e-6)
    np.testing.assert_allclose(stored.get("clip 0")[0], [-13.8155, 13.8155, 0], atol=1e-3)


def test_what_is_no_probability_is_named(few, rows) -> None:
    settings = few.settings("table", path=written(few.folder, rows, "parquet"), values="probabilities")
    few.teach(settings)

    with pytest.raises(UserError, match="clip '.*' has the value .* which is no probability"):
        few.logits(settings)


@pytest.mark.parametrize("what", ["path", "ids", "object array"])
def test_a_pickle_is_refused_with_the_reason_and_a_way(few, rows, what) -> None:
    pickled = few.folder / "index.pkl"
    if what == "object array":
        pickled = few.folder / "index.npy"
        np.save(pickled, np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    else:
        pickled.write_bytes(pickle.dumps({name: row for row, name in enumerate(IDS)}))
    table = written(few.folder, rows, "npy")
    options = {"path": str(pickled), "ids": ids(few.folder, "json")} if what == "path" else {}
    settings = few.settings("table", **({"path": table, "ids": str(pickled)} | options))

    with pytest.raises(UserError, match=r"is a pickle, and reading one can run any code .* json.dump\("):
        few.teach(settings)


def test_ids_that_do_not_fit_the_table_are_named(few, rows) -> None:
    table, path = written(few.folder, rows, "npy"), few.folder / "i.json"
    settings = few.settings("table", path=table, ids=str(path))
    for content, said in [
        (["a", "b"], "lists 2 ids, and the table has 5 rows"),
        ({"a": 7}, "id 'a' has row 7, and the table has 5"),
        (["a", "b", "a", "c", "d"], "one id is listed twice \\(rows 0 and 2\\)"),
        ({"a": "x"}, "the row of id 'a' is 'x', a number"),
        ("text", "neither a list of ids nor an object"),
        ([1, 2, 3, 4, 5], "an id is 1, text is expected"),
    ]:
        path.write_text(json.dumps(content))
        with pytest.raises(UserError, match=said):
            few.teach(settings)
    with pytest.raises(UserError, match="give a file of them"):
        few.teach(few.settings("table", path=table))
