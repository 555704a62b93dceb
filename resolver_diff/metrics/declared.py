"""Every metric there is: its name, what it says, and its labels. A test holds the dashboard to this list."""

from dataclasses import dataclass

PREFIX = "resolver_diff_"
ROLE = ("vantage", "country", "role")
PLACE = ("vantage", "country")
ENTRY = ("vantage", "resolver", "transport")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; *says* is its HELP text. A label without a value is one that nobody knows."""

    says: str
    labels: tuple[str, ...] = ("vantage",)


@dataclass(frozen=True, slots=True)
class Sample:
    """One number: of which metric, with the values of its labels in their order."""

    metric: str
    labels: tuple[str, ...]
    value: float


METRICS = {
    "build_info": Metric("1; the version of resolver_diff that measured this.", ("version",)),
    "snapshot_date_timestamp_seconds": Metric("Midnight (UTC) of the date that all of this is about."),
    "last_success_timestamp_seconds": Metric("When the latest run that left this snapshot was over."),
    "run_duration_seconds": Metric("How long the runs of the snapshot took, together."),
    "run_questions": Metric("Questions of the run, those withheld among them."),
    "run_queries": Metric("Queries sent; a question may take several."),
    "run_replies": Metric("Replies received, second ones among them."),
    "run_silent_questions": Metric("Questions that were asked, and that no attempt got a reply to."),
    "run_withheld_questions": Metric("Questions that were not asked, to spare a resolver in trouble."),
    "run_loss_ratio": Metric("The share of the questions that were asked to which no attempt got a reply."),
    "cells": Metric("Cells that were judged, by what they are next to the controls.", (*ROLE, "state")),
    "wrong_cells": Metric("Cells that vanished or are divergent, by what means.", (*ROLE, "mechanism")),
    "coverage_drops": Metric(
        "Vantages, countries or resolvers of which much less than usual could be judged.", ("vantage", "scope")
    ),
    "events_open": Metric("Events that go on; one is over when enough dates are without it.", PLACE),
    "events_seen": Metric("Events that go on and were seen on this date.", PLACE),
    "events_reported": Metric("Events that were told from chance on this date, and not before.", PLACE),
    "events_over": Metric("Events, of all dates up to this one, that are over.", PLACE),
    "events_open_names": Metric("Names of which an event goes on.", PLACE),
    "resolver_info": Metric("1; what is known of a resolver.", (*ENTRY, "operator", "country", "role", "policy")),
    "resolver_up": Metric("1 if the resolver said anything at all, else 0.", ENTRY),
    "resolver_condition": Metric("1 for the condition that a resolver was in, 0 for others.", (*ENTRY, "condition")),
    "resolver_votes": Metric("1 if the vote of a control counts, else 0; of controls only.", ENTRY),
    "resolver_questions": Metric("Questions put to a resolver, control questions among them.", ENTRY),
    "resolver_loss_ratio": Metric("The share of them to which no attempt got a reply.", ENTRY),
    "resolver_failed_ratio": Metric("The share of them that ended in SERVFAIL, REFUSED or another error.", ENTRY),
    "resolver_withheld_questions": Metric("Questions that were not asked, to spare the resolver.", ENTRY),
}
