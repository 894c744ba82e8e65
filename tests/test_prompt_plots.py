"""Pictures of prompts: what stands in them, whatever the prompts hold."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import qd
from qd.errors import QDError
from qd.models import Scripted
from qd.prompts import Classification, Examples, Splits, Template
from qd.result import Result
from qd.view.plots import plot_result, plot_run
from qd.view.prompt_plots import (
    Ancestor,
    PromptMap,
    ancestors,
    influence_figure,
    lengths_figure,
    lineage_figure,
    prompt_map_figure,
)
from qd.view.prompt_runs import PrunedRun, word_influence
from qd.view.prompt_text import prompt_figure, shown
from qd.view.space_axes import measure_axes
from qd.view.style import style

RUN = {"algorithm": "PromptQuine", "problem": "PrunedPrompt", "seed": 3, "evaluations": 150}
HOSTILE = [
    "$x^2$",
    " \\frac{1}{0}",
    "\x1b[0m",
    " 你好",
    "🙂",
    "\t",
    "a" * 700,
    "\n\n",
    " $",
    "\ufffd",
    "{text}",
    "\x00",
]


def texts(fig):
    """All visible text of a figure, drawn once so that matplotlib would complain about what it cannot draw."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FigureCanvasAgg(fig).draw()
    return [text.get_text() for text in fig.findobj(Text) if text.get_visible() and text.get_text()]


def test_white_space_and_strange_letters_are_seen():
    assert shown(" a\nb\tc\xa0") == "·a↵b⇥c⍽"
    assert shown("\x00\x1b你🙂") == "\\x00\\x1b\\u4f60\\U0001f642"
    assert shown("é$\\ufffd") == "é$\\ufffd"


@pytest.mark.drawing
def test_a_prompt_shows_every_token_and_strikes_out_those_that_went():
    words = ["Review", ":", "{text}", "\n", "Sentiment", ":"]
    with style():
        fig = prompt_figure(words, [1, 0, 1, 0, 1, 1], RUN, "the best prompt", fields=[2])
    drawn = texts(fig)
    assert drawn[-1].endswith("the best prompt; 3 of 5 tokens kept (60 %)")  # a field is no token
    axes = fig.axes[0]
    colors = {text.get_text(): text.get_color() for text in axes.texts}
    assert [text.get_text() for text in axes.texts] == ["Review", ":", "{text}", "↵", "Sentiment", ":"]
    assert len(axes.lines) == 2 and len(axes.patches) == 1  # two struck out, a field boxed
    assert colors["↵"] != colors["Review"]
    ups = [text.get_position()[1] for text in axes.texts]
    assert ups[4] < ups[3] == ups[0]  # a line break breaks the line


@pytest.mark.drawing
def test_long_prompts_wrap_and_end_within_the_page():
    words = [f" word{i}" for i in range(4000)]
    with style():
        fig = prompt_figure(words, np.arange(4000) % 2, RUN)
        drawn = texts(fig)
    assert any(text.startswith("… and ") and text.endswith("more tokens") for text in drawn)
    axes = fig.axes[0]
    extents = [text.get_window_extent(fig.canvas.get_renderer()) for text in axes.texts]
    assert max(one.x1 for one in extents) <= fig.bbox.x1 and fig.get_figheight() < 25
    assert min(one.y0 for one in extents) >= 0


@pytest.mark.drawing
def test_hostile_tokens_are_text_in_every_picture():
    d = len(HOSTILE)
    summary = {**RUN, "problem": "$\\frac{$ and a very long name " * 8}
    chain = [Ancestor(0, 1.0, d), Ancestor(5, 2.0, 3, HOSTILE, HOSTILE[::-1])]
    grid = PromptMap(np.array([[0.1, 0.2], [0.9, 0.4]]), np.array([1.0, 2.0]), ["".join(HOSTILE), "$$"], (0, 0), (1, 1),
                     (4, 4), ("$a$", "b"))  # fmt: skip
    with style():
        for fig in (
            prompt_figure(HOSTILE, np.arange(d) % 2, summary, "$note$"),
            influence_figure(HOSTILE, np.arange(d) - 3.0, summary, label="$\\frac{$"),
            lengths_figure([1, 2], [0.5, np.nan], summary, labels=("$a", "b$")),
            prompt_map_figure(grid, summary),
            lineage_figure(chain, summary, "$o$"),
        ):
            assert texts(fig)


