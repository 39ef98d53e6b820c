"""A check that hangs is left behind; a package that is not there is a finding."""

from __future__ import annotations

import threading

from earmark.doctor import packages
from earmark.doctor.findings import at_once, guarded
from earmark.doctor.page import duration, size


def test_what_hangs_is_left_behind():
    never = threading.Event()
    found = at_once({"slow": never.wait, "quick": lambda: True}, 0.2)
    assert found == {"slow": None, "quick": True}
    never.set()


def test_a_check_without_its_package_says_so():
    def check():
        import no_such_package  # noqa: F401

    (finding,) = guarded("machine", "x", check)()
    assert finding.status == "note" and "no_such_package is not installed" in finding.found


def test_packages_are_compared_with_the_lock(tmp_path):
    lock, project = tmp_path / "requirements.lock", tmp_path / "pyproject.toml"
    lock.write_text("numpy==0.0.1\nNo_Such.Package==1.0\ntyper==" + packages.version("typer") + "\n")
    project.write_text('[project]\ndependencies = ["no-such-package>=1", "numpy"]\n')
    agreeing, missing, other = packages.check(lock, project)
    assert agreeing.found == "1 of 3 as in requirements.lock"
    assert missing.found == "no-such-package" and missing.stops
    assert other.found.startswith("numpy ") and "(locked 0.0.1)" in other.found and not other.stops


def test_words_for_times_and_sizes():
    assert [duration(s) for s in (3, 60, 600, 9000, 3e5)] == [
        "seconds",
        "about a minute",
        "about 10 minutes",
        "about 2 hours",
        "about 3 days",
    ]
    assert [size(b) for b in (10, 2.5e6, 59e9, 3.2e12)] == ["0 kB", "2.5 MB", "59 GB", "3.2 TB"]
