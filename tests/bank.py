"""Small searches that use every part of the contracts, and a bank of quick experiments over all algorithms.

Run as a script it makes the bank's runs and prints their digests as JSON: under mpiexec for the rank tests.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

import qd
from qd.rng import generator, row_generator
from tests import planted_texts, scripted_designer
from tests.planted import Planted, PlantedTokens


class SplitNoise(qd.Problem):
    """A noisy bowl with two splits of data, a number of examples, and per-example scores."""

    solution_space = qd.Box(-1.0, 1.0, 4)
    measure_space = qd.Measures(("x", "y"), (-1.0, -1.0), (1.0, 1.0), dims=(10, 10))
    fidelities = {"split": "search or test", "examples": "how many of 8 examples to use"}
    columns = {"scores": "(n, 8) per-example scores", "noise": "(n,) what the seed drew"}
    costs = {"examples": 8.0}
    batching = "rows"
    chunk_size = 3

    def evaluate(self, request: qd.Request, seeds: NDArray[np.uint64]) -> qd.Evaluation:
        x = np.asarray(request.solutions)
        n = len(x)
        target = 0.3 if request.fidelity.get("split", "search") == "search" else 0.25
        examples = np.broadcast_to(request.fidelity.get("examples", 8), (n,))
        noise = np.array([row_generator(seed).normal() for seed in seeds])
        scores = -np.abs(x[:, :1] - target - 0.01 * np.arange(8)) + 0.05 * noise[:, None]  # (n, 8)
        used = np.arange(8) < examples[:, None]
        objective = np.array([row[keep].mean() for row, keep in zip(scores, used, strict=True)])
        return qd.Evaluation(
            objective,
            x[:, :2],
            columns={"scores": scores, "noise": noise},
            cost={"examples": examples.astype(float)},
            truth={"secret": noise},
        )


class TokenSum(qd.Problem):
    """Token sequences whose sum should be 20; the measure is their length."""

    solution_space = qd.Tokens(alphabet=7, max_length=12, min_length=1)
    measure_space = qd.Measures(("length",), (0.0,), (12.0,), dims=(12,))

    def evaluate(self, request: qd.Request, seeds: NDArray[np.uint64]) -> qd.Evaluation:
        sums = np.array([float(row.sum()) for row in request.solutions])
        lengths = np.array([[float(len(row))] for row in request.solutions])
        return qd.Evaluation(-np.abs(sums - 20), lengths)


class Duel(qd.Problem):
    """Two populations that score each other; the opponents come in the context."""

    solution_space = {"judge": qd.Box(-1.0, 1.0, 3), "player": qd.Box(-1.0, 1.0, 3)}

    def evaluate(self, request: qd.Request, seeds: NDArray[np.uint64]) -> qd.Evaluation:
        x, opponents = np.asarray(request.solutions), request.context["opponents"]  # (n, 3), (k, 3)
        distance = np.sqrt(((x[:, None] - opponents[None]) ** 2).sum(axis=2)).mean(axis=1)
        return qd.Evaluation(distance if request.role == "judge" else -distance)


@dataclass
class PhasesState:
    seed: int
    phase: str = "explore"
    asked: int = 0
    waiting: bool = False
    best: NDArray[np.float64] = field(default_factory=lambda: np.zeros(4))
    best_objective: float = float("-inf")
    validated: list[float] = field(default_factory=list)
    tested: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Phases(qd.Algorithm):
    """Explore, exploit cheaply, validate with repeats, and close on the test split."""

    closing: int = 4
    State = PhasesState

    def init(self, problem: qd.Problem, seed: int) -> PhasesState:
        return PhasesState(seed)

    def reserve(self, problem: qd.Problem) -> int:
        return self.closing

    def ask(self, state: PhasesState, left: int) -> qd.Request | None:
        if state.waiting or state.phase == "closed":
            return None
        state.waiting = True
        state.asked += 1
        rng = generator(state.seed, "phases", state.asked)
        if left == 0:
            state.phase = "closing"
            fidelity = {"split": "test"}
            return qd.Request(np.repeat(state.best[None], self.closing, axis=0), purpose="test", fidelity=fidelity)
        if state.phase == "explore":
            return qd.Request(rng.uniform(-1, 1, (8, 4)), columns=("scores",))
        if state.phase == "exploit":
            children = np.clip(state.best + rng.normal(0, 0.1, (6, 4)), -1, 1)
            return qd.Request(children, fidelity={"examples": np.array([1, 2, 3, 4, 5, 8])})
        return qd.Request(state.best[None], purpose="validate", fidelity={"repeats": 5}, columns=("objective_spread",))

    def dropped(self, state: PhasesState, request: qd.Request) -> None:
        state.waiting = False

    def tell(self, state: PhasesState, request: qd.Request, evaluation: qd.Evaluation) -> None:
        state.waiting = False
        assert not evaluation.truth, "a search must not see the truth"
        assert set(evaluation.columns) == set(request.columns)
        if state.phase == "closing":
            state.tested += evaluation.objective.tolist()
            state.phase = "closed"
        elif request.purpose == "validate":
            state.validated.append(float(evaluation.objective[0]))
            state.phase = "explore"
        else:
            row = int(evaluation.objective.argmax())
            if evaluation.objective[row] > state.best_objective:
                state.best = np.array(request.solutions[row])
                state.best_objective = float(evaluation.objective[row])
            state.phase = {"explore": "exploit", "exploit": "validate"}[state.phase]


@dataclass
class RaggedState:
    seed: int
    archive: Any
    table: qd.Ragged
    generation: int = 0


@dataclass(frozen=True)
class RaggedElites(qd.Algorithm):
    """Elites of ragged genomes: the archive holds handles into a table."""

    State = RaggedState

    def init(self, problem: qd.Problem, seed: int) -> RaggedState:
        archive = qd.archives.GridArchive(solution_dim=1, dims=[12], ranges=[(0, 12)], solution_dtype=np.int64)
        return RaggedState(seed, archive, qd.Ragged.from_rows([]))

    def ask(self, state: RaggedState, left: int) -> qd.Request | None:
        if left == 0:
            return None
        rng = generator(state.seed, "ragged", state.generation)
        state.generation += 1
        if len(state.archive) == 0:
            return qd.Request(TokenSum.solution_space.sample(9, rng))
        handles = state.archive.sample_elites(9, rng=rng)["solution"][:, 0]
        rows = []
        for row in state.table[handles]:
            child = row.copy()
            child[rng.integers(len(child))] = rng.integers(7)
            grow = np.append(child, rng.integers(7)) if len(child) < 12 else child
            rows.append(grow if rng.random() < 0.5 else child)
        return qd.Request(qd.Ragged.from_rows(rows))

    def tell(self, state: RaggedState, request: qd.Request, evaluation: qd.Evaluation) -> None:
        first = len(state.table)
        state.table = qd.Ragged.from_rows([*state.table, *request.solutions])
        handles = first + np.arange(len(request))
        state.archive.add(handles[:, None], evaluation.objective, evaluation.measures)

    def report(self, state: RaggedState) -> qd.Report:
        return qd.Report({"archive": state.archive})


@dataclass
class PairsState:
    seed: int
    generation: int = 0
    paired: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class Pairs(qd.Algorithm):
    """Compares mirrored solutions under common random numbers."""

    State = PairsState

    def init(self, problem: qd.Problem, seed: int) -> PairsState:
        return PairsState(seed)

    def ask(self, state: PairsState, left: int) -> qd.Request | None:
        if left < 10:
            return None
        step = generator(state.seed, "pairs", state.generation).uniform(-1, 1, (5, 4))
        state.generation += 1
        draws = 1000 * np.uint64(state.generation) + np.tile(np.arange(5, dtype=np.uint64), 2)
        return qd.Request(np.concatenate([step, -step]), draws=draws, columns=("noise",))

    def tell(self, state: PairsState, request: qd.Request, evaluation: qd.Evaluation) -> None:
        noise = evaluation.columns["noise"]
        state.paired.append(bool((noise[:5] == noise[5:]).all()) and len(set(noise[:5])) == 5)

    def report(self, state: PairsState) -> qd.Report:
        return qd.Report(metrics={"paired": float(all(state.paired))})


@dataclass
class RolesState:
    seed: int
    generation: int = 0
    judges: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, 3)))
    players: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, 3)))


@dataclass(frozen=True)
class Roles(qd.Algorithm):
    """Judges and players take turns; each generation's opponents travel as context."""

    State = RolesState

    def init(self, problem: qd.Problem, seed: int) -> RolesState:
        return RolesState(seed)

    def ask(self, state: RolesState, left: int) -> qd.Request | None:
        if left == 0:
            return None
        role = ("judge", "player")[state.generation % 2]
        own, other = (state.judges, state.players)[:: 1 if role == "judge" else -1]
        rng = generator(state.seed, "roles", state.generation)
        state.generation += 1
        children = np.clip(own[rng.integers(0, 2, 6)] + rng.normal(0, 0.2, (6, 3)), -1, 1)
        return qd.Request(children, role=role, context={"opponents": other})

    def tell(self, state: RolesState, request: qd.Request, evaluation: qd.Evaluation) -> None:
        best = np.argsort(-evaluation.objective, kind="stable")[:2]
        chosen = np.asarray(request.solutions)[best]
        if request.role == "judge":
            state.judges = chosen
        else:
            state.players = chosen


