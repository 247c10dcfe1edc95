"""A small server that speaks enough of the hub's protocol for `datasets`: repositories of files, ranges, breaks."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" + "0" * 34


class Hub:
    """Data sets by name: path -> content. `breaks` is how many downloads of each large file are cut off half-way."""

    def __init__(self, sets: dict[str, dict[str, bytes]], breaks: int = 0) -> None:
        self.sets = sets
        self.breaks: dict[str, int] = {}
        self.most_breaks = breaks
        self.asked: list[tuple[str, str, str | None]] = []


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def _json(self, value: object, status: int = 200) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if status == 404:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.asked.append((self.command, path, self.headers.get("Range")))
            for name, files in hub.sets.items():
                if path.startswith(f"/datasets/{name}/resolve/"):
                    return self._file(files, path.split("/", 6)[6])
                if path.startswith(f"/api/datasets/{name}"):
                    return self._api(name, files, path.removeprefix(f"/api/datasets/{name}"))
            self._json({"error": "Repository not found"}, 404)

        do_HEAD = do_GET

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode()
            path = unquote(urlsplit(self.path).path)
            hub.asked.append(("POST", path, None))
            for name, files in hub.sets.items():
                if path.startswith(f"/api/datasets/{name}/paths-info/"):
                    wanted = json.loads(body)["paths"] if body.startswith("{") else [
                        unquote(part.split("=", 1)[1].replace("+", " "))
                        for part in body.split("&") if part.startswith("paths=")]  # fmt: skip
                    return self._json([entry for entry in _tree(files) if entry["path"] in wanted])
            self._json({"error": "not found"}, 404)

        def _api(self, name: str, files: dict[str, bytes], rest: str) -> None:
            if rest.startswith("/tree/"):
                folder = rest.split("/", 3)[3] if rest.count("/") > 2 else ""
                inside = [e for e in _tree(files) if not folder or e["path"].startswith(folder + "/")]
                recursive = "recursive=true" in self.path.lower()
                return self._json(
                    [
                        e
                        for e in inside
                        if recursive or e["path"].removeprefix(folder + "/" if folder else "").count("/") == 0
                    ]
                )
            info = {"_id": "1", "id": name, "sha": COMMIT, "private": False, "gated": False, "disabled": False,
                    "tags": [], "downloads": 0, "likes": 0, "lastModified": "2026-01-01T00:00:00.000Z",
                    "siblings": [{"rfilename": path} for path in files]}  # fmt: skip
            self._json(info if rest in ("", "/revision/main", f"/revision/{COMMIT}") else {"error": "no"},
                       200 if rest in ("", "/revision/main", f"/revision/{COMMIT}") else 404)  # fmt: skip

        def _file(self, files: dict[str, bytes], path: str) -> None:
            if path not in files:
                return self._json({"error": "Entry not found"}, 404)
            content = files[path]
            first, last = 0, len(content) - 1
            if spoken := self.headers.get("Range"):
                low, _, high = spoken.removeprefix("bytes=").partition("-")
                first, last = int(low), min(int(high or last), last)
            part = content[first : last + 1]
            self.send_response(206 if spoken else 200)
            self.send_header("Content-Length", str(len(part)))
            self.send_header("Accept-Ranges", "bytes")
            if spoken:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if self.command == "HEAD":
                return
            if len(content) > 20_000 and hub.breaks.get(path, 0) < hub.most_breaks:
                hub.breaks[path] = hub.breaks.get(path, 0) + 1
                self.wfile.write(part[: len(part) // 2])
                self.wfile.flush()
                self.close_connection = True
                self.connection.close()
                return
            self.wfile.write(part)

    return Handler


def _tree(files: dict[str, bytes]) -> Iterator[dict[str, object]]:
    folders = {"/".join(path.split("/")[:depth]) for path in files for depth in range(1, path.count("/") + 1)}
    entries = [{"type": "directory", "path": folder, "oid": "0" * 40, "size": 0} for folder in sorted(folders)]
    entries += [{"type": "file", "path": path, "oid": hashlib.sha1(content).hexdigest(), "size": len(content)}
                for path, content in sorted(files.items())]  # fmt: skip
    yield from entries


@contextmanager
def served(hub: Hub) -> Iterator[str]:
    """Serve a hub; yields its address for HF_ENDPOINT."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
