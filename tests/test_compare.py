"""`qd compare`: runs read, grouped, brought to equal evaluations; the table; what is refused."""

from __future__ import annotations

import csv
import json
import shutil
from itertools import count
from pathlib import Path

import numpy as np
import pytest

import qd
from qd.comparison import Course, Settings, compare, read_course, read_courses, references, write_reference
from qd.comparison.tables import as_csv, latex, markdown
from qd.errors import QDError
from qd.statistics import iqm

RANDOM = {"class": "qd.algorithms.random_search:RandomSearch", "batch_size": 10}
MAP = {"class": "qd.algorithms.map_elites:MapElites", "batch_size": 10, "sigma": 0.1}
ARM = {"class": "qd.problems.planar_arm:PlanarArm", "joints": 4}
numbering = count()
MAZE = {"class": "qd.problems.hard_maze:HardMaze"}


def course(algorithm=RANDOM, seed=0, values=(1.0, 2.0, 3.0), problem=ARM, finished=True, name="", **columns):
    n = len(values)
    numbers = {"evaluations": 10.0 * np.arange(1, n + 1), "best_objective": np.array(values, float)}
    settings = {"problem": problem, "algorithm": algorithm, "seed": seed, "budget": 10 * n, "name": "x"}
    return Course(name or f"run-{next(numbering)}", settings, {**numbers, **columns}, finished)


def two(n=5):
    """Two searches, n seeds each, that end at known numbers."""
    return [course(RANDOM, s, (0, 1, s)) for s in range(n)] + [course(MAP, s, (0, 2, 10 + s)) for s in range(n)]


# ---------------------------------------------------------------- numbers


def test_rows_by_hand():
    made = compare(two(), Settings(reps=500))
    random, elites = made.rows
    assert (random.group, elites.group, made.settings.baseline) == ("RandomSearch", "MapElites", "RandomSearch")
    assert (random.n, random.iqm, random.median, random.mean) == (5, 2.0, 2.0, 2.0)
    assert elites.iqm == iqm([10, 11, 12, 13, 14])
    assert random.area == pytest.approx(0.5)  # 0 from 10 to 20, 1 from 20 to 30; what begins at 30 has no width
    assert elites.improvement == 1.0 and np.isnan(random.improvement)
    assert elites.p == elites.corrected == pytest.approx(2 / 252)
    assert elites.method == "exact"
    assert random.iqm_interval[0] < 2.0 < random.iqm_interval[1]


def test_unequal_budgets_are_taken_where_the_shortest_ends_with_a_note():
    runs = [*two(), course(RANDOM, 9, (0, 1))]
    made = compare(runs, Settings(reps=50))
    assert made.ends == [20.0]
    assert [row.iqm for row in made.rows] == [1.0, 2.0]
    assert any("between 20 and 30" in note for note in made.notes)


def test_values_at_a_place_of_ones_own():
    made = compare(two(), Settings(at=25, reps=50))
    assert [row.mean for row in made.rows] == [1.0, 2.0]


def test_over_a_cost():
    runs = [course(RANDOM, s, (0, 1, 2), steps=np.array([100.0, 200, 300 + 100 * s])) for s in range(2)]
    made = compare(runs, Settings(over="steps", reps=50))
    assert made.ends == [300.0]
    assert "300 steps" in made.caption


def test_holm_is_over_the_whole_table():
    runs = two() + [course({**MAP, "sigma": 0.5}, s, (0, 2, 20 + s)) for s in range(5)]
    made = compare(runs, Settings(reps=50))
    assert [row.group for row in made.rows] == ["RandomSearch", "MapElites sigma=0.1", "MapElites sigma=0.5"]
    assert [row.corrected for row in made.rows[1:]] == pytest.approx([2 * row.p for row in made.rows[1:]])


