"""Atari 2600 games with a convolutional network, as in Such et al. 2017 (https://arxiv.org/abs/1712.06567).

One row is one full game: 1 to 30 no-ops from the row's seed, four frames a decision, the larger of the last two frames,
grey, 84 x 84, the last four of them. No sticky actions, no end at a lost life, no clipping: the objective is the game's
own score. The largest output decides.

Provenance and differences: emulation is ale-py's (https://github.com/Farama-Foundation/Arcade-Learning-Environment),
whose wheel holds the games; every episode starts from the same state of the machine. Screens are shrunk by a triangle
filter, as Pillow's bilinear resizing does, without rounding to bytes between; the authors' GPU program takes grey
before the larger of two frames, and samples bilinearly without a filter. The three older screens are black at the
start, as in that program; ``first_screen="repeat"`` takes the first one, as in their other program.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Policy, Problem, Request, Status
from qd.errors import QDError, nearest
from qd.policies import ConvNet, acting
from qd.problems._atari_game import SKIP, Game
from qd.problems._weights import blank_broken
from qd.replay import Frames
from qd.rng import row_generator
from qd.space import Box, Space

_FIRST = ("black", "repeat")
_REASON_LINES = 8


@dataclass(frozen=True)
class Atari(Problem):
    """A game played by a network whose weights are evolved; there are no measures.

    >>> Atari("frostbite").solution_space.length, Atari("skiing", network="small").solution_space.length
    (4052658, 1004595)
    """

    game: str = "frostbite"
    """The game, as ale-py names it: frostbite, space_invaders ..."""

    network: str = "large"
    """``"large"``, the published one of the genetic algorithm, ``"small"``, that of ES, or ``"tiny"``."""

    max_decisions: int = 5000
    """Decisions an episode at most, each four frames."""

    first_screen: str = "black"
    """What is before the first screen: ``"black"`` screens, or ``"repeat"`` the first."""

    columns = MappingProxyType({
        "ram": "(n, 128) uint8 the machine's memory at the end",
        "decisions": "(n,) decisions of the episode",
    })  # fmt: skip
    chunk_size = 1  # an episode is some hundred milliseconds
    batching = "rows"

    def __post_init__(self) -> None:
        if self.max_decisions < 1:
            raise QDError(f"Atari.max_decisions: got {self.max_decisions}, wanted at least 1")
        if self.first_screen not in _FIRST:
            raise QDError(f"Atari.first_screen: got {self.first_screen!r}, {nearest(self.first_screen, _FIRST)}")
        _ = self.policy

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}  # emulators stay in their process

    @cached_property
    def idle(self) -> list[Game]:
        """Emulators that wait for an episode."""
        return [Game(self.game, self.first_screen == "repeat")]

    @cached_property
    def actions(self) -> tuple[str, ...]:
        """Names of the game's actions, one an output."""
        return tuple(action.name for action in self.idle[0].actions)

    @cached_property
    def policy(self) -> ConvNet:
        """The network whose weights are evolved."""
        return ConvNet.named(self.network, len(self.actions), "Atari.network")

    def policy_of(self, solution: NDArray[Any], context: Mapping[str, NDArray[Any]] | None = None) -> Policy:
        """A solution's network: what it sees of the last screens, (4, 84, 84) in 0 to 1, to the number of an action."""
        outputs = acting(self.policy, solution)
        return lambda observations: np.asarray(outputs(observations)).argmax(axis=-1)

    @cached_property
    def solution_space(self) -> Space:  # type: ignore[override]
        """Any float32 weights, sampled by layer as ``ConvNet.initial_sigma`` says."""
        return Box(-np.inf, np.inf, self.policy.length, init_sigma=self.policy.initial_sigma(), dtype="float32")

    @cached_property
    def costs(self) -> Mapping[str, float]:  # type: ignore[override]
        """A row costs its decisions; a frame is a quarter of one."""
        return {"decisions": float(self.max_decisions), "frames": float(SKIP * self.max_decisions)}

    def prepare(self) -> None:
        """Load the game, and compile or load the kernels."""
        game = self._taken()
        game.reset(row_generator(0))
        self.policy.see(self.policy.unpack(np.zeros(self.policy.length, np.float32)), game.seen)
        self.idle.append(game)

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        weights = np.ascontiguousarray(request.solutions, np.float32)  # (n, d)
        n = len(weights)
        objective, decisions, ram = np.zeros(n), np.zeros(n), np.zeros((n, 128), np.uint8)
        status, reasons = blank_broken(weights, objective, np.zeros((n, 0)))
        for row in range(n):
            if status[row] != Status.OK:
                continue
            game = None
            try:
                game = self._taken()
                objective[row] = self._played(game, weights[row], int(seeds[row]))
                decisions[row], ram[row] = game.decisions, game.ram()
                self.idle.append(game)  # one that raised is not used again
            except Exception:
                decisions[row] = game.decisions if game else 0
                status[row], objective[row] = Status.FAILED, np.nan
                reasons[row] = "".join(traceback.format_exc().splitlines(keepends=True)[-_REASON_LINES:])
        cost = {"decisions": decisions, "frames": SKIP * decisions}
        asked: dict[str, NDArray[Any]] = {"ram": ram, "decisions": decisions}
        columns = {name: asked[name] for name in request.columns}
        return Evaluation(objective, np.zeros((n, 0)), status, columns, cost, reasons=reasons)

    def _taken(self) -> Game:
        try:
            return self.idle.pop()
        except IndexError:  # another thread has it
            return Game(self.game, self.first_screen == "repeat")

    def _played(self, game: Game, weights: NDArray[np.float32], seed: int) -> float:
        """The score of one episode."""
        layers, score = self.policy.unpack(weights), 0.0
        game.reset(row_generator(seed))
        for decision in range(self.max_decisions):
            outputs = self.policy.see(layers, game.seen)
            if not np.isfinite(outputs).all():
                raise FloatingPointError(f"the network gave {outputs} after {decision} decisions")
            score += game.decide(int(outputs.argmax()))
            if game.over:
                break
        return score

    def replay(self, solution: NDArray[Any], seed: int) -> Frames:
        """The screens of one game, one in four decisions."""
        weights = np.ascontiguousarray(solution, np.float32)
        layers, game = self.policy.unpack(weights), Game(self.game, self.first_screen == "repeat")
        game.reset(row_generator(seed))
        screens, decisions = [game.picture()], 0
        while not game.over and decisions < self.max_decisions:
            game.decide(int(self.policy.see(layers, game.seen).argmax()))
            decisions += 1
            if decisions % 4 == 0 or game.over:
                screens.append(game.picture())
        return Frames(np.stack(screens), 4 * 4 / 60)

    def render(self, solution: NDArray[Any], seed: int) -> Any:
        """A matplotlib figure of one episode: screens along it, and the score over time."""
        from qd.problems._atari_figure import figure

        weights = np.ascontiguousarray(solution, np.float32)
        layers, game = self.policy.unpack(weights), Game(self.game, self.first_screen == "repeat")
        game.reset(row_generator(seed))
        screens, scores = [game.picture()], [0.0]
        while not game.over and len(scores) <= self.max_decisions:
            scores.append(scores[-1] + game.decide(int(self.policy.see(layers, game.seen).argmax())))
            screens.append(game.picture())
        return figure(screens, scores, self.game)
