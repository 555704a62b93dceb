"""What is asked of one endpoint over QUIC, on one connection after the other."""

import errno
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resolver_diff.transports import Endpoint, Trouble
from resolver_diff.transports._ledger import SECOND
from resolver_diff.transports._quic_words import in_words

if TYPE_CHECKING:
    from resolver_diff.transports._quic import QuicSession
    from resolver_diff.transports._quic_link import Link

LONGEST = 1 << 20  # queries to a connection
TRIALS = 8  # connections in a row that were good for all they were asked before a longer one is tried
SPARED = SECOND  # ns for which an endpoint that refused a connection is not bothered with another
NO_ROOM = (errno.EMFILE, errno.ENFILE)


@dataclass(slots=True, eq=False)
class Ask:
    """A query on its way: *since* it was due, *written* to a socket (session ns), *sent* (ns since 1970)."""

    serial: int
    message: bytes
    since: int
    written: int = 0
    sent: int = 0
    blamed: bool = False  # a connection ended with nothing but this query on it


@dataclass(slots=True, frozen=True)
class End:
    """How an ask ended: with a message, with trouble, or in silence; *says* tells more of the latter two."""

    ask: Ask
    when: int  # ns since 1970
    trouble: Trouble | None = None
    message: bytes = b""
    says: str | None = None


class Lane:
    """What is asked of one endpoint, over one connection after the other."""

    def __init__(self, session: "QuicSession", endpoint: Endpoint) -> None:
        self.queue: deque[Ask] = deque()
        self.link: Link | None = None
        self.leaving: Link | None = None  # takes no more queries; replies to earlier ones are waited for
        self.endpoint = endpoint
        self.session = session
        self._quota = LONGEST  # queries to a connection; less when the peer is seen to end them sooner
        self._good = 0  # connections in a row that were good for their quota
        self._refusal: tuple[int, Trouble, str] | None = None  # since when (session ns), and why

    @property
    def is_idle(self) -> bool:
        """Whether there is a connection on which nothing is waited for."""
        return self.link is not None and self.link.ready and not self.link.open and not self.queue

    def advance(self) -> None:
        """Write what may be written; connect where there is no connection."""
        if self.leaving is not None and not self.leaving.open:
            self._leave(self.leaving)
        if self.link is not None and self.link.ready:
            if not self.link.open and self._is_spent(self.link):
                self._leave(self.link)
            elif self.queue and self.leaving is None and (self.link.retired or self._is_stuck(self.link)):
                self.leaving, self.link = self.link, None
        link = self.link
        if link is None:
            if self.queue and not self._refuse_again() and self.session.has_room():
                self._connect()
        elif link.ready and not link.retired and self.queue:
            room = min(link.room(), self._quota - link.asked, len(self.queue))
            if room > 0:
                link.write([self.queue.popleft() for _ in range(room)])

    def _is_spent(self, link: "Link") -> bool:
        """Whether *link*, on which nothing is waited for, should not be used again."""
        if link.asked >= self._quota:
            self._good += 1
            if self._good >= TRIALS:
                self._good, self._quota = 0, min(2 * self._quota, LONGEST)
            return True
        if link.retired and not link.asked:
            self.refused(link.speech.trouble, "the resolver takes no queries")
        if self.queue and link.is_full():
            self._give_up(self.session.now() - self.session.patience, "the resolver lets no stream be opened")
            return True
        return link.retired or (bool(self.queue) and link.is_stale())

    def _is_stuck(self, link: "Link") -> bool:
        """Whether *link* takes no more queries while some on it are not answered: the others need not wait for them."""
        return link.is_full(self.session.patience // 4)

    def _connect(self) -> None:
        self.link = link = self.session.link(self)
        try:
            link.start()
        except OSError as error:
            self._leave(link)
            if error.errno in NO_ROOM:
                self.session.lack_room(error)
            else:
                self.refused(Trouble.UNREACHABLE, in_words(error))

    def age(self, now: int, timeout: int) -> None:
        """Give up what is older than *timeout*; leave a connection on which nothing comes any more."""
        for link in (self.leaving, self.link):
            if link is None:
                continue
            if link.ready:
                self._age(link, now, timeout)
            elif now - link.begun >= timeout:
                says = "the handshake was not finished" if link.heard else "nothing came back to the handshake"
                self._leave(link)
                self._give_up(now - timeout, says)

    def _age(self, link: "Link", now: int, timeout: int) -> None:
        link.wake()
        dead = self._is_dead(link, now - timeout // 2)
        while link.open and max((oldest := link.oldest()).written, oldest.since) <= now - timeout:
            silent = link.heard < oldest.written
            dead |= silent
            link.forget()
            self.session.ends.append(End(oldest, 0, says="the connection went silent" if silent else None))
        if dead:
            self.queue.extendleft(reversed(link.open.values()))
            self._leave(link)
            self._give_up(now - timeout)

    def _is_dead(self, link: "Link", before: int) -> bool:
        """Whether nothing at all, no acknowledgement either, came on *link* for a query written *before*.

        Each query counts once: the peer has forgotten the connection, or is gone.
        """
        if not link.open or (oldest := link.oldest()).blamed or not link.heard < oldest.written <= before:
            return False
        for ask in link.open.values():
            ask.blamed = True
        return True

    def ready(self) -> None:
        """Take note that the connection can be used."""
        self._refusal = None
        self.advance()

    def refused(self, trouble: Trouble, says: str) -> None:
        """End all that is asked for with *trouble*: there is no connection to be had."""
        if self.link is not None:
            self._leave(self.link)
        self._refusal = (self.session.now(), trouble, says)
        self._refuse_again()

    def _refuse_again(self) -> bool:
        if self._refusal is None:
            return False
        since, trouble, says = self._refusal
        if self.session.now() - since >= SPARED:
            self._refusal = None
            return False
        when = time.time_ns()
        self.session.ends += [End(ask, when, trouble, says=says) for ask in self.queue]
        self.queue.clear()
        return True

    def ended(self, link: "Link", trouble: Trouble, says: str) -> None:
        """Take note that *link* ended, and why."""
        if link not in (self.link, self.leaving):
            return
        if not link.ready:
            self.refused(trouble, says)
            return
        left = list(link.open.values())
        answered = link.asked - len(left)
        self._leave(link)
        if left:
            self._good = 0
            self._quota = max(1, answered)
        if len(left) == 1 and not answered:
            self.again(left.pop(), trouble, says)
        self.queue.extendleft(reversed(left))
        self._give_up(self.session.now() - self.session.patience)
        self.advance()

    def again(self, ask: Ask, trouble: Trouble, says: str) -> None:
        """Ask once more what came to nothing by *trouble*; the second time, that is the end of it."""
        if ask.blamed:
            self.session.ends.append(End(ask, time.time_ns(), trouble, says=says))
        else:
            ask.blamed = True
            self.queue.appendleft(ask)

    def close(self) -> None:
        """Close what is open, and stop what is being opened."""
        for link in (self.leaving, self.link):
            if link is not None:
                self._leave(link)

    def _leave(self, link: "Link") -> None:
        if link is self.link:
            self.link = None
        if link is self.leaving:
            self.leaving = None
        self.session.paused.discard(link)
        link.close()

    def _give_up(self, before: int, says: str | None = None) -> None:
        """End in silence what has stood in the queue since *before*: its turn will not come."""
        kept: deque[Ask] = deque()
        for ask in self.queue:
            if max(ask.since, ask.written) > before:
                kept.append(ask)
            else:
                self.session.ends.append(End(ask, 0, says=says))
        self.queue = kept
