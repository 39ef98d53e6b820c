"""One process that has imported the large packages, and forks where a test would start Python again.

A run of the small workflow starts Snakemake and a dozen scripts, and each start imports torch, transformers or
Snakemake for seconds. Here they are imported once for each process of pytest: the ``python`` that a run finds
on its PATH is a small client, which hands its arguments, directory, environment and streams to a fork of that
process. Nothing of this project is imported before a fork, so a script runs the code of its own checkout.

What libraries read when they are imported can't be told to a fork. Where a variable of that kind differs from
what the process was started with, the client becomes a real start of Python (:data:`AT_IMPORT`); where those of the
hub alone do (:data:`HUB`), the fork forgets the packages that read them.

    python warm.py serve SOCKET
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import re
import runpy
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path
from typing import Any

AT_IMPORT = re.compile(
    "(HF_|HUGGING|TRANSFORMERS|TORCH(?!ELASTIC_|_NCCL_)|PYTORCH|PYTHON(?!UNBUF|DONTW|PATH)|CUDA(?!_VISIBLE)|MALLOC|LD_|XDG_)"
)
"""Variables that change what an import does."""
MODULES = (["-m", "snakemake"], ["-m", "accelerate.commands.launch"])
"""What is started besides scripts."""
HUB = ("HF_", "HUGGING", "TRANSFORMERS")
READ_BY = ("huggingface_hub", "transformers", "accelerate")
"""The packages that read these: where no others differ, a fork imports these again, should it need them."""
LIBRARIES = ("OMP", "MKL", "OPENBLAS", "RAYON", "NUMEXPR", "VECLIB_MAXIMUM", "GOTO")
ONE_THREAD = [f"{name}{'' if name.endswith('MAXIMUM') else '_NUM'}_THREADS" for name in LIBRARIES]
"""Variables that libraries read then, too: a fork's libraries take one thread, whatever its job was given, and
torch as many as the script tells it."""
PACKAGES = [
    "snakemake.cli",
    "snakemake.workflow",
    "snakemake.report.html_reporter",
    "snakemake.storage",
    "snakemake_logger_plugin_rich",
    "snakemake_storage_plugin_s3",
    "smart_open",
    "torch",
    "torch.nn.functional",
    "torch.utils.data",
    "transformers",
    "transformers.models.qwen2_5_omni.modeling_qwen2_5_omni",
    "transformers.models.qwen2_audio.modeling_qwen2_audio",
    "transformers.models.whisper.modeling_whisper",
    "transformers.models.audio_spectrogram_transformer",
    "transformers.models.audio_spectrogram_transformer.modeling_audio_spectrogram_transformer",
    "pandas",
    "pyarrow",
    "pyarrow.parquet",
    "scipy.stats",
    "sklearn.linear_model",
    "sklearn.metrics",
    "soundfile",
    "soxr",
    "accelerate",
    "accelerate.commands.launch",
    "torch.distributed.run",
    "safetensors.torch",
    "tokenizers",
    "huggingface_hub",
    "webdataset",
    "jinja2",
    "altair",
    "typer",
    "tqdm",
    "jsonschema",
    "pydantic",
    "yaml",
]

COLD_SCRIPTS = "EARMARK_TEST_COLD"
"""The variable under which scripts, whatever starts them, are real starts of Python."""
MODULES_READ = Path(".earmark/code/modules.json")
"""What a start of the workflow knows of the library's modules, by their text, in the folder where it runs."""
LARGE = 2 << 20
HUGEPAGE, COLLAPSE = 14, 25
"""Numbers of <linux/mman.h>."""

CLIENT = """#!{client} -IS
import array, json, os, socket, signal, sys
server = socket.socket(socket.AF_UNIX)
try:
    server.connect({address!r})
except OSError:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
told = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ), os.umask(0o22)]).encode()
streams = array.array("i", [0, 1, 2]).tobytes()
server.sendmsg([len(told).to_bytes(8, "little")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
server.sendall(told)
answers = server.makefile()
first = answers.readline().strip()
if first == "cold":
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, lambda number, _: os.kill(int(first), number))
status = int(answers.readline() or 1)
if status < 0:
    if -status != signal.SIGKILL:
        signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
"""


def python() -> str:
    """Return the path of a Python that has started already, for whatever runs a script or Snakemake."""
    return str(folder() / "python")


@cache
def folder() -> Path:
    """Start the process, once for each that asks, and return a folder whose ``python`` is its client."""
    return of(sys.executable)


