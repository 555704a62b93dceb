"""Names that all the world gets one answer for, but for one country, which gets another one.

A pool that rotates brings new addresses every day, here and elsewhere, and no such address is a sign by
itself. Of a name that has one answer everywhere, and that nobody elsewhere was ever given an address for that the
controls do not give, it is: one answer, the same at every resolver of the country that gives another, stands in
its place. It is no proof. A site may open a location for one country; chance is weighed as for every other sign.
"""

import numpy as np

from resolver_diff.anomaly import Judged
from resolver_diff.compare import WORLD
from resolver_diff.series.chance import Flags, Numbers
from resolver_diff.series.signs import FINE, FOREIGN


class Replaced:
    """Where foreign answers were given for which name so far."""

    def __init__(self, questions: int) -> None:
        self._total = np.zeros(questions, np.int64)
        self._here = np.zeros((questions, 0), np.int64)
        self._given = np.zeros((questions, 0), np.uint64)  # the one answer that was given; 0: none yet

    def among(self, day: Judged, place: Numbers, countries: int, sign: Numbers) -> Flags:
        """Return which cells of *day* have an answer of one country in place of one that all others get.

        *place* is the country of each entry, -1 where it is not tested. Filters that people choose say nothing.
        """
        self._grow(countries)
        q, r = (day.cells[column].to_numpy().astype(np.int64) for column in ("q", "r"))
        country = place[r]
        told = (country >= 0) | (day.cells["role"] == "control").to_numpy()
        foreign = told & (sign == FOREIGN)
        fine = told & (sign == FINE) & (country >= 0)
        questions = len(self._total)
        size = questions * countries
        here = q * countries + country
        mine = foreign & (country >= 0)
        today = np.bincount(q[foreign], minlength=questions)
        today_here = np.bincount(here[mine], minlength=size).reshape(-1, countries)
        well = (np.bincount(here[fine], minlength=size) > 0).reshape(-1, countries)
        world = told & (sign == FINE)
        said = day.cells["said"].fill_null(0).to_numpy().astype(np.int64)
        first, last = np.full(questions, np.iinfo(np.int64).max), np.zeros(questions, np.int64)
        np.minimum.at(first, q[world], said[world])
        np.maximum.at(last, q[world], said[world])
        elsewhere = well.sum(1)[:, None] - well
        alone = (today + self._total)[:, None] == today_here + self._here
        answer = np.zeros(len(q), np.uint64)
        answer[mine] = day.cells["answer"].filter(mine).cast(str).hash().fill_null(0).to_numpy()
        least, most = np.full(size, np.iinfo(np.uint64).max, np.uint64), np.zeros(size, np.uint64)
        np.minimum.at(least, here[mine], answer[mine])
        np.maximum.at(most, here[mine], answer[mine])
        known = self._given.reshape(-1)
        alike = ((least == most) & ((known == 0) | (known == most))).reshape(-1, countries)
        known[known == 0] = most[known == 0]
        self._total += today
        self._here += today_here
        found = (alone & alike & (elsewhere >= WORLD) & (first == last)[:, None]).reshape(-1)
        chosen: Flags = mine & found[np.where(mine, here, 0)]
        return chosen

    def _grow(self, countries: int) -> None:
        more = countries - self._here.shape[1]
        if more:
            self._here = np.pad(self._here, ((0, 0), (0, more)))
            self._given = np.pad(self._given, ((0, 0), (0, more)))
