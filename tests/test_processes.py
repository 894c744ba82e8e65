"""Child processes: the same bits as in this process, and a crash or a hang costs one row."""

from __future__ import annotations

import _thread
import ctypes
import gc
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest

from qd.contracts import Evaluation, Problem, Request, Status
from qd.errors import ProblemError, QDError
from qd.evaluate.child import Child, pickled, write_frame
from qd.evaluate.local import LocalEvaluator
from qd.evaluate.processes import ProcessEvaluator
from qd.evaluate.wire import pack_request
from qd.ragged import Ragged
from qd.rng import row_generator, row_seeds
from qd.space import Box, Measures, Tokens

pytestmark = [
    pytest.mark.launch,
    pytest.mark.skipif(sys.platform == "win32", reason="signals and process numbers of POSIX"),
]
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # children need not find this file

N, D = 23, 5


def wait_until(condition: Any, seconds: float = 20.0) -> bool:
    """Whether the condition came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie that nobody collects has."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def request_of(n: int = N, number: int = 0, **fields: Any) -> tuple[Request, Any]:
    """A request as the loop numbers it, with its seeds."""
    solutions = np.random.default_rng(number).uniform(-1, 1, (n, D))
    request = Request(solutions, number=number, first=100 * number, **fields)
    return request, row_seeds(7, request.draw_numbers)


def assert_same_bits(a: Evaluation, b: Evaluation) -> None:
    for name in ("objective", "measures", "status"):
        x, y = getattr(a, name), getattr(b, name)
        assert x.dtype == y.dtype, name
        assert x.shape == y.shape, name
        assert x.tobytes() == y.tobytes(), name
    for name in ("columns", "cost", "truth"):
        left, right = getattr(a, name), getattr(b, name)
        assert list(left) == list(right), name
        for key in left:
            assert left[key].dtype == right[key].dtype, key
            assert left[key].tobytes() == right[key].tobytes(), key
    assert a.reasons == b.reasons


class Noisy(Problem):
    """Uses everything that a request carries."""

    solution_space = Box(-1, 1, D)
    measure_space = Measures(("x", "y"), (-9, -9), (9, 9))
    fidelities = {"scale": "a factor, one a row"}
    columns = {"path": "a short walk", "calls": "rows of the call that a row was in"}

    def __init__(self, batching: Any = "rows", chunk_size: int = 1) -> None:
        self.batching, self.chunk_size = batching, chunk_size

    def evaluate(self, request: Request, seeds: Any) -> Evaluation:
        x = np.asarray(request.solutions)
        shift = request.context["shift"] if request.context else np.zeros(D)
        scale = np.broadcast_to(request.fidelity.get("scale", 1.0), len(x))
        noise = np.stack([row_generator(int(seed)).standard_normal(2) for seed in seeds])
        objective = scale * np.sin(x + shift).sum(axis=1) + noise[:, 0]
        objective[x[:, 0] > 0.9] = np.nan
        calls = np.full(len(x), 0 if self.batching == "rows" else len(x))
        return Evaluation(
            objective,
            x[:, :2] * scale[:, None] + 0.01 * noise,
            columns={"path": np.cumsum(x, axis=1).astype(np.float32), "calls": calls},
            cost={"steps": np.abs(x).sum(axis=1)},
            truth={"ids": request.ids},
        )


class Lengths(Problem):
    """Ragged solutions."""

    solution_space = Tokens(50, 6)
    batching = "rows"
    chunk_size = 4

    def evaluate(self, request: Request, seeds: Any) -> Evaluation:
        return Evaluation(np.array([np.sqrt(np.sum(row) + len(row)) for row in request.solutions]))


class Traps(Problem):
    """The first gene says what happens."""

    solution_space = Box(0, 10, 2)
    measure_space = Measures(("x",), (0,), (10,))

    def __init__(self, batching: Any = "rows", chunk_size: int = 1, note: str = "") -> None:
        self.batching, self.chunk_size, self.note = batching, chunk_size, note

    def evaluate(self, request: Request, seeds: Any) -> Evaluation:
        x = np.array(request.solutions)
        for row in x:
            self.spring(int(row[0]))
        return Evaluation(np.where(x[:, 0] == 2, np.nan, x[:, 1]), x[:, 1:])

    def spring(self, trap: int) -> None:
        if trap == 1:
            raise RuntimeError("a trap")
        if trap == 3:
            sys.exit(4)
        if trap == 4:
            os._exit(3)
        if trap == 5:
            ctypes.string_at(0)
        if trap == 6:
            libc = ctypes.PyDLL(None)  # keeps Python's lock
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
            while True:
                libc.pause()
        if trap == 7:
            helper = subprocess.Popen(["sleep", "1000"])
            Path(self.note).write_text(str(helper.pid))
            helper.wait()


def trapped(traps: dict[int, int], n: int = 8, number: int = 1) -> tuple[Request, Any]:
    """A request whose rows ``traps`` spring one."""
    x = np.stack([np.zeros(n), np.linspace(1, 9, n)], axis=1)
    for row, trap in traps.items():
        x[row, 0] = trap
    request = Request(x, number=number)
    return request, row_seeds(7, request.draw_numbers)


def assert_only(evaluation: Evaluation, lost: dict[int, Status]) -> None:
    """Exactly the rows in ``lost`` have these statuses, and the rest are right."""
    n = len(evaluation)
    assert {i: Status(s) for i, s in enumerate(evaluation.status) if s} == lost
    right = np.linspace(1, 9, n)
    right[list(lost)] = np.nan
    np.testing.assert_array_equal(evaluation.objective, right)
    np.testing.assert_array_equal(evaluation.measures[:, 0], right)
    assert set(evaluation.reasons) == set(lost)


@pytest.fixture
def make() -> Any:
    """Makes evaluators and closes them; no child may be left."""
    made = []

    def new(*args: Any, **kwargs: Any) -> ProcessEvaluator:
        made.append(ProcessEvaluator(*args, **kwargs))
        return made[-1]

    yield new
    for evaluator in made:
        pids = evaluator.pids
        evaluator.close()
        assert evaluator.pids == []
        assert all(gone(pid) for pid in pids)


# ---------------------------------------------------------------- the same bits


@pytest.mark.parametrize(
    ("batching", "chunk_size", "workers"),
    [("rows", 1, 1), ("rows", 7, 3), ("chunks", 1, 2), ("chunks", 7, 1), ("chunks", 7, 3), ("padded", 7, 2)],
)
def test_equal_bits(make: Any, batching: str, chunk_size: int, workers: int) -> None:
    problem = Noisy(batching, chunk_size)
    local, processes = LocalEvaluator(problem), make(problem, workers)
    context = {"shift": np.arange(D, dtype=np.float32)}
    scale = np.linspace(0.5, 2, N)
    draws = np.arange(N, dtype=np.uint64) // 2
    for number, fields in enumerate(
        [
            {},
            {"columns": ("path", "calls"), "fidelity": {"scale": scale}, "context": context},
            {"columns": ("path", "objective_spread"), "fidelity": {"repeats": 3, "scale": scale}},
            {"draws": draws, "context": context},
            {"context": {"shift": -np.ones(D)}, "purpose": "validate"},
        ]
    ):
        request, seeds = request_of(N, number, **fields)
        assert_same_bits(processes.evaluate(request, seeds), local.evaluate(request, seeds))
    request, seeds = request_of(N, 9)
    for span in ((7, N), (0, 7), (14, 21)):
        expected = local.evaluate_span(request, seeds, span)
        assert_same_bits(processes.evaluate_span(request, seeds, span), expected)
    assert len(processes.evaluate_span(request, seeds, (7, 7))) == 0


def test_equal_bits_ragged(make: Any) -> None:
    problem = Lengths()
    solutions = Ragged.from_rows([np.arange(i % 6 + 1) + i for i in range(N)])
    request, seeds = Request(solutions, number=0), np.arange(N, dtype=np.uint64)
    expected = LocalEvaluator(problem).evaluate(request, seeds)
    assert_same_bits(make(problem, 2).evaluate(request, seeds), expected)


def test_two_requests_in_flight(make: Any) -> None:
    local, processes = LocalEvaluator(Noisy()), make(Noisy(), 2)
    requests = [request_of(n, number) for number, n in enumerate((N, 3, 40))]
    for request, seeds in requests:
        processes.start(request, seeds)
    for request, seeds in requests:
        assert_same_bits(processes.finish(), local.evaluate(request, seeds))


# ---------------------------------------------------------------- what breaks costs its row


@pytest.mark.parametrize(("batching", "chunk_size"), [("rows", 4), ("chunks", 3), ("padded", 3), ("rows", 1)])
def test_each_failure_costs_its_row(make: Any, batching: str, chunk_size: int) -> None:
    evaluator = make(Traps(batching, chunk_size), 2)
    traps = {1: 1, 2: 2, 4: 3, 5: 4, 7: 5}
    evaluation = evaluator.evaluate(*trapped(traps, n=9))
    assert_only(evaluation, dict.fromkeys(traps, Status.FAILED))
    assert "RuntimeError: a trap" in evaluation.reasons[1]
    assert evaluation.reasons[5].startswith("the evaluation ended its process: exit code 3")
    assert evaluation.reasons[7].startswith("the evaluation ended its process: signal SIGSEGV")
    assert "string_at" in evaluation.reasons[7]  # the last words of the child say where
    assert_only(evaluator.evaluate(*trapped({}, number=2)), {})


def test_hang_in_c_is_timed_out(make: Any) -> None:
    evaluator = make(Traps("rows", 4), 1, timeout=0.5)
    evaluation = evaluator.evaluate(*trapped({2: 6, 6: 5}, n=9))
    assert_only(evaluation, {2: Status.TIMED_OUT, 6: Status.FAILED})
    assert evaluation.reasons[2].startswith("took longer than evaluator.timeout = 0.5 s")
    assert_only(evaluator.evaluate(*trapped({}, number=2)), {})


def test_time_out_ends_what_the_problem_started(make: Any, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    evaluator = make(Traps(note=str(note)), 1, timeout=0.5)
    assert_only(evaluator.evaluate(*trapped({1: 7}, n=2)), {1: Status.TIMED_OUT})
    assert wait_until(lambda: gone(int(note.read_text())))


def test_context_reaches_a_new_child(make: Any) -> None:
    class Shifted(Traps):
        def evaluate(self, request: Request, seeds: Any) -> Evaluation:
            assert request.context["shift"] == 2
            return super().evaluate(request, seeds)

    evaluator, context = make(Shifted(), 1), {"shift": np.array(2)}
    for number in (1, 2):
        request, seeds = trapped({3: 4}, number=number)
        request.context = context
        assert_only(evaluator.evaluate(request, seeds), {3: Status.FAILED})


def test_idle_child_that_dies_is_replaced(make: Any) -> None:
    evaluator = make(Noisy("chunks", 8), 1)
    evaluator.evaluate(*request_of())
    (pid,) = evaluator.pids
    os.kill(pid, signal.SIGKILL)
    if hasattr(os, "waitid"):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # a zombie's threads may still be ending
    assert wait_until(lambda: gone(pid))
    request, seeds = request_of(columns=("calls",))
    evaluation = evaluator.evaluate(request, seeds)
    assert_same_bits(evaluation, LocalEvaluator(evaluator.problem).evaluate(request, seeds))
    assert evaluator.pids != [pid]


def test_signals_are_the_parents_business(make: Any) -> None:
    class Signalled(Traps):
        def spring(self, trap: int) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            ask = "import signal; raise SystemExit(signal.getsignal(signal.SIGTERM) != signal.SIG_DFL)"
            subprocess.run([sys.executable, "-c", ask], check=True)

    assert_only(make(Signalled(), 1).evaluate(*trapped({}, n=2)), {})


def test_broken_contract_ends_the_first_request_only(make: Any) -> None:
    class Short(Traps):
        def evaluate(self, request: Request, seeds: Any) -> Evaluation:
            return Evaluation(np.zeros(len(request) + 1))

    evaluator = make(Short(), 2)
    with pytest.raises(ProblemError, match=r"Short.evaluate: objective has shape \(2,\)"):
        evaluator.evaluate(*trapped({}, number=0))
    evaluation = evaluator.evaluate(*trapped({}, number=1))
    assert (evaluation.status == Status.FAILED).all()
    assert "objective has shape" in evaluation.reasons[0]


# ---------------------------------------------------------------- what travels, and what does not


def test_prints_do_not_disturb(make: Any, capfd: Any) -> None:
    class Loud(Traps):
        def spring(self, trap: int) -> None:
            print("said by print")
            os.write(1, b"said by C\n")
            try:
                input()
            except EOFError:
                return
            os._exit(1)

    evaluator = make(Loud(), 1)
    assert_only(evaluator.evaluate(*trapped({})), {})
    evaluator.close()
    out, err = capfd.readouterr()
    assert "said" not in out
    assert "said by print" in err
    assert "said by C" in err


def test_lambda(make: Any) -> None:
    problem = Traps()
    height = 3
    problem.score = lambda x: x.sum() * height  # type: ignore[attr-defined]
    problem.evaluate = lambda request, seeds: Evaluation(  # type: ignore[method-assign]
        np.array([problem.score(x) for x in request.solutions]), np.ones((len(request), 1))
    )
    request, seeds = trapped({})
    evaluation = make(problem, 1).evaluate(request, seeds)
    assert evaluation.objective.tolist() == [x.sum() * 3 for x in request.solutions]


MODULE = """
import numpy as np
from qd.contracts import Evaluation, Problem
from qd.space import Box