@pytest.mark.drawing
def test_influence_tells_the_share_of_the_first():
    words = [f" w{i}" for i in range(40)]
    values = np.array([30.0, -30.0] + [40 / 37] * 37 + [np.nan])
    with style():
        drawn = texts(influence_figure(words, values, RUN))
    assert any("the first 5 % of 39 tokens hold 60 % of the influence" in text for text in drawn)
    assert any("1  ·w0  +30\n2  ·w1  −30" in text for text in drawn)
    assert {"helps", "hurts"} <= set(drawn)
    with pytest.raises(QDError, match="no token has a number"):
        influence_figure(["a"], [np.nan], RUN)
    with pytest.raises(QDError, match=r"wanted \(2,\)"):
        influence_figure(["a", "b"], [1.0], RUN)


@pytest.mark.drawing
def test_lengths_mark_winner_and_whole_prompt():
    with style():
        fig = lengths_figure([3, 5, 5, 9], [0.5, 0.8, 0.6, np.nan], RUN, winner=(5, 0.8), base=(9, 0.55))
        drawn = texts(fig)
    assert {"3 evaluations", "winner: 5, 0.8", "whole prompt: 9, 0.55", "best so short"} <= set(drawn)
    (line,) = [line for line in fig.axes[0].lines if line.get_label() == "best so short"]
    assert line.get_xydata().tolist() == [[3, 0.5], [5, 0.8]]
    with style():
        assert "0 evaluations" in texts(lengths_figure([], [], RUN))
    with pytest.raises(QDError, match=r"lengths of shape \(1,\) and values of shape \(2,\)"):
        lengths_figure([1], [1, 2], RUN)


@pytest.mark.drawing
def test_a_map_numbers_its_best_cells_and_says_what_is_in_them():
    k = 20
    measures = np.stack([np.arange(k) / k + 0.01, np.full(k, 0.5)], axis=1)
    grid = PromptMap(
        measures, np.arange(k) / 1.0, [f"prompt {i}" for i in range(k)], (0, 0), (1, 1), (k, 2), ("a", "b")
    )
    with style():
        drawn = texts(prompt_map_figure(grid, RUN, named=3))
    assert any("20 prompts in 40 cells; the best 3 by number" in text for text in drawn)
    assert {"1", "2", "3"} <= set(drawn)
    assert "1 (19) prompt 19\n2 (18) prompt 18\n3 (17) prompt 17" in drawn
    empty = PromptMap(np.zeros((0, 2)), np.zeros(0), [], (0, 0), (1, 1), (3, 3), ("a", "b"))
    with style():
        assert any("0 prompts in 9 cells" in text for text in texts(prompt_map_figure(empty, RUN)))
    with pytest.raises(QDError, match=r"wanted \(1, 2\), \(1,\)"):
        prompt_map_figure(PromptMap(measures, np.zeros(k), ["a"], (0, 0), (1, 1), (3, 3), ("a", "b")), RUN)


def test_ancestors_go_from_the_first_to_the_winner():
    masks = [[1, 1, 1, 1], [1, 1, 0, 1], [0, 1, 1, 1], [1, 0, 0, 1]]
    line = ancestors(30, [0, 10, 20, 30], {30: 10, 10: 0, 20: 0, 0: -1}, masks, [1, 2, 9, 3], list("abcd"))
    assert line == [Ancestor(0, 1, 4, [], []), Ancestor(10, 2, 3, ["c"], []), Ancestor(30, 3, 2, ["b"], [])]
    assert ancestors(30, [0, 10, 20, 30], {30: 5}, masks, [1, 2, 9, 3], list("abcd")) == [Ancestor(30, 3, 2, [], [])]
    assert len(ancestors(30, [0, 10, 20, 30], {30: 10, 10: 30}, masks, [1, 2, 9, 3], list("abcd"))) == 2  # a ring
    with pytest.raises(QDError, match="evaluation 7 is not among the 4"):
        ancestors(7, [0, 10, 20, 30], {}, masks, [1, 2, 9, 3], list("abcd"))


@pytest.mark.drawing
def test_the_way_to_the_winner_tells_what_each_step_dropped():
    chain = [Ancestor(0, 1.0, 9), Ancestor(7, 2.0, 7, [" a", "\n"]), Ancestor(9, 2.5, 8, [], [" b"])]
    with style():
        drawn = texts(lineage_figure(chain, RUN, "reward"))
    assert any("2 steps to the winner, evaluation 9: 9 to 8 tokens" in text for text in drawn)
    assert "1 (2) − ·a | ↵\n2 (2.5) + ·b" in drawn
    with style():
        assert texts(lineage_figure(chain[:1], RUN))
        long = [Ancestor(i, i, 300 - i, [f" w{i}"]) for i in range(200)]
        assert any("… and 155 more steps" in text for text in texts(lineage_figure(long, RUN)))
    with pytest.raises(QDError, match="got no ancestors"):
        lineage_figure([], RUN)


