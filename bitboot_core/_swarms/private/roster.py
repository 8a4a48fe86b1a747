"""Who has been proved: the sessions with each member, and which of them still count."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from .epochs import Epochs
from .session import Session

MAX_MEMBERS = 1 << 12
"""Members that are known at a time: whoever was silent longest is forgotten first."""

PER_MEMBER = 4
"""Sessions with each: both sides may begin one, and a member may be on several networks."""


class Roster:
    """The members that are known."""

    def __init__(self, epochs: Epochs) -> None:
        self._epochs = epochs
        self._by_id: dict[bytes, Session] = {}
        self._by_member: OrderedDict[bytes, list[Session]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_member)

    def __iter__(self) -> Iterator[Session]:
        """The latest session with each member."""
        return iter([sessions[-1] for sessions in self._by_member.values()])

    def add(self, session: Session) -> None:
        """A session stands."""
        sessions = self._by_member.setdefault(session.member, [])
        self._by_member.move_to_end(session.member)
        sessions.append(session)
        self._by_id[session.id] = session
        if len(sessions) > PER_MEMBER:
            del self._by_id[sessions.pop(0).id]
        if len(self._by_member) > MAX_MEMBERS:
            _, dropped = self._by_member.popitem(last=False)
            for one in dropped:
                del self._by_id[one.id]

    def find(self, session_id: bytes) -> Session | None:
        """The session with that id."""
        return self._by_id.get(session_id)

    def latest(self, member: bytes) -> Session | None:
        """The newest session with a member, None where there is none."""
        sessions = self._by_member.get(member)
        return sessions[-1] if sessions else None

    def discard(self, session: Session) -> None:
        """A session stands no more. Nothing happens where it had ended before."""
        if self._by_id.pop(session.id, None) is not None:
            sessions = self._by_member[session.member]
            sessions.remove(session)
            if not sessions:
                del self._by_member[session.member]

    def expire(self, time: float) -> None:
        """End the sessions of epochs that count no more at `time`, in seconds since 1970."""
        for session in [one for one in self._by_id.values() if not self._epochs.counts(one.epoch, time)]:
            self.discard(session)
