"""The qd command as people start it: in processes of its own, killed, stopped, on two ranks."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import qd

pytestmark = pytest.mark.launch

SPHERE = '''"""A sphere."""
import qd


def sphere(x):
    return -(x**2).sum(), x[:2]


problem = qd.problem(sphere, low=-1, high=1, length=4, measures={"x": (-1, 1), "y": (-1, 1)})
experiment = qd.Experiment(problem, qd.algorithms.RandomSearch(batch_size=10), 100, seed=1, checkpoint_seconds=0)
'''
SLOW = SPHERE.replace("import qd\n", "import time\nimport qd\n").replace(
    "    return", "    time.sleep(0.002)\n    return"
)
# stands still in its 400th evaluation while there is a file `hold`
HELD = SPHERE.replace("import qd\n", "import os, time\nimport qd\n\ncalls = []\n").replace(
    "    return",
    """    time.sleep(0.001)
    calls.append(1)
    if len(calls) == 400 and os.path.exists("hold"):
        open("held", "w").close()
        time.sleep(600)
    return""",
)
MPIEXEC = Path(sys.executable).with_name("mpiexec")
COMMAND = [sys.executable, "-m", "qd"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder to stand in, with sphere.py."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sphere.py").write_text(SPHERE)


def digest(out):
    return summary(out)["digest"]


def summary(out):
    return json.loads((Path(out) / "summary.json").read_text())


def environment():
    root = str(Path(qd.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}


def launched(*words, ranks=0):
    launcher = [str(MPIEXEC), "-n", str(ranks)] if ranks else []
    done = subprocess.run(
        [*launcher, *COMMAND, *words], env=environment(), capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout, done.stderr


def started(*words):
    return subprocess.Popen(
        [*COMMAND, *words], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(process, what):
    """Wait until a process has done something, for a minute at most."""
    until = time.monotonic() + 60
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_killed_run_goes_on_to_the_same_digest():
    Path("held.py").write_text(HELD)
    Path("hold").touch()
    process = started("run", "held.py", "--out", "r", "--evaluations", "600")
    wait_for(process, Path("held").exists)
    process.kill()
    process.communicate()
    Path("hold").unlink()
    assert not Path("r/summary.json").exists()
    code, _, err = launched("resume", "r")
    assert code == 0, err
    launched("run", "held.py", "--out", "whole", "--evaluations", "600", "--evaluator", "processes")
    assert digest("r") == digest("whole")
    assert Path("r/metrics.csv").read_text().count("\n") == Path("whole/metrics.csv").read_text().count("\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_leaves_a_checkpoint_and_its_code(number, code):
    Path("slow.py").write_text(SLOW)
    process = started("run", "slow.py", "--out", "r", "--evaluations", "100000")
    wait_for(process, lambda: len(list(Path("r/checkpoints").glob("*.qdc"))) > 1)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in err
    assert "go on with: qd resume r" in out
    assert launched("info", "r")[1].startswith("r: stopped")


@pytest.mark.skipif(not MPIEXEC.exists(), reason="no mpiexec beside this Python")
def test_two_ranks_do_what_one_does_and_one_resumes_what_two_began():
    code, out, err = launched("run", "sphere.py", "--out", "two", ranks=2)
    assert code == 0, err
    assert summary("two")["ranks"] == 2
    assert out.count("digest") == 1
    assert err.count("qd resume two") == 1
    assert launched("run", "sphere.py", "--out", "one")[0] == 0
    assert digest("one") == digest("two")
    launched("run", "sphere.py", "--out", "long", "--evaluations", "150")
    assert launched("resume", "two", "--evaluations", "150")[0] == 0
    assert launched("resume", "one", "--evaluations", "150", ranks=2)[0] == 0
    assert digest("one") == digest("two") == digest("long")


@pytest.mark.skipif(not MPIEXEC.exists(), reason="no mpiexec beside this Python")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sphere.py", "--algorithm.batch_size", "0"], "wanted a number above 0"),
        (["sphere.py", "--out", "sphere.py"], "is a file; name a folder"),
        (["alone.py"], "rank 1: "),
    ],
)
def test_a_job_of_several_ranks_ends_with_one_message(words, said):
    Path("alone.py").write_text('import os\n1 / (os.environ["PMI_RANK"] == "0")\n' + SPHERE)
    code, _, err = launched("run", *words, ranks=2)
    assert code == 2
    assert err.count(said) == 1, err


def test_doctor_launches_two_ranks():
    code, out, err = launched("doctor")
    assert code == 0, out + err
    if MPIEXEC.exists():
        assert f"{MPIEXEC} started 2 ranks" in out


def test_a_small_run_loads_nothing_heavy():
    script = (
        "import sys; from qd.cli import main; main(['run', 'sphere.py', '--algorithm.batch_size', '5']); "
        "print([m for m in ('torch', 'ribs', 'pandas', 'matplotlib', 'pyarrow', 'mpi4py') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_goes_away_is_no_error():
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("no bash")
    line = f"set -o pipefail; '{sys.executable}' -m qd run sphere.py --help | true"
    done = subprocess.run([shell, "-c", line], env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
