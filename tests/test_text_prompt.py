"""From texts to prompts: the layout, what is shown, and what a bad text becomes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cloudpickle
import numpy as np
import pytest

import qd
from qd.contracts import Request, Status
from qd.problems import TextPrompt
from qd.prompts import Prompt
from tests.planted_texts import PlantedTask, problem

THREE = qd.Texts(("instruction", "examples", "mutation"), (("Be brief.", "a: b", "Be bold."), ("Go {text}!", "", "x")))


def shown(made: TextPrompt, *texts: tuple[str, ...]) -> list[str]:
    prompts = made.prompts(THREE.pack(texts))
    return [one.text(made.task.model) if isinstance(one, Prompt) else f"ERROR {one}" for one in prompts]


def test_components_stand_in_order_or_where_the_layout_puts_them() -> None:
    plain = TextPrompt(PlantedTask(), texts=THREE, shown=("examples", "instruction"))
    assert shown(plain, ("A", "B", "C"), ("A", "", "C")) == ["B\n\nA{text}", "A{text}"]
    laid = TextPrompt(PlantedTask(), texts=THREE, layout="<{instruction}> {{x}} {text} | {examples}")
    assert laid.shown == ("instruction", "examples")
    assert shown(laid, ("A", "B", "C")) == ["<A> {x} {text} | B"]
    assert shown(laid, ("{mutation} {", "}", "C")) == ["<{mutation} {> {x} {text} | }"], "texts are no layouts"


def test_by_default_there_is_one_component_the_base_prompt() -> None:
    made = TextPrompt(PlantedTask())
    assert made.texts is not None and made.texts.names == ("prompt",)
    assert made.prompts(made.start)[0].identity == PlantedTask().base().identity  # type: ignore[union-attr]


def test_hidden_components_change_nothing() -> None:
    made = TextPrompt(PlantedTask(), texts=THREE, shown=("instruction",))
    rows = THREE.pack([("Be kind", "a", "b"), ("Be kind", "c", "d")])
    result = made.evaluate(Request(rows, columns=("scores", "replies", "feedback", "probabilities")), np.zeros(2))
    assert result.objective.tolist() == [0.2, 0.2]
    assert result.columns["scores"][0].tolist() == result.columns["scores"][1].tolist() == [0, 0, 0, 0, 1] * 2
    assert result.columns["feedback"][0, 0] == "should have been brief"
    assert result.columns["probabilities"].shape == (2, 10, 0)


def test_a_text_that_the_task_refuses_is_invalid_and_alone() -> None:
    made = problem()
    space = made.space()
    assert isinstance(space, qd.Texts)
    result = made.evaluate(Request(space.pack(["broken", "kind"])), np.zeros(2))
    assert result.status.tolist() == [Status.INVALID, Status.OK]
    assert result.reasons == {0: "this prompt does not fit the task"}


def test_the_problem_keeps_its_contract() -> None:
    assert qd.check_problem(problem()) == []
    assert qd.check_problem(TextPrompt(PlantedTask(), texts=THREE, layout="{instruction} {examples} {examples}")) == []
    again = cloudpickle.loads(cloudpickle.dumps(problem()))
    assert qd.check_problem(again) == []


def test_no_prompt_is_longer_than_announced() -> None:
    small = replace(THREE, max_bytes=30)
    made = TextPrompt(PlantedTask(), texts=small, layout="{instruction} {examples} {examples}")
    (prompt,) = made.prompts(small.pack([("", "é" * 14, "")]))
    assert isinstance(prompt, Prompt) and 50 < prompt.length <= made.longest


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"texts": ("a",)}, "TextPrompt.texts"),
        ({"texts": THREE, "shown": ("instructions",)}, "TextPrompt.shown.*did you mean 'instruction'"),
        ({"texts": THREE, "layout": "{instrction}"}, "TextPrompt.layout.*did you mean 'instruction'"),
        ({"texts": THREE, "layout": "{text}"}, "TextPrompt.layout.*shows none"),
        ({"texts": THREE, "layout": "{instruction"}, "TextPrompt.layout.*is no layout"),
        ({"texts": THREE, "layout": "{instruction} {}"}, "TextPrompt.layout.*without a name"),
        ({"texts": THREE, "layout": "{instruction}", "shown": ("examples",)}, "TextPrompt.shown"),
        ({"measures": ("kep",)}, "TextPrompt.measures"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(qd.QDError, match=message):
        TextPrompt(PlantedTask(), **settings)


def test_the_model_is_loaded_before_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    made, order = problem(), []
    model, task = type(made.task.model), type(made.task)
    judge = task.judge
    monkeypatch.setattr(model, "prepare", lambda self: order.append("loaded"))
    monkeypatch.setattr(task, "judge", lambda *args, **kwargs: order.append("asked") or judge(*args, **kwargs))
    qd.run(qd.Experiment(made, qd.algorithms.RandomSearch(4), 4), progress=False)
    assert order[0] == "loaded" and "asked" in order
