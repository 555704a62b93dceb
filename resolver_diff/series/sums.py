"""The evidence of many dates on each cell, added up; and the names of a country that have enough of it.

Page's cumulative sum (Biometrika 41, 1954), of logarithms of likelihood ratios: a sign adds to it, a date on
which all is well takes away from it, and below nothing it does not go. Cells of one name in one country
are added, the better one of a resolver's two address families and transports. A resolver that is one of
many is in by chance, so that each has to bring more than the price of picking it.
"""

from dataclasses import dataclass, field

import numpy as np

from resolver_diff.series.chance import FRESH, TAKEN, Cells, Flags, Floats, Numbers, Rates, Tested, weights
from resolver_diff.series.signs import FINE, FOREIGN, UNKNOWN

ALARM = float(np.log(30_000))  # less than one false alarm in a thousand months of a name in a country
PRICE = float(np.log(12))  # one of a dozen resolvers
FULL = 1.5 * ALARM  # what is beyond that would only make an end be seen later
BACK = float(np.log(1 - TAKEN))  # what a date without a sign takes away
OVER = float(np.log(1_000))  # fewer than one of a thousand spells that go on shows nothing for so long
NEVER = -1


@dataclass(slots=True)
class Spell:
    """A name lost or answered otherwise in a country, over a run of dates; dates are numbers."""

    name: int
    country: int
    first_bad: int
    reported: int
    last_good: int
    last_bad: int = NEVER
    first_good: int = NEVER  # the first date after it on which a witness was seen to be well
    weight: float = 0.0
    signs: set[int] = field(default_factory=set)
    witnesses: set[int] = field(default_factory=set)
    questions: set[int] = field(default_factory=set)
    found: int = 0
    instead: tuple[float, float, float] = (0.0, 0.0, 0.0)  # by chance, elsewhere, at once
    open: bool = True
    days: dict[int, set[int]] = field(default_factory=dict)  # date -> entries that showed it
    calm: float = 0.0  # how much speaks for its end: of the dates since it was last seen
    lull: int = 0  # how many of these there are
    lulls: int = 0  # and how many there were before it came back

    @property
    def over(self) -> bool:
        """Whether it has ended: its witnesses are well again, for longer than it ever let them be."""
        return self.first_good != NEVER and (not self.open or self.calm >= OVER)

    def show(self, date: int) -> None:
        """Note that it is seen on *date*."""
        self.lulls += self.lull
        self.last_bad, self.first_good, self.calm, self.lull = date, NEVER, 0.0, 0

    def rest(self, date: int, witnesses: int) -> None:
        """Note that so many of its witnesses are well on *date*, and none is not."""
        self.first_good = date if self.first_good == NEVER else self.first_good
        usual = self.lulls / (self.lulls + len(self.days)) if self.lulls else 0.0
        self.calm -= max(BACK * witnesses, float(np.log(usual)) if usual else -np.inf)
        self.lull += 1


@dataclass(frozen=True, slots=True)
class Weighing:
    """How much speaks for a block of a cell, up to a date; and how likely its last sign is where nobody blocks."""

    weight: float
    together: float  # of its name in its country, beyond the price of picking these resolvers
    by_chance: float
    elsewhere: float
    at_once: float


