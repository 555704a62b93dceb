"""One endpoint's queries, over one connection after the other.

What is written on a connection, and how replies find their queries, is the business of its
``Connection``. Where a connection ends early, what it left unanswered is asked again, and a
query is blamed only when it was alone on it: a resolver may answer one query per connection,
and a middlebox may cut every connection on which one name is asked.

Many resolvers look at one query of a connection at a time. There a slow name keeps all behind
it waiting, so what stands behind a query that timed out is not silent: it is asked again on
another connection, few at a time at first.
"""

import asyncio
import errno
import time
from collections import deque

from resolver_diff.transports import Endpoint, Trouble
from resolver_diff.transports._connection import Ask, Connection, End, Keeper
from resolver_diff.transports._ledger import SECOND
from resolver_diff.transports._rounds import IDS
from resolver_diff.transports._words import RefusedError, in_words

LONGEST = IDS // 2  # queries on one connection; half of the IDs are soon found by chance
TRIALS = 8  # connections in a row that were good for all they were asked before a longer one is tried
STALLS = 3  # times that a query is asked again because one before it timed out
DEAD_AT_ONCE, DEAD = 2, 8  # timeouts in a row that held a connection up: on a line that never gave a reply, or did
REFUSALS = 64  # times that a query is asked again because the peer says it has not looked at it
GRUDGE = SECOND  # ns: a certificate that was wrong is not looked at again so soon
USELESS = 2  # connections in a row that the peer leaves before anything is asked, until it is let alone
USED_UP = SECOND // 4  # ns for which a peer may let us wait for leave to write on an idle connection
NO_ROOM = (errno.EMFILE, errno.ENFILE)
NOTHING_GOES = "the peer lets nothing be asked on its connection"


