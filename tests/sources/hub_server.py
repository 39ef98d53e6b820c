"""A loopback server that speaks enough of the hub's protocol for the real huggingface_hub client."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


@dataclass
class Repo:
    """A data set: commits of files, branches that point to commits, and what the server does wrong."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    private: bool = False
    refuse_token: bool = False
    abort_once: dict[str, int] = field(default_factory=dict)  # path -> bytes sent before the line breaks
    damaged: dict[str, int] = field(default_factory=dict)  # path -> how often its bytes come wrong
    busy: Counter = field(default_factory=Counter)  # "info" or path -> how often 429 is answered
    xet: str = ""  # address of a chunk store that large files are said to be in
    page: int = 2  # files per page of the listing
    etag: str = ""  # said of every file instead of its checksum
    sha: str = ""  # said of every branch instead of its commit

    def commit(self, files: dict[str, bytes], branch: str = "main") -> str:
        name = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        self.commits[name], self.branches[branch] = files, name
        return name


class Hub:
    """The server; ``requests`` counts (method, path), ``ranges`` and ``tokens`` what came with them."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.requests: Counter[tuple[str, str]] = Counter()
        self.ranges: list[str] = []
        self.tokens: set[str] = set()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_HEAD(self) -> None:  # noqa: N802
                hub.answer(self)

            def do_GET(self) -> None:  # noqa: N802
                hub.answer(self)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def fetched(self) -> set[str]:
        """The files whose content was asked for."""
        return {
            path.split("/resolve/")[1].split("/", 1)[1]
            for m, path in self.requests
            if "/resolve/" in path and m == "GET"
        }

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        path = unquote(urlsplit(to.path).path)
        self.requests[to.command, path] += 1
        self.tokens.add(to.headers.get("Authorization", ""))
        found = re.match(
            r"(?:/api)?/datasets/([^/]+/[^/]+)(?:/(revision|tree|resolve|xet-read-token)/([^/]+)(?:/(.*))?)?$",
            path,
        )
        repo = self.repos.get(found[1]) if found else None
        if found is None or repo is None:
            return self.refuse(to, 404, "RepoNotFound")
        _, what, revision, rest = found.groups()
        if repo.refuse_token and to.headers.get("Authorization"):
            return self.refuse(to, 401, None, "Invalid credentials in Authorization header")
        if repo.private:
            return self.refuse(to, 401, "RepoNotFound")
        commit = repo.branches.get(revision or "main", revision)
        if commit not in repo.commits:
            return self.refuse(to, 404, "RevisionNotFound")
        if repo.busy["info" if what in ("revision", None) else rest] > 0:
            repo.busy["info" if what in ("revision", None) else rest] -= 1
            return self.refuse(to, 429, None, "slow down", {"Retry-After": "1"})
        files = repo.commits[commit]
        if what == "xet-read-token":
            access = {
                "X-Xet-Cas-Url": repo.xet,
                "X-Xet-Access-Token": "x",
                "X-Xet-Token-Expiration": "9999999999",
            }
            return self.json(to, {}, access)
        if what == "tree":
            return self.tree(to, repo, files)
        if what == "resolve":
            if repo.gated:
                return self.refuse(to, 403, "GatedRepo")
            if rest not in files:
                return self.refuse(to, 404, "EntryNotFound")
            return self.file(to, repo, commit, rest, files[rest])
        siblings = [{"rfilename": name} for name in files]
        return self.json(
            to,
            {"id": found[1], "sha": repo.sha or commit, "siblings": siblings, "tags": [], "private": False},
        )

    def tree(self, to: BaseHTTPRequestHandler, repo: Repo, files: dict[str, bytes]) -> None:
        query = dict(re.findall(r"(\w+)=([^&]*)", urlsplit(to.path).query))
        start = int(query.get("cursor", 0))
        names = sorted(files)[start : start + repo.page]
        entries = []
        for name in names:
            entry: dict = {"type": "file", "path": name, "size": len(files[name]), "oid": git_id(files[name])}
            if large(name):
                digest = hashlib.sha256(files[name]).hexdigest()
                entry["lfs"] = {"oid": digest, "size": len(files[name]), "pointerSize": 130}
                if repo.xet:
                    entry["xetHash"] = digest
            entries.append(entry)
        headers = {}
        if start + repo.page < len(files):
            headers["Link"] = (
                f'<{self.url}{urlsplit(to.path).path}?recursive=True&cursor={start + repo.page}>; rel="next"'
            )
        self.json(to, entries, headers)

    def file(self, to: BaseHTTPRequestHandler, repo: Repo, commit: str, name: str, content: bytes) -> None:
        etag = repo.etag or (hashlib.sha256(content).hexdigest() if large(name) else git_id(content))
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if large(name):
            headers |= {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(len(content))}
        if to.command == "HEAD":
            self.send(to, 200, headers | {"Content-Length": str(len(content))}, b"")
            return
        if repo.damaged.get(name, 0) > 0:
            repo.damaged[name] -= 1
            content = bytes(len(content))
        status, asked = 200, to.headers.get("Range")
        if asked:
            self.ranges.append(asked)
            start = int(asked.removeprefix("bytes=").split("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            content, status = content[start:], 206
        headers["Content-Length"] = str(len(content))
        keep = repo.abort_once.pop(name, None)
        self.send(to, status, headers, content if keep is None else content[:keep])
        if keep is not None:
            to.wfile.flush()
            to.close_connection = True
            to.connection.shutdown(2)

    def json(
        self, to: BaseHTTPRequestHandler, content: object, headers: dict[str, str] | None = None
    ) -> None:
        body = json.dumps(content).encode()
        self.send(
            to,
            200,
            {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})},
            body,
        )

    def refuse(
        self,
        to: BaseHTTPRequestHandler,
        status: int,
        code: str | None,
        message: str = "",
        more: dict | None = None,
    ) -> None:
        headers = {
            "Content-Length": "0",
            "X-Error-Message": message,
            **({"X-Error-Code": code} if code else {}),
        }
        self.send(to, status, headers | (more or {}), b"")

    @staticmethod
    def send(to: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
        to.send_response(status)
        for name, value in headers.items():
            to.send_header(name, value)
        to.end_headers()
        if to.command != "HEAD":
            to.wfile.write(body)


def large(name: str) -> bool:
    """Whether the hub would keep a file of that name outside of git."""
    return not name.endswith((".md", ".json", ".csv", ".gitattributes"))


def git_id(content: bytes) -> str:
    """Git's object id of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