FACTOR = 3.0

def score(x):
    return FACTOR * x

class Scaled(Problem):
    solution_space = Box(-1, 1, 5)

    def evaluate(self, request, seeds):
        return Evaluation(score(request.solutions[:, 0]))
"""


def test_problem_of_an_experiment_file(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.py"
    path.write_text(MODULE)
    spec = importlib.util.spec_from_file_location("qd_experiment_x", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "qd_experiment_x", module)
    spec.loader.exec_module(module)
    request, seeds = request_of()
    evaluation = make(module.Scaled(), 1).evaluate(request, seeds)
    np.testing.assert_array_equal(evaluation.objective, 3 * request.solutions[:, 0])


def test_module_is_found_on_the_parents_path(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beside_the_script.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("beside_the_script")
    request, seeds = request_of()
    evaluation = make(module.Scaled(), 1).evaluate(request, seeds)
    np.testing.assert_array_equal(evaluation.objective, 3 * request.solutions[:, 0])
    monkeypatch.undo()
    evaluator = make(module.Scaled(), 2)
    for _ in range(2):
        with pytest.raises(QDError, match=r"(?s)could not load Scaled: exit code 1.*No module named"):
            evaluator.evaluate(request, seeds)


def test_child_that_dies_of_its_problem(make: Any) -> None:
    class Fatal(Traps):
        def __setstate__(self, state: Any) -> None:
            os._exit(5)

    with pytest.raises(QDError, match="could not load Fatal: exit code 5"):
        make(Fatal(), 1).evaluate(*trapped({}))


def test_problem_that_cannot_be_pickled() -> None:
    problem = Traps()
    problem.lock = threading.Lock()  # type: ignore[attr-defined]
    with pytest.raises(QDError, match=r"(?s)attribute 'lock' of type lock cannot be pickled.*__getstate__"):
        ProcessEvaluator(problem, 1)


def test_environment(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Environment(Traps):
        def spring(self, trap: int) -> None:
            found = [name for name in os.environ if name.startswith(("PMI", "OMPI_", "PRTE_", "HYDI", "MPI"))]
            seen = found, os.environ["OMP_NUM_THREADS"], os.environ.get("PYTHONPATH"), sys.path
            assert seen == ([], "1", python_path, path), seen

    for name in ("PMI_RANK", "PMIX_NAMESPACE", "OMPI_COMM_WORLD_SIZE", "PRTE_X", "HYDI_X", "MPIR_X"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PYTHONPATH", "/here")
    python_path, path = "/here", list(sys.path)
    assert_only(make(Environment(), 1).evaluate(*trapped({}, n=1)), {})


def test_settings_are_checked() -> None:
    with pytest.raises(QDError, match=r"evaluator\.workers: got -1"):
        ProcessEvaluator(Traps(), -1)
    with pytest.raises(QDError, match=r"evaluator\.timeout: got -2"):
        ProcessEvaluator(Traps(), 1, -2)


# ---------------------------------------------------------------- nothing is left behind


def test_interrupted_run_can_be_closed(make: Any) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        _interrupt_and_close(make)
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt_and_close(make: Any) -> None:
    evaluator = make(Traps(), 2)
    timer = threading.Timer(0.5, _thread.interrupt_main)
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        evaluator.evaluate(*trapped({1: 6}))
    pids = evaluator.pids
    assert len(pids) == 2
    evaluator.close()
    evaluator.close()
    assert all(gone(pid) for pid in pids)
    with pytest.raises(QDError, match="closed"):
        evaluator.evaluate(*trapped({}))


def test_closed_while_children_start() -> None:
    evaluator = ProcessEvaluator(Traps(), 2)
    evaluator.close()
    assert evaluator.pids == []


def test_dropped_evaluator_ends_its_children() -> None:
    evaluator = ProcessEvaluator(Traps(), 1)
    evaluator.evaluate(*trapped({}))
    pids = evaluator.pids
    del evaluator
    gc.collect()
    assert wait_until(lambda: all(gone(pid) for pid in pids))


def test_child_ends_with_its_pipe() -> None:
    child = Child(pickled(Traps()))
    assert child.load()
    child.close()
    assert child.obituary() == "exit code 0"


def test_busy_child_ends_with_its_pipe() -> None:
    class Sleeper(Traps):
        def spring(self, trap: int) -> None:
            time.sleep(1000)

    child = Child(pickled(Sleeper()))
    assert child.load()
    write_frame(child._requests, pack_request(*trapped({}), "", child.contexts))
    child._requests.close()  # as when the parent dies where the kernel does not tell
    assert wait_until(lambda: not child.alive())
    assert child.obituary().startswith("signal SIGKILL")


SCRIPT = """
import ctypes, os, sys, time
import numpy as np
from qd.contracts import Evaluation, Problem, Request
from qd.evaluate.processes import ProcessEvaluator
from qd.space import Box

