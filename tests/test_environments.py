"""Each file in envs/ names what its rules import, no more and no less, in the versions of the lock."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

import isolated
import pytest
import yaml
from packaging.utils import canonicalize_name

from earmark.core.digests import everything_imported
from earmark.core.places import ROOT, SCRIPTS
from earmark.core.versions import locked
from earmark.report import page_code

ENVIRONMENTS = sorted(path.stem for path in (ROOT / "envs").glob("*.yaml"))
UNIMPORTED = {
    "yt-dlp-ejs": "found by yt-dlp when YouTube asks for it",
    "tensorboard": "what torch.utils.tensorboard writes curves with",
}
"""Named, though no module of ours imports it."""
OPTIONAL = {"bitsandbytes", "flash-attn"}
"""Imported where a setting asks for it, and installed by whoever sets that."""


def named(environment: str) -> dict[str, str]:
    """The pip section of an environment: version by package."""
    content = yaml.safe_load((ROOT / f"envs/{environment}.yaml").read_text())
    (pip,) = [part["pip"] for part in content["dependencies"] if isinstance(part, dict)]
    return {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in pip}


def scripts(environment: str) -> set[str]:
    """The scripts of the rules that run in an environment."""
    found = set()
    for path in sorted((ROOT / "rules").glob("*.smk")):
        for rule in re.split(r"^\s*rule\b", path.read_text(), flags=re.MULTILINE)[1:]:
            if f'"../envs/{environment}.yaml"' in rule:
                found |= set(re.findall(r"\$SCRIPTS/(\w+\.py)", rule))
    return found


@cache
def modules(script: str) -> frozenset[Path]:
    """The files that a script imports, and those of the packages that it looks up names in."""
    lazily = {"summarize.py": page_code.summary, "report.py": page_code.page, "exports.py": page_code.exports}
    entries = lazily[script]() if script in lazily else (script,)
    files, todo = set(), [entry for entry in entries if entry.endswith(".py")]
    while todo:
        for path in everything_imported(todo.pop()):
            if path in files:
                continue
            files.add(path)
            for package in re.findall(r'import_module\(f"earmark\.([\w.]+)\.\{', path.read_text()):
                folder = SCRIPTS.joinpath("earmark", *package.split("."))
                todo += [str(p.relative_to(SCRIPTS)) for p in sorted(folder.glob("*.py"))]
            if 'f"earmark.systems.{name}.system"' in path.read_text():
                todo += [
                    str(p.relative_to(SCRIPTS)) for p in sorted(SCRIPTS.glob("earmark/systems/*/system.py"))
                ]
    return frozenset(files)


owners = cache(metadata.packages_distributions)
"""The distributions that bring a package, by its name: every file of every one is looked through for it."""


@cache
def imported(path: Path) -> frozenset[str]:
    """The distributions a file imports from, at its top or inside functions; for type checkers alone, none."""
    found = set()
    tree = ast.parse(path.read_text())
    checking = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in checking:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        else:
            continue
        for name in names:
            found |= {canonicalize_name(owner) for owner in owners().get(name.partition(".")[0], [])[:1]}
    return frozenset(found)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_versions_are_those_of_the_lock(environment):
    lock = locked()
    assert named(environment).items() <= {canonicalize_name(n): v for n, v in lock.items()}.items()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_names_what_its_rules_import(environment):
    used = {
        package: sorted(str(p.relative_to(ROOT)) for p in files if package in imported(p))
        for files in [frozenset().union(*(modules(script) for script in scripts(environment)))]
        for package in frozenset().union(*(imported(p) for p in files))
    }
    missing = {p: files for p, files in used.items() if p not in named(environment) and p not in OPTIONAL}
    assert missing == {}
    assert set(named(environment)) - set(used) - set(UNIMPORTED) == set(), "named, and imported by none"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_script_starts_with_the_named_packages_alone(environment, tmp_path):
    pins = [f"{name}=={version}" for name, version in named(environment).items()]
    python = isolated.build(tmp_path / "env", pins)
    found = {
        ".".join(path.relative_to(SCRIPTS).with_suffix("").parts).removesuffix(".__init__")
        for script in scripts(environment)
        for path in modules(script)
        if path.suffix == ".py"
    }
    # One process imports them all: what is missing is missing whoever asks.
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    done = subprocess.run(
        [str(python), "-c", code, *sorted(found)],
        cwd=SCRIPTS,
        env={"PYTHONPATH": str(SCRIPTS), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_package_that_is_not_named_is_missing(tmp_path):
    python = isolated.build(tmp_path / "env", ["pandas"])
    assert subprocess.run([str(python), "-c", "import pandas, numpy"]).returncode == 0
    done = subprocess.run([str(python), "-c", "import tqdm"], capture_output=True, text=True)
    assert "No module named 'tqdm'" in done.stderr
