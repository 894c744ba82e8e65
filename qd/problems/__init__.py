"""Tasks to search on. Names load on first use, so that importing one problem does not import the others."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qd.problems.ant_maze import AntMaze
    from qd.problems.atari import Atari
    from qd.problems.cart_pole_swing_up import CartPoleSwingUp
    from qd.problems.collect_ball import CollectBall
    from qd.problems.curling import Curling
    from qd.problems.deceptive_maze import DeceptiveMaze
    from qd.problems.decoded import Decoded
    from qd.problems.digit_latents import DigitLatents
    from qd.problems.dtlz import DTLZ1, DTLZ2, DTLZ3, DTLZ4, DTLZ5, DTLZ6, DTLZ7
    from qd.problems.encoded import Encoded
    from qd.problems.evolved_reward import EvolvedReward
    from qd.problems.functions import Cigar, Ellipsoid, Rastrigin, Rosenbrock, Sphere
    from qd.problems.gym import Gym
    from qd.problems.hard_maze import HardMaze
    from qd.problems.humanoid_trap import HumanoidTrap
    from qd.problems.image_maze import ImageMaze
    from qd.problems.judged import JudgedProblem, RubricWorth
    from qd.problems.judged_answers import JudgedAnswers
    from qd.problems.judged_reports import JudgedReports
    from qd.problems.latent_noise import LatentNoise
    from qd.problems.minigrid import MiniGrid
    from qd.problems.mixture_diffusion import MixtureDiffusion
    from qd.problems.noisy import Noisy
    from qd.problems.on_device import OnDevice
    from qd.problems.over_optimisation import OverOptimisation
    from qd.problems.planar_arm import PlanarArm
    from qd.problems.planar_arm_trade_off import PlanarArmTradeOff
    from qd.problems.point2d import Point2D
    from qd.problems.pruned_prompt import PrunedPrompt
    from qd.problems.redundant_arm import RedundantArm
    from qd.problems.scripted_judging import scripted_answers, scripted_writer
    from qd.problems.spurious import Spurious
    from qd.problems.step_measures import StepMeasure
    from qd.problems.text_prompt import TextPrompt
    from qd.problems.token_prompt import TokenPrompt
    from qd.problems.world import Outcome, World
    from qd.problems.zdt import ZDT1, ZDT2, ZDT3, ZDT4, ZDT6

_HOMES = {
    "AntMaze": "ant_maze",
    "Atari": "atari",
    "CartPoleSwingUp": "cart_pole_swing_up",
    "Cigar": "functions",
    "CollectBall": "collect_ball",
    "Curling": "curling",
    "DTLZ1": "dtlz",
    "DTLZ2": "dtlz",
    "DTLZ3": "dtlz",
    "DTLZ4": "dtlz",
    "DTLZ5": "dtlz",
    "DTLZ6": "dtlz",
    "DTLZ7": "dtlz",
    "DeceptiveMaze": "deceptive_maze",
    "Decoded": "decoded",
    "DigitLatents": "digit_latents",
    "Ellipsoid": "functions",
    "Encoded": "encoded",
    "EvolvedReward": "evolved_reward",
    "Gym": "gym",
    "HardMaze": "hard_maze",
    "HumanoidTrap": "humanoid_trap",
    "ImageMaze": "image_maze",
    "JudgedAnswers": "judged_answers",
    "JudgedProblem": "judged",
    "JudgedReports": "judged_reports",
    "LatentNoise": "latent_noise",
    "MiniGrid": "minigrid",
    "MixtureDiffusion": "mixture_diffusion",
    "Noisy": "noisy",
    "OnDevice": "on_device",
    "Outcome": "world",
    "OverOptimisation": "over_optimisation",
    "PlanarArm": "planar_arm",
    "PlanarArmTradeOff": "planar_arm_trade_off",
    "Point2D": "point2d",
    "PrunedPrompt": "pruned_prompt",
    "Rastrigin": "functions",
    "RedundantArm": "redundant_arm",
    "Rosenbrock": "functions",
    "RubricWorth": "judged",
    "Sphere": "functions",
    "Spurious": "spurious",
    "StepMeasure": "step_measures",
    "TextPrompt": "text_prompt",
    "TokenPrompt": "token_prompt",
    "World": "world",
    "ZDT1": "zdt",
    "ZDT2": "zdt",
    "ZDT3": "zdt",
    "ZDT4": "zdt",
    "ZDT6": "zdt",
    "scripted_answers": "scripted_judging",
    "scripted_writer": "scripted_judging",
}

__all__ = [
    "DTLZ1",
    "DTLZ2",
    "DTLZ3",
    "DTLZ4",
    "DTLZ5",
    "DTLZ6",
    "DTLZ7",
    "ZDT1",
    "ZDT2",
    "ZDT3",
    "ZDT4",
    "ZDT6",
    "AntMaze",
    "Atari",
    "CartPoleSwingUp",
    "Cigar",
    "CollectBall",
    "Curling",
    "DeceptiveMaze",
    "Decoded",
    "DigitLatents",
    "Ellipsoid",
    "Encoded",
    "EvolvedReward",
    "Gym",
    "HardMaze",
    "HumanoidTrap",
    "ImageMaze",
    "JudgedAnswers",
    "JudgedProblem",
    "JudgedReports",
    "LatentNoise",
    "MiniGrid",
    "MixtureDiffusion",
    "Noisy",
    "OnDevice",
    "Outcome",
    "OverOptimisation",
    "PlanarArm",
    "PlanarArmTradeOff",
    "Point2D",
    "PrunedPrompt",
    "Rastrigin",
    "RedundantArm",
    "Rosenbrock",
    "RubricWorth",
    "Sphere",
    "Spurious",
    "StepMeasure",
    "TextPrompt",
    "TokenPrompt",
    "World",
    "scripted_answers",
    "scripted_writer",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
