"""One long-lived evaluation process: a crash or a hang in C ends it, and not the run.

The child is a plain ``python -m qd.evaluate.child``, so that scripts need no ``__main__`` guard and nothing
is forked. The problem crosses the pipe once, by cloudpickle, from memory to memory; afterwards requests and
evaluations travel as the messages of ``qd.evaluate.wire``, each led by its length.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from io import FileIO
from queue import SimpleQueue
from typing import Any, cast

from qd.codec import decode, encode
from qd.contracts import Problem
from qd.errors import QDError
from qd.evaluate.guard import evaluate_span
from qd.evaluate.wire import ContextCache, pack_error, pack_evaluation, unpack_request

EXPERIMENT_MODULES = "qd_experiment_"  # names of modules loaded from experiment files: not importable by name
_MPI_VARIABLES = ("PMI", "PMIX", "OMPI_", "PRTE_", "HYDI", "MPI")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_GRACE = 1.0  # seconds that an idle child has for its exit handlers
_TAIL_BYTES, _TAIL_LINES = 8192, 20
_PR_SET_PDEATHSIG = 1


def pickled(problem: Problem) -> bytes:
    """The problem for its journey to a child. Raises QDError, naming the attribute, where it cannot go."""
    import cloudpickle

    for name, module in list(sys.modules.items()):
        if name.startswith(EXPERIMENT_MODULES):
            cloudpickle.register_pickle_by_value(module)
    try:
        return cast(bytes, cloudpickle.dumps(problem))
    except Exception as error:
        culprit = _culprit(problem)
        raise QDError(
            f"{problem.name} cannot be sent to a child process: {culprit} cannot be pickled ({error}). "
            "Make it at its first use inside evaluate, or leave it out of the state that __getstate__ returns"
        ) from error


def _culprit(problem: Problem) -> str:
    import cloudpickle

    for name, value in vars(problem).items():
        try:
            cloudpickle.dumps(value)
        except Exception:
            return f"its attribute {name!r} of type {type(value).__name__}"
    try:
        cloudpickle.dumps(type(problem))
    except Exception:
        return f"something that the code of class {type(problem).__name__} refers to"
    return "it"


class Child:
    """The parent's side of one child process. One thread asks; any other may ``kill``.

    Args:
        problem: the bytes that ``pickled`` gave.

    Attributes:
        contexts: the contexts that the child holds.
    """

    def __init__(self, problem: bytes) -> None:
        self.contexts = ContextCache()
        self._problem = problem
        windows = sys.platform == "win32"
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "qd.evaluate.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=_environment(),
                # a group of its own: what the problem starts ends with it, Ctrl-C goes to the parent alone
                start_new_session=not windows,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) if windows else 0,
            )
        except OSError as error:
            raise QDError(f"evaluator: a child process could not be started: {error}") from error
        self._requests = cast(FileIO, self._process.stdin)
        self._answers = cast(FileIO, self._process.stdout)
        self._tail = bytearray()
        self._listener = threading.Thread(
            target=_pass_on, args=(self._process.stderr, self._tail), name="qd-child-stderr", daemon=True
        )
        self._listener.start()

    @property
    def pid(self) -> int:
        """The process number."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def load(self) -> bool:
        """Send the problem and wait until the child has loaded it; False where it died of it."""
        path = [str(entry) for entry in sys.path]
        start = {"path": path, "python_path": os.environ.get("PYTHONPATH"), "problem": self._problem}
        return self.ask(encode(start)) is not None

    def ask(self, message: bytes) -> bytearray | None:
        """The answer to one message, or None where the process ended instead."""
        self._tail.clear()
        try:
            write_frame(self._requests, message)
        except OSError:
            return None
        return read_frame(self._answers)

    def kill(self) -> None:
        """End the process at once, with those that it started."""
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):  # gone already; macOS says so of a zombie
                os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()

    def obituary(self) -> str:
        """How the process ended, and the last that it wrote. One that goes on without its pipe is ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)
        self.kill()  # and what it started
        code = self._process.wait()
        self._listener.join(_GRACE)  # the last words are still on their way
        self._close_pipes()
        lines = bytes(self._tail).decode(errors="replace").strip().splitlines()[-_TAIL_LINES:]
        return "\n".join([_exit_in_words(code), *lines])

    def close(self) -> None:
        """Let an idle process end by itself; a busy one is ended once the grace is over."""
        self._requests.close()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        self._close_pipes()

    def _close_pipes(self) -> None:
        self._requests.close()
        self._answers.close()


def _exit_in_words(code: int) -> str:
    if code >= 0:
        return f"exit code {code if code < 256 else hex(code)}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return f"signal {name}" + (", often a sign that memory ran out" if name == "SIGKILL" else "")


def _environment() -> dict[str, str]:
    """The parent's, so that imports agree, without the launcher's: a child must not join the MPI job."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(_MPI_VARIABLES)}
    environment.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    environment["PYTHONPATH"] = os.pathsep.join(str(entry) or os.getcwd() for entry in sys.path)
    return environment