class Hang(Problem):
    solution_space = Box(-1, 1, 1)

    def evaluate(self, request, seeds):
        if request.solutions[0, 0] > 0.5:
            open(sys_argv, "w").close()
            ctypes.PyDLL(None).sleep(1000)
        return Evaluation(request.solutions[:, 0])

sys_argv = sys.argv[1]
evaluator = ProcessEvaluator(Hang(), 2)
seeds = np.zeros(8, np.uint64)
assert evaluator.evaluate(Request(np.zeros((8, 1)), number=0), seeds).ok.all()
print(*evaluator.pids, flush=True)
if sys.argv[2] == "kill":
    evaluator.evaluate(Request(np.ones((1, 1)), number=1), seeds[:1])
"""


@pytest.mark.parametrize("end", ["kill", "exit"])
def test_no_orphans(tmp_path: Path, end: str) -> None:
    script, busy = tmp_path / "script.py", tmp_path / "busy"
    script.write_text(SCRIPT)  # without a __main__ guard
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(entry or os.getcwd() for entry in sys.path)}
    with subprocess.Popen(
        [sys.executable, str(script), str(busy), end], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        if end == "kill":
            assert wait_until(busy.exists)
            assert not any(gone(pid) for pid in pids)
            parent.kill()
        assert parent.wait(20) == (-signal.SIGKILL if end == "kill" else 0)
    assert wait_until(lambda: all(gone(pid) for pid in pids))
