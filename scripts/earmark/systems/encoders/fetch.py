"""One shard brought to this machine: a file of one commit of the hub, checked, or a file at an address."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import hf_hub_download

from earmark.core import disk
from earmark.core.errors import UserError
from earmark.core.files import sha256
from earmark.core.hub import commit_of, plainly
from earmark.data.sources.archive import fetched
from earmark.data.sources.hub import OTHERWISE, is_whole, tree_of
from earmark.systems.encoders.asked import FetchJob
from earmark.systems.encoders.shard import HOME


def run(asked: FetchJob, output: Path) -> None:
    """Fetch a shard.

    A shard of the hub lands at its path in the repository, as a manual download puts it.

    Raises:
        UserError: out of reach, no such file, not the file that the hub lists, or the disk is too small.

    """
    if asked.address:
        output.parent.mkdir(parents=True, exist_ok=True)
        fetched(asked.address, output, "a suite's data", f"put it at {output}")
    else:
        assert asked.repo is not None, "a shard lies in a repository or at an address"
        _of_hub(asked.repo, asked.revision, asked.inside, output)
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB, SHA-256 {sha256(output)}", flush=True)


def _of_hub(repo: str, revision: str, inside: str, output: Path) -> None:
    what = f"data set {repo}"
    with plainly(what, revision, OTHERWISE.replace("data.source.root", HOME)):
        commit = commit_of(repo, revision, "dataset")
        print(f"{repo}: '{revision}' is commit {commit}", flush=True)
        listed = next((file for file in tree_of(repo, commit) if file.path == inside), None)
        if listed is None:
            raise UserError(
                f"{what}: commit {commit[:12]} has no file {inside}; set revision to one that has it"
            )
        root = Path(str(output)[: -len(inside)] or ".")
        check_room(root, inside, listed.size)
        hf_hub_download(repo, inside, repo_type="dataset", revision=commit, local_dir=root)
        if not is_whole(output, listed):
            output.unlink()
            raise UserError(
                f"{what}: {inside} is not the file that the hub lists; it was removed: try again later"
            )


def check_room(root: Path, inside: str, needed: int) -> None:
    """Check that the disk has room for a shard before it is fetched; raises UserError."""
    disk.check(root, needed, f"the shard {inside} needs", f"set {HOME} to a folder on a larger disk")
