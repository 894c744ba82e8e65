"""qd.experiment_file: experiments from files, and every way in which a file can be unfit."""

import json
import sys
from hashlib import sha256

import pytest

import qd
from qd import experiment_file
from qd.errors import QDError

GOOD = '''"""A sphere."""
import qd


def sphere(x):
    return -(x**2).sum(), x[:2]


problem = qd.problem(sphere, low=-1, high=1, length=4, measures={"x": (-1, 1), "y": (-1, 1)})
experiment = qd.Experiment(problem, qd.algorithms.RandomSearch(batch_size=10), 100, seed=1)
'''


@pytest.fixture(autouse=True)
def clean_modules(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith((experiment_file.MODULE_PREFIX, "helper_of_")):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path):
    def written(text, name="sphere.py"):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return written


def refused(file):
    with pytest.raises(QDError) as caught:
        experiment_file.load_experiment(file)
    return str(caught.value)


def test_experiment_is_named_after_its_file_and_its_module_can_be_found(write):
    file = write(GOOD)
    experiment, source = experiment_file.load_experiment(file)
    assert experiment.name == "sphere"
    assert experiment.budget == 100
    assert sys.modules["qd_experiment_sphere"].experiment.budget == 100
    assert experiment.problem.function.__module__ == "qd_experiment_sphere"
    assert source.file == file
    assert source.sha256 == sha256(file.read_bytes()).hexdigest()
    assert source.code == GOOD
    assert not (file.parent / "__pycache__").exists()


def test_a_name_that_the_file_gives_is_kept(write):
    experiment, _ = experiment_file.load_experiment(write(GOOD.replace("seed=1", 'seed=1, name="mine"')))
    assert experiment.name == "mine"


def test_helpers_beside_the_file_are_found(write):
    write("budget = 70\n", "helper_of_test_file.py")
    experiment, _ = experiment_file.load_experiment(
        write("from helper_of_test_file import budget\n" + GOOD.replace("100", "budget"))
    )
    assert experiment.budget == 70


def test_missing_file_names_the_nearest(write, tmp_path):
    write(GOOD)
    assert "no such file; did you mean 'sphere.py'?" in refused(tmp_path / "sphera.py")
    assert f"did you mean {tmp_path / 'sphere.py'}?" in refused(tmp_path / "sphere")
    assert "is a folder" in refused(tmp_path)


def test_unknown_name_names_the_nearest_that_ships(monkeypatch, tmp_path):
    monkeypatch.setattr(experiment_file, "shipped", lambda: {"novelty_search_hard_maze": tmp_path / "x.py"})
    assert "no experiment of this name ships; did you mean 'novelty_search_hard_maze'?" in refused(
        "novelty_serch_hard_maze"
    )


def test_a_shipped_name_is_found(monkeypatch, write):
    file = write(GOOD)
    monkeypatch.setattr(experiment_file, "shipped", lambda: {"ball": file})
    assert experiment_file.load_experiment("ball")[0].name == "sphere"


def test_what_ships_lies_beside_the_package():
    assert all(file.is_file() and file.suffix == ".py" for file in experiment_file.shipped().values())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import qd\nx = (1,\ny = 2 2\n", "sphere.py:2: '(' was never closed"),
        ("x = 1\nx = = 2\n", "sphere.py:2: invalid syntax: x = = 2"),
        (b"x = '\xff'\n", "is not Python text"),
        (b"x = '\x00'\n", "sphere.py"),
        ("x = 1\n", "has no value named `experiment`, e.g."),
        ("experiment = 3\n", "`experiment` is a int, wanted a qd.Experiment"),
        (GOOD.replace("experiment =", "mine ="), "'mine' is one: name it `experiment`"),
        ("import nowhere_to_be_found\n", "sphere.py:1: ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("raise SystemExit(3)\n", "sphere.py:1: SystemExit: 3"),
        (GOOD.replace("100", "0"), "sphere.py:10: Experiment.budget: got 0 evaluations"),
    ],
)
def test_unfit_file_is_refused_in_words(write, text, said):
    message = refused(write(text))
    assert said in message
    assert "qd_experiment_sphere" not in sys.modules or "experiment`" in message


def test_an_exception_shows_the_calls_that_led_to_it(write):
    message = refused(write("def inner():\n    return 1 / 0\n\n\ninner()\n"))
    first, *calls = message.splitlines()
    assert first.endswith("sphere.py:5: ZeroDivisionError: division by zero")
    assert calls[-1].endswith("sphere.py:2, in inner: return 1 / 0")


@pytest.fixture
def recorded_run(write, tmp_path):
    file = write(GOOD)
    experiment, source = experiment_file.load_experiment(file)
    out = tmp_path / "run"
    qd.run(experiment, out, source=source.record(["seed=1"]))
    return file, out


def test_a_run_finds_its_unchanged_file(recorded_run, caplog):
    file, out = recorded_run
    experiment, source, overrides = experiment_file.load_recorded(out)
    assert (experiment.name, source.file, overrides) == ("sphere", file, ["seed=1"])
    assert "copy" not in caplog.text


@pytest.mark.parametrize("change", ["changed", "gone"])
def test_a_run_goes_on_with_its_copy_where_the_file_is_another(recorded_run, caplog, change):
    file, out = recorded_run
    if change == "gone":
        file.unlink()
    else:
        file.write_text(GOOD.replace("100", "200"))
    experiment, _, _ = experiment_file.load_recorded(out)
    assert experiment.budget == 100
    assert experiment.name == "sphere"
    assert change in caplog.text
    assert "experiment.py" in caplog.text


def test_without_file_and_copy_there_is_nothing_to_go_on_with(recorded_run):
    file, out = recorded_run
    file.unlink()
    (out / "experiment.py").unlink()
    with pytest.raises(QDError, match="is gone since the run was started, and the copy"):
        experiment_file.load_recorded(out)


def test_a_run_from_python_says_how_to_resume_it(write, tmp_path):
    experiment, _ = experiment_file.load_experiment(write(GOOD))
    qd.run(experiment, tmp_path / "run")
    with pytest.raises(QDError, match=r"qd\.resume\(folder, experiment\)"):
        experiment_file.load_recorded(tmp_path / "run")


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(QDError, match="not the folder of a run"):
        experiment_file.load_recorded(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps([1])[:-1])
    with pytest.raises(QDError, match="cannot be read"):
        experiment_file.load_recorded(tmp_path)