def _pass_on(source: FileIO, tail: bytearray) -> None:
    """Hand the child's stderr on to ours and keep the end of it for messages."""
    with source:
        while data := source.read(65536):
            tail += data
            del tail[:-_TAIL_BYTES]
            with suppress(OSError):  # we may have no stderr
                os.write(2, data)


def write_frame(stream: FileIO, payload: bytes) -> None:
    """Write one frame: eight bytes of length, then the payload."""
    head = len(payload).to_bytes(8, "little")
    for part in (head + payload,) if len(payload) < 65536 else (head, payload):
        view = memoryview(part)
        while view:
            view = view[stream.write(view) or 0 :]


def read_frame(stream: FileIO) -> bytearray | None:
    """The payload of the next frame, or None where the stream ends first."""
    head = _read(stream, 8)
    return None if head is None else _read(stream, int.from_bytes(head, "little"))


def _read(stream: FileIO, size: int) -> bytearray | None:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = stream.readinto(view)
        if not count:
            return None
        view = view[count:]
    return data


# ---------------------------------------------------------------- in the child


def main() -> None:
    """Serve requests until the parent closes the pipe or dies."""
    _end_with_parent()
    _leave_signals_to_parent()
    requests: SimpleQueue[bytearray | None] = SimpleQueue()
    stream, answers = _private_pipes()
    threading.Thread(target=_listen, args=(stream, requests), daemon=True).start()
    start = requests.get()
    if start is None:
        return
    problem = _loaded(start)
    contexts = ContextCache()
    with suppress(BrokenPipeError):  # the parent is gone
        write_frame(answers, b"")  # ready
        while (message := requests.get()) is not None:
            write_frame(answers, _answer(problem, message, contexts))


def _answer(problem: Problem, message: bytearray, contexts: ContextCache) -> bytes:
    request, seeds = unpack_request(message, contexts)
    try:
        return pack_evaluation(evaluate_span(problem, request, seeds, (0, len(request))))
    except QDError as error:
        return pack_error(error)


def _loaded(start: bytearray) -> Problem:
    import faulthandler

    import cloudpickle

    faulthandler.enable()  # a segmentation fault says where
    tree: dict[str, Any] = decode(start)
    sys.path[:] = tree["path"]
    os.environ.pop("PYTHONPATH", None)  # ours holds the parent's sys.path, which is not for other programs
    if tree["python_path"] is not None:
        os.environ["PYTHONPATH"] = tree["python_path"]
    problem = cast(Problem, cloudpickle.loads(tree["problem"]))
    problem.prepare()
    return problem


def _private_pipes() -> tuple[FileIO, FileIO]:
    """The two pipes on numbers that nobody knows; a ``print`` goes to stderr, ``input`` finds nothing."""
    requests, answers = FileIO(os.dup(0), "rb"), FileIO(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)
    return requests, answers


def _listen(stream: FileIO, requests: SimpleQueue[bytearray | None]) -> None:
    """Take in frames while the main thread evaluates, so that the end of the parent is seen at once."""
    while (frame := read_frame(stream)) is not None:
        requests.put(frame)
    requests.put(None)
    time.sleep(_GRACE)
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # with what the problem started
    os._exit(1)


def _end_with_parent() -> None:
    """Have the kernel end us with the parent's thread, even in a C call that keeps Python's lock."""
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):  # a C library without it: the end of the pipe must do
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _leave_signals_to_parent() -> None:
    """A launcher may signal us too. Handlers, not SIG_IGN: what a problem starts must not inherit that."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda signum, frame: None)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_take_signals_back)


def _take_signals_back() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


if __name__ == "__main__":
    main()
