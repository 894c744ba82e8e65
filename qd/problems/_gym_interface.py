"""Between gymnasium and networks: environments made at the door, observations as numbers, outputs as actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest

Encode = Callable[[Any], NDArray[np.float64]]

_EXTRAS = ("box2d", "classic_control", "mujoco", "toy_text")  # folders of gymnasium.envs, and what pip calls them
_NAMESPACES = {"ALE": "ale-py", "GymV26Environment": "shimmy", "dm_control": "shimmy[dm-control]"}


def make(name: str, options: Mapping[str, Any], wrap: Callable[[Any], Any] | None = None) -> Any:
    """An environment by its registered id.

    Raises:
        QDError: gymnasium is not installed, no environment has this id, it needs a package that is missing, or
            refuses its options. The message says which, and what to do.
    """
    try:
        import gymnasium
        from gymnasium.error import DependencyNotInstalled, UnregisteredEnv
    except ImportError as error:
        raise QDError(f"id: {name!r} needs gymnasium ({error}): pip install 'qd-evolution[gym]'") from error
    try:
        env = gymnasium.make(name, disable_env_checker=True, **options)
    except UnregisteredEnv as error:
        namespace = name.rpartition("/")[0]
        if namespace in _NAMESPACES:
            raise QDError(f"id: {name!r} is registered by a package of its own: "
                          f"pip install '{_NAMESPACES[namespace]}', then import it where the problem is made"
                          ) from error  # fmt: skip
        if name.startswith(("MiniGrid-", "BabyAI-")) and not any(k.startswith("MiniGrid-") for k in gymnasium.registry):
            raise QDError(f"id: {name!r} is a grid world: qd.problems.MiniGrid({name!r}) sees it as numbers") from error
        raise QDError(f"id: no environment {name!r}, {_nearest_id(name, gymnasium.registry)}") from error
    except (DependencyNotInstalled, ImportError) as error:
        spec = gymnasium.registry.get(name)
        folder = next((e for e in _EXTRAS if spec and f".envs.{e}" in str(spec.entry_point)), None)
        mend = f"pip install 'gymnasium[{folder.replace('_', '-')}]'" if folder else "install the package it needs"
        raise QDError(f"id: {name!r} needs a package that is missing: {mend} ({error})") from error
    except Exception as error:
        raise QDError(f"id: {name!r} cannot be made with options {dict(options)}: "
                      f"{type(error).__name__}: {error}") from error  # fmt: skip
    return wrap(env) if wrap is not None else env


def _nearest_id(name: str, registry: Mapping[str, Any]) -> str:
    """Another version of the same environment, else the closest spelling."""
    base = name.rpartition("-v")[0] or name
    versions = [known for known in registry if known.rpartition("-v")[0] == base]
    if versions:
        return f"did you mean {max(versions, key=lambda known: (len(known), known))!r}?"
    hint = nearest(name, registry)
    return hint if hint.startswith("did") else "see gymnasium.pprint_registry() for those that there are"


@dataclass(frozen=True)
class Actions:
    """How a network's outputs become actions: the largest output chooses, or tanh units span a box.

    Args:
        outputs: units of the last layer.
        decode: (n, outputs) -> n actions, each as ``action_space.sample()`` would give it.
        choice: whether actions are choices.
    """

    outputs: int
    decode: Callable[[NDArray[np.float64]], Any]
    choice: bool


def actions(space: Any, name: str) -> Actions:
    """The actions of a Discrete or bounded Box space. Raises QDError for any other."""
    import gymnasium

    spaces = gymnasium.spaces
    if isinstance(space, spaces.Discrete):
        start = int(space.start)
        return Actions(int(space.n), lambda outputs: outputs.argmax(axis=1) + start, True)
    if not isinstance(space, spaces.Box):
        raise QDError(f"{name}: actions in {type(space).__name__} are not supported, only Discrete and Box; "
                      "bring them into one of these with a gymnasium wrapper: wrap=...")  # fmt: skip
    low, high = space.low.astype(np.float64).ravel(), space.high.astype(np.float64).ravel()
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise QDError(f"{name}: the action box is unbounded, {space}, so outputs cannot be scaled into it; give it "
                      "bounds: wrap=lambda env: gymnasium.wrappers.TransformAction(env, lambda action: action, "
                      f"gymnasium.spaces.Box(-1, 1, {space.shape}))")  # fmt: skip
    dtype, shape = space.dtype, space.shape

    def decode(outputs: NDArray[np.float64]) -> Any:
        scaled = low + (outputs + 1.0) * (0.5 * (high - low))  # (n, a)
        return np.clip(scaled, low, high).astype(dtype).reshape(-1, *shape)

    return Actions(low.size, decode, False)


def observations(space: Any, name: str) -> tuple[int, Encode]:
    """Numbers of an observation, and how it becomes them: boxes flattened, choices one-hot.

    Raises QDError for images, and for spaces other than Box and Discrete.
    """
    import gymnasium

    spaces = gymnasium.spaces
    if isinstance(space, spaces.Discrete):
        rows, start = np.eye(int(space.n)), int(space.start)
        return int(space.n), lambda observation: rows[int(observation) - start]
    if not isinstance(space, spaces.Box):
        hint = ""
        if isinstance(space, spaces.Dict | spaces.Tuple):
            hint = "; where its parts are numbers: wrap=gymnasium.wrappers.FlattenObservation"
        raise QDError(f"{name}: observations in {type(space).__name__} are not supported, only Box and Discrete{hint}")
    if len(space.shape) == 3 or (len(space.shape) == 2 and space.dtype == np.uint8):
        raise QDError(f"{name}: observations are images {space.shape}, which a small network of flat inputs does not "
                      "see; use a form of the environment with numbers, or a wrapper that makes some: "
                      "wrap=...")  # fmt: skip
    return int(np.prod(space.shape)), lambda observation: np.asarray(observation, np.float64).ravel()
