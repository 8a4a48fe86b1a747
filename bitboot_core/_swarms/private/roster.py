"""Who has been proved: the sessions with each member, and which of them still count."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from .epochs import Epochs
from .session import Session

MAX_SESSIONS = 1 << 13
"""Sessions at a time, those of all members: the oldest ends first."""

PER_MEMBER = 64
"""Sessions of one member: its programs may be many, and on several networks."""


class Roster:
    """The members that are known."""

    def __init__(self, epochs: Epochs) -> None:
        self._epochs = epochs
        self._by_id: OrderedDict[bytes, Session] = OrderedDict()
        self._by_member: dict[bytes, list[Session]] = {}
        self._epochs_kept: set[int] = set()
        """Those of the sessions, and perhaps of some that have ended."""

    def __len__(self) -> int:
        """How many members there are."""
        return len(self._by_member)

    def add(self, session: Session) -> None:
        """A session stands."""
        sessions = self._by_member.setdefault(session.member, [])
        sessions.append(session)
        self._by_id[session.id] = session
        self._epochs_kept.add(session.epoch)
        if len(sessions) > PER_MEMBER:
            self.discard(sessions[0])
        if len(self._by_id) > MAX_SESSIONS:
            self.discard(next(iter(self._by_id.values())))

    def find(self, session_id: bytes) -> Session | None:
        """The session with that id."""
        return self._by_id.get(session_id)

    def of(self, member: bytes) -> Sequence[Session]:
        """The sessions with a member, the oldest first."""
        return self._by_member.get(member, ())

    def discard(self, session: Session) -> None:
        """A session stands no more. Nothing happens where it had ended before."""
        if self._by_id.pop(session.id, None) is not None:
            sessions = self._by_member[session.member]
            sessions.remove(session)
            if not sessions:
                del self._by_member[session.member]

    def expire(self, time: float) -> None:
        """End the sessions of epochs that count no more at `time`, in seconds since 1970."""
        counting = self._epochs.counting(time)
        if self._epochs_kept <= counting:
            return
        for session in [one for one in self._by_id.values() if one.epoch not in counting]:
            self.discard(session)
        self._epochs_kept = {one.epoch for one in self._by_id.values()}
