"""The code digest changes with what a rule runs, and with nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest

from earmark.core.digests import APART, canonical, file_digest, import_closure
from earmark.core.places import SCRIPTS

MODULE = '''
"""A module."""

import math

LIMIT = 3.0

class Halver:
    """Halves."""

    factor: float = 0.5
    """By how much."""

    def __call__(self, x: float) -> float:
        # Half of it.
        return self.factor * x

def area(r):
    return math.pi * r**2
'''


def names(*entries: str) -> set[str]:
    return {p.relative_to(SCRIPTS).as_posix() for p in import_closure(*entries)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A module."""', '"""Another word."""'),
        ('"""A module."""\n', ""),
        ('    """Halves."""\n', "    pass\n"),
        ('    """By how much."""\n', ""),
        ("        # Half of it.\n", ""),
        ("import math\n", "import math\n\n\n"),
        ("self.factor * x", "(self.factor\n            * x)"),
        ("import math\n", "import math\nfrom typing import TYPE_CHECKING\n"),
    ],
)
def test_words_and_layout_are_no_code(old, new):
    assert old in MODULE
    left, right = MODULE, MODULE.replace(old, new)
    if "TYPE_CHECKING" in new:
        left = right
        right = right.replace("TYPE_CHECKING\n", "TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n")
    assert canonical(left) == canonical(right)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("3.0", "3"),
        ("3.0", "True"),
        ("3.0", '"3.0"'),
        ("3.0", "-3.0"),
        ("r**2", "r*2"),
        ("float = 0.5", "float"),
        ("x: float)", "x: float = 1)"),
        ("return self.factor * x", "return None"),
        ("return self.factor * x", "yield self.factor * x"),
        ("import math", "import cmath as math"),
        ("def area", "@abs\ndef area"),
    ],
)
def test_whatever_runs_is_code(old, new):
    assert old in MODULE
    assert canonical(MODULE) != canonical(MODULE.replace(old, new))


def test_a_string_that_is_used_is_no_docstring():
    assert canonical("print('a')") != canonical("print('b')")
    assert canonical("a = ('b', 'c')") != canonical("a = ('bc',)")


def test_the_other_branch_of_type_checking_counts():
    text = "if TYPE_CHECKING:\n    import a\nelse:\n    x = {}\n"
    assert canonical(text.format(1)) != canonical(text.format(2))
    assert canonical(text.format(1)) == canonical("x = 1")


def test_the_form_is_the_same_in_every_version_of_python():
    # What ast.dump says of this differs between 3.11, 3.12 (type_params) and 3.13 (no empty lists).
    assert canonical("def f(a): return 'é', 1j, None, ..., b'x'").split("\n")[:4] == [
        "[",
        "(FunctionDef",
        "name",
        "'f'",
    ]
    assert "type_params" not in canonical("def f(a): return a") and "[\n]" not in canonical("f()")


def test_the_closure_follows_imports_transitively():
    found = names("answer.py")
    assert {"answer.py", "earmark/systems/pruning/job.py", "earmark/reduction/hooks.py"} <= found
    assert "earmark/audio/waveform.py" not in found, "evaluation reads features, not audio"


def test_what_is_reached_by_name_is_not_in_the_closure_unless_named():
    assert not any(n in names("answer.py") for n in ("earmark/reduction/dart.py", "earmark/models/omni.py"))
    assert "earmark/reduction/dart.py" in names("answer.py", "earmark/reduction/dart.py")


def test_data_stages_do_not_depend_on_models_or_methods():
    for script in ("segment.py", "pack.py", "download.py"):
        assert not any(n.startswith(("earmark/models", "earmark/reduction")) for n in names(script)), script


def test_what_talks_to_people_is_in_no_closure_and_computes_nothing():
    scripts = [path.name for path in SCRIPTS.glob("*.py")]
    assert not names(*scripts) & APART
    code = (
        "import sys, earmark.core.{0}; sys.exit(bool({{'numpy', 'torch', 'soundfile'}} & set(sys.modules)))"
    )
    for module in sorted(APART):
        name = module.rpartition("/")[2].removesuffix(".py")
        done = subprocess.run([sys.executable, "-c", code.format(name)], env={"PYTHONPATH": str(SCRIPTS)})
        assert done.returncode == 0, f"{module} imports what makes numbers"


def test_of_a_file_that_is_no_module_every_byte_counts(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<p>")
    before = file_digest(page)
    file_digest.cache_clear()
    page.write_text("<p> ")
    assert file_digest(page) != before