def test_nan_runs_are_left_out_and_named():
    runs = [*two(), course(MAP, 7, (0, 1, np.nan))]
    made = compare(runs, Settings(reps=50))
    assert made.rows[1].n == 5
    assert any("NaN in 1 of 6 runs of MapElites" in note for note in made.notes)
    lost = [course(MAP, s, (np.nan, np.nan, np.nan)) for s in range(2)]
    none = compare([*two()[:5], *lost], Settings(metrics=("best_objective",), reps=50)).rows[1]
    assert none.n == 0 and np.isnan(none.iqm) and np.isnan(none.p)


def test_one_seed_and_few_seeds_are_said():
    made = compare([course(RANDOM), course(MAP, 0), course(MAP, 1)], Settings(reps=50))
    assert any(note.startswith("one seed only") and "RandomSearch" in note for note in made.notes)
    assert any(note.startswith("fewer than 5") and "MapElites (2)" in note for note in made.notes)
    assert np.isnan(made.rows[0].iqm_interval).all() and np.isnan(made.rows[1].p)
    assert "[" not in markdown(made).splitlines()[4]


def test_problems_are_tasks():
    runs = [course(a, s, (0, 1, scale * (b + s)), problem)
            for a, b in ((RANDOM, 0), (MAP, 10)) for s in range(5)
            for problem, scale in ((ARM, 1), (MAZE, 100))]  # fmt: skip
    made = compare(runs, Settings(reps=200))
    assert made.problems == ["PlanarArm", "HardMaze"]
    over_all = [row for row in made.rows if row.problem == "all problems"]
    assert len(made.rows) == 6 and len(over_all) == 2
    assert over_all[0].iqm == pytest.approx(2 / 14) and over_all[1].iqm == pytest.approx(12 / 14)
    assert over_all[1].gap == pytest.approx(2 / 14)
    assert over_all[1].improvement == 1.0 and np.isnan(over_all[1].p)


def test_the_same_draws_give_the_same_table():
    assert as_csv(compare(two(), Settings(reps=100))) == as_csv(compare(two(), Settings(reps=100)))


# ---------------------------------------------------------------- groups


def test_the_label_is_what_differs():
    nested = [{**MAP, "parents": {"class": "qd.x:Even", "k": k}} for k in (1, 2)]
    made = compare([course(a, s) for a in nested for s in range(2)], Settings(reps=50))
    assert [group.label for group in made.groups] == ["MapElites k=1", "MapElites k=2"]


def test_a_grid_over_the_problem_is_compared_with_a_note():
    runs = [course(RANDOM, s, problem={**ARM, "joints": j}) for j in (4, 8) for s in range(2)]
    made = compare(runs, Settings(reps=50))
    assert [group.label for group in made.groups] == ["PlanarArm joints=4", "PlanarArm joints=8"]
    assert any("differ in their problem (problem.joints)" in note for note in made.notes)


def test_by_a_field():
    runs = [course({**MAP, "sigma": s, "batch_size": b}, seed) for s in (1, 2) for b in (3, 4) for seed in range(2)]
    made = compare(runs, Settings(by="sigma", reps=50))
    assert [(group.label, len(group.courses)) for group in made.groups] == [("sigma=1", 4), ("sigma=2", 4)]
    assert any("differ in algorithm.batch_size" in note for note in made.notes)


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("runs", "settings", "words"),
    [
        ([], {}, "no runs"),
        ([course(name="a"), course(name="a")], {}, "given twice"),
        ([course(), course(name="a copy")], {}, "the same run"),
        ([course(), course(MAP, problem=MAZE)], {}, "different problems, PlanarArm, HardMaze"),
        ([course(), course(seed=1)], {"metrics": ("best_objektive",)}, "did you mean 'best_objective'"),
        ([course(), course(seed=1, moves=np.ones(3))], {"metrics": ("moves",)}, "1 of 2 runs have no such column"),
        ([course(), course(seed=1)], {"over": "stesp"}, "no column 'stesp'"),
        ([course(), course(seed=1, values=(1, 2))], {"at": 25}, "1 of 2 runs end before"),
        ([course(), course(seed=1)], {"baseline": "MapElite"}, "no such group"),
        ([course(), course(seed=1)], {"by": "algorithm.batch_sze"}, "did you mean 'algorithm.batch_size'"),
        ([course(), course(MAP, problem=MAZE)], {"by": "batch_size"}, "different problems"),
        ([course(), course(seed=1)], {"level": 95}, "between 0 and 1"),
        ([Course("empty", {"problem": ARM, "algorithm": RANDOM}, {})], {}, "none of the 1 runs"),
    ],
)
def test_bad_input_is_named(runs, settings, words):
    with pytest.raises(QDError, match=words):
        compare(runs, Settings(reps=50, **settings))