class Sums:
    """What is known of every cell of the panel, date by date."""

    def __init__(self, name: Numbers, who: Numbers) -> None:
        """Begin; *name* is that of each question, *who* each entry is, over whatever transport."""
        self._name, self._who = name, who
        self.tested = Tested(np.full(len(who), -1), 0, len(name))
        cells = len(name) * len(who)
        self.rates = Rates(len(who))
        self._weight = np.zeros(cells, np.float32)
        self._was_fine = np.zeros(cells, np.bool_)
        self._ever_fine = np.zeros(cells, np.bool_)
        self._since = np.full(cells, NEVER, np.int32)  # the first date of the run of signs
        self._fine_on = np.full(cells, NEVER, np.int32)  # the last date before that run on which all was well
        self._last_fine = np.full(cells, NEVER, np.int32)
        self._instead = np.zeros((cells, 3), np.float32)
        self._turned_to = np.zeros(cells, np.uint8)  # from being well, by chance as far as is known
        self.spells: list[Spell] = []
        self._open: dict[tuple[int, int], Spell] = {}
        self._there: dict[int, Numbers] = {}  # date -> resolvers of each country that could be told anything of

    def add(self, date: int, tested: Tested, q: Numbers, r: Numbers, sign: Numbers, found: Numbers) -> None:
        """Add the cells of *date*, dates being numbers in order; *found* is the evidence on each, as bits.

        Who is tested may change from date to date, but for the number of a country.
        """
        self.tested = tested
        told = sign != UNKNOWN
        self._there[date] = self._resolvers(r[told])
        q, r, found = q[told], r[told], found[told]
        place = q * self.tested.entries + r
        fresh = (self._since[place] == NEVER) | (date - self._since[place] < FRESH)
        cells = Cells(q, r, sign[told].astype(np.uint8), self._was_fine[place], fresh)
        # who always had an address of its own has it still
        usual = (cells.sign == FOREIGN) & ~self._ever_fine[place]
        fine = (cells.sign == FINE) | usual
        gained = self._gained(cells, place)
        gained[fine] = BACK
        self._weight[place] = np.clip(self._weight[place] + gained, 0, FULL)
        turned = cells.was_fine & ~fine
        self._turned_to[place[turned]] = cells.sign[turned]
        self._mark(date, place, fine)
        self._ever_fine[place] |= cells.sign == FINE
        self._was_fine[place] = fine
        self._look(date, cells, place, fine, found)

    def heard(self, date: int, country: int) -> int:
        """Return how many resolvers of a country could be told anything of on *date*."""
        there = self._there[date]
        return int(there[country]) if country < len(there) else 0

    def _resolvers(self, r: Numbers) -> Numbers:
        """Return how many resolvers of each country are among the entries *r*."""
        there = np.unique(r)
        there = there[self.tested.country[there] >= 0]
        pairs = np.unique(np.stack([self.tested.country[there], self._who[there]]), axis=1)
        return np.bincount(pairs[0], minlength=self.tested.countries)

    def weighing(self, q: int, r: int) -> Weighing | None:
        """Return how the cell of a question and an entry stands; None where the entry is not tested."""
        country = self.tested.country
        if country[r] < 0:
            return None
        questions, there = np.flatnonzero(self._name == self._name[q]), np.flatnonzero(country == country[r])
        weights = self._weight[questions[:, None] * self.tested.entries + there].max(0)
        best: dict[int, float] = {}
        for who, weight in zip(self._who[there].tolist(), weights.tolist(), strict=True):
            best[who] = max(best.get(who, 0.0), weight)
        place = q * self.tested.entries + r
        instead = self._instead[place].tolist()
        return Weighing(float(self._weight[place]), sum(max(0.0, one - PRICE) for one in best.values()), *instead)

    def _gained(self, cells: Cells, place: Numbers) -> Floats:
        """Return what the signs of a date add to the sum of their cells."""
        chance = self.rates.learn(cells)
        gained = np.zeros(len(place))
        for sign in np.unique(cells.sign):
            if sign == FINE:
                continue
            chosen = cells.sign == sign
            weight, instead = weights(
                cells, chosen, chance, self.tested, int(sign), self.rates.failed / self.rates.tried
            )
            if sign == FOREIGN:  # an address is kept: that it is there again tomorrow says nothing more
                weight = np.where(cells.was_fine[chosen] & self._ever_fine[place[chosen]], weight, 0.0)
            gained[chosen] = weight
            self._instead[place[chosen]] = instead
        return gained

    def _mark(self, date: int, place: Numbers, fine: Flags) -> None:
        """Note since when each cell shows signs, and when it last was well before."""
        over = place[self._weight[place] <= 0]
        self._since[over] = NEVER
        begins = place[~fine & (self._weight[place] > 0) & (self._since[place] == NEVER)]
        self._since[begins] = date
        self._fine_on[begins] = self._last_fine[begins]
        self._last_fine[place[fine]] = date

    def _look(self, date: int, cells: Cells, place: Numbers, fine: Flags, found: Numbers) -> None:
        """Open, carry on and close the spells, as the sums of their cells have it."""
        heavy = np.flatnonzero(self._weight > PRICE)
        heavy = heavy[self.tested.country[heavy % self.tested.entries] >= 0]
        q, r = heavy // self.tested.entries, heavy % self.tested.entries
        group = self._name[q] * self.tested.countries + self.tested.country[r]
        # of a resolver's cells for one name the heaviest counts
        order = np.lexsort((-self._weight[heavy], self._who[r], group))
        first = np.ones(len(order), np.bool_)
        first[1:] = (group[order][1:] != group[order][:-1]) | (self._who[r][order][1:] != self._who[r][order][:-1])
        best = order[first]
        groups, inverse = np.unique(group[best], return_inverse=True)
        sums = np.bincount(inverse, self._weight[heavy[best]] - PRICE, minlength=len(groups))
        today = self._name[cells.q] * self.tested.countries + self.tested.country[cells.r]
        here = self.tested.country[cells.r] >= 0
        bad = here & ~fine & (self._weight[place] > 0)
        seen = np.unique(today[bad])
        alarmed = groups[(sums >= ALARM) & np.isin(groups, seen)]
        for one in alarmed.tolist():
            name, country = divmod(one, self.tested.countries)
            if (name, country) not in self._open:
                self._begin(date, name, country, heavy[group == one])
        self._witness(date, cells, place, bad, today, found, dict(zip(groups.tolist(), sums.tolist(), strict=True)))
        self._recover(date, cells, here & fine, today)
        standing = set(groups.tolist())
        for key, spell in list(self._open.items()):
            if key[0] * self.tested.countries + key[1] not in standing:
                spell.open = False
                del self._open[key]

    def _begin(self, date: int, name: int, country: int, heavy: Numbers) -> None:
        since = self._since[heavy]
        began = since[since != NEVER]
        first = int(began.min()) if len(began) else date
        good = int(self._fine_on[heavy][since == first].max(initial=NEVER))
        turned = heavy[self._turned_to[heavy] != FINE]
        self.rates.forget(turned % self.tested.entries, self._turned_to[turned])
        spell = Spell(name, country, first, date, good)
        spell.signs.update(self._turned_to[turned].tolist())  # by what it began, which today need not show any more
        self._turned_to[turned] = FINE
        spell.instead = tuple(self._instead[heavy].max(0).tolist())
        spell.witnesses.update((heavy % self.tested.entries).tolist())
        spell.questions.update((heavy // self.tested.entries).tolist())
        for entry, began_on in zip((heavy % self.tested.entries).tolist(), since.tolist(), strict=True):
            for day in range(began_on, date) if began_on != NEVER else ():
                spell.days.setdefault(day, set()).add(entry)
        self._open[name, country] = spell
        self.spells.append(spell)

    def _witness(
        self,
        date: int,
        cells: Cells,
        place: Numbers,
        bad: Flags,
        today: Numbers,
        found: Numbers,
        sums: dict[int, float],
    ) -> None:
        """Note for the open spells who shows what today."""
        keys = self._followed()
        rows = np.flatnonzero(bad & np.isin(today, np.fromiter(keys, np.int64, len(keys))))
        for row in rows.tolist():
            spell = keys[int(today[row])]
            if spell.last_bad != date:
                spell.show(date)
            spell.signs.add(int(cells.sign[row]))
            spell.found |= int(found[row])
            if self._weight[place[row]] > PRICE:
                spell.witnesses.add(int(cells.r[row]))
                spell.days.setdefault(date, set()).add(int(cells.r[row]))
                spell.questions.add(int(cells.q[row]))
        for key, spell in keys.items():
            spell.weight = max(spell.weight, sums.get(key, 0.0))

    def _recover(self, date: int, cells: Cells, well: Flags, today: Numbers) -> None:
        """Note which of the open spells are not seen today, though their witnesses are: nobody's silence ends one."""
        quiet = {key: spell for key, spell in self._followed().items() if NEVER != spell.last_bad < date}
        rows = np.flatnonzero(well & np.isin(today, np.fromiter(quiet, np.int64, len(quiet))))
        rested: dict[int, set[int]] = {}
        for row in rows.tolist():
            key, entry = int(today[row]), int(cells.r[row])
            if entry in quiet[key].witnesses:
                rested.setdefault(key, set()).add(int(self._who[entry]))
        for key, who in rested.items():
            quiet[key].rest(date, len(who))

    def _followed(self) -> dict[int, Spell]:
        """Return the open spells by the number of their name in their country."""
        return {name * self.tested.countries + country: spell for (name, country), spell in self._open.items()}
