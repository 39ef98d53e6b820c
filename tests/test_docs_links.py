"""What the documentation names is there: linked pages and sections, files of the repository, targets of make."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from earmark.config.files import deep_merged
from earmark.config.settings import Settings
from earmark.config.targets import check_target
from earmark.core.errors import UserError
from earmark.core.places import ROOT
from earmark.report.exports import KINDS
from earmark.report.pages import pages
from earmark.systems.registry import systems

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = ("scripts", "rules", "config", "envs", "profiles", "bench", "docs", "tests")
"""What starts with one of these names a file or folder of the repository."""

MADE = re.compile(
    r"bench/results\.json|config/(tasks|models)/(sounds|mine|my_\w+)\.yaml|profiles/mine(/.*)?"
    r"|scripts/earmark/reduction/edges\.py"
    r"|scripts/earmark/models/families/voicebox\.py|tests/models/test_voicebox\.py"
)
"""Written by a run, or by a reader who follows the page."""

MADE_UP = ("sounds", "mine")
"""Tasks of a reader who follows a page."""

LAYERS = ["encoder", "projector", "lm.0", "lm.2", "lm.4"]
"""Of the block that docs/embeddings.md adds to the config."""


@cache
def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")
        number = 0
        while (name := f"{anchor}-{number}" if number else anchor) in found:
            number += 1
        found.add(name)
    return found


def links(page: Path) -> list[str]:
    """The relative links and pictures of a page."""
    return re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)", page.read_text())


def broken(page: Path, root: Path = ROOT) -> list[str]:
    """The links that lead nowhere."""
    found = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or not target.is_relative_to(root):
            found.append(link)
        elif anchor and anchor not in anchors(target):
            found.append(f"{link}: no such section; there are {sorted(anchors(target))}")
    return found


def named_files(page: Path) -> set[str]:
    """The files and folders of the repository that a page's code names, patterns apart."""
    text = page.read_text()
    code = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^ {4}(\S.*)$", text, flags=re.MULTILINE)
    words = {word.strip(".,:;()\"'").partition("::")[0] for line in code for word in line.split()}
    return {
        w for w in words if w.partition("/")[0] in FOLDERS and "/" in w and not re.search(r"[*{}<>$=|…]", w)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_and_their_sections_exist(page):
    assert broken(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_named_files_exist(page):
    missing = {name for name in named_files(page) if not (ROOT / name).exists() and not MADE.fullmatch(name)}
    assert missing == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_targets_of_make_exist(page):
    rules = set(re.findall(r"^([\w.-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    text = page.read_text()
    named = set(re.findall(r"^ {4}make ([a-z]\w*)", text, flags=re.MULTILINE))
    named |= set(re.findall(r"`make ([a-z]\w*)", text))
    assert named <= rules


OVER = ("config/paper.yaml", "config/separation.yaml")
"""What pages name by --configfile beside targets."""


@cache
def settings(over: str | None) -> Settings:
    """The default configuration, with another file over it, and the tasks that pages make up."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    if over is not None:
        config = deep_merged(config, yaml.safe_load((ROOT / over).read_text()))
    made_up = {
        "title": "x",
        "data": {
            "source": {
                "kind": "synthetic_music",
                "genres": 4,
                "recording_s": 3,
                "question": "?",
                "splits": {},
            }
        },
    }
    followed = {
        "tasks": dict.fromkeys(MADE_UP, made_up),
        "models": {"mine": {"kind": "omni", "random_weights": {"seed": 0}}},
        "methods": {"edges": {"reducer": "frame"}},
        "embeddings": config["embeddings"] or [{"tasks": ["gtzan"], "layers": LAYERS}],
    }
    return Settings.load(deep_merged(config, followed), ROOT)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_targets_of_snakemake_exist(page):
    rules = "".join(path.read_text() for path in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")])
    names = set(re.findall(r"^(?:use rule \w+ as|rule) (\w+)\b", rules, flags=re.MULTILINE))
    names |= {system.name for system in systems()}
    names |= {f"{page.replace('/', '_')}{kind}s" for page in pages() for kind in KINDS}
    commands = re.findall(r"(?:^ {4}|`)snakemake ([^`\n]+)", page.read_text(), flags=re.MULTILINE)
    for command in commands:
        words = re.split(r"[#|>&]", command)[0].split()
        for before, word in zip(["", *words], words, strict=False):
            if re.search(r"[*{}<>$=|…]", word) or before.startswith("--") or word.startswith("-"):
                continue
            if "/" in word:
                try:
                    check_target(word, settings(next((each for each in words if each in OVER), None)))
                except UserError as error:
                    # A name that nobody knows is a mistake of the page; a file that isn't here is not.
                    assert "there is no" in str(error), f"{page.name}: snakemake {command}: {error}"
            elif re.fullmatch(r"[a-z_]+", word):
                assert word in names, f"{page.name}: snakemake {command}"


def test_a_dead_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A `b` c\n[x](gone.md) [y](#a-b-c) [z](#none) [v](page.md#a-b-c) [w](https://example.org)\n"
    )
    assert broken(page, tmp_path) == ["gone.md", "#none: no such section; there are ['a-b-c']"]
