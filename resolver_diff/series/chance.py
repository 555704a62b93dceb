"""How likely each sign is where nobody interferes: the best innocent explanation there is.

Three are weighed. A resolver may show the sign by chance: as often as cells of other names turned
to it, on this date or on all before. The name may have trouble of its own: then others see it too,
in other countries. And a country's way to somewhere may be cut: then most of its resolvers lose
many names at once. All are measured on the cells themselves. What is assumed is only how rare
denials and convicted answers are by chance, until a panel has been heard often enough to tell.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resolver_diff.series.signs import DENIED, FOREIGN, LOSSES, SIGNS, UNCERTIFIED

TAKEN = 0.8  # the share of its queries that a block is taken to catch; blocks leak
MOST, LEAST = TAKEN - 0.01, 1e-6  # what a probability is cut to
QUIET = 0.05  # a resolver that shows a sign more often than this by chance is no witness of it elsewhere
ALIKE = 100  # cells that what is known of all other entries counts for, beside an entry's own
SELDOM = 1e-4  # of cells turn to a sign that is not weak in a day; in made-up worlds, where nobody blocks, half as many
WEAK = [*LOSSES, FOREIGN, UNCERTIFIED]  # signs that have innocent reasons which strike many names
FEWEST = np.where(np.isin(np.arange(len(SIGNS)), WEAK), 1, 0.5 / SELDOM)  # cells that count as tried, if fewer were
ELSEWHERE = 2  # witnesses; one alone may be chance
FRESH = 3  # dates; who has denied a name for longer does not explain a denial that begins today

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one date that could be told, as arrays: who, what, and how they were before."""

    q: Numbers
    r: Numbers
    sign: NDArray[np.uint8]
    was_fine: Flags  # when it could last be told
    fresh: Flags  # it has not shown a sign for ``FRESH`` dates yet


@dataclass(frozen=True, slots=True)
class Tested:
    """Who is tested: the place of each entry's country, -1 for controls, filters and whoever has none."""

    country: Numbers
    countries: int
    questions: int

    @property
    def entries(self) -> int:
        """How many entries there are."""
        return len(self.country)


class Rates:
    """How often cells of each entry turned to each sign, up to the date looked at."""

    def __init__(self, entries: int) -> None:
        self._turned = np.zeros((entries, len(SIGNS)))
        self._trials = np.zeros(entries)
        self.failed, self.tried = 1.0, 50.0  # handshakes with addresses in networks of the site

    def learn_handshakes(self, failed: int, tried: int) -> None:
        """Count handshakes with addresses that nobody suspects."""
        self.failed += failed
        self.tried += tried

    def forget(self, r: Numbers, sign: NDArray[np.uint8]) -> None:
        """Count no longer that a cell of each entry *r* turned to its *sign*: that was no chance."""
        np.subtract.at(self._turned, (r, sign), 1)
        np.clip(self._turned, 0, None, out=self._turned)

    def learn(self, cells: Cells) -> Floats:
        """Count *cells* in; return the chance of each sign at each entry on their date: entries by signs.

        Denials and convicted answers are not explained by others of their kind on the same date: a
        register drops many names at once. On an entry's first date nothing is known of its habits, and
        the share of its cells that show a sign has to do.
        """
        entries, signs = self._turned.shape
        place = cells.r * signs + cells.sign
        turned = np.bincount(place[cells.was_fine], minlength=entries * signs).reshape(entries, signs)
        trials = np.bincount(cells.r[cells.was_fine], minlength=entries)
        shown = np.bincount(place, minlength=entries * signs).reshape(entries, signs)
        judged = np.bincount(cells.r, minlength=entries)
        unknown = (self._trials == 0) & (trials == 0)
        # that the other names were not denied today tells of an entry's habits; with addresses it takes longer
        tried = np.repeat(self._trials[:, None], signs, axis=1)
        tried[:, DENIED] += trials[:, None]
        self._trials += trials
        # what is not known of an entry yet is known of the others
        others = (self._turned.sum(0) - self._turned + 0.5) / np.maximum(tried.sum(0) - tried + 1, FEWEST)
        usual = (self._turned + ALIKE * others) / (tried + ALIKE)
        first = (shown + 0.5) / (judged + 1)[:, None]
        chance = np.where(unknown[:, None], first, usual)
        self._turned += turned
        for sign in WEAK:  # the cell itself does not explain itself
            today = np.clip(turned[:, sign] - 1, 0, None) / np.maximum(trials, 1)
            chance[:, sign] = np.maximum(chance[:, sign], today)
        return chance


