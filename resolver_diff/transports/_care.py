"""How hard each address may be asked, by all exchanges of a run together: its pace, its window, and the total.

An *address* is what is spared: one machine, however many entries, ports and transports it is asked at. Its
queries keep a distance of 1/qps, but for the 20 ms that a busy process may catch up; no more than its window are
unanswered; and all addresses together keep to the total. Which of them are slowed down, ``_slowing`` decides.

Plain arrays by address, because a run has thousands of addresses and hundreds of thousands of queries a second.
Nothing here waits; times are ns of the one clock that all exchanges share.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from resolver_diff.transports._slowing import SILENT_IN_A_ROW, Ending, Keys, Mode, Slowing

SECOND = 1_000_000_000
SLACK = 20_000_000  # ns that a query may be early by the pace: the loop that sends is that late at times
WHY = {
    Ending.GOOD: "",
    Ending.SILENT: "silent to {} queries in a row",
    Ending.UNREACHABLE: "unreachable {} times in a row",
    Ending.REFUSED: "it refused nearly everything",
    Ending.SERVFAIL: "it failed nearly everything",
}
MOMENT = 2_000_000  # ns; what one of our turns takes: so long an address may be busy with us alone
MOST_IN_A_ROW = 16  # what goes to one address in one go costs the kernel a fraction, and little less beyond
LOOK = 20_000_000  # ns between two looks at who holds up the others
GRACE = 30 * SECOND  # that a slowed address may take longer than the others, at least; else as long as they took
NEVER = 1 << 62  # ns
UNLIMITED = 1 << 40


class Waiting(Protocol):
    """An exchange with queries whose turn has not come."""

    def withhold(self, key: int, words: str) -> int:
        """Give up all queries to *key* that have not left; return how many."""

    def renew(self, key: int, *, control: bool) -> None:
        """Look again whose turn it is at *key*, whose pace has changed; with *control*, its control questions'."""


@dataclass(slots=True)
class HeldBack:
    """What was held back at one address, and why; times in s since 1970."""

    address: int
    why: tuple[str, ...]
    slowed: int  # times that its pace was cut
    slowest: float  # qps
    first: float
    last: float


