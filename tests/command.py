"""Calling the qd command inside the test's own process, in a folder of its own that holds sphere.py."""

import json
import sys
from pathlib import Path

import pytest

from qd import experiment_file
from qd.cli import main

SPHERE = '''"""A sphere."""
import qd


def sphere(x):
    return -(x**2).sum(), x[:2]


problem = qd.problem(sphere, low=-1, high=1, length=4, measures={"x": (-1, 1), "y": (-1, 1)})
experiment = qd.Experiment(problem, qd.algorithms.RandomSearch(batch_size=10), 100, seed=1, checkpoint_seconds=0)
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to stand in, with sphere.py."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "sphere.py").write_text(SPHERE)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith(experiment_file.MODULE_PREFIX)]:
        del sys.modules[name]


@pytest.fixture
def call(folder, capsys):
    """Call the command; gives (exit code, stdout, stderr)."""

    def called(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return called


@pytest.fixture
def refused(call):
    """The one line of a command that is refused as bad input."""

    def line(*words):
        code, _, err = call(*words)
        assert code == 2, err
        lines = [x for x in err.splitlines() if "go on with: qd resume" not in x or not x.startswith("qd: sphere:")]
        assert len(lines) == 1
        assert lines[0].startswith("qd: ")
        return lines[0]

    return line


def summary(out):
    return json.loads((Path(out) / "summary.json").read_text())


def digest(out):
    return summary(out)["digest"]
