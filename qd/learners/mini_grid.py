"""MiniGrid worlds, Chevalier-Boisvert et al. 2023, compiled to tables through their own ``step``.

https://arxiv.org/abs/2306.13831, https://minigrid.farama.org. A world whose steps are not random is a finite machine:
from the state after ``reset(seed=number)``, every action is tried in every state that is come to, on a copy, until no
new state turns up. What a state is: the agent, what it carries, every thing in the grid, and whatever other plain value
the world keeps. Success is a reward above 0: MiniGrid pays for nothing else.

Variables are those of ``KeyDoor``, as far as a world has keys, doors and a goal, so that a reward for one can be tried
on the other. Dropping things is left out by default: a key that may lie anywhere makes a table some ten times as large.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.learners.key_door import _STATE, _STEP
from qd.learners.table_task import LayoutTask, TableTask
from qd.rewards.steps import Variable

ACTIONS = ("left", "right", "forward", "pickup", "drop", "toggle", "done")
_KEY, _DOOR, _GOAL = ("key",), ("door",), ("goal",)
_OF = {  # the things that a world must have for a variable
    "has_key": _KEY, "key_distance": _KEY, "toward_key": _KEY, "key_picked": _KEY,
    "door_open": _DOOR, "door_distance": _DOOR, "toward_door": _DOOR, "door_opened": _DOOR,
    "goal_distance": _GOAL, "toward_goal": _GOAL, "toward_goal_open": ("door", "goal"),
}  # fmt: skip
_STILL = ("wall", "goal", "lava", "floor")  # things that nothing can change
_LEFT_OUT = {"step_count", "_np_random", "_np_random_seed", "mission", "np_random"}  # of a state


@dataclass(frozen=True)
class MiniGridTables(LayoutTask):
    """A family of MiniGrid worlds; a layout's number is the seed of its reset.

    ``door_open`` is the share of doors that are open, distances are to the nearest key, shut door and goal, and
    ``toward_door`` counts while a shut door can be opened: it is not locked, or a key is held.

    >>> MiniGridTables("MiniGrid-Empty-5x5-v0").layout(0).next_state.shape
    (34, 5)
    """

    id: str = "MiniGrid-DoorKey-6x6-v0"
    """The world's registered id."""
    actions: tuple[str, ...] = ("left", "right", "forward", "pickup", "toggle")
    """What the agent can do, of left, right, forward, pickup, drop, toggle, done."""
    horizon: int = 0
    """Steps of an episode; 0 for the world's own limit."""
    states: int = 5000
    """More states than this, and the world is refused."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "actions", tuple(self.actions))
        if not self.actions:
            raise QDError(f"MiniGridTables.actions: got none, wanted some of {', '.join(ACTIONS)}")
        for action in self.actions:
            if action not in ACTIONS:
                raise QDError(f"MiniGridTables.actions: got {action!r}, {nearest(action, ACTIONS)}")
        for name in ("horizon", "states"):
            if getattr(self, name) < (name == "states"):
                raise QDError(f"MiniGridTables.{name}: got {getattr(self, name)}, wanted at least {name == 'states':d}")

    @cached_property
    def variables(self) -> tuple[Variable, ...]:  # type: ignore[override]
        """Those of key-door grids that this world has things for."""
        world = _world(self, 0)
        things = {thing.type for thing in world.grid.grid if thing is not None}
        return tuple(v for v in (*_STATE, *_STEP) if things.issuperset(_OF.get(v.name, ())))

    def layout(self, number: int) -> TableTask:
        return _layout(self, number)


def make_world(task: MiniGridTables) -> Any:
    """A new world, without wrappers."""
    try:
        import gymnasium
        import minigrid  # noqa: F401  its import registers the worlds
        from minigrid.minigrid_env import MiniGridEnv
    except ImportError as error:
        raise QDError(f"MiniGridTables.id: {task.id!r} needs minigrid ({error}): "
                      "pip install 'qd-evolution[gym]'") from error  # fmt: skip
    if task.id not in gymnasium.registry:
        known = [name for name in gymnasium.registry if name.startswith(("MiniGrid-", "BabyAI-"))]
        raise QDError(f"MiniGridTables.id: got {task.id!r}, {nearest(task.id, known)}")
    world = gymnasium.make(task.id, disable_env_checker=True).unwrapped
    if not isinstance(world, MiniGridEnv):
        raise QDError(
            f"MiniGridTables.id: {task.id!r} is not a MiniGrid world; a table needs states that can be listed"
        )
    return world


class _NoDice:
    """Stands in for a world's generator once it is laid out: a step that draws from it is no entry of a table."""

    drawn = False

    def __getattr__(self, name: str) -> Any:
        self.drawn = True  # kept, since some worlds swallow every exception
        raise AttributeError(f"a step asks its generator for {name}")


