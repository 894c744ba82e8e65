"""Draws one episode: frames of the environment where it can make them, else the course of its numbers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FRAMES = 8


def has_screen() -> bool:
    """Whether windows can be opened here."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def filmed(
    make: Callable[..., Any], seed: int, actions: list[Any], most: int = _FRAMES
) -> tuple[list[NDArray[Any]], NDArray[np.int64], str]:
    """Frames of an episode played again: the frames, the steps they were taken after, and why there are none.

    Args:
        make: an environment, of keyword arguments.
        seed: what it is reset with.
        actions: what was done.
        most: frames.
    """
    if not has_screen():
        os.environ.setdefault("MUJOCO_GL", "egl")  # MuJoCo's way to draw without a screen
    at = np.unique(np.linspace(0, len(actions), most).round().astype(np.int64))
    env = None
    try:
        env = make(render_mode="rgb_array")
        env.reset(seed=seed)
        frames = [np.asarray(env.render())] if at[0] == 0 else []
        for step, action in enumerate(actions, start=1):
            env.step(action)
            if step in at:
                frames.append(np.asarray(env.render()))
        if any(frame.ndim != 3 for frame in frames):
            return [], at, "its frames are not images"
        return frames, at, ""
    except Exception as error:  # no OpenGL, no such mode: every environment has its own way to refuse
        return [], at, (str(error).strip() or type(error).__name__).splitlines()[0][:120]
    finally:
        if env is not None:
            env.close()


def figure(
    frames: list[NDArray[Any]], at: NDArray[np.int64], why: str, observations: NDArray[np.float64], title: str
) -> Any:
    """A matplotlib figure: a strip of frames, or the observations (steps, o) over time where there are none."""
    from matplotlib.figure import Figure

    if frames:
        height = 1.75 * frames[0].shape[0] / frames[0].shape[1]
        fig = Figure(figsize=(1.75 * len(frames), height + 0.75), layout="constrained")
        for place, (frame, step) in enumerate(zip(frames, at, strict=True), start=1):
            axes = fig.add_subplot(1, len(frames), place)
            axes.imshow(frame)
            axes.set(xticks=[], yticks=[])
            axes.set_xlabel(f"step {step}", fontsize=8)
        fig.suptitle(title, fontsize=10)
        return fig
    fig = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = fig.add_subplot()
    width = observations.shape[1]
    shown = np.argsort(-observations.std(axis=0), kind="stable")[:8]
    for number in np.sort(shown):
        axes.plot(np.arange(len(observations)), observations[:, number], linewidth=1.2, label=f"observation {number}")
    axes.set(xlabel="time [steps]", ylabel=f"{len(shown)} of {width} numbers of the observation, those that vary most")
    axes.set_title(f"{title}\nno frames: {why}", fontsize=9)
    axes.legend(fontsize=7, ncols=2, framealpha=0.9)
    return fig
