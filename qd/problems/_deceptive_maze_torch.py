"""The deceptive maze's world in torch: the arithmetic of ``_deceptive_maze_kernel``, all walls of a robot at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qd.problems._deceptive_maze_kernel import DEGREE, GAIN, RADIUS, RANGE, ROOT, TOP, segments
from qd.problems._torch_arithmetic import sincos_turns
from qd.problems.deceptive_maze import GOAL, REACHED, START, WALLS, DeceptiveMaze
from qd.problems.world import Outcome, World

if TYPE_CHECKING:
    import torch

    from qd.problems.image_maze import ImageMaze


class Robots(NamedTuple):
    """(n,) each: the place [px], the heading [degrees] with its sine and cosine, velocities, blocked steps."""

    x: torch.Tensor
    y: torch.Tensor
    heading: torch.Tensor
    sine: torch.Tensor
    cosine: torch.Tensor
    speed: torch.Tensor
    turning: torch.Tensor
    blocked: torch.Tensor


class DeceptiveMazeWorld(World):
    """Robots with range finders in the deceptive maze."""

    def __init__(self, problem: DeceptiveMaze | ImageMaze, device: str, dtype: torch.dtype) -> None:
        import torch

        self.steps, self.policy, self.dtype = problem.steps, problem.policy, dtype
        walls = torch.from_numpy(segments(WALLS)).to(device=device, dtype=dtype)
        self.ax, self.ay, self.ex, self.ey = walls.T.contiguous()  # (k,) each
        self.bx, self.by = self.ax + self.ex, self.ay + self.ey
        self.squared = self.ex * self.ex + self.ey * self.ey

    def first(self, seeds: torch.Tensor) -> Robots:
        import torch

        zero = torch.zeros(len(seeds), dtype=self.dtype, device=seeds.device)
        heading = zero + START[2]
        return Robots(zero + START[0], zero + START[1], heading, *sincos_turns(heading * DEGREE), zero, zero, zero)

    def observe(self, state: Robots) -> torch.Tensor:  # type: ignore[override]
        import torch

        x, y, sine, cosine = state.x[:, None], state.y[:, None], state.sine[:, None], state.cosine[:, None]  # (n, 1)
        dx1, dy1, dx2, dy2 = self.ax - x, self.ay - y, self.bx - x, self.by - y  # (n, k)
        ahead1, aside1 = dx1 * cosine + dy1 * sine, dy1 * cosine - dx1 * sine
        ahead2, aside2 = dx2 * cosine + dy2 * sine, dy2 * cosine - dx2 * sine
        plus1, minus1, plus2, minus2 = ahead1 + aside1, ahead1 - aside1, ahead2 + aside2, ahead2 - aside2
        cross = ahead1 * aside2 - ahead2 * aside1
        far = float("inf")
        front = torch.where(aside1 * aside2 <= 0.0, cross / (aside2 - aside1), far)
        side = torch.where(ahead1 * ahead2 <= 0.0, cross / (ahead1 - ahead2), far)
        right = torch.where(minus1 * minus2 <= 0.0, cross * ROOT / (minus1 - minus2), far)
        left = torch.where(plus1 * plus2 <= 0.0, cross * ROOT / (plus2 - plus1), far)
        sights = torch.stack([-side, left, front, right, side, -front], dim=1)  # (n, 6, k)
        finders = torch.where(sights >= 0.0, sights, far).amin(dim=2).clamp(max=RANGE) / RANGE
        gx, gy = GOAL[0] - state.x, GOAL[1] - state.y
        ahead, aside = gx * state.cosine + gy * state.sine, gy * state.cosine - gx * state.sine
        below, above = -ahead, ahead
        quarters = torch.stack([
            (aside < above) & (aside >= below),
            (aside >= above) & (aside > below),
            (aside > above) & (aside <= below),
            (aside <= above) & (aside < below),
        ], dim=1)  # fmt: skip
        return torch.cat([torch.ones_like(x), finders, quarters.to(self.dtype)], dim=1)

    def step(self, state: Robots, actions: torch.Tensor) -> Robots:  # type: ignore[override]
        import torch

        turning, speed = _towards(state.turning, actions[:, 0]), _towards(state.speed, actions[:, 1])
        x, y = state.x + speed * state.cosine, state.y + speed * state.sine
        heading = state.heading + turning
        heading = torch.where(heading >= 360.0, heading - 360.0, heading)
        heading = torch.where(heading < 0.0, heading + 360.0, heading)
        px, py = x[:, None] - self.ax, y[:, None] - self.ay  # (n, k)
        t = ((px * self.ex + py * self.ey) / self.squared).clamp(0.0, 1.0)
        dx, dy = px - t * self.ex, py - t * self.ey
        blocked = (dx * dx + dy * dy).amin(dim=1) < RADIUS * RADIUS
        return Robots(
            torch.where(blocked, state.x, x),
            torch.where(blocked, state.y, y),
            heading,
            *sincos_turns(heading * DEGREE),
            speed,
            turning,
            state.blocked + blocked,
        )

    def frame(self, state: Robots) -> torch.Tensor:  # type: ignore[override]
        import torch

        return torch.stack([state.x, state.y], dim=1)

    def outcome(self, state: Robots) -> Outcome:  # type: ignore[override]
        import torch

        objective = -torch.hypot(state.x - GOAL[0], state.y - GOAL[1])
        cost = {"steps": torch.full_like(objective, float(self.steps))}
        return Outcome(objective, self.frame(state), cost, columns={"reached": objective > -REACHED})


def _towards(now: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
    """A velocity after one step towards what the network's output asks for."""
    wanted = ((output + 0.5).clamp(0.0, 1.0) - 0.5) * (2.0 * TOP)
    return (now + (wanted - now).clamp(-GAIN, GAIN)).clamp(-TOP, TOP)
