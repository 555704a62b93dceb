"""What was found on a date, as numbers for Prometheus; needs the extra ``metrics``.

They are of a job that runs once a day, so all are gauges: each says how it was on the date that was
judged, and stays so until the next. A label is a vantage, country, role, resolver or one of a few words,
and never a name, so that the number of series grows with the resolvers only. What nobody counted is absent,
and what was counted and is nothing is 0.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from resolver_diff.diff import Diff
from resolver_diff.metrics import found, resolvers, run
from resolver_diff.metrics.declared import METRICS, PREFIX, Sample
from resolver_diff.series import Series
from resolver_diff.snapshot import Run
from resolver_diff.wording import visible

__all__ = ["METRICS", "PREFIX", "Measures", "measures", "text"]


@dataclass(frozen=True, slots=True)
class Measures(Collector):
    """The samples of a date, as prometheus-client collects them."""

    samples: tuple[Sample, ...]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every metric there is, in the order in which they are declared, also one without a sample."""
        of_metric = defaultdict[str, list[Sample]](list)
        for sample in self.samples:
            of_metric[sample.metric].append(sample)
        for name, metric in METRICS.items():
            family = GaugeMetricFamily(PREFIX + name, metric.says, labels=metric.labels)
            for sample in of_metric[name]:
                family.add_metric([visible(label) for label in sample.labels], sample.value)
            yield family

    @property
    def vantages(self) -> list[str]:
        """The vantages that are told of, sorted."""
        return sorted({sample.labels[0] for sample in self.samples if "vantage" in METRICS[sample.metric].labels})

    def of(self, vantage: str) -> "Measures":
        """Return what is told of this *vantage*, and of none."""
        return Measures(
            tuple(
                sample
                for sample in self.samples
                if "vantage" not in METRICS[sample.metric].labels or sample.labels[0] == vantage
            )
        )


def measures(day: date, judged: Sequence[Diff], followed: Sequence[Series], runs: Iterable[Run]) -> Measures:
    """Return the numbers of *day*: of what was *judged*, the later date of two; of the events up to it; of its *runs*.

    A diff, a series and runs of each vantage belong together; what is missing of one is absent.
    """
    of_vantage = defaultdict[str, list[Run]](list)
    for each in sorted(runs, key=lambda each: (each.vantage, each.started)):
        of_vantage[each.vantage].append(each)
    samples: list[Sample] = [*run.version()]
    for vantage, its in of_vantage.items():
        samples += [*run.samples(vantage, its), *resolvers.described(vantage, its)]
    for diff in judged:
        samples += [*found.cells(diff), *found.drops(diff), *resolvers.health(diff, of_vantage[diff.vantage])]
    for series in followed:
        samples += found.events(series, day, of_vantage[series.vantage])
    return Measures(tuple(samples))


def text(collector: Collector) -> str:
    """Return the numbers in Prometheus' text format, as the textfile collector reads it."""
    return generate_latest(collector).decode()
