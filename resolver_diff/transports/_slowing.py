"""How each address takes being asked: when it is slowed down, when it is let alone, and how it comes back.

Judged are the first times that queries were asked, in handfuls. Where nearly all of a handful got silence or an
error, the pace is halved, and again, down to a floor; every good reply then raises it by a tenth. Where a
quarter did, half the pace is tried: if less is lost, the address limits its rate and the pace stays near what it
bears; if not, the names are at fault (a filter, a lossy path) and the full pace is restored. Control questions
decide between the two where everything is lost: a resolver that answers them and nothing else refuses names, not us.

Replies come at once and silence takes a timeout, so that a handful of what just ended says anything. At the full
pace errors are counted among replies, and silences among all that left before a certain time; at any other,
the first queries of that pace are the handful.

Plain arrays by address; only addresses in trouble are looked at one by one. No clock: times in ns are given.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

HANDFUL = 32  # queries that are judged together
HANDFUL_OF_MUTE = 8
UNHEARD = 64  # silent ones before an address that never answered is slowed: nobody may be there to suffer
NEARLY_ALL = 0.9
MORE = 0.25  # lost beyond what is usual: the pace may be the reason
BEARABLE = 0.05  # lost where the rate is limited
STEP_DOWN, STEP_UP = 0.5, 1.03  # at most, where the rate is limited, from handful to handful
HOPES = 4  # steps down without less being lost before it is held that the rate is not limited
RETURN = 1.1  # for every good reply
FLOOR, FLOOR_UNHEARD = 1 / 16, 1 / 4  # of the pace
LEAST_QPS = 1.0
SILENT_IN_A_ROW = 16  # over two timeouts: dead
LONGEST_PAUSE = 30_000_000_000  # ns between two questions to an address that was let alone
UNHEARD_OF = np.iinfo(np.int64).min // 2  # ns
UNCOUNTED = np.iinfo(np.uint16).max

Keys = NDArray[np.int64]


class Ending(IntEnum):
    """How a query ended, as far as kindness is concerned."""

    GOOD = 0
    SILENT = 1
    REFUSED = 2
    SERVFAIL = 3
    UNREACHABLE = 4  # or any other trouble instead of a message


class Mode(IntEnum):
    """What is done about an address."""

    FULL = 0  # its whole pace
    TRIAL = 1  # half of it, to see whether less is lost
    LIMITED = 2  # less was lost: near what it bears
    MUTE = 3  # everything was lost: less and less, until something good comes


class Loss(IntEnum):
    """What is counted at the full pace."""

    ERROR = 0  # among replies; at any other pace, everything that is lost
    SILENCE = 1  # among all


class Slowing:
    """The state of all addresses; *factor* is the part of its pace at which each is asked."""

    def __init__(self, qps: NDArray[np.float64], timeout: int) -> None:
        count = len(qps)
        self.mode = np.zeros(count, np.uint8)
        self.factor = np.ones(count)
        self.pause = np.zeros(count, np.int64)  # ns between two questions, where it is let alone; else 0
        self.streak = np.zeros(count, np.int64)  # how many got no reply since the last reply
        self.since = np.zeros(count, np.int64)  # when the first of these was given up
        self.cuts = np.zeros(count, np.int64)
        self.slowest = np.ones(count)
        self.limits = np.zeros(count, np.bool_)  # found to answer so many queries in a second, and no more
        self.disturbed = False  # whether any address was ever slowed
        self.changed: set[int] = set()  # addresses whose pace is to be set anew
        self.cut: set[int] = set()  # of these, the ones of which nothing good was heard
        self._least = np.minimum(1.0, LEAST_QPS / qps)
        self._timeout = timeout
        self._doubted = False  # whether the handfuls that are being filled have anything bad in them
        self._word = np.full(count, UNHEARD_OF)  # when the last message came
        self._settled, self._bad = np.zeros((2, 2, count), np.int64)  # of the handful, for either Loss
        self._endings = np.zeros((len(Ending), count), np.int64)  # of the bad ones
        self._need = np.full(count, HANDFUL)
        self._epoch = np.zeros(count, np.uint16)  # which handful
        self._quota = np.full(count, np.iinfo(np.int64).max)  # how many more queries belong to it
        self._usual = np.zeros((2, count))  # part that is lost at whatever pace, for either Loss
        self._cause = np.zeros(count, np.int64)  # the Loss for which the pace was changed
        self._lost = np.zeros(count)  # part that was lost before the last change of pace
        self._hopes = np.zeros(count, np.int64)
        self._controls = np.zeros((2, count), np.int64)  # control questions since the last cut: answered, not answered
        self._cut_at = np.full(count, UNHEARD_OF)
        self.reasons = np.zeros((len(Ending), count), np.bool_)  # why it was ever slowed

    def enlist(self, keys: Keys, counts: Keys, rank: Keys) -> NDArray[np.uint16]:
        """Return which handful each query that leaves now belongs to.

        *counts* queries to each of *keys*; *rank* says which query to its key each one is, key after key.
        """
        members = np.repeat(keys, counts)
        epoch = np.where(rank < self._quota[members], self._epoch[members], UNCOUNTED).astype(np.uint16)
        self._quota[keys] -= counts
        return epoch

    @property
    def doubting(self) -> bool:
        """Whether anything was lost that makes every ending count."""
        return self.disturbed or self._doubted

    def hear_well(self, keys: Keys, now: int) -> None:
        """Take note of good replies to first askings while nothing is in doubt."""
        self._word[keys] = now

    def hear(self, keys: Keys, ending: NDArray[np.uint8], epoch: NDArray[np.uint16] | None, now: int) -> None:
        """Take note of how first askings ended; *epoch* is what ``enlist`` returned, None when nothing was slowed."""
        lost = ending != Ending.GOOD
        if not (self.doubting or lost.any()):  # as good as always, and at any speed
            self.hear_well(keys, now)
            return
        self._doubt()
        self.speak(keys[(ending != Ending.SILENT) & (ending != Ending.UNREACHABLE)], now)
        self.answer(keys[~lost])
        counted = (ending != Ending.SILENT) | self.slowed(keys)
        if epoch is not None:
            counted &= epoch == self._epoch[keys]
        keys, ending, lost = keys[counted], ending[counted], lost[counted]
        np.add.at(self._endings, (ending[lost], keys[lost]), 1)
        self._count(Loss.ERROR, keys, lost, now)

    def age(self, keys: Keys, silent: NDArray[np.bool_], epoch: NDArray[np.uint16] | None, now: int) -> None:
        """Take note which of all first askings that left before a certain time are *silent* to this day."""
        if not (self._doubted or silent.any()):
            return
        self._doubt()
        counted = ~self.slowed(keys)
        if epoch is not None:
            counted &= epoch == self._epoch[keys]
        keys, silent = keys[counted], silent[counted]
        np.add.at(self._endings[Ending.SILENT], keys[silent], 1)
        self._count(Loss.SILENCE, keys, silent, now)

    def _doubt(self) -> None:
        """Begin to count: something was lost."""
        if not self._doubted:
            self._doubted = True
            self._settled[:, self.mode == Mode.FULL] = 0

    def _count(self, loss: int, keys: Keys, lost: NDArray[np.bool_], now: int) -> None:
        """Count queries into their handfuls, and judge every handful that is full."""
        settled, bad = self._settled[loss], self._bad[loss]
        settled += np.bincount(keys, minlength=len(settled))
        bad += np.bincount(keys[lost], minlength=len(bad))
        full = np.flatnonzero(settled >= self._need)
        if not len(full):
            return
        part = bad[full] / settled[full]
        at_full_pace = self.mode[full] == Mode.FULL
        calm = at_full_pace & (part < self._usual[loss, full] + MORE)
        unheard = at_full_pace & (self._word[full] == UNHEARD_OF) & (settled[full] < UNHEARD)
        for key, lost_part in zip(full[~calm & ~unheard].tolist(), part[~calm & ~unheard].tolist(), strict=True):
            self._judge(key, loss, lost_part, now)
        done = full[~unheard]
        settled[done] = bad[done] = 0
        self._endings[:, done] = 0
        self._doubted = bool(self._bad.any() or self.streak.any())

    def speak(self, keys: Keys, now: int) -> None:
        """Note that messages came from *keys*, be they late or errors."""
        self.streak[keys] = 0
        self._word[keys] = now

    def answer(self, keys: Keys) -> None:
        """Note good replies from *keys*: they bring an address back that was slowed for saying nothing good."""
        if self.disturbed:
            back, counts = np.unique(keys[self.mode[keys] == Mode.MUTE], return_counts=True)
            self.pause[back] = 0
            self.factor[back] = np.minimum(1.0, self.factor[back] * RETURN**counts)
            self.changed.update(back.tolist())
            for key in back[self.factor[back] >= 1].tolist():
                self._enter(key, Mode.FULL)

    def silence(self, keys: Keys, left: int, now: int) -> None:
        """Note that first askings of *keys* got nothing within their time, which left not before *left*.

        Those that left before the last message came belong to no row of silences: the address answered after them.
        """
        keys = keys[self._word[keys] <= left]
        fresh = keys[self.streak[keys] == 0]
        self.since[fresh] = now
        np.add.at(self.streak, keys, 1)

    def control(self, keys: Keys, *, answered: bool) -> None:
        """Note how control questions ended."""
        np.add.at(self._controls[0 if answered else 1], keys, 1)
        if not answered:
            self._usual[:, keys] = 0.0  # what was usual is so no longer

    def dead(self, now: int) -> NDArray[np.bool_]:
        """Tell which addresses said nothing to many queries in a row, over two timeouts."""
        silent = (self.streak >= SILENT_IN_A_ROW) & (now - self.since >= self._timeout)
        found: NDArray[np.bool_] = silent & (
            self._usual[Loss.SILENCE] < NEARLY_ALL
        )  # else only control questions can tell
        return found

    def hopeless(self, now: int) -> NDArray[np.bool_]:
        """Tell which addresses nothing good is expected from any more, for now."""
        mute = (self.mode == Mode.MUTE) & (self.factor <= 1 / 4) & (self._bad == self._settled).all(axis=0)
        found: NDArray[np.bool_] = self.dead(now) | (self.pause > 0) | mute
        return found

    def slowed(self, keys: Keys) -> NDArray[np.bool_]:
        """Tell which of *keys* are asked less than their pace allows."""
        found: NDArray[np.bool_] = self.mode[keys] != Mode.FULL
        return found

    def held(self, now: int) -> NDArray[np.bool_]:
        """Tell which addresses are asked less than their pace allows, or as good as dead."""
        found: NDArray[np.bool_] = (self.mode != Mode.FULL) | self.dead(now)
        return found

    def try_again(self, keys: Keys) -> Keys:
        """Return those of *keys* that were let alone and are asked now: they have a longer pause before them."""
        alone = keys[self.pause[keys] > 0]
        self.pause[alone] = np.minimum(2 * self.pause[alone], max(LONGEST_PAUSE, self._first_pause))
        return alone

    def let_alone(self, key: int) -> None:
        """Ask *key* a question now and then only, until it says something good."""
        if not self.pause[key]:
            self.pause[key] = self._first_pause
            if self.mode[key] == Mode.FULL:
                self._cut(key, Mode.MUTE, 1 / 2)
            self.changed.add(key)

    def why(self, key: int) -> Ending:
        """Return what was mainly wrong when *key* was last slowed."""
        if self.streak[key] >= SILENT_IN_A_ROW and not self.reasons[Ending.UNREACHABLE, key]:
            return Ending.SILENT
        return next((ending for ending in reversed(Ending) if self.reasons[ending, key]), Ending.SILENT)

    @property
    def mute(self) -> NDArray[np.bool_]:
        """Tell which addresses say nothing good."""
        found: NDArray[np.bool_] = self.mode == Mode.MUTE
        return found

    @property
    def _first_pause(self) -> int:
        return 2 * self._timeout

    def _judge(self, key: int, loss: int, lost: float, now: int) -> None:
        """Decide what one handful of an address in trouble means."""
        mode = self.mode[key]
        answered, unanswered = self._controls[:, key].tolist()
        if mode == Mode.FULL:
            self._cause[key] = loss
        if mode == Mode.MUTE:
            if answered and not unanswered:  # it answers, just not these names
                self._restore(key, self._lost[key])
            elif lost >= NEARLY_ALL and self._may_cut(key, now):
                self._cut(key, Mode.MUTE, self.factor[key] / 2, lost, now)
            else:
                self._enter(key, Mode.MUTE)
        elif lost >= NEARLY_ALL:
            self._cut(key, Mode.MUTE, self.factor[key] / 2, lost, now)
        elif mode == Mode.FULL:
            self._cut(key, Mode.TRIAL, 1 / 2, lost, now)
        elif mode == Mode.TRIAL and not self._better(key, lost):
            self._restore(key, lost)
        else:
            self._adjust(key, lost)

    def _better(self, key: int, lost: float) -> bool:
        """Tell whether the slower pace is why less is lost.

        Who limits the rate answers as many as before, so a larger part; who refuses names, the same part.
        """
        passed = 1 - self._lost[key]
        of_limiter = min(1.0, passed / self.factor[key])
        return bool(1 - lost >= (passed + of_limiter) / 2)

    def _adjust(self, key: int, lost: float) -> None:
        """Bring the pace of an address that limits its rate nearer to what it bears."""
        if self._better(key, lost):
            self._hopes[key] = 0
            self.limits[key] = True
        elif self._hopes[key] == HOPES:
            self._restore(key, lost)
            return
        else:
            self._hopes[key] += 1
        step = max(STEP_DOWN, 1 - lost) if lost > BEARABLE else STEP_UP if not lost else 1.0
        self.factor[key] = min(1.0, max(self._floor(key), self.factor[key] * step))
        self.slowest[key] = min(self.slowest[key], self.factor[key])
        self._enter(key, Mode.LIMITED if self.factor[key] < 1 else Mode.FULL)

    def _cut(self, key: int, mode: Mode, factor: float, lost: float = 1.0, now: int | None = None) -> None:
        self.disturbed = True
        if mode != self.mode[key]:
            self._lost[key] = lost
            self._hopes[key] = 0
        if self._endings[:, key].any() or not self.reasons[:, key].any():
            self.reasons[self._endings[1:, key].argmax() + 1, key] = True
        self.factor[key] = max(self._floor(key), factor)
        self.slowest[key] = min(self.slowest[key], self.factor[key])
        self.cuts[key] += 1
        self._controls[:, key] = 0
        if now is not None:
            self._cut_at[key] = now
        if mode == Mode.MUTE:
            self.cut.add(key)
        self._enter(key, mode)

    def _restore(self, key: int, lost: float) -> None:
        """Give an address its whole pace back: what it loses, it loses at any pace."""
        self._usual[self._cause[key], key] = lost
        self.factor[key] = 1.0
        self.pause[key] = 0
        self._enter(key, Mode.FULL)

    def _enter(self, key: int, mode: Mode) -> None:
        """Begin a new handful in *mode*."""
        self.mode[key] = mode
        self._epoch[key] = (self._epoch[key] + 1) % UNCOUNTED
        self._need[key] = HANDFUL_OF_MUTE if mode == Mode.MUTE else HANDFUL
        self._quota[key] = np.iinfo(np.int64).max if mode == Mode.FULL else self._need[key]
        self._settled[:, key] = self._bad[:, key] = 0
        self._endings[:, key] = 0
        self.changed.add(key)

    def _floor(self, key: int) -> float:
        return float(max(self._least[key], FLOOR if self._word[key] > UNHEARD_OF else FLOOR_UNHEARD))

    def _may_cut(self, key: int, now: int) -> bool:
        """Tell whether there is anything left to cut, and what the cut before has changed had time to show."""
        gap = self._timeout if self._word[key] > UNHEARD_OF else 2 * self._timeout
        return bool(self.factor[key] > self._floor(key) and now - self._cut_at[key] >= gap)
