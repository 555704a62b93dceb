"""Every misbehaviour in tests/misbehaviours leads to the row it should, and to nothing else in the same run."""

from collections import Counter

import pytest

from misbehaviours import ODD, PLAIN, QTYPES, Case
from misbehaviours._matrix import HONEST, HONEST_SECURE, Matrix, Verdict, cases, faults, missing, settle
from resolver_diff.transports import Transport, _datagrams

CASES = cases()
RUNNABLE = [case for case in CASES if missing(case) is None]
UDP = [case for case in RUNNABLE if case.transport == "udp"]
CELLS = len((ODD, *PLAIN)) * len(QTYPES) + 1  # questions to each resolver; CONTROL is asked for one type
MOST_ASKED_AGAIN = (
    0.05  # of the honest questions: a machine may stall for longer than the timeout, but not all the time
)


pytestmark = pytest.mark.timeout(1200)  # all cases are played in the first test that needs them, on any machine


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    """Take one snapshot of all cases and the honest resolvers together."""
    return settle(tmp_path_factory.mktemp("matrix"), RUNNABLE)


@pytest.fixture(scope="module")
def portable(tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    """Take the snapshot of the cases over UDP with the engine that other systems than Linux have; keep the messages."""
    carriers = {"udp": Transport(open=_datagrams.open_session)}
    return settle(tmp_path_factory.mktemp("portable"), UDP, carriers=carriers, keep_wire=True)


def check(verdict: Verdict) -> None:
    """Assert that a case has the rows it should, and that nothing else at its resolver was disturbed."""
    assert verdict.rows == verdict.expected
    assert verdict.beside == CELLS - 1
    assert verdict.disturbed == []


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_misbehaviour_leads_to_its_row(case: Case, request: pytest.FixtureRequest) -> None:
    """The rows are those of the case, and all else that was asked of the same resolver is as if nothing had been."""
    reason = missing(case)
    if reason is not None:
        pytest.skip(reason)
    check(request.getfixturevalue("matrix").verdicts[case.name])


@pytest.mark.parametrize("case", UDP, ids=[case.name for case in UDP])
def test_a_misbehaviour_leads_to_its_row_on_other_systems(case: Case, portable: Matrix) -> None:
    """The engine that needs no calls of Linux records the same, and so does a run that keeps the messages."""
    check(portable.verdicts[case.name])


@pytest.mark.parametrize("name", [*HONEST, *HONEST_SECURE])
def test_honest_resolvers_are_not_disturbed(name: str, matrix: Matrix) -> None:
    """Every question to a resolver that does nothing wrong has its one answer."""
    rest = matrix.runs[-1].rest(name)
    assert rest.select("qname", "qtype").unique().height == CELLS
    assert faults(rest) == []
    assert rest.filter(rest["reply"].is_not_null()).height == CELLS + 1  # CONTROL twice
    assert rest.filter(rest["attempt"] > 0).height <= MOST_ASKED_AGAIN * rest.height


def test_strays_are_counted(matrix: Matrix) -> None:
    """Messages that answer nothing are no rows, and the run knows how many there were."""
    assert matrix.runs[0].taken.counts["strays"] >= 8_000  # of two floods alone


def test_there_are_enough_cases() -> None:
    """Each case has a name of its own, and there are dozens over every transport."""
    names = Counter(case.name for case in CASES)
    assert set(names.values()) == {1}
    over = Counter(case.transport for case in CASES)
    assert set(over) == {"udp", "tcp", "tls", "https", "quic", "h3"}
    assert min(over.values()) >= 50


def test_each_case_says_what_it_does() -> None:
    """No two cases of one transport are told in the same words."""
    told = Counter((case.transport, case.does) for case in CASES)
    assert [both for both, count in told.items() if count > 1] == []
