"""How a job sets up what it computes on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from earmark.core.places import SCRIPTS

ASK = """
import torch
from earmark.core.devices import prepare
prepare("cpu", {threads})
prepare("cpu", {threads})
print(torch.get_num_threads(), torch.get_num_interop_threads())
"""


@pytest.mark.parametrize("threads", [1, 3])
def test_torch_computes_with_the_threads_of_the_job(threads):
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    command = [sys.executable, "-c", ASK.format(threads=threads)]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert printed.split() == [str(threads), "1"]
