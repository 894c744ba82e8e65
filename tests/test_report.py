"""report.html: what a run's folder says, on one page, with everything that a user wrote shown as text."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import qd
from archives.escape import escaped
from qd.errors import QDError
from qd.store.archive_file import StoredArchive
from qd.store.files import RunFolder
from qd.view.report import again_command, caption, grouped_failures
from qd.view.report_elites import genome, solution_text

HOSTILE = (
    "<script>alert(1)</script></style></textarea>\"onerror='x' --><img src=x onerror=alert(2)>\u202eevil\u2066\x00"
)


class Elements(HTMLParser):
    """What a page is made of."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_data(self, data):
        self.text.append(data)


def elements(path):
    found = Elements()
    found.feed(path.read_text())
    found.close()
    return found


TAGS = """html head meta title style body h1 h2 h3 p div b span table thead tbody tr th td pre bdi details summary
figure img figcaption"""
ALLOWED = set(TAGS.split())


def assert_harmless(path):
    found = elements(path)
    assert set(found.tags) <= ALLOWED
    assert found.tags.count("style") == 1
    for tag, name, value in found.attributes:
        assert not name.startswith("on"), (tag, name)
        if name in ("src", "href"):
            assert value.startswith("data:image/png;base64,")
    text = path.read_text()
    assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\x00")
    assert "default-src 'none'" in text
    return "".join(found.text)


def arm(**settings):
    search = qd.algorithms.MapElites(batch_size=50, dims=(10, 10))
    return qd.Experiment(qd.problems.PlanarArm(), search, 300, seed=3, **settings)


def test_it_says_what_the_run_was_and_how_to_make_it_again(tmp_path):
    result = qd.run(arm(name="reaching"), tmp_path / "r")
    text = assert_harmless(result.report())
    for wanted in ("MapElites on PlanarArm, seed 3", "reaching", result.digest, "algorithm.batch_size", "x [reach]",
                   f"The best 10 of {len(result.archive)}", "No evaluation failed", "started from Python"):  # fmt: skip
        assert wanted in text, wanted
    assert f"{result.summary['best_objective']:.6g}" in text
    again = qd.load(tmp_path / "r").report(tmp_path / "again.html")
    assert assert_harmless(again) == text


def test_everything_that_a_user_wrote_is_text(tmp_path):
    def fails(x):
        if x[0] > 0:
            raise ValueError(HOSTILE)
        return float(x.sum()), x[:2]

    problem = qd.problem(fails, low=-1, high=1, length=3, measures={HOSTILE: (-1, 1), "y": (-1, 1)})
    search = qd.algorithms.MapElites(batch_size=20, dims=(4, 4))
    result = qd.run(qd.Experiment(problem, search, 60, name=HOSTILE), tmp_path / "r")
    folder = RunFolder(tmp_path / "r")
    config = json.loads(folder.config.read_text())
    config["source"] = {"file": f"a {HOSTILE}.py", "sha256": HOSTILE, "overrides": [f"name={HOSTILE}"]}
    config["git_commit"] = config["machine"]["system"] = config["versions"][HOSTILE] = HOSTILE
    config["settings"]["problem"] = {"class": HOSTILE, HOSTILE: [HOSTILE, {"class": HOSTILE, "a": HOSTILE}]}
    folder.config.write_text(json.dumps(config))
    summary = result.summary
    summary["digest"] = summary["evaluator"] = HOSTILE
    summary["metrics"], summary["cost"], summary["archives"] = {HOSTILE: 1}, {HOSTILE: 2}, {HOSTILE: 3}
    text = assert_harmless(result.report())
    assert text.count("<script>alert(1)</script>") > 10
    assert "\\u202e" in text


def test_failures_are_grouped_by_their_last_line(tmp_path):
    def fails(x):
        if x[0] > 0.5:
            return float("nan"), x[:2]
        if x[0] > 0:
            raise ValueError("too far" if x[1] > 0 else "too near")
        return float(x.sum()), x[:2]

    problem = qd.problem(fails, low=-1, high=1, length=3, measures={"x": (-1, 1), "y": (-1, 1)})
    result = qd.run(qd.Experiment(problem, qd.algorithms.RandomSearch(batch_size=50), 200), tmp_path / "r")
    groups = grouped_failures(RunFolder(tmp_path / "r"))
    assert sum(group.count for group in groups) == result.summary["failed"]
    assert [group.count for group in groups] == sorted((group.count for group in groups), reverse=True)
    lines = [group.line for group in groups]
    assert "ValueError: too far" in lines
    assert "ValueError: too near" in lines
    assert len(groups) == 3  # the NaN objectives differ in their measures alone
    text = assert_harmless(result.report())
    assert f"of {result.summary['evaluations']:,} evaluations" in text
    assert "Best solution" in text  # random search keeps no archive


