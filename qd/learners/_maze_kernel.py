"""What happens along ways through a maze, in numba; a mass pushed through one; and how far the goal is on foot."""

from __future__ import annotations

import numpy as np
from numba import njit

from qd.policies._mlp_kernel import forward_row
from qd.problems._deceptive_maze_kernel import free, room

DIAGONAL = float(np.sqrt(2.0))


@njit(cache=True, nogil=True, error_model="numpy")
def cell_of(x, y, corner, width, columns, rows):  # type: ignore[no-untyped-def]
    """The number of the square cell that (x, y) lies in; what lies outside belongs to the outermost."""
    column = min(max(int(np.floor((x - corner[0]) / width)), 0), columns - 1)
    row = min(max(int(np.floor((y - corner[1]) / width)), 0), rows - 1)
    return row * columns + column


@njit(cache=True, nogil=True, error_model="numpy")
def _states(x, y, start, goal, walls, on_foot, most, corner, foot, out):  # type: ignore[no-untyped-def]
    """The six variables of a state."""
    out[0], out[1] = x, y
    out[2] = np.sqrt((x - goal[0]) ** 2 + (y - goal[1]) ** 2)
    out[3] = np.sqrt((x - start[0]) ** 2 + (y - start[1]) ** 2)
    least = np.inf
    for k in range(len(walls)):
        least = min(least, room(x, y, walls[k, 0], walls[k, 1], walls[k, 2], walls[k, 3]))
    out[4] = np.sqrt(least)
    rows, columns = on_foot.shape
    number = cell_of(x, y, corner, foot, columns, rows)
    out[5] = min(on_foot[number // columns, number % columns], most)


@njit(cache=True, nogil=True, error_model="numpy")
def follow(  # type: ignore[no-untyped-def]
    trace,  # (n, T, 2) x and y after each step
    start,  # x, y
    goal,
    reached,  # nearer than this ends the episode
    walls,  # (k, 4)
    on_foot,  # (rows, columns) of cells
    most,  # what counts as on foot where the cell has no way
    corner,  # (2,) of both grids
    foot,  # width of a cell
    width,  # of a place
    side,  # places along a side
    top,  # speed
    close,  # what is near a wall
    earlier,  # (6, n T) out: the variables of states before each step, episode after episode
    later,  # (14, n T) out: the same after it, then those of steps
    places,  # (n T,) int64 out
    length,  # (n,) out: steps until the goal, all where it is not reached
    success,  # (n,) out
):
    """Cut episodes where they reach the goal, and say what lies along them."""
    seen = np.zeros(side * side, np.int64)
    before, after = np.empty(6), np.empty(6)
    at = 0
    for n in range(len(trace)):
        length[n], success[n] = trace.shape[1], False
        _states(start[0], start[1], start, goal, walls, on_foot, most, corner, foot, before)
        for t in range(trace.shape[1]):
            _states(trace[n, t, 0], trace[n, t, 1], start, goal, walls, on_foot, most, corner, foot, after)
            moved = np.sqrt((after[0] - before[0]) ** 2 + (after[1] - before[1]) ** 2)
            place = cell_of(after[0], after[1], corner, width, side, side)
            earlier[:, at], later[:6, at] = before, after
            later[6, at] = (before[2] - after[2]) / top
            later[7, at] = (after[3] - before[3]) / top
            later[8, at] = (before[5] - after[5]) / top
            later[9, at] = moved / top
            later[10, at] = 1.0 if moved == 0.0 else 0.0
            later[11, at] = 1.0 if after[4] < close else 0.0
            later[12, at] = 0.0 if seen[place] == n + 1 else 1.0
            later[13, at] = 1.0
            seen[place] = n + 1
            places[at] = place
            at += 1
            before[:] = after
            if after[2] < reached:
                length[n], success[n] = t + 1, True
                break


@njit(cache=True, nogil=True, error_model="numpy")
def way_lengths(walls, goal, corner, width, columns, rows):  # type: ignore[no-untyped-def]
    """(rows, columns) how far the goal is on foot from the middle of each cell, over cells a body can stand in.

    Infinite where there is no way. A flood from the goal: a cell's neighbours are the eight around it.
    """
    standing = np.empty((rows, columns), np.bool_)
    for row in range(rows):
        for column in range(columns):
            standing[row, column] = free(corner[0] + (column + 0.5) * width, corner[1] + (row + 0.5) * width, walls)
    far = np.full((rows, columns), np.inf)
    first = cell_of(goal[0], goal[1], corner, width, columns, rows)
    far[first // columns, first % columns] = 0.0
    changed = True
    while changed:  # sweeps up and down, until no way gets shorter
        changed = False
        for sweep in range(2):
            for at in range(rows * columns):
                number = at if sweep == 0 else rows * columns - 1 - at
                row, column = number // columns, number % columns
                if not standing[row, column] and number != first:
                    continue
                for down in range(-1, 2):
                    for right in range(-1, 2):
                        r, c = row + down, column + right
                        if 0 <= r < rows and 0 <= c < columns and (standing[r, c] or r * columns + c == first):
                            way = far[r, c] + width * (DIAGONAL if down != 0 and right != 0 else 1.0)
                            if way < far[row, column] - 1e-9:
                                far[row, column] = way
                                changed = True
    return far


@njit(cache=True, nogil=True, error_model="numpy")
def pushed(  # type: ignore[no-untyped-def]
    weights,  # (n, d)
    sizes,  # as forward_row has them
    activations,
    bias,
    walls,
    start,  # (2,)
    goal,  # (2,)
    middle,  # (2,) of the maze
    half,  # half its side
    force,  # change of velocity by a full push [px / step]
    drag,  # share of the velocity that is lost in a step
    top,  # speed along either axis [px / step]
    trace,  # (n, T, 2) out
):
    """Episodes of a mass that a network pushes: it sees where it is, how fast it goes, and where the goal is."""
    seen, scratch, push = np.empty(sizes[0]), np.empty((2, sizes.max())), np.empty(sizes[-1])
    for n in range(len(weights)):
        x, y, vx, vy = start[0], start[1], 0.0, 0.0
        for t in range(trace.shape[1]):
            seen[0], seen[1] = (x - middle[0]) / half, (y - middle[1]) / half
            seen[2], seen[3] = vx / top, vy / top
            seen[4], seen[5] = (goal[0] - middle[0]) / half, (goal[1] - middle[1]) / half
            forward_row(weights[n], sizes, activations, bias, seen, scratch, push)
            vx = min(max((1.0 - drag) * vx + force * push[0], -top), top)
            vy = min(max((1.0 - drag) * vy + force * push[1], -top), top)
            if free(x + vx, y, walls):  # it slides along what it hits
                x += vx
            else:
                vx = 0.0
            if free(x, y + vy, walls):
                y += vy
            else:
                vy = 0.0
            trace[n, t, 0], trace[n, t, 1] = x, y
