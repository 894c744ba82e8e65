"""SERENE and STAX: the published rules on hand-made cases, phases and budgets, bad luck, and blindness to the truth."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import qd
from archives import RewardArchive
from qd.algorithms import SERENE, STAX, EmitterSettings
from qd.algorithms import _described as described
from qd.algorithms import _emitters as emitting
from qd.algorithms._emitters import Emitter
from qd.algorithms._members import Members
from qd.behavior import PCA, Fit
from tests import bank
from tests.driving import drive

pytestmark = pytest.mark.thorough

GENES = 6


class Spots(qd.Problem):
    """Points in a box; reward near two of its corners in the first two genes, which an observation shows too."""

    solution_space = qd.Box(-1.0, 1.0, GENES, init_sigma=0.3)
    measure_space = qd.Measures(("x", "y"), (-1.0, -1.0), (1.0, 1.0), dims=(10, 10))
    columns = {"seen": "(n, 3, 2) where it is, thrice"}
    reward_areas = ("near", "far")
    spots = ((0.5, 0.5, 0.3), (-0.8, -0.8, 0.2))
    batching = "rows"
    chunk_size = 16

    def evaluate(self, request, seeds):
        x = np.asarray(request.solutions)[:, :2]
        objective, area = np.zeros(len(x)), np.full(len(x), -1)
        for number, (a, b, radius) in enumerate(self.spots):
            paid = (radius - np.hypot(x[:, 0] - a, x[:, 1] - b)) / radius
            objective, area = np.where(paid > objective, paid, objective), np.where(paid > objective, number, area)
        seen = np.stack([x, x**2, x + 1], axis=1)
        return qd.Evaluation(objective, x, columns={"seen": seen}, truth={"reward_area": area})


class Barren(Spots):
    spots = ((9.0, 9.0, 0.1),)
    reward_areas = ("nowhere",)


class Lavish(Spots):
    spots = ((0.0, 0.0, 9.0),)
    reward_areas = ("everywhere",)


class Fickle(Spots):
    """A third of the rows fail, now and then all of them."""

    def evaluate(self, request, seeds):
        evaluation = super().evaluate(request, seeds)
        lost = (seeds % 3 == 0) | (request.first % 7 == 0)
        evaluation.objective = np.where(lost, np.nan, evaluation.objective)
        return evaluation


class Scrambled(Spots):
    """The same task, but what the truth says is nonsense."""

    def evaluate(self, request, seeds):
        evaluation = super().evaluate(request, seeds)
        evaluation.measures = (seeds % 1000 / 500.0 - 1.0)[:, None] * np.ones(2)
        evaluation.truth = {"reward_area": np.zeros(len(seeds), np.int64)}
        return evaluation


def quick(cls: type = SERENE, **changes):
    settings = {"population_size": 10, "chunk_size": 200, "sigma": 0.2} | changes
    if cls is STAX:
        settings = {"encoder": PCA(latent=2), "observation": "seen"} | settings
    return cls(**settings)


def members(solutions: list, objective: list | None = None) -> Members:
    n = len(solutions)
    x = np.asarray(solutions, float)
    return Members(
        x, np.asarray(objective or [1.0] * n), x[:, :2].copy(), np.zeros(n), np.arange(n), np.empty((n, 0), np.uint8)
    )


def emitter(founder: list | None = None, **changes) -> Emitter:
    row = members([founder or [0.0] * GENES])
    made = Emitter(row, row, 0.1)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


# The rules.


def test_first_step_size_on_three_known_solutions() -> None:
    founder, others = np.zeros(4), np.array([[0.3, 0.0, 0.0, 0.4], [3.0, 0, 0, 0], [0, 2.0, 0, 0]])
    assert emitting.first_sigma(EmitterSettings.faithful(), founder, others) == pytest.approx(0.5 / 3)
    ours = EmitterSettings(sigma_rule="per_gene", sigma_scale=1.0)
    assert emitting.first_sigma(ours, founder, others) == pytest.approx(0.5 / np.sqrt(4))
    for settings in (EmitterSettings.faithful(), ours):
        assert emitting.first_sigma(settings, founder, np.zeros((1, 4))) == 0.05  # its twin is there


def test_improvement_on_hand_made_records() -> None:
    settings = EmitterSettings(population_size=2)
    made = emitter()
    made.first = np.array([[0.0, 0.2], [0.2, 0.2], [0.1, 0.5]])  # mean 0.2
    made.records = np.array([[0.0, 0.2], [0.2, 0.2], [0.1, 0.5], [0.6, np.nan], [0.7, 0.7], [0.9, 0.6]])  # last 0.7
    assert emitting.improvement(settings, made) == pytest.approx(0.5)
    made.records = made.records[::-1]
    assert emitting.improvement(settings, made) == 0.0
    local = EmitterSettings(population_size=2, local_improvement=True)
    made.records = np.array([[0.9, 0.9]] * 3)
    assert emitting.improvement(local, made) == pytest.approx(0.7)
    assert emitting.improvement(local, made) == 0.0


def test_stagnation_is_judged_over_the_whole_window() -> None:
    length = emitting.window(EmitterSettings(), 63)
    assert length == 330  # the hard maze's, as published
    assert [emitting.window(EmitterSettings(), genes) for genes in (94, 228)] == [433, 880]
    rising = np.linspace(0, 1, length)[:, None] * np.ones(6)
    assert not emitting.stagnated(rising, length + 1, length)
    assert not emitting.stagnated(rising[::-1], length, length)  # not yet more steps than the window
    assert emitting.stagnated(rising[::-1], length + 1, length)
    peaked = rising.copy()
    peaked[5, 0] = 2.0  # the maximum did not rise, though the median did
    assert emitting.stagnated(peaked, length + 1, length)


def test_a_plateau_ends_an_emitter_and_so_does_the_target() -> None:
    settings = EmitterSettings(plateau_steps=3, target=0.9, adapt_sigma=False)
    made = emitter()
    for step, reward in enumerate((0.1, 0.2, 0.2, 0.2, 0.2)):
        asked = emitting.ask(settings, made, Spots.solution_space, seed=1)
        emitting.tell(settings, made, asked, np.full(len(asked), reward), seed=1)
        assert emitting.ended(settings, made) == (step == 4)
    made.best = 0.9
    made.quiet = 0
    assert emitting.ended(settings, made)


def test_the_best_of_parents_and_children_stay() -> None:
    settings = EmitterSettings(population_size=2, offspring=2, adapt_sigma=False)
    made = emitter()
    first = emitting.ask(settings, made, Spots.solution_space, seed=1)
    assert first.shape == (2, GENES)
    assert emitting.tell(settings, made, first, np.array([0.3, 0.5]), seed=1).tolist() == [True, True]
    children = emitting.ask(settings, made, Spots.solution_space, seed=1)
    assert children.shape == (4, GENES)
    kept = emitting.tell(settings, made, children, np.array([0.4, np.nan, 0.1, 0.9]), seed=1)
    assert kept.tolist() == [False, False, False, True]
    assert made.objective.tolist() == [0.9, 0.5]
    np.testing.assert_array_equal(made.solutions[0], children[3])


def test_steps_grow_with_success_and_shrink_without() -> None:
    settings = EmitterSettings(population_size=2)
    for reward, grows in ((1.0, True), (-1.0, False)):
        made = emitter()
        emitting.tell(settings, made, emitting.ask(settings, made, Spots.solution_space, 1), np.zeros(2), 1)
        before = made.sigma
        emitting.tell(settings, made, emitting.ask(settings, made, Spots.solution_space, 1), np.full(4, reward), 1)
        assert (made.sigma > before) == grows


@pytest.mark.parametrize("kind", ["elitist", "cma_es", "sep_cma_es", "iso_line"])
def test_every_kind_climbs(kind: str) -> None:
    settings = EmitterSettings(kind=kind, population_size=6)
    made = emitter([0.5] * GENES, sigma=0.1)
    tops = []
    for _ in range(40):
        asked = emitting.ask(settings, made, Spots.solution_space, seed=3)
        emitting.tell(settings, made, asked, -np.abs(asked - 0.2).sum(axis=1), seed=3)
        tops.append(made.objective.max())
    assert tops[-1] > 0.5 * tops[0]
    assert tops[-1] > -0.9


def test_the_encoder_is_trained_after_chunks_1_3_6_10() -> None:
    space = described.SpaceState()
    assert [chunk for chunk in range(1, 16) if described.due(space, "triangular")] == [1, 3, 6, 10, 15]
    space = described.SpaceState()
    assert [chunk for chunk in range(1, 4) if described.due(space, "every")] == [1, 2, 3]


def test_emitters_are_chosen_from_the_front_of_novelty_and_improvement() -> None:
    search = quick(emitters=EmitterSettings.faithful(), neighbors=1)
    state = search.init(Spots(), 0)
    state.reward = RewardArchive(solution_dim=GENES, measure_dim=2, extra_fields={"id": ((), np.int64)})
    places = [[0.0, 0.0], [0.1, 0.0], [5.0, 5.0], [20.0, 20.0]]  # novelty 0.1, 0.1, 7.0, 21.2
    rows = members([place + [0.0] * (GENES - 2) for place in places])
    state.reward.append(rows.solutions, rows.objective, rows.measures, emitter=rows.ids, id=rows.ids)
    gains = [0.9, 0.1, 0.2, 0.05]  # 0: most improved; 3: most novel; 2 lies between
    for number, gain in enumerate(gains):
        row = rows.rows([number])
        state.emitters.append(Emitter(row, row, 0.1, improvement=gain))
    state.chunk_left, state.reference = 100.0, rows.measures
    chosen = set()
    for step in range(40):
        state.stepped, state.working = step, []
        assert search._choose(state)
        chosen.add(state.working[0])
    assert chosen == {0, 2, 3}  # 1 is dominated by 0


def phases(search: SERENE, problem: qd.Problem, evaluations: int) -> list[tuple[str, int, int]]:
    """(phase, rows, chunk) of every request."""
    state, done, number, seen = search.init(problem, 1), 0, 0, []
    while (request := search.ask(state, max(0, evaluations - done))) is not None:
        seen.append((state.phase, len(request), state.chunk))
        evaluation = qd.evaluate_batch(problem, request, 1, first=done, number=number)
        search.tell(state, request, evaluation)
        done, number = done + len(request), number + 1
    return seen


def test_exploring_comes_first_and_alternates_with_exploiting() -> None:
    search = SERENE.faithful(population_size=10, chunk_size=200, sigma=0.2)
    order = list(
        dict.fromkeys(
            (chunk, "explore" if phase == "explore" else "exploit") for phase, _, chunk in phases(search, Spots(), 1500)
        )
    )
    assert [name for _, name in order][:4] == ["explore", "exploit", "explore", "exploit"]


@pytest.mark.thorough
def test_a_candidate_costs_66_evaluations_and_a_chunk_tries_eleven_at_most() -> None:
    search = SERENE.faithful(population_size=100, sigma=0.2)
    seen = phases(search, Lavish(), 4000)
    trials = [rows for phase, rows, chunk in seen if phase == "bootstrap" and chunk == 1]
    assert trials[:6] == [6, 12, 12, 12, 12, 12]
    assert sum(trials) == 66 * 11 == 726  # the next would begin with a third of the chunk or less left


def test_a_candidate_that_ends_while_it_is_tried_is_not_tried_again() -> None:
    ended = []

    class Noted(SERENE):
        def _end(self, state, emitter):
            ended.append(emitter.id)
            super()._end(state, emitter)

    drive(Spots(), quick(Noted, chunk_size=400, emitters=EmitterSettings(merge_radius=0.0, target=0.2)), 4000)
    assert len(ended) > 5  # the target is low: most end while they are tried
    assert len(set(ended)) == len(ended)


def test_emitters_that_step_together_are_one_batch() -> None:
    search = quick(chunk_size=1000, emitters=EmitterSettings(at_once=4, merge_radius=0.0))
    sizes = {rows for phase, rows, _ in phases(search, Lavish(), 3000) if phase != "explore"}
    assert 4 * 12 in sizes


# Whole searches.


@pytest.mark.parametrize("cls", [SERENE, STAX])
@pytest.mark.parametrize("faithful", [False, True])
@pytest.mark.thorough
def test_both_spots_are_climbed(cls: type, faithful: bool) -> None:
    extra = {} if cls is SERENE else {"encoder": PCA(latent=2), "observation": "seen"}
    if faithful:
        search = cls.faithful(population_size=20, chunk_size=200, **extra)
    else:
        search = quick(cls, population_size=20, emitters=EmitterSettings(target=0.99), **extra)
    result = qd.run(qd.Experiment(Spots(), search, 6000, seed=2))
    found = result.summary["discovery"]["reward_areas"]
    assert [area["best"] > 0.8 for area in found] == [True, True]
    assert 0 < result.summary["discovery"]["exploration_evaluations"] < 6000
    stored = result.archives["reward"]
    assert (stored.column("objective") > 0).all()
    assert len(np.unique(stored.column("id"))) == len(stored)


@pytest.mark.parametrize("schedule", ["adaptive", "alternate", "random", "budget", "ucb"])
def test_every_schedule_explores_and_exploits(schedule: str) -> None:
    result = qd.run(qd.Experiment(Spots(), quick(schedule=schedule), 3000, seed=1))
    assert 0.1 < result.summary["discovery"]["exploration_evaluations"] / 3000 < 1.0


@pytest.mark.parametrize("cls", [SERENE, STAX])
def test_without_a_reward_all_is_exploration(cls: type) -> None:
    result = qd.run(qd.Experiment(Barren(), quick(cls), 1500, seed=1))
    assert result.summary["discovery"]["exploration_evaluations"] == 1500
    assert result.summary["metrics"]["reward_archive_size"] == 0


def test_a_reward_everywhere_keeps_its_bounds() -> None:
    settings = EmitterSettings(max_candidates=30, merge_radius=0.0)
    result = qd.run(qd.Experiment(Lavish(), quick(reward_capacity=100, emitters=settings), 6000, seed=1))
    metrics = result.metrics
    assert metrics["emitters_waiting"].max() <= 30
    assert metrics["reward_archive_size"].max() <= 125


@pytest.mark.parametrize("cls", [SERENE, STAX])
def test_failures_are_left_out(cls: type) -> None:
    result = qd.run(qd.Experiment(Fickle(), quick(cls), 3000, seed=1))
    assert result.summary["failed"] > 500
    for archive in result.archives.values():
        assert np.isfinite(archive.column("objective")).all()
        assert np.isfinite(archive.column("measures")).all()


def test_a_learned_space_never_reads_the_truth() -> None:
    asked = []
    for problem in (Spots(), Scrambled()):
        result = qd.run(qd.Experiment(problem, quick(STAX), 2000, seed=4))
        asked.append(result.archives["novelty"].column("solution"))
    np.testing.assert_array_equal(*asked)


def test_founders_and_their_finds_live_in_the_present_space() -> None:
    search = quick(STAX, training="every", chunk_size=100, emitters=EmitterSettings(at_once=1, merge_radius=0.0))
    state = drive(Spots(), search, 1510, seed=3)
    assert state.behavior.trainings >= 3
    everyone = [*state.candidates, *state.emitters]
    assert everyone
    rows = [state.exploration.population, *(e.founder for e in everyone), *(e.novelest for e in everyone)]
    for part in rows:
        np.testing.assert_array_equal(part.measures, search.encoder.encode(state.behavior.learned, part.observations))
    for archive in (state.reward, state.exploration.archive):
        again = search.encoder.encode(state.behavior.learned, archive.column("observations"))
        np.testing.assert_array_equal(archive.column("measures"), again)


class Diverges(PCA):
    """Its second training comes to nothing."""

    def fit(self, learned, observations, rng):
        if learned.get("fits", 0) == 1:
            return Fit(rolled_back=True)
        learned["fits"] = learned.get("fits", 0) + 1
        return super().fit(learned, observations, rng)


def test_a_training_that_diverges_is_counted_and_the_search_goes_on(caplog) -> None:
    result = qd.run(qd.Experiment(Spots(), quick(STAX, encoder=Diverges(latent=2), chunk_size=100), 1500, seed=1))
    assert result.summary["metrics"]["trainings_rolled_back"] >= 1
    assert "rolled back" in caplog.text


class Constant(Spots):
    def evaluate(self, request, seeds):
        evaluation = super().evaluate(request, seeds)
        evaluation.columns["seen"] = np.ones((len(seeds), 3, 2))
        return evaluation


def test_a_space_that_is_a_point_is_warned_of(caplog) -> None:
    result = qd.run(qd.Experiment(Constant(), quick(STAX, chunk_size=100), 600, seed=1))
    assert result.summary["evaluations"] == 600
    assert "all observations have the same measures" in caplog.text


class Grows(Spots):
    def evaluate(self, request, seeds):
        evaluation = super().evaluate(request, seeds)
        evaluation.columns["seen"] = np.zeros((len(seeds), 3 if request.first == 0 else 4, 2))
        return evaluation


def test_observations_of_changing_shape_are_refused() -> None:
    with pytest.raises(qd.QDError, match=r"STAX.observation: 'seen' had rows of shape \(3, 2\), now \(4, 2\)"):
        qd.run(qd.Experiment(Grows(), quick(STAX), 100))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda: SERENE(selection="pareto"), "SERENE.selection"),
        (lambda: SERENE(schedule="sometimes"), "SERENE.schedule"),
        (lambda: SERENE(chunk_size=0), "SERENE.chunk_size"),
        (lambda: EmitterSettings(kind="cma"), "EmitterSettings.kind"),
        (lambda: EmitterSettings(population_size=1, kind="cma_es"), "EmitterSettings.population_size"),
        (lambda: EmitterSettings(bootstrap_share=1.0), "EmitterSettings.bootstrap_share"),
        (lambda: qd.run(qd.Experiment(Spots(), STAX(), 10)), "STAX.observation"),
        (lambda: qd.run(qd.Experiment(qd.problem(len, low=0, high=1, length=3), SERENE(), 10)), "measure_space"),
    ],
)
def test_bad_settings_are_named(wrong, named: str) -> None:
    with pytest.raises(qd.QDError, match=named):
        wrong()


KILLED = """
import os, signal, sys
import qd
from qd.behavior import Autoencoder
from tests.bank import experiments
from dataclasses import replace

train = Autoencoder._loss
losses = []

def dies(self, *given):
    losses.append(1)
    if len(losses) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return train(self, *given)

Autoencoder._loss = dies
qd.run(replace(experiments()["stax"], checkpoint_seconds=0), sys.argv[1])
"""


@pytest.mark.launch
@pytest.mark.peer
def test_killed_in_the_middle_of_a_training_it_resumes_to_the_bit(tmp_path) -> None:
    root = Path(__file__).parent.parent
    ended = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "run"], cwd=root, check=False)
    assert ended.returncode == -signal.SIGKILL
    experiment = replace(bank.experiments()["stax"], checkpoint_seconds=0)
    resumed, whole = qd.resume(tmp_path / "run", experiment), qd.run(experiment)
    assert whole.summary["metrics"]["trainings"] >= 1
    assert resumed.digest == whole.digest
    np.testing.assert_array_equal(resumed.populations["encoder"], whole.populations["encoder"])
