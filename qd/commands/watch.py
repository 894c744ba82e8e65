"""``qd watch``: a run in the terminal while another process makes it. Nothing of it is executed."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from qd.errors import QDError
from qd.store.files import RunFolder

_ENDED = ("finished", "stopped")


def watch(args: argparse.Namespace, rest: list[str]) -> int:
    """``qd watch RUN``."""
    from rich.console import Console

    from qd.view.watch.reading import Watched

    if args.interval <= 0:
        raise QDError(f"--interval {args.interval}: wanted a number of seconds above 0")
    axes = _axes(args.axes)
    folder = RunFolder(args.run)
    console = Console()
    if args.wait:
        while not folder.config.is_file():
            time.sleep(min(args.interval, 1.0))
    elif not folder.config.is_file():
        raise QDError(f"{folder.path}: not the folder of a run (no config.json); --wait waits for one to begin")
    run = Watched(folder)
    if args.once or not console.is_terminal or console.is_dumb_terminal:
        run.look()
        console.print(_drawn(run, console, axes))
        return 0
    return _live(run, console, axes, args.interval)


def _live(run: Any, console: Any, axes: tuple[int, int], interval: float) -> int:
    from rich.live import Live

    keys = _Keys()
    with keys, Live(console=console, screen=True, auto_refresh=False) as live:
        try:
            while True:
                run.look()
                live.update(_drawn(run, console, axes), refresh=True)
                if run.state in _ENDED or keys.quit_within(interval):
                    break
        except KeyboardInterrupt:
            pass
    console.print(_drawn(run, console, axes))
    return 0


def _drawn(run: Any, console: Any, axes: tuple[int, int]) -> Any:
    from qd.view.watch.screen import screen

    tall = console.height if console.is_terminal else 30
    return screen(run, console.width, tall, axes, colours=bool(console.color_system))


def _axes(text: str) -> tuple[int, int]:
    try:
        across, up = (int(part) for part in text.split(","))
    except ValueError as error:
        raise QDError(f"--axes {text}: wanted two numbers of measures from 0, such as 0,1") from error
    if across < 0 or up < 0:
        raise QDError(f"--axes {text}: measures are counted from 0")
    return across, up


class _Keys:
    """Hears a q on the keyboard, where there is one; the terminal is as it was afterwards."""

    def __enter__(self) -> _Keys:
        self._before: Any = None
        if sys.stdin.isatty():
            try:
                import termios
                import tty

                self._before = termios.tcgetattr(sys.stdin)
                tty.setcbreak(sys.stdin)
            except ImportError:  # not on this system
                pass
        return self

    def __exit__(self, *rest: object) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    def quit_within(self, seconds: float) -> bool:
        """Wait; whether q was pressed."""
        if self._before is None:
            time.sleep(seconds)
            return False
        import select

        ready, _, _ = select.select([sys.stdin], [], [], seconds)
        return bool(ready) and sys.stdin.read(1).lower() == "q"
