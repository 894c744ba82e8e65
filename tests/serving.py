"""A server of OpenAI's protocol on this machine, that plays whatever a test wants."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Server(ThreadingHTTPServer):
    """Answers each request by ``play(number, body)``: (status, headers, body), or None to say nothing.

    Keeps the bodies and headers of all requests, in the order of their coming.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.play: Callable = lambda number, body: chat(f"echo {said(body)}")
        self.bodies, self.headers, self.paths = [], [], []
        self.lock = threading.Lock()
        self.under_way = self.most_under_way = 0
        self.release = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, *_):
        """A client that hangs up is no news."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            number = len(server.bodies)
            server.bodies.append(body)
            server.headers.append({name.lower(): value for name, value in self.headers.items()})
            server.paths.append(self.path)
            server.under_way += 1
            server.most_under_way = max(server.most_under_way, server.under_way)
        played = server.play(number, body)
        with server.lock:
            server.under_way -= 1
        if played is None:
            server.release.wait(5)
            self.close_connection = True
            return
        status, headers, content = played
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(data))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Silent."""


def said(body):
    """The text that a request asks about."""
    return body["messages"][-1]["content"] if "messages" in body else body["prompt"]


def chat(text, finish="stop", tokens=10, **choice):
    first = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish} | choice
    return 200, {}, {"choices": [first], "usage": {"total_tokens": tokens}}


def refusal(status, message="no", headers=(), **error):
    return status, dict(headers), {"error": {"message": message} | error}


def listed(**probabilities):
    """An answer that lists the probabilities of its first token."""
    pairs = [{"token": token.replace("_", " "), "logprob": math.log(p)} for token, p in probabilities.items()]
    return chat("x", logprobs={"content": [{"token": "x", "logprob": -1.0, "top_logprobs": pairs}]})


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that is there for one test."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join()
    server.server_close()