def test_runs_without_a_row_and_those_cut_off_are_noted():
    runs = [*two(), Course("young", {"problem": ARM, "algorithm": RANDOM, "seed": 8}, {}),
            course(RANDOM, 6, finished=False, name="cut")]  # fmt: skip
    notes = compare(runs, Settings(reps=50)).notes
    assert any("young has no metrics yet" in note for note in notes)
    assert any("cut is not finished" in note and "30 evaluations" in note for note in notes)


# ---------------------------------------------------------------- tables


def test_tables_say_the_same_numbers():
    made = compare(two(), Settings(reps=200))
    rows = list(csv.DictReader(as_csv(made).splitlines()))
    assert [float(row["iqm"]) for row in rows] == [row.iqm for row in made.rows]
    assert rows[0]["p"] == "" and float(rows[1]["corrected"]) == made.rows[1].corrected
    text = markdown(made)
    assert "| MapElites | 5 | 12.00 [" in text
    assert "(exact)" in text and "1 test" in text
    tex = latex(made)
    assert r"\begin{tabular}{lrrrrrrrr}" in tex and r"P($>$)" in tex and r"best\_objective" not in tex.split("%", 1)[0]


# ---------------------------------------------------------------- folders


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folders of real runs: random search and MAP-Elites on the arm, three seeds each."""
    out = tmp_path_factory.mktemp("runs")
    arm = qd.problems.PlanarArm(joints=4)
    for name, search in (("rs", qd.algorithms.RandomSearch(batch_size=100)),
                         ("me", qd.algorithms.MapElites(batch_size=100, dims=(8, 8)))):  # fmt: skip
        for seed in range(3):
            qd.run(qd.Experiment(arm, search, 500, seed=seed, name=name), out / f"{name}-{seed}")
    return out


def test_a_run_is_read_from_its_folder(runs):
    found = read_course(runs / "me-1")
    assert (found.seed, found.experiment, found.finished) == (1, "me", True)
    assert found.columns["evaluations"].tolist() == [100, 200, 300, 400, 500]
    assert "purpose" not in found.columns


def test_a_row_that_is_half_written_is_left_out(runs, tmp_path):
    copy = tmp_path / "going"
    shutil.copytree(runs / "me-1", copy)
    (copy / "summary.json").unlink()
    text = (copy / "metrics.csv").read_text()
    (copy / "metrics.csv").write_text(text[: text.rindex(",")])
    found = read_course(copy)
    assert found.columns["evaluations"].tolist() == [100, 200, 300, 400] and not found.finished
    (copy / "metrics.csv").write_text("generation,eval")
    assert read_course(copy).columns == {}


def test_folders_that_hold_no_run_are_refused(tmp_path):
    with pytest.raises(QDError, match="no such folder"):
        read_courses([tmp_path / "none"])
    with pytest.raises(QDError, match="nor one that holds runs"):
        read_courses([tmp_path])
    (tmp_path / "config.json").write_text('{"format": 99}')
    with pytest.raises(QDError, match="format"):
        read_courses([tmp_path])


@pytest.mark.drawing
def test_the_command_writes_tables_and_figures(runs, call):
    code, out, err = call("compare", runs, "--metric", "qd_score,coverage", "--baseline", "Random", "--out", "c")
    assert code == 0, err
    assert "| MapElites | 3 |" in out and "qd_score on PlanarArm" in out
    names = {file.name for file in Path("c").iterdir()}
    figures = {f"{name}.{form}" for name in ("curves", "profiles", "improvement") for form in ("pdf", "svg", "png")}
    assert names == {"table.md", "table.csv", "table.tex"} | figures
    assert Path("c/curves.pdf").read_bytes()[:4] == b"%PDF"
    again = Path("c/curves.svg").read_bytes()
    assert call("compare", runs, "c", "--metric", "qd_score,coverage", "--out", "c", "--quiet")[0] == 0
    assert Path("c/curves.svg").read_bytes() == again


def test_the_folder_is_beside_the_runs_by_default(runs, call):
    code, _, err = call("compare", runs / "me-0", runs / "me-1", "--no-plots")
    assert code == 0, err
    assert (runs / "compare" / "table.md").exists()
    assert call("compare", runs, "--no-plots")[0] == 0  # the comparison in it is no run
    shutil.rmtree(runs / "compare")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--metric", "covrage"), "did you mean 'coverage'"),
        (("--at", "soon"), "wanted a number of evaluations"),
        (("--with", "map_elites_planar_arn"), "no reference curve of this name"),
        (("--out", "{runs}/me-0"), "holds a run"),
    ],
)
def test_what_the_command_refuses(runs, refused, words, said):
    assert said in refused("compare", runs, *(word.format(runs=runs) for word in words))


# ---------------------------------------------------------------- references


def test_a_reference_is_read_as_it_was_written(runs, tmp_path):
    courses = [read_course(runs / f"me-{seed}") for seed in range(3)]
    path = write_reference(tmp_path / "arm.json", courses, "qd sweep arm")
    back = read_courses([f"reference:{path}"])
    assert [course.seed for course in back] == [0, 1, 2]
    assert np.allclose(back[1].columns["qd_score"], courses[1].columns["qd_score"], rtol=1e-6)
    made = compare([*courses, *back], Settings(reps=50))
    assert [group.label for group in made.groups] == ["MapElites", "MapElites (arm)"]
    assert made.rows[1].improvement == 0.5


def test_a_reference_is_thin_and_keeps_both_ends(tmp_path):
    long = [course(RANDOM, s, np.linspace(0, 1, 5000)) for s in range(2)]
    back = read_courses([f"reference:{write_reference(tmp_path / 'x.json', long, 'x')}"])
    x = back[0].columns["evaluations"]
    assert len(x) <= 102 and (x[0], x[-1]) == (10, 50_000)


def test_what_is_no_reference_is_refused(runs, tmp_path):
    (tmp_path / "bad.json").write_text('{"format": 1}')
    with pytest.raises(QDError, match="no file of reference curves"):
        read_courses([f"reference:{tmp_path / 'bad.json'}"])
    with pytest.raises(QDError, match="seeds alone"):
        write_reference(tmp_path / "x.json", two(), "x")
    with pytest.raises(QDError, match="not finished"):
        write_reference(tmp_path / "x.json", [course(finished=False)], "x")


@pytest.mark.parametrize("name", references())
def test_a_shipped_reference_is_whole(name):
    tree = json.loads(references()[name].read_text())
    assert tree["command"].startswith(f"qd sweep {name} ") and tree["versions"]["numpy"] and tree["date"]
    found = read_courses([f"reference:{name}"])
    least = 3 if name.startswith("promptquine_") else 5  # a real language model: docs/compare.md says so of each
    assert len(found) >= least and all(len(c.digest) == 64 for c in found)
    budget = found[0].settings["budget"]
    for one in found:
        unit, amount = ("evaluations", budget) if isinstance(budget, int) else next(iter(budget.items()))
        assert one.columns[unit][-1] <= amount and (np.diff(one.columns["evaluations"]) > 0).all()
