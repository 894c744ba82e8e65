"""One emulator of the Atari 2600, with what a network sees of it: ale-py, preprocessed as in Such et al. 2017."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.problems._atari_kernel import GREY, SIDE, shrink, strange, taps

SKIP = 4  # frames a decision
NO_OPS = 30  # at most, at the start of an episode
SHOWN = 4  # screens that a network sees
TWO_PLAYERS = ("combat", "joust", "maze_craze", "warlords")  # the emulator ends the process on these
SETTLED = 1  # the emulator's own seed: all randomness is the number of no-ops


@cache
def emulator() -> Any:
    """The package ale_py. Raises QDError where it is missing."""
    try:
        import ale_py
    except ImportError as error:
        raise QDError(f"Atari.game: emulation needs ale-py ({error}): pip install 'qd-evolution[atari]'") from error
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    return ale_py


def rom(game: str) -> Any:
    """Where a game's program lies. Raises QDError for a game that is not in the wheel."""
    known = emulator().roms.get_all_rom_ids()
    if game in TWO_PLAYERS:
        raise QDError(f"Atari.game: {game!r} needs two players, which the emulator does not have; choose another")
    if game not in known:
        raise QDError(f"Atari.game: got {game!r}, {nearest(game, known)}")
    return emulator().roms.get_rom_path(game)


class Game:
    """An emulator that plays one episode after the other; each starts from the same state of the machine.

    Attributes:
        actions: the game's minimal set of actions.
        decisions: of the episode so far.
        seen: (SHOWN, 84, 84) float32 what a network sees, the newest screen last.
        over: whether the episode has ended.
    """

    def __init__(self, game: str, repeat_first: bool) -> None:
        path = rom(game)
        self.ale = emulator().ALEInterface()
        self.ale.setInt("random_seed", SETTLED)
        self.ale.setFloat("repeat_action_probability", 0.0)
        self.ale.setBool("sound", False)
        self.ale.loadROM(path)
        self.actions = list(self.ale.getMinimalActionSet())
        self.fire = len(self.actions) > 2 and self.actions[1] == emulator().Action.FIRE
        self.repeat_first = repeat_first
        self.settled = self.ale.cloneState(include_rng=True)
        self.seen = np.zeros((SHOWN, SIDE, SIDE), np.float32)
        self.over, self.decisions = False, 0
        rows, columns = self.ale.getScreenDims()
        self._screens = np.zeros((2, rows, columns), np.uint8)
        self._colours, self._greys = np.zeros((256, 3), np.float32), np.zeros(256, np.float32)
        self._known = np.zeros(256, np.bool_)
        self._taps = (*taps(rows, SIDE), *taps(columns, SIDE))
        self._wide = np.zeros(columns, np.float32)

    def reset(self, random: np.random.Generator) -> None:
        """Start an episode: 1 to 30 no-ops, then FIRE and the action after it where the game waits for that."""
        self.ale.restoreState(self.settled)
        self.ale.reset_game()
        self.over, self.decisions = False, 0
        for _ in range(int(random.integers(1, NO_OPS + 1))):
            self.ale.act(emulator().Action.NOOP)
            if self.ale.game_over():
                self.ale.reset_game()
        if self.fire:
            for action in (1, 2):
                for _ in range(SKIP):
                    self.ale.act(self.actions[action])
                if self.ale.game_over():
                    self.ale.reset_game()
        self.seen[:] = 0.0
        self._look(1)
        self._screens[0] = self._screens[1]
        self._show()
        if self.repeat_first:
            self.seen[:-1] = self.seen[-1]

    def decide(self, action: int) -> float:
        """Hold an action for four frames: what they paid. The network sees the larger of the last two."""
        paid, chosen = 0.0, self.actions[action]
        self.decisions += 1
        for frame in range(SKIP):
            paid += self.ale.act(chosen)
            if self.ale.game_over():
                self.over = True
                break
            if frame >= SKIP - 2:
                self._look(frame - SKIP + 2)
        if not self.over:
            self.seen[:-1] = self.seen[1:]
            self._show()
        return paid

    def ram(self) -> NDArray[np.uint8]:
        """(128,) the machine's memory."""
        return np.array(self.ale.getRAM(), np.uint8)

    def picture(self) -> NDArray[np.uint8]:
        """(rows, columns, 3) the screen in colour, 210 x 160 in most games."""
        return np.asarray(self.ale.getScreenRGB())

    def _look(self, which: int) -> None:
        """Keep the screen, and learn the colours that were not met before: emulators tell numbers far sooner."""
        screen = self._screens[which]
        self.ale.getScreen(screen)
        if strange(screen, self._known):
            picture = self.picture()
            numbers, places = np.unique(screen, return_index=True)
            self._colours[numbers] = picture.reshape(-1, 3)[places]
            self._greys[numbers] = self._colours[numbers] @ np.array(GREY) / 255.0
            self._known[numbers] = True

    def _show(self) -> None:
        shrink(self._screens[0], self._screens[1], self._colours, self._greys, *self._taps, self._wide, self.seen[-1])