def of(executable: str) -> Path:
    """Do so for a Python with packages of its own, of which those that it has are imported."""
    place = Path(tempfile.mkdtemp(prefix="warm"))
    address = place / "socket"
    client = place / "python"
    client.write_text(CLIENT.format(client=sys.executable, python=executable, address=str(address)))
    client.chmod(0o755)
    ready = subprocess.Popen(
        [executable, __file__, "serve", str(address)],
        # Without bars, as scripts have it in a log.
        env={**os.environ, **dict.fromkeys(ONE_THREAD, "1"), "TQDM_DISABLE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert ready.stdout is not None
    assert ready.stdout.readline() == "ready\n", "the warm process did not start"
    atexit.register(ready.kill)
    return place


def serve(address: str) -> None:
    """Import the packages, and fork for every client until the one who started this is gone."""
    started = dict(os.environ)  # some packages set variables
    for package in PACKAGES:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(package)
    gc.freeze()
    in_large_pages()
    os.fsync = lambda descriptor: None  # as in the tests themselves (tests/conftest.py)
    # Whatever starts Python again starts the client.
    sys.executable = str(Path(address).with_name("python"))
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(64)
    print("ready", flush=True)
    running: dict[int, socket.socket] = {}  # who waits for a job's end, by its process
    woken, wake = socket.socketpair()  # by every process that ends
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    events = selectors.DefaultSelector()
    events.register(listening, selectors.EVENT_READ)
    events.register(woken, selectors.EVENT_READ)
    while True:
        for event, _ in events.select():
            if event.fileobj is woken:
                woken.recv(1 << 12)
                tell(running)
                continue
            client, _ = listening.accept()
            job = begun(client, started, [listening, woken, wake, *running.values()])
            if job is None:
                client.close()
            else:
                running[job] = client


def in_large_pages() -> None:
    """Ask the kernel to hold what is there in pages of 2 MB, of which a fork has few to go through."""
    if sys.platform != "linux":
        return
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for line in Path("/proc/self/maps").read_text().splitlines():
        found = re.fullmatch(r"(\w+)-(\w+) rw-p 0+ 00:00 0 *(?:\[heap\])?", line)
        if found:
            first, last = -(-int(found[1], 16) // LARGE) * LARGE, int(found[2], 16) // LARGE * LARGE
            for advice in (HUGEPAGE, COLLAPSE) if last > first else ():
                madvise(first, last - first, advice)


def begun(client: socket.socket, started: dict[str, str], others: list[socket.socket]) -> int | None:
    """Fork for one client and tell it the process; None where it is to be a real start of Python.

    A fork of a process of this size takes 12 to 30 ms, so what waits for a job's end is no fork of its own.
    """
    try:
        size, streams, _, _ = socket.recv_fds(client, 8, 3)
        told = client.makefile("rb").read(int.from_bytes(size, "little"))
        arguments, directory, environment, umask = json.loads(told)
    except (OSError, ValueError):  # the client was killed
        return None
    if arguments[:1] == ["-u"]:  # as torch starts its processes
        arguments, environment["PYTHONUNBUFFERED"] = arguments[1:], "1"
    script = arguments[:1] and arguments[0].endswith(".py") and COLD_SCRIPTS not in environment
    own = arguments[:2] in MODULES or arguments[:1] == ["-c"] or script
    differ = differing(environment, started)
    job = None
    if not own or any(not name.startswith(HUB) for name in differ):
        say(client, "cold")
    elif (job := os.fork()) == 0:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for other in [client, *others]:
                other.close()
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            os.chdir(directory)
            os.umask(umask)
            os.environ.clear()
            os.environ.update(environment)
            if (path := environment.get("PYTHONPATH", "")) not in ("", started.get("PYTHONPATH", "")):
                sys.path[1:1] = path.split(os.pathsep)
            for name in [name for name in sys.modules if differ and name.partition(".")[0] in READ_BY]:
                del sys.modules[name]
            run(arguments)
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    else:
        say(client, str(job))
    for stream in streams:
        os.close(stream)
    return job


def tell(running: dict[int, socket.socket]) -> None:
    """Tell the clients of jobs that have ended how they did."""
    while running:
        job, status = os.waitpid(-1, os.WNOHANG)
        if job == 0:
            return
        client = running.pop(job)
        say(client, str(os.waitstatus_to_exitcode(status)))
        client.close()


def say(client: socket.socket, word: str) -> None:
    """Tell a client, unless it was killed."""
    with contextlib.suppress(OSError):
        client.sendall(f"{word}\n".encode())


def differing(environment: dict[str, str], started: dict[str, str]) -> set[str]:
    """Return the variables by which imports would go another way than where the process was started."""
    return {
        name
        for name in {*environment, *started}
        if AT_IMPORT.match(name) and environment.get(name) != started.get(name)
    }


def hand_over(here: Path, there: Path) -> None:
    """Copy what is known of modules, if more is: another folder's first plan needs not read them all again."""
    with contextlib.suppress(OSError):
        if not there.exists() or there.stat().st_size < here.stat().st_size:
            there.parent.mkdir(parents=True, exist_ok=True)
            made = there.with_name(f"{there.name}.{os.getpid()}")
            shutil.copyfile(here, made)
            made.rename(there)


def run(arguments: list[str]) -> None:
    """Do what Python does with such arguments, and end this process as it ends."""
    tempfile.tempdir = None
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    if os.environ.get("PYTHONUNBUFFERED"):
        sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
    code: Any = 0
    read, known = MODULES_READ.absolute(), Path(sys.executable).with_name(MODULES_READ.name)
    if arguments[:2] == MODULES[0] and not read.exists():
        hand_over(known, read)
    try:
        if arguments[:1] == ["-m"]:
            sys.argv = arguments[1:]
            sys.path[0] = str(Path.cwd())
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        elif arguments[:1] == ["-c"]:
            sys.argv = ["-c", *arguments[2:]]
            sys.path[0] = ""
            exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})
        else:
            sys.argv = arguments
            sys.path[0] = str(Path(arguments[0]).resolve().parent)
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as ended:
        code = ended.code
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc()
        code = 1
    if not isinstance(code, int):
        if code is not None:  # said, as Python does it, once what the job held is let go of
            print(code, file=sys.stderr)
        code = int(code is not None)
    if arguments[:2] == MODULES[0]:
        hand_over(read, known)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[2])