def _world(task: MiniGridTables, number: int) -> Any:
    world = make_world(task)
    world.reset(seed=number)
    world.gen_obs = dict  # what the agent sees is most of a step's time, and no part of the state
    world._np_random = _NoDice()
    return world


class _Machine:
    """A world that can be put into any state it has been in."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.still = {id(thing): thing for thing in world.grid.grid if thing is not None and thing.type in _STILL}
        self.plain = sorted(
            name for name, value in vars(world).items()
            if isinstance(value, bool | int | float | str) and name not in _LEFT_OUT
        )  # fmt: skip
        fixed = {"observation_space", "action_space", "gen_obs", "spec", *_LEFT_OUT, *self.plain}
        self.moving = [name for name in vars(world) if name not in fixed]

    def kept(self) -> dict[str, Any]:
        """The present state; the world must be put into another before it steps on."""
        return {name: getattr(self.world, name) for name in (*self.plain, *self.moving)}

    def put(self, state: dict[str, Any]) -> None:
        memo: dict[int, Any] = dict(self.still)  # shared by all copies
        self.world.__dict__.update({name: state[name] for name in self.plain})
        self.world.__dict__.update(deepcopy({name: state[name] for name in self.moving}, memo))
        self.world.step_count = 0

    def key(self) -> tuple[Any, ...]:
        """Equal for equal states."""
        world = self.world
        things = tuple((i, _shown(thing)) for i, thing in enumerate(world.grid.grid)
                       if thing is not None and thing.type not in _STILL)  # fmt: skip
        agent = (int(world.agent_pos[0]), int(world.agent_pos[1]), int(world.agent_dir), _shown(world.carrying))
        return (*agent, things, tuple(getattr(world, name) for name in self.plain if name != "agent_dir"))

    def read(self) -> tuple[float, ...]:
        """x, y, heading, a key is held, share of doors open, moves to key, to door and to goal, a door can open."""
        world = self.world
        x, y = int(world.agent_pos[0]), int(world.agent_pos[1])
        moves: dict[str, list[int]] = {"key": [], "door": [], "goal": []}
        holds = getattr(world.carrying, "type", "") == "key"
        opened = doors = can = 0
        for i, thing in enumerate(world.grid.grid):
            if thing is None or thing.type not in moves:
                continue
            if thing.type == "door":
                doors, opened = doors + 1, opened + thing.is_open
                can += not thing.is_open and (holds or not thing.is_locked)
                if thing.is_open:
                    continue
            moves[thing.type].append(abs(i % world.width - x) + abs(i // world.width - y))
        near = [min(moves[kind], default=0) for kind in moves]
        return (x, y, world.agent_dir, holds, opened / max(doors, 1), near[0] * (not holds), *near[1:], can > 0)


def _shown(thing: Any) -> Any:
    return None if thing is None else (*thing.encode(), _shown(thing.contains))


@lru_cache(maxsize=512)
def _layout(task: MiniGridTables, number: int) -> TableTask:
    machine = _Machine(_world(task, number))
    world = machine.world
    chosen = [ACTIONS.index(action) for action in task.actions]
    known, states, seen = {(False, *machine.key()): 0}, [machine.kept()], [machine.read()]
    rows: list[list[int]] = []
    over: list[list[tuple[bool, bool]]] = []
    final = [False]  # states that a step which ends has led to: nothing follows
    while len(rows) < len(states):
        here = len(rows)
        if final[here]:
            rows.append([here] * len(chosen))
            over.append([(True, False)] * len(chosen))
            continue
        rows.append([])
        over.append([])
        for action in chosen:
            machine.put(states[here])
            paid, ends = _step(world, action, task)
            to = known.setdefault((ends, *machine.key()), len(states))
            if to == len(states):
                if to == task.states:
                    raise QDError(f"MiniGridTables.states: layout {number} of {task.id!r} has more than {task.states}; "
                                  f"raise it, or leave out some of actions = {task.actions}")  # fmt: skip
                states.append(machine.kept())
                seen.append(machine.read())
                final.append(ends)
            rows[here].append(to)
            over[here].append((ends, ends and paid > 0))
    next_state, ended = np.array(rows, np.int32), np.array(over, bool)
    horizon = task.horizon or int(world.max_steps)
    return _compiled(
        task, next_state, ended[:, :, 0], ended[:, :, 1], horizon, np.array(seen, np.float64), np.array(final), world
    )


def _step(world: Any, action: int, task: MiniGridTables) -> tuple[float, bool]:
    """What a step pays, and whether it ends the episode. Raises QDError where it is random."""
    try:
        _, paid, ends, _, _ = world.step(action)
    except AttributeError:
        if not world._np_random.drawn:
            raise
        paid = ends = 0
    if world._np_random.drawn:
        raise QDError(
            f"MiniGridTables.id: steps of {task.id!r} are random, so it is no table; use qd.problems.MiniGrid"
        )
    return float(paid), bool(ends)


def _compiled(
    task: MiniGridTables,
    next_state: NDArray[np.int32],
    ends: NDArray[np.bool_],
    success: NDArray[np.bool_],
    horizon: int,
    seen: NDArray[np.float64],
    final: NDArray[np.bool_],
    world: Any,
) -> TableTask:
    """The table with its variables."""
    x, y, heading, key, opened, to_key, to_door, to_goal, can_open = seen.T
    live = ~final[:, None]

    def change(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(values[next_state] - values[:, None])

    same = (change(key) == 0) & (change(opened) == 0)
    forward = np.array([action == "forward" for action in task.actions])
    stays = (change(x) == 0) & (change(y) == 0)
    steps = {
        "toward_key": -change(to_key) * same * (key[:, None] == 0),
        "toward_door": -change(to_door) * same * can_open[:, None],
        "toward_goal": -change(to_goal),
        "toward_goal_open": -change(to_goal) * (opened[:, None] == 1),
        "key_picked": change(key) > 0,
        "door_opened": change(opened) > 0,
        "bump": forward & stays & live,
        "step": live & np.ones(next_state.shape, bool),
    }
    states = {
        "x": x, "y": y, "heading": heading, "has_key": key, "door_open": opened,
        "key_distance": to_key, "door_distance": to_door, "goal_distance": to_goal, "progress": np.zeros(len(x)),
    }  # fmt: skip
    names = {variable.name for variable in task.variables}
    states = {name: values for name, values in states.items() if name in names}
    steps = {name: np.asarray(values, np.float64) for name, values in steps.items() if name in names}
    places = np.stack([x, y], axis=1).astype(np.int64)
    table = TableTask(next_state, ends, success, 0, horizon, states, steps, places)
    left = table.steps_to_success
    if np.isfinite(left).any():
        states["progress"] = np.where(np.isfinite(left), 1.0 - left / left[np.isfinite(left)].max(), 0.0)
        reached = np.unique(next_state[success])
        states["progress"][reached] = 1.0
    return TableTask(next_state, ends, success, 0, horizon, states, steps, places, _scene(world))


def _scene(world: Any) -> dict[str, Any]:
    """The things that stay where they are."""
    marked = ("goal", "door")
    points = [(i % world.width, i // world.width, thing.type)
              for i, thing in enumerate(world.grid.grid) if getattr(thing, "type", "") in marked]  # fmt: skip
    return {"points": points, "invert_y": True}
