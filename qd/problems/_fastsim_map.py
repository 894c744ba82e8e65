"""Maps of the two-wheeled robot as bitmaps, and the tables that its kernels look things up in.

Positions are in units, 600 a side, y down. A pixel is 3 units wide; position x lies in pixel
floor(x / 3 + 1/2), as the simulator rounds it. Arrays are indexed [y, x].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIDE = 200  # pixels
UNIT = 3.0  # units a pixel
WIDTH = SIDE * UNIT
ROBOT = 3  # robot radius [pixels]: round(10 / 3)
RANGE = 100.0  # laser range [units]


def pixel(position: NDArray[np.float64]) -> NDArray[np.int64]:
    """The pixel of each coordinate [units]."""
    return np.floor(position / UNIT + 0.5).astype(np.int64)


@dataclass(frozen=True)
class Tables:
    """What the kernel looks up.

    Attributes:
        clear: (200 * 200,) uint8, how many steps of a pixel, diagonal ones too, the nearest wall is away; 0 in a wall.
            A ray moves by one such step at a time, so it can skip as many.
        touching: (200 * 200,) uint16, bit k set where a robot in this pixel touches a wall pixel in direction
            ``bearings[k]``; 0 where it does not collide.
        bearings: (16,) the directions [rad] from a robot to the pixels of its disc, rising.
        right, left: (32,) uint16: the directions that the bumper sees; entry 2 i for a heading of exactly
            ``bearings[i]``, entry 2 i + 1 for one between ``bearings[i]`` and the next.
        ray: (71 * 71,) int16, the ray that ends at pixel offset (ox, oy), at (oy + 35) * 71 + ox + 35; or -1.
        touched: (rays, 36, 3) int32, the pixels (as offsets y * 200 + x) that a ray enters on step 1, 2, ...:
            the pixel on its main axis, and the one or two that it cuts on the way; repeated where there are
            fewer. Beyond the ray's end the last pixel is repeated.
        ends: (rays * 37 * 2,) int8, the offset (x, y) [pixels] of the pixel reported for a hit on that step;
            FAR for MISS.
        steps: (rays,) steps to the ray's end.
        memo: (200 * 200 * rays,) uint8, the step on which the ray from a pixel hits a wall: 0 not yet known,
            MISS none. The kernel fills it in; a byte is either 0 or right, so threads may share it.
    """

    clear: NDArray[np.uint8]
    touching: NDArray[np.uint16]
    bearings: NDArray[np.float64]
    right: NDArray[np.uint16]
    left: NDArray[np.uint16]
    ray: NDArray[np.int16]
    touched: NDArray[np.int32]
    ends: NDArray[np.int8]
    steps: NDArray[np.uint8]
    memo: NDArray[np.uint8]


REACH = 35  # no laser ends further than this from the robot's pixel, along either axis [pixels]
SPAN = 2 * REACH + 1
STEPS = REACH + 1
MISS = STEPS  # in the memo: the ray reaches its end
FAR = 127  # the offset that stands for no hit [pixels]


def build(walls: NDArray[np.bool_]) -> Tables:
    """The tables of a map (200, 200) whose frame is at least 3 pixels thick, in a few milliseconds."""
    touching, bearings, right, left = _bumpers(walls)
    offsets = _laser_ends()
    ray = np.full(SPAN * SPAN, -1, np.int16)
    touched = np.zeros((len(offsets), STEPS, 3), np.int32)
    ends = np.full((len(offsets), STEPS + 1, 2), FAR, np.int8)
    for index, (ox, oy) in enumerate(offsets):
        ray[(oy + REACH) * SPAN + ox + REACH] = index
        main, sides = supercover(int(ox), int(oy))
        for step in range(1, STEPS):
            at = min(step, len(main)) - 1
            cells = [main[at], *sides[at]]
            cells += [main[at]] * (3 - len(cells))
            touched[index, step] = [y * SIDE + x for x, y in cells]
            ends[index, step] = main[at]
    return Tables(
        _clearance(walls).ravel(), touching.ravel(), bearings, right, left, ray, touched, ends.ravel(),
        np.abs(offsets).max(axis=1).astype(np.uint8), np.zeros(SIDE * SIDE * len(offsets), np.uint8),
    )  # fmt: skip


def _clearance(walls: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(200, 200) the Chebyshev distance of each pixel from the nearest wall."""
    clear = np.zeros(walls.shape, np.uint8)
    near = walls
    while not near.all():
        clear[~near] += np.uint8(1)
        wide = near.copy()
        for axis in (0, 1):
            for shift in (1, -1):
                wide |= np.roll(wide if axis else near, shift, axis)
        near = wide
    return clear