@dataclass
class PipelineState:
    seed: int
    asked: int = 0
    told: list[int] = field(default_factory=list)
    best: NDArray[np.float64] = field(default_factory=lambda: np.zeros(4))
    best_objective: float = float("-inf")


@dataclass(frozen=True)
class Pipeline(qd.Algorithm):
    """Three requests in flight: each is made before the ones ahead of it are told."""

    State = PipelineState
    in_flight = 3

    def init(self, problem: qd.Problem, seed: int) -> PipelineState:
        return PipelineState(seed)

    def ask(self, state: PipelineState, left: int) -> qd.Request | None:
        if left == 0:
            return None
        rng = generator(state.seed, "pipeline", state.asked)
        state.asked += 1
        return qd.Request(np.clip(state.best + rng.normal(0, 0.2, (7, 4)), -1, 1))

    def tell(self, state: PipelineState, request: qd.Request, evaluation: qd.Evaluation) -> None:
        state.told.append(request.number)
        row = int(evaluation.objective.argmax())
        if evaluation.objective[row] > state.best_objective:
            state.best, state.best_objective = np.array(request.solutions[row]), float(evaluation.objective[row])


def experiments() -> dict[str, qd.Experiment]:
    """Quick experiments over every algorithm, by name."""
    a = qd.algorithms
    maze, arm = qd.problems.HardMaze(steps=100), qd.problems.PlanarArm(joints=5)
    arm_two = qd.problems.PlanarArmTradeOff(joints=5)
    paths = qd.problems.Encoded(maze, qd.behavior.Signature(depth=3, log=True))
    noisy = qd.problems.Noisy(arm, objective_sigma=0.1, measure_sigma=0.02)
    mask = qd.problem(_ones, space=qd.Mask(12, frozen=(0,)), measures={"left": (0, 6), "right": (0, 6)})
    trade = qd.problem(_trade, space=qd.Mask(12, frozen=(0,)), objectives=("left", "small"))
    sphere = qd.problems.Sphere(dimension=6, cells=8)
    spots = qd.problems.Point2D(images=2, image_size=32, frames=4, areas=((0.3, 0.3, 0.3), (-0.4, 0.2, 0.25)))
    prompts, writing = planted_texts.problem(), planted_texts.writer()
    bred = qd.Texts(("prompt", "mutation", "shown"), (("Be brief.", "Say it shorter.", ""), ("Be calm.", "", "")))
    small = qd.Texts(("prompt",), planted_texts.INITIAL, max_bytes=60)
    coded = {"encoder": qd.behavior.PCA(latent=3), "observation": "trajectory", "chunk_size": 100}
    planted, tokens = Planted(24), PlantedTokens(groups=12, each=2)
    few: dict[str, Any] = {"policies": 8, "parents": 3, "rubrics": 4, "rubric_children": 3, "judges": 2, "hall": 3}
    pictured = qd.behavior.Autoencoder(latent=2, epochs=2, max_rows=200)
    rewards = qd.problems.EvolvedReward(
        qd.learners.KeyDoor(size=6, horizon=40),
        qd.rewards.Reward((qd.rewards.Feature("toward_key"), qd.rewards.Potential(("goal_distance",)))),
        qd.learners.QLearning(steps=200),
        held_out=2,
        test_seeds=2,
    )
    door = qd.learners.KeyDoor(size=6, horizon=40)
    programs = qd.problems.EvolvedReward(
        door, qd.rewards.ProgramReward(door.variables), qd.learners.QLearning(steps=200), held_out=2, test_seeds=2
    )
    bank = {
        "ask_tell": qd.Experiment(arm, a.AskTell(_cma), 150),
        "evotorch_cma_es": qd.Experiment(arm, a.EvotorchCMAES(10, sigma=0.2), 105),
        "prefix_tree": qd.Experiment(arm, a.PrefixTree(block=1, batch_size=15), 150),
        "pgpe": qd.Experiment(arm, a.PGPE(10, sigma=0.2), 105),
        "snes": qd.Experiment(arm, a.SNES(10, sigma=0.2, patience=3, population_growth=1.5), 165),
        "openai_es": qd.Experiment(arm, a.OpenAIES(10, sigma=0.2, center_episodes=2), 105),
        "evolved_reward": qd.Experiment(rewards, a.Selected(a.MapElites(10), candidates=3), 45),
        "halving": qd.Experiment(
            rewards, a.Halving(a.GeneticAlgorithm(9, parents=3, sigma=0.5), "steps", (50, 100)), 60
        ),
        "random_search": qd.Experiment(maze, a.RandomSearch(batch_size=30), 200),
        "cma_es": qd.Experiment(arm, a.EvolutionStrategy(), 300),
        "cma_es_sep": qd.Experiment(arm, a.EvolutionStrategy("sep_cma", 8, sigma=1e-9), 400),
        "cma_es_one_plus_one": qd.Experiment(arm, a.EvolutionStrategy("one_plus_one", 7), 200),
        "nelder_mead": qd.Experiment(arm, a.NelderMead(tolerance=0.1), 150),
        "genetic_algorithm": qd.Experiment(arm, a.GeneticAlgorithm(30, parents=5, crossover_probability=0.5), 500),
        "genetic_programming": qd.Experiment(
            programs, a.GeneticProgramming(12, qd.learners.TaskCritic(programs.task, programs.reward), tune_every=1), 50
        ),
        "reward_designer": qd.Experiment(scripted_designer.problem(), scripted_designer.designer(), 40),
        "deep_ga": qd.Experiment(
            qd.problems.Decoded(qd.problems.Noisy(qd.problems.Sphere(dimension=30, cells=8), 0.3), 0.5, chunk=8),
            a.DeepGA(40, parents=5, sigma=0.05, validated=4, validation_episodes=3),
            500,
        ),
        "map_elites_lineages": qd.Experiment(
            qd.problems.Decoded(maze, chunk=8), a.MapElites(40, selection="curiosity", sigma=0.1), 300
        ),
        "novelty_ga": qd.Experiment(qd.problems.Decoded(maze, chunk=8), a.NoveltyGA(40, parents=6, sigma=0.1), 300),
        "novelty_es": qd.Experiment(
            maze, a.NoveltyES("nsra", 10, sigma=0.2, centers=2, center_episodes=2, weight_step=0.3, patience=2), 160
        ),
        "genetic_algorithm_masks": qd.Experiment(mask, a.GeneticAlgorithm(20, selection="tournament"), 210),
        "novelty_search": qd.Experiment(maze, a.NoveltySearch(population_size=20), 400),
        "novelty_search_threshold": qd.Experiment(maze, a.NoveltySearch(20, archiving="threshold"), 400),
        "novelty_search_signature": qd.Experiment(paths, a.NoveltySearch(population_size=20), 400),
        "taxons": qd.Experiment(spots, a.TAXONS(population_size=15, **coded), 400),
        "taxons_2019": qd.Experiment(
            spots,
            a.TAXONS.faithful(
                population_size=15,
                training_interval=4,
                novelty_generations=5,
                encoder=qd.behavior.Whitened(),
                observation="images",
            ),
            200,
        ),
        "serene": qd.Experiment(
            spots, a.SERENE(15, chunk_size=150, emitters=a.EmitterSettings("sep_cma_es", at_once=3)), 900
        ),
        "serene_faithful": qd.Experiment(spots, a.SERENE.faithful(population_size=15, chunk_size=150), 900),
        "stax": qd.Experiment(
            spots,
            a.STAX(15, chunk_size=150, schedule="ucb", encoder=pictured, emitters=a.EmitterSettings(target=0.99)),
            600,
        ),
        "stax_coin": qd.Experiment(
            spots, a.STAX(15, selection="coin", emitters=a.EmitterSettings("iso_line", at_once=3), **coded), 900
        ),
        "aurora": qd.Experiment(spots, a.AURORA(20, target_size=60, **coded), 400),
        "nslc": qd.Experiment(arm, a.NSLC(population_size=20), 400),
        "nslc_diversity_masks": qd.Experiment(mask, a.NSLC(20, archiving="best", genotypic_diversity=True), 300),
        "dominated_novelty_search": qd.Experiment(
            arm, a.DominatedNoveltySearch(population_size=40, batch_size=32), 400
        ),
        "dominated_novelty_search_masks": qd.Experiment(mask, a.DominatedNoveltySearch(30, batch_size=20), 200),
        "map_elites": qd.Experiment(arm, a.MapElites(batch_size=64, dims=(16, 16)), 1000),
        "map_elites_gaussian": qd.Experiment(maze, a.MapElites(batch_size=32, operator="gaussian"), 200),
        "map_elites_masks": qd.Experiment(mask, a.MapElites(batch_size=32, dims=(7, 7)), 200),
        "map_elites_curiosity": qd.Experiment(
            arm, a.MapElites(batch_size=64, dims=(16, 16), selection="curiosity"), 500
        ),
        "map_elites_rank_masks": qd.Experiment(mask, a.MapElites(batch_size=32, dims=(7, 7), selection="rank"), 200),
        "map_elites_cvt": qd.Experiment(
            arm, a.MapElites(batch_size=64, archive="cvt", centroids=30, centroid_samples=300), 500
        ),
        "map_elites_drop_restore": qd.Experiment(planted, a.MapElites(batch_size=20, operator="drop_restore"), 150),
        "promptquine": qd.Experiment(planted, a.PromptQuine(initial="random_drops", least_tokens=6), 250),
        "promptquine_halving": qd.Experiment(planted, a.PromptQuine(halving=True, drop=2), {"examples": 3000.0}),
        "promptquine_steady": qd.Experiment(planted, a.PromptQuine(10, offspring=15, scheme="steady"), 60),
        "tap_pruning": qd.Experiment(planted, a.TAPruning(order="shuffled"), 60),
        "tap_pruning_speculative": qd.Experiment(planted, a.TAPruning.faithful(order="shuffled", speculative=5), 120),
        "claps": qd.Experiment(tokens, a.ClaPS(clusters=18, population_size=20, percentile=60, scoring_share=0.1), 150),
        "claps_greedy": qd.Experiment(tokens, a.ClaPS(clusters=18, percentile=60, search="greedy"), 100),
        "claps_swarm": qd.Experiment(
            tokens, a.ClaPS(clusters=18, score="kl", percentile=40, search="pso", population_size=15), 120
        ),
        "evoprompt_ga": qd.Experiment(prompts, a.EvoPromptGA(writing, population_size=6), 40),
        "evoprompt_de": qd.Experiment(prompts, a.EvoPromptDE(writing, population_size=6), 40),
        "gepa": qd.Experiment(
            planted_texts.problem(texts=qd.Texts(("prompt", "examples"), (("Be brief.", "Go."),))),
            a.GEPA(writing, batch_size=2, merges=3),
            {"examples": 200},
        ),
        "promptbreeder": qd.Experiment(
            planted_texts.problem(texts=bred, shown=("prompt", "shown")),
            a.Promptbreeder(writing, population_size=8, mutation="mutation", demonstrations="shown", examples=6),
            40,
        ),
        "rainbow": qd.Experiment(
            planted_texts.problem(texts=small, measures=("kept",)),
            a.Rainbow(writing, batch_size=8, dims=(40,), similarity=0.9),
            40,
        ),
        "rubric_coevolution": qd.Experiment(
            qd.problems.JudgedReports(pairs=8, variants=3), a.RubricCoevolution(interval=1, **few), 150
        ),
        "rubric_coevolution_single": qd.Experiment(
            qd.problems.JudgedReports(pairs=8, variants=3), a.RubricCoevolution("single", interval=2, **few), 120
        ),
        "rubric_coevolution_texts": qd.Experiment(
            qd.problems.scripted_answers("knowledge"),
            a.RubricCoevolution(interval=2, writer=qd.problems.scripted_writer(), **few),
            60,
        ),
        "mome": qd.Experiment(arm_two, a.MOME(batch_size=64, dims=(8, 8), front_size=4), 1000),
        "mome_random": qd.Experiment(
            arm_two, a.MOME(64, dims=(4, 4), front_size=3, replacement="random", selection="crowding"), 1000
        ),
        "nsga2": qd.Experiment(qd.problems.ZDT1(dimension=8), a.NSGA2(population_size=20), 400),
        "nsga2_masks": qd.Experiment(trade, a.NSGA2(population_size=15), 310),
        "noisy_map_elites": qd.Experiment(noisy, a.NoisyMapElites(batch_size=64, dims=(16, 16)), 600),
        "noisy_map_elites_repeats": qd.Experiment(
            mask, a.NoisyMapElites(batch_size=20, dims=(7, 7), repeats=2, depth=2), 300
        ),
        "cma_me": qd.Experiment(arm, a.CMAME(emitters=3, batch_size=8, sigma0=0.2, dims=(8, 8)), 250),
        "cma_me_bandit": qd.Experiment(
            SplitNoise(),
            a.CMAME(
                emitters=4, batch_size=6, ranker=("2imp", "2rd", "iso_line"), es="sep_cma", active=2, restart_rule=3
            ),
            150,
        ),
        "cma_mae": qd.Experiment(SplitNoise(), a.CMAMAE(emitters=2, batch_size=6, threshold_min=-1.0), 100),
        "cma_mega": qd.Experiment(sphere, a.CMAMEGA(emitters=2, batch_size=6, sigma0=1.0), 130),
        "ribs_scheduler": qd.Experiment(arm, a.RibsScheduler(_scheduler), 150),
        "phases": qd.Experiment(SplitNoise(), Phases(), 100),
        "phases_by_cost": qd.Experiment(SplitNoise(), Phases(), {"examples": 700.0}),
        "ragged": qd.Experiment(TokenSum(), RaggedElites(), 100),
        "pairs": qd.Experiment(SplitNoise(), Pairs(), 60),
        "roles": qd.Experiment(Duel(), Roles(), 60),
        "pipeline": qd.Experiment(SplitNoise(), Pipeline(), 100),
    }
    if find_spec("gymnasium"):
        pole = qd.problems.Gym("CartPole-v1", measures="mean_action", hidden=(4,), max_steps=30, side_by_side=3)
        normalised = a.ObservationNormalised(a.MapElites(batch_size=16), warm_up=10, freeze_after=40)
        bank["map_elites_normalised"] = qd.Experiment(pole, normalised, 100)
    return {name: replace(experiment, name=name, seed=7) for name, experiment in bank.items()}


