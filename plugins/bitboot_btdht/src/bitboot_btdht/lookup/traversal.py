"""The iterative lookup (BEP 5, "Overview"): towards a target, until the closest nodes have answered.

Pure bookkeeping: whom to ask next, and when that is enough. The asking itself is a function handed in;
what comes of it is reported back.

Nothing a stranger says is trusted. A node counts only once it has answered by itself, from the
address that was asked and under the id that it gives then; dead or slow ones are stepped over, never
waited for while there is somebody else; and everything that others can suggest is capped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from ..settings import Settings
from ..wire.compact import Address, NodeInfo
from .candidates import ANSWERED, FRESH, HELD, OVERDUE, SLOW, WAITING, Candidate
from .ending import TRIES, Ending
from .shortlist import Shortlist
from .side_paths import SidePaths

UNFIT: Final = 2
"""So many times k candidates whose ids do not fit their addresses (BEP 42) are asked in one lookup. They
cost nothing to invent right beside a target, and do not count towards its end."""


def _ignore(*_: object) -> None:
    """A lookup that has ended asks nobody, and has told whoever began it."""


class Traversal:
    """One lookup on its way to `target`.

    `ask(candidate)` sends the query. `finished()` is called once, when nothing closer can be
    learnt, as `ending` says. `at_once`: how many are asked at a time.
    """

    def __init__(
        self,
        target: bytes,
        *,
        own_id: bytes,
        settings: Settings,
        ask: Callable[[Candidate], None],
        finished: Callable[[], None],
        at_once: int,
        ending: Ending,
    ) -> None:
        self.target = target
        self.shortlist: Shortlist = Shortlist(target, settings)
        """Whom it may ask."""
        self.queries: int = 0
        self.done: bool = False
        self.outside: set[Address] = set()
        """Nodes that are asked although their ids are not known: they are no candidates until they answer."""
        self.is_opening: bool = False
        """Whether those are waited for: they may tell where to go."""
        self._own_id = own_id
        self._settings = settings
        self._ask = ask
        self._finished = finished
        self._at_once = at_once
        self._ending = ending
        self._unfit_asked = 0
        self._waiting = 0
        self._aside = SidePaths()
        self._others: list[NodeInfo] = []  # that it began with, and has not looked at yet

    def begin(self, nodes: Iterable[NodeInfo]) -> None:
        """Begin at these of our own table, the nearest first.

        That one is asked before it looks at the next, and these before it looks at the others: by the time an
        answer comes there is time for that.
        """
        left = iter(nodes)
        self.is_opening = True  # where the first cannot be asked, others can
        self.add(islice(left, 1))
        self._go_on()
        self.is_opening = False
        self.add(islice(left, self._at_once - 1))
        self._others = list(left)
        self._go_on()
        if self._waiting < self._at_once:
            self.advance()

    def add(self, nodes: Iterable[NodeInfo], teller: Address | None = None) -> None:
        """`teller` says that these (id, address) pairs may be close; None for our own table."""
        if self._others:
            self._add_others()
        for id_, address in nodes:
            if id_ != self._own_id and address not in self.outside:
                self.shortlist.add(id_, address, teller)

    def _add_others(self) -> None:
        others, self._others = self._others, []
        self.add(others)

    def advance(self) -> None:
        """Ask whom it is time to ask, or finish."""
        if self.done:
            return
        if self._others:
            self._add_others()
        self._go_on()

    def _go_on(self) -> None:  # noqa: PLR0912 - one pass over the candidates, on the hot path
        counted, wanted = 0, self._ending.wanted
        unfinished = overdue = False
        slow: list[Candidate] = []
        to_ask: list[Candidate] = []
        doubtful: list[Candidate] = []
        room = self._at_once - self._waiting
        budget = self._settings.max_queries_per_lookup - self.queries
        unfit = UNFIT * self._settings.k - self._unfit_asked
        for candidate in self.shortlist.nearest:
            state = candidate.state
            if state is ANSWERED:
                pass  # it counts
            elif state is FRESH:
                if not budget or not (candidate.fits or unfit):
                    continue
                if candidate.is_doubtful:
                    doubtful.append(candidate)
                    continue
                unfinished = True
                if len(to_ask) >= room:
                    break
                to_ask.append(candidate)
                budget -= 1
                unfit -= not candidate.fits
            elif state is WAITING or state is HELD:
                unfinished = True
            else:
                if state is SLOW:
                    slow.append(candidate)
                elif state is OVERDUE:
                    overdue = True
                continue
            if candidate.fits:
                counted += 1
                if counted == wanted:
                    break
        if not unfinished:
            if self._ending.widens(self.shortlist):
                self.advance()
                return
            if overdue or self.is_opening or self._aside.are_under_way:
                return
            enough = counted >= self._settings.k
            to_ask = self._ending.left_to_ask(
                self.shortlist,
                doubtful,
                slow,
                room=max(room, 1),
                budget=budget,
                queries=self.queries,
                enough=enough,
            )
            if not to_ask:
                if enough or not slow or not self._ending.is_patient:
                    self._finish()
                return
        self._ask_all(to_ask)

    def _ask_all(self, to_ask: list[Candidate]) -> None:
        for candidate in to_ask:
            if candidate.state not in (FRESH, SLOW) or self.done:
                continue  # asking the one before failed at once, and that has led back here
            candidate.hops = 0  # where it was on a side path before, it takes a turn now
            self._waiting += 1
            self._send(candidate)

    def ask_beside(self, nodes: list[NodeInfo], count: int) -> None:
        """Ask the first of these at once, beside those that have to answer, until so many have been asked."""
        self.add(nodes)
        found = [self.shortlist.get(address) for _, address in nodes]
        fresh = [one for one in found if one is not None and one.state is FRESH]
        self._ask_all(fresh[: max(0, count - self.queries)])

    def begin_aside(self, contacts: list[NodeInfo]) -> None:
        """Begin a side path at each of these contacts, at once."""
        if contacts:
            self.add(contacts)
        for _, address in contacts:
            candidate = self.shortlist.get(address)
            if candidate is not None and not self.done:
                self._send_aside(self._aside.begin(candidate))

    def introduce(self, id_: bytes, address: Address) -> Candidate | None:
        """The candidate that a node from `outside` becomes by its answer; None where it may not be one, or is
        one already that has been asked."""
        self.outside.discard(address)
        self.add([(id_, address)])
        candidate = self.shortlist.get(address)
        return candidate if candidate is not None and candidate.state is FRESH else None

    def go_on_aside(self, teller: Candidate, new: Iterable[NodeInfo], told: Iterable[NodeInfo]) -> None:
        """`teller`, a node on a side path, has told of these nodes, of the `new` ones before anybody else."""
        if self.queries < self._settings.max_queries_per_lookup:
            self._send_aside(self._aside.go_on(teller, self.shortlist.at(told), self.shortlist.at(new)))

    def _send_aside(self, candidate: Candidate | None) -> None:
        if candidate is not None:
            self._send(candidate)

    def _send(self, candidate: Candidate) -> None:
        candidate.state = WAITING
        candidate.tries += 1
        self.queries += 1
        self._unfit_asked += not candidate.fits
        self._ask(candidate)

    def cancel(self) -> None:
        """Ask nobody else, and call nobody."""
        self.done = True
        # They belong to whoever keeps this lookup: without a circle both are freed once nobody needs them.
        self._ask = self._finished = _ignore
        self._ending.forget()

    def _finish(self) -> None:
        finished = self._finished
        self.cancel()
        finished()

    @property
    def wanted(self) -> int:
        """How many of the closest have to answer."""
        return self._ending.wanted

    # What came of a query

    def answered(self, candidate: Candidate, id_: bytes, token: bytes | None) -> bool:
        """The candidate has answered, as `id_`. False where that makes it no use to us.

        A node that has taken a new id counts as what it says it is now, and at that distance. Its
        closer nodes are added by `add`; `advance` follows.
        """
        if self._others:
            self._add_others()
        self._settle(candidate)
        if id_ == self._own_id:
            self.shortlist.fail(candidate)
            return False
        candidate.has_answered()
        if id_ != candidate.id:
            self.shortlist.rename(candidate, id_)
        candidate.state = ANSWERED
        candidate.token = token
        return True

    def held(self, candidate: Candidate) -> None:
        """The query to it has to wait for its turn: others are asked meanwhile, but it is waited for."""
        if candidate.state is WAITING:
            self._settle(candidate)
            candidate.state = HELD
        self.advance()

    def overdue(self, candidate: Candidate) -> None:
        """Most answers would have come by now: others are asked beside it, but it is waited for."""
        self._settle(candidate)
        if candidate.state in (HELD, WAITING):
            candidate.state = OVERDUE
            self.advance()

    def slow(self, candidate: Candidate) -> None:
        """No answer yet: it may still come, but it is not waited for any more."""
        self._settle(candidate)
        if candidate.state in (HELD, WAITING, OVERDUE):
            candidate.state = SLOW
            candidate.was_silent()
        self.advance()

    def silent(self, candidate: Candidate) -> None:
        """No answer in time. By now others have been asked; where they were too few, try once more."""
        self._settle(candidate)
        candidate.was_silent()
        if candidate.tries < TRIES:
            candidate.state = FRESH
        else:
            self.shortlist.fail(candidate)
        self.advance()

    def failed(self, candidate: Candidate) -> None:
        """A refusal, or no way to ask."""
        self._settle(candidate)
        self.shortlist.fail(candidate)
        self.advance()

    def _settle(self, candidate: Candidate) -> None:
        if candidate.state is WAITING and not candidate.hops:
            self._waiting -= 1

    @property
    def answers(self) -> list[Candidate]:
        """Everyone who has answered, nearest first."""
        return self.shortlist.answers