def elsewhere(cells: Cells, chosen: Flags, chance: Floats, tested: Tested, sign: int) -> Floats:
    """Return for each chosen cell, all of one *sign*, the share of the witnesses in other countries who show it."""
    country = tested.country[cells.r]
    witness = (country >= 0) & (chance[cells.r, sign] < QUIET)
    counts = sign in LOSSES or sign == FOREIGN
    showing = chosen & witness & (counts | cells.fresh)
    size = tested.questions * tested.countries
    here = cells.q * tested.countries + country
    shown_here = np.bincount(here[showing], minlength=size)
    asked_here = np.bincount(here[witness], minlength=size)
    shown = shown_here.reshape(-1, tested.countries).sum(1)
    asked = asked_here.reshape(-1, tested.countries).sum(1)
    q, at = cells.q[chosen], np.where(country[chosen] >= 0, here[chosen], 0)
    others = shown[q] - shown_here[at]
    share: Floats = others / np.maximum(asked[q] - asked_here[at], 1)
    return np.where(others >= ELSEWHERE, share, 0.0)


def at_once(cells: Cells, chosen: Flags, tested: Tested, sign: int) -> Floats:
    """Return for each country the share of names that most of its resolvers lost by *sign* on this very date."""
    if sign not in (*LOSSES, FOREIGN):
        return np.zeros(tested.countries)
    country = tested.country[cells.r]
    size = tested.questions * tested.countries
    here = cells.q * tested.countries + country
    base = cells.was_fine & (country >= 0)
    had = np.bincount(here[base], minlength=size).reshape(-1, tested.countries)
    lost = np.bincount(here[base & chosen], minlength=size).reshape(-1, tested.countries)
    several = had >= 2
    most = (several & (2 * lost > had)).sum(0)
    share: Floats = np.clip(most - 1, 0, None) / np.maximum(several.sum(0), 1)
    return share


def weights(
    cells: Cells, chosen: Flags, chance: Floats, tested: Tested, sign: int, failing: float
) -> tuple[Floats, Floats]:
    """Return how much each chosen cell, all of one *sign*, speaks for a block, in nats; and what else may explain it.

    That is the logarithm of how much likelier the sign is under a block than under the best of the innocent
    explanations. Those of a name and of a country explain all cells of the country at once, so that these
    together weigh no more than one. *failing* is the share of honest handshakes that fail. The second
    array has a row per cell: chance, elsewhere, at once.
    """
    q, r = cells.q[chosen], cells.r[chosen]
    country = tested.country[r]
    by_chance = chance[r, sign]
    if sign == UNCERTIFIED:  # an address that is there to stay has to fail again and again
        by_chance = np.where(cells.was_fine[chosen], by_chance, np.maximum(by_chance, failing))
    own = np.log(TAKEN / np.clip(by_chance, LEAST, MOST))
    outside = elsewhere(cells, chosen, chance, tested, sign)
    burst = np.where(country >= 0, at_once(cells, chosen, tested, sign)[country], 0.0)
    shared = np.maximum(outside, burst)
    cap = np.where(shared > 0, np.log(TAKEN / np.clip(shared, LEAST, MOST)), np.inf)
    here = q * tested.countries + np.maximum(country, 0)
    together = np.bincount(here, own, minlength=tested.questions * tested.countries)[here]
    scaled: Floats = own * np.minimum(1.0, cap / np.maximum(together, 1e-9))
    return np.where(country >= 0, scaled, 0.0), np.stack([by_chance, outside, burst], axis=1)