def supercover(ox: int, oy: int) -> tuple[list[tuple[int, int]], list[list[tuple[int, int]]]]:
    """The pixels that the segment from pixel (0, 0) to pixel (ox, oy), centre to centre, passes through.

    E. Dedu's supercover variant of Bresenham's line (2001), in closed form: one step a pixel of the longer
    axis; on the shorter axis ties round towards the start.

    Returns:
        For each step the pixel on the main axis, and the further pixels cut on the way there: one if the
        segment crosses a pixel's edge, both neighbours if it crosses a corner.
    """
    long, short = (abs(ox), abs(oy)) if abs(ox) >= abs(oy) else (abs(oy), abs(ox))
    sx, sy = (1 if ox > 0 else -1), (1 if oy > 0 else -1)

    def place(u: int, v: int) -> tuple[int, int]:
        return (u * sx, v * sy) if abs(ox) >= abs(oy) else (v * sx, u * sy)

    main, sides, before = [], [], 0
    for u in range(1, long + 1):
        v = -((-(2 * short * u + long)) // (2 * long)) - 1  # short * u / long, rounded, half down
        cut = []
        if v != before:
            edge = (2 * before + 1) * long - (2 * u - 1) * short  # sign: crosses v's edge before or after u's
            if edge >= 0:
                cut.append(place(u, before))
            if edge <= 0:
                cut.append(place(u - 1, v))
        main.append(place(u, v))
        sides.append(cut)
        before = v
    return main, sides


def _laser_ends() -> NDArray[np.int64]:
    """(rays, 2) every pixel offset at which a laser can end: the range's circle, seen from any point of a pixel.

    By angle, so that a robot that turns finds its next rays beside the last ones in memory.
    """
    x, y = np.meshgrid(np.arange(-REACH, REACH + 1), np.arange(-REACH, REACH + 1))
    offsets = np.stack([x.ravel(), y.ravel()], axis=1)
    reach = RANGE / UNIT
    nearest = np.hypot(*np.maximum(np.abs(offsets) - 1.001, 0.0).T)  # the end and the robot may both be half a
    farthest = np.hypot(*(np.abs(offsets) + 1.001).T)  # pixel off their pixels' centres
    ends = offsets[(nearest <= reach) & (farthest >= reach)].astype(np.int64)
    return ends[np.argsort(np.arctan2(ends[:, 1], ends[:, 0]), kind="stable")]


def _bumpers(
    walls: NDArray[np.bool_],
) -> tuple[NDArray[np.uint16], NDArray[np.float64], NDArray[np.uint16], NDArray[np.uint16]]:
    """``touching``, ``bearings``, ``right`` and ``left`` of the tables."""
    side = np.arange(-ROBOT, ROBOT + 1)
    disc = [(int(dx), int(dy)) for dy in side for dx in side if dx * dx + dy * dy <= ROBOT * ROBOT]
    angle = {(dx, dy): float(np.arctan2(dy, dx)) for dx, dy in disc}
    bearings = np.array(sorted(set(angle.values())))  # (16,), in (-pi, pi]
    touching = np.zeros((SIDE, SIDE), np.uint16)
    inner = slice(ROBOT, SIDE - ROBOT)
    for (dx, dy), bearing in angle.items():
        bit = np.uint16(1 << int(np.searchsorted(bearings, bearing)))
        seen = walls[ROBOT + dy : SIDE - ROBOT + dy, ROBOT + dx : SIDE - ROBOT + dx]
        touching[inner, inner] |= np.where(seen, bit, np.uint16(0))
    for rim in (slice(0, ROBOT), slice(SIDE - ROBOT, SIDE)):  # inside the frame: never reached
        touching[rim] = touching[:, rim] = np.uint16(0xFFFF)
    count = len(bearings)
    right, left = np.zeros(2 * count, np.uint16), np.zeros(2 * count, np.uint16)
    for i in range(count):  # the directions are the same after a quarter turn, so a bumper sees 3 or 4 of 16
        for k in range(1, count // 4):
            right[2 * i] |= np.uint16(1 << (i + k) % count)
            left[2 * i] |= np.uint16(1 << (i - k) % count)
        right[2 * i + 1] = right[2 * i] | np.uint16(1 << (i + count // 4) % count)
        left[2 * i + 1] = left[2 * i] | np.uint16(1 << i)
    return touching, bearings, right, left