class Line:
    """What is asked of one endpoint, over one connection after the other."""

    def __init__(self, session: Keeper, endpoint: Endpoint) -> None:
        self.queue: deque[Ask] = deque()
        self.endpoint = endpoint
        self.replies = 0  # that came over it
        self._session = session
        self._connection: Connection | None = None
        self._retired: list[Connection] = []  # the peer takes no more on them, and may still answer
        self._left: list[tuple[int, Connection]] = []  # on which late replies may come, until when (session ns)
        self._attempt: asyncio.Task[None] | None = None
        self._attempted = 0  # when, session ns
        self._next: Connection | None = None  # the one that is attempted
        self._quota = LONGEST  # queries to a connection; less when the peer is seen to end them sooner
        self._good = 0  # connections in a row that were good for their quota
        self._depth = session.most  # queries that may wait on a connection
        self._stalls = 0  # timeouts that held up a connection since the last reply
        self._useless = 0  # connections since the last reply on which nothing could be asked
        self._blocked: int | None = None  # since when the peer lets nothing be asked, session ns
        self._refusal: tuple[int, RefusedError] | None = None  # the last one, and until when it holds (session ns)

    @property
    def connections(self) -> int:
        """How many connections there are, or attempts at one."""
        return (self._connection is not None) + (self._attempt is not None) + len(self._retired) + len(self._left)

    @property
    def is_idle(self) -> bool:
        """Whether there is a connection on which nothing is waited for."""
        return self._connection is not None and not self._connection.open and not self.queue

    def advance(self) -> None:
        """Write what may be written; connect where there is no connection."""
        self._turn_away()
        connection = self._connection
        if connection is not None:
            room = min(self._depth - len(connection.open), self._quota - connection.asked, len(self.queue))
            if room > 0:
                waiting = len(self.queue)
                connection.write(self.queue, room)
                connection.used |= len(self.queue) < waiting
            if not self.queue or connection.open:
                self._blocked = None
            elif self._blocked is None:
                self._blocked = self._session.now()
        elif self.queue and self._attempt is None:
            now = self._session.now()
            if self._refusal is not None and now < self._refusal[0]:
                self._refuse(self._refusal[1].trouble, self._refusal[1].says)
            elif self._session.has_room():
                self._attempted = now
                self._attempt = asyncio.get_running_loop().create_task(self._connect())
                self._session.attempts.add(self._attempt)
                self._attempt.add_done_callback(self._session.attempts.discard)

    def _turn_away(self) -> None:
        """Leave the connection where nothing more should be asked on it."""
        connection = self._connection
        if connection is None:
            return
        if connection.leaving is not None:
            self._retire(connection, connection.leaving)
        elif connection.open:
            if self.queue and not self._retired and connection.is_used_up(self._session.patience // 4):
                self._retire(connection, NOTHING_GOES)  # others need not wait for what is slow on it
        elif connection.asked >= self._quota:
            self._good += 1
            if self._good >= TRIALS:
                self._good, self._quota = 0, min(2 * self._quota, LONGEST)
            self._leave(connection)
        elif self.queue and connection.is_used_up(USED_UP):
            self._leave(connection)
            self._give_up(self._session.now() - self._session.patience, NOTHING_GOES)
        elif self.queue and connection.is_stale():
            self._leave(connection)

    def age(self, now: int, timeout: int) -> None:
        """Give up what is older than *timeout*; leave a connection on which nothing comes any more."""
        if self._attempt is not None and now - self._attempted >= timeout:
            self._attempt.cancel()
            self._attempt = None
            if self._next is not None and self._next.fault is not None:
                self._spare(self._next.fault)
            else:
                self._give_up(now - timeout, f"no {self._next.awaited}" if self._next is not None else None)
        if self._blocked is not None and now - self._blocked >= timeout:
            self._give_up(now - timeout, NOTHING_GOES)
        for connection in [*self._retired, self._connection]:
            if connection is not None:
                self._age(connection, now, timeout)
        if self._left and self._left[0][0] <= now:
            self._left.pop(0)[1].abort()

    def _age(self, connection: Connection, now: int, timeout: int) -> None:
        connection.wake()
        if not self._has(connection):
            return
        if connection.is_dead(now - timeout // 2):
            self._leave_stalled(connection, now - timeout)
            return
        while connection.open and (oldest := next(iter(connection.open.values()))).written <= now - timeout:
            connection.forget(oldest)
            is_held_up = connection.is_held_up(oldest)
            if connection.garbled and is_held_up and not oldest.stalls:
                oldest.stalls, oldest.since = 1, now  # no octet of its answer could have been understood
                self.queue.append(oldest)
            else:
                self._session.ends.append(End(oldest, 0, says=connection.silence if is_held_up else None))
            if is_held_up:
                self._leave_stalled(connection, now - timeout)
                return
        if connection is not self._connection and not connection.open:
            self._leave(connection)

    def _has(self, connection: Connection) -> bool:
        return connection is self._connection or connection in self._retired

    def _leave_stalled(self, connection: Connection, before: int) -> None:
        """Ask what waits on *connection* again elsewhere; when that happens again and again, give up what is old."""
        self._stalls += 1
        self._depth = 1
        left = list(connection.open.values())
        self._leave(connection, late=True)
        if self._stalls >= (DEAD if self.replies else DEAD_AT_ONCE):
            self.queue.extendleft(reversed(left))
            self._give_up(before)
            return
        for ask in reversed(left):
            if ask.stalls == STALLS:
                self._session.ends.append(End(ask, 0))
            else:
                ask.stalls += 1
                self.queue.appendleft(ask)

    def answered(self) -> None:
        """Take note that a reply has come."""
        self.replies += 1
        self._stalls = self._useless = 0
        self._depth = min(self._depth + 1, self._session.most)

    def ended(self, connection: Connection, trouble: Trouble, says: str | None) -> None:
        """Take note that the peer ended *connection*, or said something on it that cannot be understood."""
        if not self._has(connection):
            return
        left = list(connection.open.values())
        answered = connection.asked - len(left)
        self._leave(connection)
        if left:
            self._good = 0
            self._quota = max(1, answered)
        if len(left) == 1 and not answered:
            if left[0].blamed:
                self._session.ends.append(End(left.pop(), 0, trouble, says=says))
            else:
                left[0].blamed = True
        self.queue.extendleft(reversed(left))
        self._give_up(self._session.now() - self._session.patience, says, None if self.replies else trouble)
        self.advance()

    def ask_again(self, asks: list[Ask], says: str) -> None:
        """Put back *asks* that the peer says it has not looked at; twice with no reply between is trouble enough."""
        for ask in reversed(asks):
            if (ask.refusals and ask.mark == self.replies) or ask.refusals == REFUSALS:
                ask.sent = ask.sent or time.time_ns()
                self._session.ends.append(End(ask, time.time_ns(), Trouble.HTTP, says=says))
            else:
                ask.refusals += 1
                ask.mark = self.replies
                self.queue.appendleft(ask)

    def close(self) -> None:
        """Close the connections, or stop the attempt at one."""
        if self._attempt is not None:
            self._attempt.cancel()
            self._attempt = None
        for connection in [*self._retired, self._connection]:
            if connection is not None:
                self._leave(connection)
        self.let_go()

    def let_go(self) -> None:
        """Close the connections on which nothing but late replies can come."""
        for _, connection in self._left:
            connection.abort()
        self._left.clear()

    def _retire(self, connection: Connection, says: str) -> None:
        """Ask nothing more on *connection*, but wait for what it may still answer."""
        self._connection = self._blocked = None
        if connection.open:
            self._retired.append(connection)
            return
        connection.abort()
        self._useless = 0 if connection.used else self._useless + 1
        if self._useless >= USELESS and self.queue:  # else a peer that leaves at once is connected to for ever
            self._spare(RefusedError(Trouble.HTTP, says))

    def _leave(self, connection: Connection, *, late: bool = False) -> None:
        """Close *connection*; *late*: when as much time again has passed, if a late reply may come on it."""
        if connection is self._connection:
            self._connection = self._blocked = None
        else:
            self._retired.remove(connection)
        if late and connection.linger():
            self._left.append((self._session.now() + self._session.patience, connection))
        else:
            connection.abort()

    def _give_up(self, before: int, says: str | None = None, trouble: Trouble | None = None) -> None:
        """End in silence, or with *trouble*, what has stood in the queue since *before*: its turn will not come."""
        kept: deque[Ask] = deque()
        for ask in self.queue:
            if max(ask.since, ask.written) > before:
                kept.append(ask)
            else:
                ask.sent = ask.sent or time.time_ns()
                self._session.ends.append(End(ask, time.time_ns() if trouble else 0, trouble, says=says))
        self.queue = kept

    async def _connect(self) -> None:
        connection = self._next = self._session.converse(self, self._session)
        try:
            await self._session.connect(self.endpoint, connection)
        except RefusedError as refusal:
            connection.abort()
            self._spare(refusal)
        except OSError as error:
            if error.errno in NO_ROOM:
                self._session.lack_room(error)
            else:
                self._refuse(Trouble.UNREACHABLE, in_words(error))
        except asyncio.CancelledError:
            connection.abort()
            raise
        else:
            self._connection = connection
        self._attempt = None
        self.advance()
        if connection.lost:  # before anything could be asked on it; that is held against what is asked now
            self.ended(connection, connection.lost_by, connection.lost)

    def _spare(self, refusal: RefusedError) -> None:
        """Ask for no connection for a while: what is wrong will not change so soon."""
        self._refusal = (self._session.now() + GRUDGE, refusal)
        self._refuse(refusal.trouble, refusal.says)

    def _refuse(self, trouble: Trouble, says: str | None) -> None:
        """End all that is asked for with *trouble*: there is nobody at the endpoint who could be asked."""
        for ask in self.queue:
            ask.sent = time.time_ns()
            self._session.ends.append(End(ask, ask.sent, trouble, says=says))
        self.queue.clear()
