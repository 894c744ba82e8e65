"""The image maze's numba kernel: whole episodes, pictures and convolutional network included.

The walls do not move, so that a step works out only what the robot's last four pictures change (``_conv_kernel``).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qd.policies._conv_kernel import background, different
from qd.problems._deceptive_maze_kernel import RADIUS, free, towards
from qd.problems._trig import sincos_turns

SIZE = 84  # pixels along a side of a picture
FINE = 2 * SIZE  # and of what is drawn and averaged
WORLD = 205.0  # px of the maze along a side of a picture
SCALE = FINE / WORLD
FRAMES = 4  # pictures that the network sees
WALL, ROBOT = 0.5, 1.0  # brightness; the floor is 0, and so is the mark on the robot
MARK_AHEAD, MARK_RADIUS = 4.5, 2.5  # where the mark is, and how large [px of the maze]
THICKNESS = 0.75  # half of a wall's, in fine pixels
REACH = 9  # a robot's picture fits in REACH x REACH pixels
PIXELS = REACH * REACH


@cache
def background_fine(walls: tuple[tuple[float, float, float, float], ...]) -> NDArray[np.float64]:
    """(FINE, FINE) the maze without a robot: what lies within a wall's thickness has its brightness."""
    centre = (np.arange(FINE) + 0.5) / SCALE
    x, y = centre[None, :], centre[:, None]
    drawn = np.zeros((FINE, FINE))
    for ax, ay, bx, by in walls:
        ex, ey = bx - ax, by - ay
        t = np.clip(((x - ax) * ex + (y - ay) * ey) / (ex * ex + ey * ey), 0.0, 1.0)
        drawn[np.hypot(x - ax - t * ex, y - ay - t * ey) < THICKNESS / SCALE] = WALL
    return drawn


