"""The page of a run over HTTP on this machine alone: it follows a run that is going, and makes replays when asked."""

from __future__ import annotations

import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from qd.errors import QDError
from qd.store.checkpoint import checkpoints
from qd.store.files import RunFolder
from qd.view.viewer.document import Page
from qd.view.viewer.html import html

log = logging.getLogger("qd")

HOST = "127.0.0.1"
_HOSTS = {"127.0.0.1", "localhost", "[::1]"}  # a page of elsewhere that comes in under another name is refused


class RunServer(ThreadingHTTPServer):
    """Serves one run's page.

    Args:
        path: the run's folder. port: 0 for any that is free. replays: as of ``Page``.

    Raises:
        QDError: the port is taken, or the folder holds no run.
    """

    daemon_threads = True

    def __init__(self, path: str | Path, port: int = 0, replays: bool = True) -> None:
        self.folder = RunFolder(path)
        self.folder.check()
        self._replays = replays
        self._lock = threading.Lock()
        self._known = ""
        self._page: Page | None = None
        self._packed = ""
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise QDError(
                f"--port {port}: {error.strerror or error}; name another, or 0 for any that is free"
            ) from error

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def version(self) -> str:
        """What changes when the run's files do."""
        folder = self.folder
        files = (folder.metrics, folder.archive, folder.summary, folder.history, *checkpoints(folder.checkpoints)[:1])
        stamps = []
        for file in files:
            try:
                seen = file.stat()
            except OSError:
                continue
            stamps.append(f"{seen.st_mtime_ns:x}.{seen.st_size:x}")
        return "-".join(stamps)

    def packed(self) -> tuple[str, str]:
        """(version, packed document), made anew where the run has gone on."""
        with self._lock:
            version = self.version()
            if self._page is None or version != self._known:
                self._page = Page(self.folder.path, self._replays, live=True)
                self._packed, self._known = self._page.packed(), version
            return self._known, self._packed

    def replay(self, archive: str, row: int) -> str | None:
        """One elite's replay, packed."""
        self.packed()
        with self._lock:
            assert self._page is not None
            return self._page.replay(archive, row)


class _Handler(BaseHTTPRequestHandler):
    server: RunServer

    def do_GET(self) -> None:
        """Answer one request."""
        if self.headers.get("Host", "").rsplit(":", 1)[0] not in _HOSTS:
            return self._send(403, "text/plain", "not here")
        url = urlsplit(self.path)
        try:
            if url.path == "/version":
                return self._send(200, "text/plain", self.server.version())
            if url.path == "/data":
                return self._send(200, "text/plain", self.server.packed()[1])
            if url.path == "/":
                version, packed = self.server.packed()
                return self._send(200, "text/html; charset=utf-8", html(packed, self.server.folder.path.name, version))
            if url.path == "/replay":
                asked = parse_qs(url.query)
                made = self.server.replay(asked.get("archive", [""])[0], int(asked.get("row", ["-1"])[0]))
                return self._send(204 if made is None else 200, "text/plain", made or "")
            return self._send(404, "text/plain", "there is nothing of this name")
        except ValueError as error:  # of ours, or a row that is no number
            return self._send(500, "text/plain", str(error))
        except BrokenPipeError:  # whoever asked has gone
            return None

    def _send(self, code: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """To our own log."""
        log.debug("%s", format % args)


__all__ = ["HOST", "RunServer"]
