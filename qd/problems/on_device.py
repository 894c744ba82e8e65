"""Any problem that offers a world, rolled out in torch: all episodes of a chunk in step, on a graphics card or here.

Networks are packed once a chunk, a step is some tens of operators whatever the number of rows, and nothing is read back
before the last step. Rows travel in chunks of one size, filled up where there are fewer, so that a row's result does
not depend on the rows beside it or on how many are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Policy, Problem, Request, Status
from qd.device import check_device_name, resolve_device
from qd.errors import QDError, StoppedError, nearest
from qd.problems._weights import frame_steps
from qd.problems.world import World
from qd.replay import Replay
from qd.space import Box

_SAME = ("solution_space", "measure_space", "truth_space", "objectives", "reward_areas", "fidelities", "costs",
         "deterministic")  # fmt: skip
_DTYPES = ("float32", "float64")
_NO_ROOM = ("can't allocate memory", "not enough memory", "out of memory")  # of torch's allocators, and CUDA's own


@dataclass(frozen=True)
class OnDevice(Problem):
    """A problem as it is, but evaluated by its world in torch.

    >>> import qd
    >>> maze = OnDevice(qd.problems.HardMaze(steps=10), device="cpu", chunk=64)
    >>> maze.name, maze.chunk_size
    ('HardMazeOnDevice', 64)
    """

    problem: Problem
    """A problem with a method ``world(device, dtype)``, whose solutions are vectors of a Box."""
    device: str = "auto"
    """``"cpu"``, ``"cuda"``, ``"cuda:1"``, or ``"auto"``: a graphics card where there is one, one a rank in turn."""
    chunk: int = 1024
    """Rows in step. As many as fill the device and fit into its memory; a resumed run may lower it."""
    compile: bool = False
    """Let ``torch.compile`` make one kernel of a step's many: a minute at the start, for long runs on a card."""
    dtype: Literal["float64", "float32"] = "float64"
    """What is computed in. float64 agrees with the compiled kernels; cards for games are far quicker in float32."""
    threads: int = 1
    """Threads of torch where the device is the processor."""

    resumable = ("chunk",)

    def __post_init__(self) -> None:
        inner = self.problem
        if not isinstance(inner, Problem):
            raise QDError(f"OnDevice.problem: got {type(inner).__name__}, wanted a qd.Problem")
        if not callable(getattr(inner, "world", None)):
            raise QDError(f"OnDevice.problem: {inner.name} has no method world(device, dtype), so it cannot be rolled "
                          "out in torch; evaluate it as it is")  # fmt: skip
        if not isinstance(inner.solution_space, Box):
            raise QDError(f"OnDevice.problem: the solutions of {inner.name} are of {inner.solution_space!r}, wanted "
                          "real vectors, a qd.Box")  # fmt: skip
        check_device_name(self.device, "OnDevice.device")
        for name in ("chunk", "threads"):
            if getattr(self, name) < 1:
                raise QDError(f"OnDevice.{name}: got {getattr(self, name)}, wanted at least 1")
        if self.dtype not in _DTYPES:
            raise QDError(f"OnDevice.dtype: got {self.dtype!r}, {nearest(str(self.dtype), _DTYPES)}")
        for name in _SAME:
            object.__setattr__(self, name, getattr(inner, name))
        offered = getattr(inner, "world_columns", ())
        object.__setattr__(self, "columns", {key: text for key, text in inner.columns.items() if key in offered})
        object.__setattr__(self, "chunk_size", self.chunk)

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}  # tensors stay in their process

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)
        self.__post_init__()

    @property
    def name(self) -> str:
        """The problem's, before OnDevice."""
        return f"{self.problem.name}OnDevice"

    @cached_property
    def where(self) -> str:
        """The device, as torch names it. Raises QDError where there is none of it."""
        return resolve_device(self.device, "OnDevice.device")

    @cached_property
    def rollout(self) -> Rollout:
        """The world on the device, with its step."""
        import torch

        kind = getattr(torch, self.dtype)
        world: World = self.problem.world(self.where, kind)  # type: ignore[attr-defined]
        return Rollout(world, self.where, kind, self.compile)

    def prepare(self) -> None:
        """Look for the device, make the world there, and compile its step where that is asked for."""
        _ = self.rollout
        if self.compile:
            assert isinstance(self.solution_space, Box)  # checked at the door
            with suppress(StoppedError):  # no room: the run says so once it has a checkpoint to go on from
                zeros = np.zeros((1, self.solution_space.length), self.solution_space.dtype)
                self._chunk(zeros, np.zeros(1, np.uint64), (), steps=1)

    def evaluate(self, request: Request, seeds: NDArray[np.uint64]) -> Evaluation:
        solutions = np.asarray(request.solutions)  # (n, d)
        n = len(solutions)
        parts = [
            self._chunk(solutions[start : start + self.chunk], seeds[start : start + self.chunk], request.columns)
            for start in range(0, n, self.chunk)
        ]
        whole = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        groups: dict[str, dict[str, Any]] = {"cost": {}, "truth": {}, "columns": {}}
        for key, array in whole.items():
            group, _, name = key.partition(".")
            if name:
                groups[group][name] = array
        status = np.where(whole["finite"], Status.OK, Status.INVALID).astype(np.int8)
        reasons = {int(row): "solutions are not finite" for row in np.flatnonzero(~whole["finite"])}
        objective, measures = whole["objective"].astype(np.float64), whole["measures"].astype(np.float64)
        objective[~whole["finite"]], measures[~whole["finite"]] = np.nan, np.nan
        return Evaluation(objective, measures, status, **groups, reasons=reasons)

    def _chunk(
        self, solutions: NDArray[Any], seeds: NDArray[np.uint64], columns: tuple[str, ...], steps: int | None = None
    ) -> dict[str, NDArray[Any]]:
        """The results of up to ``chunk`` rows by name, after all steps or the first of them."""
        import torch

        from qd.behavior._dense import torch_threads

        n = len(solutions)
        try:
            with torch_threads(self.threads), torch.no_grad():
                kept = self.rollout.run(solutions, seeds, self.chunk, self._frames(columns), columns, steps)
                return {key: tensor[:n].cpu().numpy() for key, tensor in kept.items()}
        except (torch.OutOfMemoryError, RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
            said = str(error).strip().split("\n")[0]
            raise StoppedError(
                f"OnDevice.chunk: {self.where} has no room for {self.chunk} rows of {self.problem.name} at a time "
                f"({said}); the run stops and can be resumed with fewer: qd resume RUN --problem.chunk "
                f"{max(1, self.chunk // 2)}"
            ) from error

    def _frames(self, columns: tuple[str, ...]) -> NDArray[np.int64]:
        """The steps after which a frame is kept, counted from 0."""
        if "trajectory" not in columns:
            return np.zeros(0, np.int64)
        return frame_steps(self.problem.steps, self.problem.frames)  # type: ignore[attr-defined]

    def cost_bounds(self, request: Request) -> dict[str, NDArray[np.float64]]:
        """The problem's."""
        return self.problem.cost_bounds(request)

    def scene(self) -> dict[str, Any]:
        """The problem's."""
        return self.problem.scene()

    def policy_of(self, solution: NDArray[Any], context: Mapping[str, NDArray[Any]] | None = None) -> Policy:
        """The problem's."""
        return self.problem.policy_of(solution, context)

    def replay(self, solution: NDArray[Any], seed: int) -> Replay:
        """The problem's."""
        return self.problem.replay(solution, seed)

    def render(self, solution: NDArray[Any], seed: int, context: Mapping[str, NDArray[Any]] | None = None) -> Any:
        """The problem's."""
        return self.problem.render(solution, seed)


def _is_out_of_memory(error: Exception) -> bool:
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(text in str(error).lower() for text in _NO_ROOM)


class Rollout:
    """Whole episodes of one world: what its networks are packed to, and one step, compiled where that is asked for."""

    def __init__(self, world: World, device: str, dtype: Any, compiled: bool | str = False) -> None:
        self.world, self.device, self.dtype = world, device, dtype
        self.one_step: Any = self._one_step
        if compiled:
            import torch

            backend = compiled if isinstance(compiled, str) else "inductor"
            self.one_step = torch.compile(self._one_step, fullgraph=True, dynamic=False, backend=backend)

    def _one_step(self, packed: Any, state: Any, memory: Any) -> tuple[Any, Any]:
        """The next state of the world, and of what the networks remember."""
        from qd.policies import ConvNet, Recurrent, torch_mlp, torch_recurrent

        world = self.world
        if world.policy is None:
            actions = packed
        elif isinstance(world.policy, Recurrent):
            actions, memory = torch_recurrent.forward(world.policy, packed, world.observe(state), memory)
        elif isinstance(world.policy, ConvNet):
            actions = world.policy.apply(packed, world.observe(state))
        else:
            actions = torch_mlp.forward(world.policy, packed, world.observe(state))
        return world.step(state, actions), memory

    def begin(self, rows: Any, seeds: Any) -> tuple[Any, Any, Any]:
        """What a step needs at the beginning: the packed networks, the world's state, what the networks remember.

        Args:
            rows: (n, d) solutions, a tensor on the device.
            seeds: (n,) int64, likewise.
        """
        from qd.policies import ConvNet, Recurrent, torch_mlp, torch_recurrent

        policy = self.world.policy
        if policy is None:
            return rows, self.world.first(seeds), None
        if isinstance(policy, Recurrent):
            packed = torch_recurrent.pack(policy, rows)
            return packed, self.world.first(seeds), torch_recurrent.first_state(policy, packed)
        if isinstance(policy, ConvNet):
            return policy.pack(rows), self.world.first(seeds), None
        return torch_mlp.pack(policy, rows), self.world.first(seeds), None

    def run(
        self,
        solutions: NDArray[Any],
        seeds: NDArray[np.uint64],
        chunk: int,
        frames: NDArray[np.int64],
        columns: tuple[str, ...],
        steps: int | None = None,
    ) -> dict[str, Any]:
        """The results by name, (chunk, ...) tensors on the device; rows beyond the last one are copies of it.

        Args:
            solutions: (n, d), n at most ``chunk``.
            seeds: (n,).
            chunk: rows in step.
            frames: steps after which a frame is kept.
            columns: the columns that were asked for.
            steps: how many; None for whole episodes.
        """
        import torch

        world, n = self.world, len(solutions)
        rows = torch.from_numpy(np.ascontiguousarray(solutions)).to(device=self.device, dtype=self.dtype)
        draws = torch.from_numpy(np.ascontiguousarray(seeds).view(np.int64)).to(self.device)
        if n < chunk:
            rows = torch.cat([rows, rows[-1:].expand(chunk - n, -1)])
            draws = torch.cat([draws, draws[-1:].expand(chunk - n)])
        finite = torch.isfinite(rows).all(dim=1)
        rows = torch.where(finite[:, None], rows, 0.0)  # no number that is none may reach an index
        packed, state, memory = self.begin(rows, draws)
        kept: dict[int, Any] = dict.fromkeys(frames.tolist())
        for step in range(world.steps if steps is None else steps):
            state, memory = self.one_step(packed, state, memory)
            if step in kept:
                kept[step] = world.frame(state)
        outcome = world.outcome(state)
        found = {"finite": finite, "objective": outcome.objective, "measures": outcome.measures}
        for group in ("cost", "truth"):
            found.update({f"{group}.{name}": tensor for name, tensor in getattr(outcome, group).items()})
        found.update({f"columns.{name}": outcome.columns[name] for name in columns if name in outcome.columns})
        if "trajectory" in columns:
            found["columns.trajectory"] = torch.stack([kept[step] for step in frames.tolist()], dim=1)
        return found