def _scheduler(problem: qd.Problem, seed: int) -> Any:
    from ribs.archives import GridArchive
    from ribs.emitters import EvolutionStrategyEmitter, GeneticAlgorithmEmitter
    from ribs.schedulers import Scheduler

    ranges = problem.measure_space.ranges  # type: ignore[union-attr]
    archive = GridArchive(solution_dim=5, dims=(9, 9), ranges=ranges, learning_rate=0.2, threshold_min=0.0)
    result = qd.archives.GridArchive(solution_dim=5, dims=(9, 9), ranges=ranges)
    x0, spread = np.full(5, 0.5), {"sigma": 0.1}
    emitters = [
        EvolutionStrategyEmitter(archive, x0=x0, sigma0=0.1, es="openai_es", batch_size=8, restart_rule=4, seed=seed),
        GeneticAlgorithmEmitter(archive, x0=x0, operator="gaussian", operator_kwargs=spread, batch_size=7, seed=seed),
    ]
    return Scheduler(archive, emitters, result)


def _cma(dimension: int, bounds: Any, seed: int) -> Any:
    """pycma, which draws from numpy's global generator; ended early, so that it restarts."""
    import cma

    options = {"seed": seed, "bounds": list(bounds), "verbose": -9, "maxiter": 6}
    return cma.CMAEvolutionStrategy(np.full(dimension, 0.5), 0.2, options)


