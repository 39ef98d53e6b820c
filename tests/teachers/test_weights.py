"""Published files: what loads, what is named when it doesn't fit, and that nothing in them is run."""

import pickle
from pathlib import Path

import pytest
import torch

from earmark.core.errors import UserError
from earmark.systems.tagging.teachers import weights
from earmark.systems.tagging.teachers.mobilenet_v3 import MobileNetV3

from .conftest import packed

NAME = "features.3.block.0.0.weight"


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return MobileNetV3(3, 0.1).state_dict()


def loaded(path: Path, model: MobileNetV3 | None = None) -> MobileNetV3:
    model = model or MobileNetV3(3, 0.1)
    weights.fill(model, weights.read(path), path, "options")
    return model


def test_a_published_file_loads_and_gives_its_logits(tensors, tmp_path) -> None:
    torch.save(tensors, tmp_path / "mn.pt")

    model = loaded(tmp_path / "mn.pt").eval()

    original = MobileNetV3(3, 0.1).eval()
    original.load_state_dict(tensors)
    mel = torch.randn(2, 1, 128, 50)
    assert torch.equal(model(mel), original(mel))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.pop(NAME), f"lacks '{NAME}'"),
        (lambda t: t.update({"classifier.6.weight": torch.zeros(1)}), "unknown tensor 'classifier.6.weight'"),
        (lambda t: t.update({NAME: torch.zeros(8, 1, 5, 5)}), rf"'{NAME}' is \[8, 1, 5, 5\], expected \[8, 1, 3, 3\]"),
        (lambda t: t.update({NAME: t[NAME] * torch.nan}), f"'{NAME}' is not finite"),
    ],
)  # fmt: skip
def test_a_tensor_that_does_not_fit_is_named(tensors, tmp_path, change, said) -> None:
    change(tensors)
    torch.save(tensors, tmp_path / "mn.pt")

    with pytest.raises(UserError, match=said) as error:
        loaded(tmp_path / "mn.pt")

    assert "\n" not in str(error.value)


class Malicious:
    """What a hostile file would hold: code that is run when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_a_file_is_never_run(tensors, tmp_path, legacy) -> None:
    mark, path = tmp_path / "ran", tmp_path / "mn.pt"
    torch.save({**tensors, "x": Malicious(mark)}, path, _use_new_zipfile_serialization=not legacy)

    with pytest.raises(UserError, match="nothing of it was run"):
        loaded(path)

    assert not mark.exists()


def test_a_plain_pickle_a_torn_file_and_other_content_are_refused(tensors, tmp_path) -> None:
    mark, path = tmp_path / "ran", tmp_path / "mn.pt"
    path.write_bytes(pickle.dumps(Malicious(mark)))
    with pytest.raises(UserError):
        loaded(path)
    assert not mark.exists()
    torch.save(tensors, path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UserError, match="damaged"):
        loaded(path)
    torch.save([1, 2], path)
    with pytest.raises(UserError, match="not a state dict"):
        loaded(path)
    path.write_bytes(b"")
    with pytest.raises(UserError, match="damaged"):
        loaded(path)


def test_a_local_file_becomes_a_teacher_and_its_absence_says_where_to_get_it(tensors, tmp_path) -> None:
    found = packed(tmp_path, count=4)
    settings = found.settings(path=str(tmp_path / "mn.pt"), width=0.1, source="https://host/mn.pt")
    with pytest.raises(UserError, match=r"there is no .*/mn.pt; get it from https://host/mn.pt"):
        found.teach(settings)
    torch.save(tensors, tmp_path / "mn.pt")

    record = found.teach(settings)

    assert record["files"].keys() == {str(tmp_path / "mn.pt")}
    assert record["parameters"] == sum(p.numel() for p in MobileNetV3(3, 0.1).parameters())
    assert found.logits(settings).missing(["clip 0"]) == []


def test_a_file_of_another_width_is_refused_in_one_line(tensors, tmp_path) -> None:
    found = packed(tmp_path, count=4)
    torch.save(tensors, tmp_path / "mn.pt")

    with pytest.raises(UserError, match=r"'features.0.0.weight' is \[8, 1, 3, 3\], expected \[16, 1, 3, 3\]"):
        found.teach(found.settings(path=str(tmp_path / "mn.pt"), width=1.0))