class Care:
    """The pace of every address; shared by all exchanges of a run."""

    def __init__(
        self,
        address: Sequence[int] | NDArray[np.int64],
        qps: Sequence[float] | NDArray[np.float64],
        window: Sequence[int] | NDArray[np.int64] | None = None,
        *,
        total: float | None = None,
        timeout: float = 4.0,
    ) -> None:
        self.address = np.asarray(address, np.int64)  # of each endpoint
        self.qps = np.asarray(qps, np.float64)  # of each address
        count = len(self.qps)
        self._timeout = int(timeout * SECOND)
        self.slowing = Slowing(self.qps, self._timeout)
        self.in_flight = np.zeros(count, np.int64)
        self.unsent = np.zeros(count, np.int64)
        self.more = False  # whether other questions could be asked while some address is slow
        self._whole = np.full(count, UNLIMITED) if window is None else np.asarray(window, np.int64)
        self.window = self._whole.copy()
        self._interval = np.maximum(1, np.ceil(SECOND / self.qps)).astype(np.int64)
        self._clear = np.zeros(count, np.int64)  # when the next query is exactly on pace
        self._total_interval = SECOND / total if total else 0.0
        self._total_clear = 0.0
        self._exchanges: list[Waiting] = []
        self._begun = self._looked = 0
        self._idle_since = NEVER
        self._full = np.zeros(count, np.bool_)  # the window was, while a query was due
        self._times = np.zeros((2, count))  # first and last time that something was held back
        self._total_times = [0.0, 0.0]

    def join(self, exchange: Waiting, keys: Keys, now: int) -> None:
        """Count the queries of an *exchange* that begins."""
        self._begun = self._begun or now
        self._exchanges.append(exchange)
        self.unsent += np.bincount(keys, minlength=len(self.unsent))

    def part(self, exchange: Waiting, unsent: Keys) -> None:
        """Forget an *exchange* that ended, of which *unsent* queries to each address never left."""
        self._exchanges.remove(exchange)
        self.unsent -= unsent

    def allow(self, keys: Keys, now: int) -> Keys:
        """Return how many queries may leave to each of *keys* by its pace and window."""
        spare = now + SLACK - np.maximum(self._clear[keys], now)
        counts = np.minimum(spare // self._interval[keys] + 1, self.window[keys] - self.in_flight[keys])
        allowed: Keys = np.maximum(counts, 0)
        return allowed

    def in_a_row(self, keys: Keys) -> int:
        """Return how many queries, at least 1, may leave to each of *keys* one right after the other."""
        return min(MOST_IN_A_ROW, max(1, MOMENT // int(self._interval[keys].max())))

    def allow_total(self, now: int) -> int:
        """Return how many queries may leave in all."""
        if not self._total_interval:
            return UNLIMITED
        return max(0, int((now + SLACK - max(self._total_clear, now)) // self._total_interval) + 1)

    def take(self, keys: Keys, counts: Keys, now: int) -> None:
        """Note that *counts* queries leave to *keys*, each of which is named once."""
        if self.slowing.disturbed:
            alone = self.slowing.try_again(keys[counts > 0])
            self._interval[alone] = self.slowing.pause[alone]
        self._clear[keys] = np.maximum(self._clear[keys], now) + counts * self._interval[keys]
        self.in_flight[keys] += counts
        self.unsent[keys] -= counts
        if self._total_interval:
            self._total_clear = max(self._total_clear, now) + int(counts.sum()) * self._total_interval

    def next_at(self, keys: Keys) -> Keys:
        """Return when the pace lets a query leave to each of *keys*, if its window does."""
        following: Keys = self._clear[keys] - SLACK
        return following

    @property
    def total_at(self) -> int:
        """When the total lets a query leave."""
        return int(self._total_clear) - SLACK if self._total_interval else 0

    def fill(self, full: NDArray[np.bool_]) -> None:
        """Note the addresses whose window was full while a query was due."""
        whole = full & (self.window == self._whole)
        self._full |= whole
        self._mark(np.flatnonzero(whole))

    def fill_total(self) -> None:
        """Note that the total held queries back."""
        self._total_times[1] = time.time()
        self._total_times[0] = self._total_times[0] or self._total_times[1]

    def settle(
        self,
        keys: Keys,
        ending: NDArray[np.uint8],
        epoch: NDArray[np.uint16] | None,
        control: NDArray[np.bool_] | None,
        now: int,
        *,
        again: bool,
    ) -> None:
        """Note how queries ended; *again*: they repeat some that ended in silence.

        That silence follows silence says nothing new: it is counted once.
        """
        slowing = self.slowing
        if again:
            slowing.speak(keys[(ending != Ending.SILENT) & (ending != Ending.UNREACHABLE)], now)
            slowing.answer(keys[ending == Ending.GOOD])
        elif not ending.any() and not slowing.doubting:  # all is well
            if control is not None and control.any():
                slowing.control(keys[control], answered=True)
            slowing.hear_well(keys, now)
        else:
            silent, unreachable = ending == Ending.SILENT, ending == Ending.UNREACHABLE
            if silent.any():
                slowing.silence(keys[silent], now - self._timeout, now)
            if unreachable.any():
                slowing.silence(keys[unreachable], now, now)
            if control is not None and control.any():
                good = ending == Ending.GOOD
                slowing.control(keys[control & good], answered=True)
                slowing.control(keys[control & ~good], answered=False)
            slowing.hear(keys, ending, epoch, now)
        if slowing.changed:
            self._set_pace(now)

    def age(self, keys: Keys, silent: NDArray[np.bool_], epoch: NDArray[np.uint16] | None, now: int) -> None:
        """Note which of all queries to *keys* that are a timeout old got nothing."""
        self.slowing.age(keys, silent, epoch, now)
        if self.slowing.changed:
            self._set_pace(now)

    def release(self, keys: Keys) -> None:
        """Let queries take no more room in their windows: they ended, or wait for so long that they may be lost."""
        self.in_flight -= np.bincount(keys, minlength=len(self.in_flight))

    def speak(self, keys: Keys, now: int) -> None:
        """Note late replies: the address is there."""
        self.slowing.speak(keys, now)

    def look(self, now: int) -> None:
        """Now and then: withhold what would keep everybody waiting for an address that is slow or says nothing.

        Nobody is given up while others have questions left to ask: that costs no time.
        """
        if now - self._looked < LOOK:
            return
        self._looked = now
        if self.busy:
            self._idle_since = NEVER
            return
        self._idle_since = min(self._idle_since, now)
        if self.more or not self.unsent.any():
            return
        patience = max(GRACE, self._idle_since - self._begun)
        hopeless = self.slowing.hopeless(now)
        given_up = (self.unsent > 0) & (hopeless | (now - self._idle_since >= patience))
        for key in np.flatnonzero(given_up).tolist():
            words = self._words(key)
            for exchange in self._exchanges:
                self.unsent[key] -= exchange.withhold(key, words)
            if hopeless[key]:
                self.slowing.let_alone(key)
            self._mark(np.array([key]))
        self._set_pace(now)

    @property
    def busy(self) -> bool:
        """Whether queries wait for nothing but their time at an address that is not slowed."""
        return bool(((self.unsent > 0) & ~self.slowing.held(self._looked)).any())

    def limits(self, endpoints: Keys) -> NDArray[np.bool_]:
        """Tell which of *endpoints* limit their rate, so that an error from them is no word about what was asked."""
        found: NDArray[np.bool_] = self.slowing.limits[self.address[endpoints]]
        return found

    def report(self) -> list[HeldBack]:
        """Return what was held back so far; address -1 stands for the total."""
        slowing = self.slowing
        found = []
        for key in np.flatnonzero(slowing.reasons.any(axis=0) | self._full).tolist():
            why = [ending.name.lower() for ending in Ending if slowing.reasons[ending, key]]
            why += ["window"] if self._full[key] else []
            first, last = self._times[:, key].tolist()
            slowest = float(self.qps[key] * slowing.slowest[key])
            found.append(HeldBack(key, tuple(why), int(slowing.cuts[key]), slowest, first, last))
        if self._total_times[0]:
            found.append(HeldBack(-1, ("total",), 0, SECOND / self._total_interval, *self._total_times))
        return found

    def _words(self, key: int) -> str:
        """Say why *key* is asked no more."""
        slowing = self.slowing
        if slowing.pause[key] or slowing.streak[key] >= SILENT_IN_A_ROW or slowing.mode[key] == Mode.MUTE:
            return f"not asked: {WHY[slowing.why(key)].format(slowing.streak[key])}"
        return f"not asked: it bears only {self.qps[key] * slowing.factor[key]:.3g} queries a second"

    def _set_pace(self, now: int) -> None:
        """Set the pace and the window of the addresses that were slowed or restored."""
        slowing = self.slowing
        for key in slowing.changed:
            factor = float(slowing.factor[key])
            pause = int(slowing.pause[key])
            self._interval[key] = pause or max(1, int(np.ceil(SECOND / (self.qps[key] * factor))))
            self.window[key] = 1 if pause else max(1, int(self._whole[key] * factor))
            if pause:
                self._clear[key] = max(int(self._clear[key]), now + pause)
            else:  # what was reserved at a slower pace is not waited for
                self._clear[key] = min(int(self._clear[key]), now + int(self._interval[key]))
            for exchange in self._exchanges:
                exchange.renew(key, control=key in slowing.cut)
        slowing.cut.clear()
        self._mark(np.array(sorted(slowing.changed), np.int64))
        slowing.changed.clear()

    def _mark(self, keys: Keys) -> None:
        """Note that something is held back at *keys* now."""
        if len(keys):
            now = time.time()
            self._times[1, keys] = now
            first = self._times[0, keys]
            self._times[0, keys] = np.where(first > 0, first, now)


def unlimited(endpoints: int) -> Care:
    """Return what spares nobody: for an exchange whose caller has spaced its queries."""
    return Care(np.zeros(endpoints, np.int64), [np.inf])