@pytest.mark.parametrize("budget", [1, 20])
def test_no_elite_and_one(tmp_path, budget):
    def fails(x):
        if budget > 1:
            raise ValueError("no")
        return 1.0, x[:2]

    problem = qd.problem(fails, low=-1, high=1, length=2, measures={"x": (-1, 1), "y": (-1, 1)})
    search = qd.algorithms.MapElites(batch_size=5, dims=(4, 4))
    result = qd.run(qd.Experiment(problem, search, budget), tmp_path / "r")
    text = assert_harmless(result.report())
    assert ("no evaluation came out well" if budget > 1 else "The best 1 by objective") in text


@pytest.mark.parametrize("m", [1, 3, 20])
def test_any_number_of_measures_and_numbers_that_are_none(tmp_path, m):
    kept = StoredArchive("GridArchive", {
        "objective": np.array([np.nan, 1.0]), "measures": np.full((2, m), np.nan), "solution": np.zeros((2, 50)),
    })  # fmt: skip
    result = qd.Result(None, None, {"algorithm": "A", "problem": "P", "seed": 0, "coverage": float("nan")})
    result._archives = {"a": kept}
    with pytest.raises(QDError, match="kept in memory"):
        result.report()
    text = assert_harmless(result.report(tmp_path / "x.html"))
    assert f"measure {m - 1}" in text
    assert text.index("[0 0 0 0 0 0 ... 0 0 0 0 0 0] (50)")


def test_texts_and_formulas_are_read_out():
    space = qd.Texts(("instruction", "examples"), initial=(("Be brief.", "a: b"),))
    row = space.pack([(HOSTILE.replace("\x00", ""), "a: b")]).row(0)
    assert solution_text(None, row).startswith("<script>")
    assert "<script>" not in genome(None, row)
    assert genome(None, np.arange(3)) == "[0 1 2] (3)"
    assert genome(None, None) == ""


def test_the_command_that_makes_it_again():
    config = {"source": {"file": "my exp.py", "overrides": ["seed=4", "algorithm.sigma=0.1"]}, "settings": {"seed": 4}}
    assert again_command(config) == "qd run 'my exp.py' --seed=4 --algorithm.sigma=0.1"
    assert again_command({"source": {"file": "a.py"}, "settings": {"seed": 2}}) == "qd run a.py --seed=2"
    assert again_command({"source": {}}) == again_command({}) == ""


def test_captions():
    assert caption("archive_elites").endswith("(elites)")
    assert caption("prompt_lengths") != caption("prompt")
    assert caption("nothing known") == "nothing known"


def test_every_run_of_the_command_writes_one(call):
    assert call("run", "sphere.py", "--out", "r")[0] == 0
    file = RunFolder("r").report
    text = assert_harmless(file)
    assert re.search(r"qd run .*sphere\.py", text)
    file.unlink()
    assert call("run", "sphere.py", "--out", "r", "--overwrite", "--no-report")[0] == 0
    assert not file.exists()
    code, said, _ = call("report", "r", "--no-plots")
    assert (code, said.strip()) == (0, str(file))
    assert call("report", "r", "--no-plots", "--out", "x/y.html")[0] == 2
    assert call("report", "nowhere")[0] == 2


@pytest.mark.drawing
def test_pictures_are_in_it(call):
    assert call("run", "sphere.py", "--out", "r", "--plots")[0] == 0
    file = RunFolder("r").report
    assert elements(file).tags.count("img") == len(list(RunFolder("r").plots.glob("*.png"))) >= 2
    assert file.stat().st_size < 3_000_000


def test_what_is_not_to_be_seen_is_escaped():
    assert escaped("a\u200fb") == "a\\u200fb"
    assert escaped("\ud800") == "\\ud800"
    assert escaped("ü\n\t&") == "ü\n\t&amp;"