def _ones(mask: NDArray[np.uint8]) -> tuple[float, NDArray[np.float64]]:
    return float(mask.sum()), np.array([mask[:6].sum(), mask[6:].sum()], float)


def _trade(mask: NDArray[np.uint8]) -> tuple[float, float]:
    return float(mask[:6].sum()), -float(mask.sum())


def digests_of(name: str) -> str:
    """The digest of one experiment of the bank, evaluated here."""
    return qd.run(experiments()[name]).digest


HEAVY = {  # those that load torch, ribs or evotorch, which takes a process longer than all the rest of the bank
    "cma_mae", "cma_me", "cma_me_bandit", "cma_mega", "evotorch_cma_es", "map_elites_cvt", "pgpe", "ribs_scheduler",
    "snes", "stax",
}  # fmt: skip


def digests(light: bool = False, **evaluator: Any) -> dict[str, str]:
    """The digest of each experiment of the bank, with the evaluator so set; on rank 0. ``light``: none of HEAVY."""
    found = {}
    for name, experiment in experiments().items():
        if light and name in HEAVY:
            continue
        result = qd.run(replace(experiment, evaluator=qd.EvaluatorSettings(**evaluator)))
        if result.root:
            found[name] = result.digest
    return found


if __name__ == "__main__":
    # each argument is one evaluator's settings as JSON; a line of digests comes out for each
    for settings in sys.argv[1:] or ["{}"]:
        answer = digests(**json.loads(settings))
        if answer:
            print(json.dumps(answer), flush=True)
        loaded = {"torch", "ribs", "evotorch"} & set(sys.modules)
        if "light" in settings and loaded:
            raise SystemExit(f"{', '.join(loaded)} loaded: an experiment belongs into HEAVY")