def coarse(fine: NDArray[np.float64]) -> NDArray[np.float32]:
    """(SIZE, SIZE) the means of 2 x 2 fine pixels: eighths, exact in float32."""
    return fine.reshape(SIZE, 2, SIZE, 2).mean(axis=(1, 3)).astype(np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
def draw(x, y, sine, cosine, fine, rows, columns, differences):  # type: ignore[no-untyped-def]
    """What a robot changes in the picture.

    Args:
        x, y: its place [px].
        sine, cosine: of its heading.
        fine: of ``background_fine``.
        rows, columns, differences: (PIXELS,) out: pixels that differ from the background, and by how much.

    Returns:
        How many differ.
    """
    first_row = max(0, int(np.floor((y - RADIUS) * SCALE / 2.0)))
    first_column = max(0, int(np.floor((x - RADIUS) * SCALE / 2.0)))
    mark_x, mark_y = x + MARK_AHEAD * cosine, y + MARK_AHEAD * sine
    count = 0
    for i in range(first_row, min(SIZE, first_row + REACH)):
        for j in range(first_column, min(SIZE, first_column + REACH)):
            change = 0.0
            for k in range(4):
                row, column = 2 * i + k // 2, 2 * j + k % 2
                px, py = (column + 0.5) / SCALE, (row + 0.5) / SCALE
                if (px - x) * (px - x) + (py - y) * (py - y) < RADIUS * RADIUS:
                    inside = (px - mark_x) * (px - mark_x) + (py - mark_y) * (py - mark_y) < MARK_RADIUS * MARK_RADIUS
                    change += (0.0 if inside else ROBOT) - fine[row, column]
            if change != 0.0:
                rows[count], columns[count], differences[count] = i, j, np.float32(0.25 * change)
                count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def same(rows, columns, differences, counts, one, other):  # type: ignore[no-untyped-def]
    """Whether two pictures are equal; arguments as kept in ``episodes``."""
    if counts[one] != counts[other]:
        return False
    for k in range(counts[one]):
        if rows[one, k] != rows[other, k] or columns[one, k] != columns[other, k]:
            return False
        if differences[one, k] != differences[other, k]:
            return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def advance(pose, turn, drive, walls):  # type: ignore[no-untyped-def]
    """One step of the robot, as in the maze with sensors.

    Args:
        pose: (5,) x, y [px], heading [degrees], angular velocity [degrees / step], speed [px / step]; overwritten.
        turn, drive: the network's outputs.
        walls: (k, 4) as ``segments`` makes them.

    Returns:
        Whether a wall was in the way.
    """
    sine, cosine = sincos_turns(pose[2] / 360.0)
    pose[3], pose[4] = towards(pose[3], turn), towards(pose[4], drive)
    next_x, next_y = pose[0] + pose[4] * cosine, pose[1] + pose[4] * sine
    heading = pose[2] + pose[3]
    heading = heading - 360.0 if heading >= 360.0 else heading
    pose[2] = heading + 360.0 if heading < 0.0 else heading
    if not free(next_x, next_y, walls):
        return True
    pose[0], pose[1] = next_x, next_y
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def episodes(  # type: ignore[no-untyped-def]
    weights, convolutions, dense, reach, picture, fine, walls, start, steps, frames, before, after, units, total,
    slots, touched, scratch, final, trace,
):  # fmt: skip
    """Whole episodes, one after the other.

    Args:
        weights: (n, d) float32.
        convolutions, dense, reach, before ... scratch: of ``_conv_kernel.layout`` and ``memory``.
        picture: (SIZE * SIZE * FRAMES,) the background, once a frame, by place and frame.
        fine: of ``background_fine``.
        walls: (k, 4).
        start: (3,) x, y [px], heading [degrees].
        steps: of an episode.
        frames: (f,) rising step numbers after which the position is kept.
        final: (n, 4) out: x, y, heading, steps in which a wall was in the way.
        trace: (n, f, 2) out: x and y at the frames.
    """
    rows, columns = np.zeros((FRAMES, PIXELS), np.int64), np.zeros((FRAMES, PIXELS), np.int64)
    differences, counts = np.zeros((FRAMES, PIXELS), np.float32), np.zeros(FRAMES, np.int64)
    all_rows, all_columns = np.zeros(FRAMES * PIXELS, np.int64), np.zeros(FRAMES * PIXELS, np.int64)
    all_channels, all_differences = np.zeros(FRAMES * PIXELS, np.int64), np.zeros(FRAMES * PIXELS, np.float32)
    outputs, pose = np.zeros(2, np.float32), np.zeros(5)
    for row in range(len(weights)):
        background(weights[row], convolutions, dense, reach, picture, before, after, units, slots, touched)
        pose[:] = 0.0
        pose[:3] = start
        blocked, frame, still = 0, 0, 0
        for step in range(steps):
            sine, cosine = sincos_turns(pose[2] / 360.0)
            newest, last = step % FRAMES, (step - 1) % FRAMES
            counts[newest] = draw(pose[0], pose[1], sine, cosine, fine, rows[newest], columns[newest],
                                  differences[newest])  # fmt: skip
            still = still + 1 if step > 0 and same(rows, columns, differences, counts, newest, last) else 0
            if step == 0 or still < min(step, FRAMES):  # else the network sees what it saw the step before
                changed = 0
                for channel in range(FRAMES):  # the oldest is channel 0; before the start, the robot stood there
                    shown = max(step - FRAMES + 1 + channel, 0) % FRAMES
                    for k in range(counts[shown]):
                        all_rows[changed], all_columns[changed] = rows[shown, k], columns[shown, k]
                        all_channels[changed], all_differences[changed] = channel, differences[shown, k]
                        changed += 1
                different(weights[row], convolutions, dense, reach, all_rows, all_columns, all_channels,
                          all_differences, changed, before, after, units, total, slots, touched, scratch,
                          outputs)  # fmt: skip
            blocked += advance(pose, outputs[0], outputs[1], walls)
            while frame < len(frames) and frames[frame] == step:
                trace[row, frame, 0], trace[row, frame, 1] = pose[0], pose[1]
                frame += 1
        final[row, 0], final[row, 1], final[row, 2], final[row, 3] = pose[0], pose[1], pose[2], blocked
