"""Rewards that a model writes: nothing runs, the critic's reasons come back, what a person said is heard again."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qd
from qd.algorithms import _heard, _program_gate
from qd.codec import decode, encode
from qd.errors import QDError, StoppedError
from qd.models import Scripted
from qd.rewards import written_rewards
from qd.rewards.critic import duplicates
from tests.scripted_designer import CRITIC, FORM, designer, problem, write
from tests.test_resume import EndedError, stop_after

SPACE = FORM.space
GENERATIONS = 6


def asked(algorithm: Any, generations: int = GENERATIONS) -> tuple[Any, list[qd.Request]]:
    """The state after so many generations, and what was asked for."""
    task = problem()
    state, requests, first = algorithm.init(task, 3), list[qd.Request](), 0
    for number in range(generations):
        request = algorithm.ask(state, 1000)
        assert request is not None
        request.number, request.first = number, first
        first += len(request)
        requests.append(request)
        algorithm.tell(state, request, qd.evaluate_batch(task, replace(request)))
    return state, requests


def listening(replies: Any, log: list[str]) -> Scripted:
    """A scripted writer whose requests are kept."""

    def kept(text: str, seed: int) -> str:
        log.append(text)
        return str(replies(text, seed))

    return Scripted(replies=kept)


# ---------------------------------------------------------------- texts


def test_the_schema_is_typed_and_whole() -> None:
    text = written_rewards.schema(SPACE)
    for name in SPACE.language.terminals():
        assert name in text
    assert "key_distance: a number from 0 in cells, after the step: moves to the key" in text
    assert "bump: 0 or 1, in the step: this step led into what is shut" in text


@pytest.mark.parametrize(
    ("answer", "formula"),
    [
        ("I think:\n<reward> 2 * bump </reward> is best.", "2.0 * bump"),
        ("<reward>1 * step</reward> no: <reward>\n3*\nbump</reward>", "3.0 * bump"),
        ("Here you are.\n`2 * bump`\n1 * step", "2.0 * bump"),
        ("Reward: 2 * bump", "2.0 * bump"),
        ("1.5 * bump + 2 * toward_k", "1.5 * bump"),
        (" + ".join(["1 * bump"] * 7), None),
        ("<reward>2 * bump", "2.0 * bump"),
    ],
)
def test_answers_are_read(answer: str, formula: str | None) -> None:
    row = written_rewards.read(SPACE, answer)
    assert not SPACE.refusal(row)
    if formula is not None:
        assert SPACE.formula(row) == formula
    else:
        steps = CRITIC.probe_steps
        np.testing.assert_allclose(SPACE.values(SPACE.pack([row]), steps)[0], 7 * steps.column("bump"))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("", "holds no formula"),
        ("<reward></reward>", "holds no formula"),
        ("<reward>__import__('os').system('rm')</reward>", "has no place in a formula"),
        ("<reward>bump.__class__</reward>", "a Attribute has no place"),
        ("<reward>has_the_key</reward>", "no variable 'has_the_key'"),
        ("<reward>1e999 * bump</reward>", "constant lies outside"),
        ("<reward>bumр</reward>", "has no place in a formula"),  # a Cyrillic letter
        ("<reward>" + "(" * 500 + "bump" + ")" * 500 + "</reward>", "nested deeper"),
        ("x" * 1_000_000, "at most 2000"),
        (" + ".join(["1 * bump"] * 30), "more than max_nodes"),
        ("<reward>tanh(tanh(tanh(tanh(tanh(tanh(bump))))))</reward>", "max_depth"),
    ],
)
def test_what_is_no_program_is_refused_with_a_reason(answer: str, why: str) -> None:
    with pytest.raises(QDError, match=why):
        written_rewards.read(SPACE, answer)


@given(st.text(max_size=300))
def test_any_answer_is_read_or_refused(answer: str) -> None:
    for text in (answer, f"<reward>{answer}</reward>", f"bump + {answer}"):
        with contextlib.suppress(QDError):
            assert not SPACE.refusal(written_rewards.read(SPACE, text))


# ---------------------------------------------------------------- the search


def test_programs_are_written_evaluated_and_shown_again() -> None:
    log: list[str] = []
    state, requests = asked(replace(designer(), writer=listening(write, log)))
    assert requests[0].operators == ["grown"] * 4
    assert set(requests[1].operators) == {"design"}
    assert (np.diff(state.objective) <= 0).all()
    older = int(np.flatnonzero(state.ids < requests[-1].first)[0])  # the best of those before the last generation
    best = SPACE.formula(state.solutions.row(older), 3)
    assert any(f"<reward>{best}</reward>" in text for text in log), "the best is shown"
    assert any("to try: " in text and "farming loop" in text for text in log), "what policies did is shown"
    assert any("Refused, without a trial:" in text and "farming: standing still is paid" in text for text in log)
    assert any(
        "It was refused: program, character 4: no variable 'hss_key', did you mean 'has_key'?" in text for text in log
    )
    assert state.repaired > 0 and state.refused["syntax"] > 0 and state.refused["farming"] > 0
    ids = np.concatenate([request.ids for request in requests])
    for request in requests[1:]:
        assert request.parents is not None and np.isin(request.parents, [*ids, -1]).all()
        assert (request.parents[:, 0] >= 0).all()


def test_nothing_that_the_critic_refuses_or_that_pays_alike_is_evaluated() -> None:
    _, requests = asked(designer())
    rows = [row for request in requests for row in request.solutions]
    assert CRITIC.reasons(SPACE.pack(rows)) == [None] * len(rows)
    assert len({SPACE.canonical(row).tobytes() for row in rows}) == len(rows)
    twice = replace(
        designer(), writer=Scripted(replies=lambda text, seed: "2 * bump - 2 * bump + 1 * toward_key"), first=0
    )
    state = twice.init(problem(), 1)
    request = twice.ask(state, 10)
    assert request is not None and len(request) == 1, "five more say the same"


def test_repairs_are_bounded_and_what_never_passes_costs_nothing() -> None:
    log: list[str] = []
    wrong = replace(
        designer(patience=3), writer=listening(lambda text, seed: "<reward>1 * step</reward>", log), repairs=2
    )
    result = qd.run(qd.Experiment(problem(), wrong, 50, seed=1), progress=False)
    assert result.summary["evaluations"] == 4, "those that it began with"
    metrics = result.summary["metrics"]
    assert metrics["writer_calls"] == len(log) == 3 * 6 * (1 + 2)
    assert metrics["dropped"] == 3 * 6
    assert metrics["refused"] >= 3 * 6 * 3


def test_a_writer_that_gives_no_answer_stops_the_run_and_the_state_is_as_before() -> None:
    def silent(text: str, seed: int) -> str:
        raise RuntimeError("the server is down")

    algorithm = replace(designer(), writer=Scripted(replies=silent))
    state, _ = asked(algorithm, 1)
    before = encode(vars(state))
    with pytest.raises(StoppedError, match=r"server is down.*can be resumed"):
        algorithm.ask(state, 100)
    assert encode(vars(state)) == before


def test_it_can_begin_with_nothing_or_with_what_is_given() -> None:
    state = designer(first=0).init(problem(), 1)
    request = designer(first=0).ask(state, 100)
    assert request is not None and set(request.operators) == {"design"}
    given_first = designer(first=0, start=("1 * toward_key", "2 * toward_door"))
    request = given_first.ask(given_first.init(problem(), 1), 100)
    assert request is not None and request.operators == ["given", "given"]
    assert SPACE.formula(request.solutions.row(1)) == "2.0 * toward_door"  # type: ignore[union-attr]


def test_a_model_that_follows_no_instructions_goes_on_with_a_list() -> None:
    log: list[str] = []

    def next_line(text: str, seed: int) -> str:
        return f" {1 + seed % 7} * toward_key - {1 + seed % 5} * bump + 1 * toward\nReward: 1 * step"

    state, requests = asked(replace(designer(instructions=False), writer=listening(next_line, log)), 2)
    assert log[0].endswith("\nReward:") and log[0].count("\nReward: ") == 5
    shown = [line.removeprefix("Reward: ") for line in log[0].splitlines() if line.startswith("Reward: ")]
    keys = {SPACE.formula(row, 3): _program_gate.key(SPACE, row) for row in requests[0].solutions}
    worth = [state.known[keys[text]] for text in shown[1:]]  # the first is a sum that nobody has tried
    assert worth == sorted(worth), "the worst first"
    assert "toward_key" in SPACE.formula(requests[1].solutions.row(0))  # type: ignore[union-attr]


def test_a_state_goes_through_the_codec_and_on_to_the_same() -> None:
    algorithm, task = designer(), problem()
    state, _ = asked(algorithm, 3)
    copied = algorithm.State(**decode(encode(vars(state))))
    one, other = algorithm.ask(state, 100), algorithm.ask(copied, 100)
    assert one is not None and other is not None
    assert one.solutions == other.solutions
    for of, request in ((state, one), (copied, other)):
        request.first = 500
        algorithm.tell(of, request, qd.evaluate_batch(task, replace(request)))
    assert encode(vars(state)) == encode(vars(copied))


# ---------------------------------------------------------------- a person


def test_what_a_person_says_is_made_something_of_and_stays_in_sight(tmp_path: Path) -> None:
    file, log = tmp_path / "said.txt", list[str]()
    algorithm = replace(designer(feedback=str(file)), writer=listening(write, log))
    task = problem()
    state = algorithm.init(task, 3)
    operators = []
    for number in range(4):
        if number == 2:
            file.write_text("\n  It should open the door.  \n" + "y" * 600 + "\n")
        request = algorithm.ask(state, 1000)
        assert request is not None
        request.number, request.first = number, number * 10
        operators.append(list(request.operators))
        algorithm.tell(state, request, qd.evaluate_batch(task, replace(request)))
    assert "feedback" not in operators[1] + operators[3]
    assert 1 <= operators[2].count("feedback") <= 2
    assert state.heard == [[2, "It should open the door."], [2, "y" * 500]]
    said = [text for text in log if "A person who watched says:\nIt should open the door.\n" in text]
    assert len(said) > 6, "and in the requests after it"
    entries = [json.loads(line) for line in Path(f"{file}.3.jsonl").read_text().splitlines()]
    assert [entry["generation"] for entry in entries] == [0, 1, 2, 3]
    assert entries[3]["said"] == []


def test_a_run_that_was_killed_hears_the_same_again_whatever_the_file_says_by_then(tmp_path: Path) -> None:
    file = tmp_path / "said.txt"
    file.write_text("No bump please\n")
    experiment = qd.Experiment(problem(), designer(feedback=str(file)), 28, seed=2)
    whole = qd.run(experiment, tmp_path / "whole", progress=False)
    shut = qd.run(replace(experiment, algorithm=designer()), progress=False)
    assert whole.digest != shut.digest, "what is said makes a difference"
    for tells in (1, 2, 3):
        out = tmp_path / f"cut{tells}"
        file.write_text("No bump please\n")
        with pytest.raises(EndedError):
            qd.run(stop_after(experiment, tells), out, progress=False)
        before = journal(file)
        assert before[0] == {"generation": 0, "said": ["No bump please"]} and len(before) > tells
        file.write_text("More toward_door please\n")
        shutil.copy(tmp_path / "whole" / "config.json", out / "config.json")
        resumed = qd.resume(out, experiment)
        assert journal(file)[: len(before)] == before, "it knows better than the file, as far as it goes"
        assert journal(file)[len(before)]["said"] == ["More toward_door please"]
        again = qd.run(replace(experiment, algorithm=designer(feedback=f"{file}.2.jsonl")), progress=False)
        assert again.digest == resumed.digest, "a journal in the file's place is replayed"


def journal(file: Path) -> list[Any]:
    """Of seed 2."""
    return [json.loads(line) for line in Path(f"{file}.2.jsonl").read_text().splitlines()]


def test_a_journal_is_begun_anew_and_a_broken_one_says_where(tmp_path: Path) -> None:
    file = tmp_path / "said.txt"
    file.write_text("one\n")
    assert _heard.said(str(file), 1, 0, []) == ["one"]
    file.write_text("one\ntwo\n")
    assert _heard.said(str(file), 1, 0, []) == ["one", "two"], "generation 0 is a new run"
    assert _heard.said(str(file), 1, 1, ["one", "two"]) == []
    file.write_text("one\ntwo\nthree\n")
    assert _heard.said(str(file), 1, 1, ["one", "two"]) == [], "it was heard when nothing was said yet"
    assert _heard.said(str(file), 1, 2, ["one", "two"]) == ["three"]
    kept = tmp_path / "said.txt.1.jsonl"
    assert [json.loads(line)["generation"] for line in kept.read_text().splitlines()] == [0, 1, 2]
    assert set(tmp_path.iterdir()) == {file, kept}, "it is written whole or not at all"
    kept.write_text("nonsense\n" + kept.read_text())
    with pytest.raises(QDError, match=r"said.txt.1.jsonl, line 1 is no entry"):
        _heard.said(str(file), 1, 3, [])
    with pytest.raises(QDError, match="cannot be read"):
        _heard.said(str(tmp_path / "none.jsonl"), 1, 0, [])


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(QDError, match="repairs"):
        designer(repairs=-1)
    with pytest.raises(QDError, match="shown"):
        designer(shown=0)
    with pytest.raises(QDError, match="varies programs"):
        designer(critic=None).init(qd.problems.Sphere(dimension=3), 1)
    with pytest.raises(QDError, match="no variable 'has_the_key'"):
        designer(start=("has_the_key",)).init(problem(), 1)
    with pytest.raises(QDError, match="other programs"):
        other = replace(FORM, max_depth=3)
        designer().init(replace(problem(), reward=other), 1)


def test_a_bonus_for_what_happens_in_one_step_of_hundreds_tells_rewards_apart() -> None:
    texts = ("1 * toward_key - 0.2 * goal_distance", "1 * toward_key - 0.2 * goal_distance + 1 * door_opened")
    rows = SPACE.pack([SPACE.parse(text) for text in (*texts, "2 * toward_key - 0.4 * goal_distance")])
    probes = CRITIC.probe(rows)
    assert duplicates(probes[:1], probes[1:], 1 - 1e-6).tolist() == [-1, 0]
    assert (np.abs(CRITIC.probe_steps.column("door_opened")).sum() > 0) and len(CRITIC.probe_steps) < 400
    said = Scripted(replies=lambda text, seed: texts[1] if seed % 2 else texts[0])
    search = replace(designer(first=0, repairs=0, batch_size=8), writer=said)
    request = search.ask(search.init(problem(), 1), 10)
    assert request is not None and len(request) == 2