# ---------------------------------------------------------------- runs


def pruned(measures=("kept", "label_bias")):
    words = {"good": (0.0, 2.0), "bad": (2.0, 0.0)}
    model = Scripted(effects={"fair": (0.0, 1.0)}, evidence=words, bias=(1.0, 0.0), vocabulary=("no", "yes"))
    rows = [Examples({"text": (f"a {word} film {n}", f"so {word} {n}")}, (name, name))
            for n in range(2) for word, name in (("bad", "minus"), ("good", "plus"))]  # fmt: skip
    splits = Splits(
        *(
            Examples({"text": tuple(f"{word} {n}" for word in words)}, ("plus", "minus"))
            for n in ("one", "two", "three")
        ),
        demos=Examples({"text": rows[0].fields["text"][:1]}, ("minus",)),
    )
    template = Template("fair", "Be fair: {text}\nAnswer: {label}", verbalizers={"minus": "no", "plus": "yes"})
    return qd.problems.PrunedPrompt(Classification(model, splits, template), measures=measures)


@pytest.mark.drawing
def test_a_run_over_masks_draws_its_prompts_live_and_from_its_folder(tmp_path):
    problem = pruned()
    experiment = qd.Experiment(problem, qd.algorithms.RandomSearch(batch_size=20), 60, seed=1)
    result = qd.run(experiment, out=tmp_path / "run")
    live = {path.stem for path in plot_result(result, tmp_path / "live")}
    stored = {path.stem for path in plot_run(tmp_path / "run", tmp_path / "stored")}
    assert {"prompt", "prompt_lengths"} <= live
    assert live == stored
    loaded = Result.load(tmp_path / "run")
    run = PrunedRun.of(loaded, measure_axes(loaded))
    assert run.words == problem.words() and [run.words[i] for i in run.fields] == ["{text}"]


@pytest.mark.drawing
def test_a_search_that_selects_shows_the_way_to_its_winner_and_what_tokens_are_worth(tmp_path):
    search = qd.algorithms.Selected(qd.algorithms.PromptQuine(population_size=6, offspring=10), candidates=4)
    result = qd.run(qd.Experiment(pruned(()), search, 60, seed=1), out=tmp_path / "run")
    loaded = Result.load(tmp_path / "run")
    live, stored = (PrunedRun.of(one, measure_axes(one)) for one in (result, loaded))
    for name, said in (("lineage", "steps to the winner"), ("influence", "tokens hold"), ("lengths", "evaluations")):
        with style():
            first, second = texts(getattr(live, name)()), texts(getattr(stored, name)())
        assert first == second and any(said in text for text in first)
    # Without "Be fair" the model leans to one class: no token is worth more.
    with style():
        assert any("1  ·fair" in text or "1  fair" in text for text in texts(live.influence()))


@pytest.mark.drawing
def test_an_archive_of_masks_is_a_map_with_its_prompts(tmp_path):
    experiment = qd.Experiment(pruned(), qd.algorithms.MapElites(batch_size=10), 60, seed=1)
    result = qd.run(experiment, out=tmp_path / "run")
    loaded = Result.load(tmp_path / "run")
    with style():
        live, stored = (texts(PrunedRun.of(one, measure_axes(one)).map()) for one in (result, loaded))
    assert live == stored and any("prompts in 120 cells" in text for text in live)
    best = int(result.archive.data("objective").argmax())
    kept = result.archive.data("solution")[best].astype(bool)
    prompt = "".join(np.array(experiment.problem.words())[kept])
    assert any(shown(prompt)[:9].strip("·") in text.replace(" ", "·") for text in live)


@pytest.mark.drawing
def test_a_search_over_an_alphabet_shows_the_influence_of_its_tokens(tmp_path):
    problem = qd.problems.TokenPrompt(pruned().task)
    experiment = qd.Experiment(problem, qd.algorithms.ClaPS(clusters=0, population_size=4), 60, seed=1)
    result = qd.run(experiment, out=tmp_path / "run")
    loaded = Result.load(tmp_path / "run")
    with style():
        live, stored = (texts(word_influence(one)) for one in (result, loaded))
    assert live == stored and any("tokens hold" in text for text in live)
    assert any("·fair  +" in text for text in live)
    assert word_influence(qd.run(qd.Experiment(problem, qd.algorithms.RandomSearch(), 10, seed=1))) is None


def test_other_runs_have_no_prompts():
    result = qd.run(qd.Experiment(qd.problems.PlanarArm(), qd.algorithms.RandomSearch(), 10, seed=1))
    assert PrunedRun.of(result, measure_axes(result)) is None
