"""Who brings the messages of a mailbox, and how badly: in order, with retries, repeated and shuffled, crowded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from datetime import datetime

    from tests.faults.mailbox import Mailbox, Message


class Post:
    """Brings the messages of a mailbox. `move_clock` lets Doorstep's time pass until an instant."""

    MOST_ROUNDS = 2000

    def __init__(self, mailbox: Mailbox, move_clock: Callable[[datetime], None]) -> None:
        self.mailbox = mailbox
        self._move_clock = move_clock

    def until(self, holds: Callable[[], Any]) -> Any:
        """Bring messages until something holds; what it answers then."""
        for _ in range(self.MOST_ROUNDS):
            if answer := holds():
                return answer
            if not self._bring_some():
                raise AssertionError(f"nothing is under way that could make it true: {self.mailbox.messages}")
        raise AssertionError("no end of messages")

    def bring_what_is_due(self) -> None:
        """Bring everything that is due now."""
        for _ in range(self.MOST_ROUNDS):
            if not self._bring_some():
                return
        raise AssertionError("no end of messages")

    def settle(self) -> None:
        """Bring everything, and let time pass until no timer is left."""
        for _ in range(self.MOST_ROUNDS):
            if self._bring_some():
                continue
            owing = self._owing()
            if not owing:
                return
            self._move_clock(min(message.due for message in owing))
        raise AssertionError("no end of messages")

    def _owing(self) -> list[Message]:
        return self.mailbox.owing()

    def _bring_some(self) -> bool:
        raise NotImplementedError


class Orderly(Post):
    """Each message once, in the order in which they were sent."""

    def _bring_some(self) -> bool:
        first = next((message for message in self._owing() if message.is_due), None)
        if first is None:
            return False
        assert self.mailbox.arrive(first) == [], f"{first} failed"
        return True


class Patient(Post):
    """Like orderly, and brings again what failed, as a queue does: five times, then it is put aside."""

    RECEIVES = 5

    def _bring_some(self) -> bool:
        due = [message for message in self._owing() if message.is_due]
        if not due:
            return False
        first = min(due, key=lambda message: (message.tried, message.number))
        self.mailbox.arrive(first)
        assert first.arrived or first.tried < self.RECEIVES, f"{first} is put aside after {first.tried} tries"
        return True


class Unruly(Post):
    """Every message at least `copies` times, in any order, timers early and late, some of them long after."""

    def __init__(
        self, mailbox: Mailbox, move_clock: Callable[[datetime], None], chance: random.Random, copies: int
    ) -> None:
        super().__init__(mailbox, move_clock)
        self._chance = chance
        self._copies = copies

    def _owing(self) -> list[Message]:
        return self.mailbox.owing(self._copies)

    def _bring_some(self) -> bool:
        due = [message for message in self._owing() if message.is_due]
        if not due:
            return False
        # Beside one that is owed: any that were ever sent, long handled or not due for minutes.
        batch = [self._chance.choice(due)]
        batch += self._chance.choices(self.mailbox.messages, k=self._chance.randrange(3))
        self._chance.shuffle(batch)
        failed = [each for each in self.mailbox.arrive(*batch) if each.is_due]
        assert failed == [], f"{failed} failed"
        return True

    def until(self, holds: Callable[[], Any]) -> Any:
        """As soon as it holds, or some messages later, if it holds still."""
        super().until(holds)
        for _ in range(self._chance.randrange(5)):
            self._bring_some()
        return super().until(holds)

    def settle(self) -> None:
        super().settle()
        again = self.mailbox.messages
        self._chance.shuffle(again)
        for message in again:
            assert self.mailbox.arrive(message) == [], f"{message} failed"
        super().settle()


class Crowded(Post):
    """Every message to three functions at the same moment, the youngest messages first; what failed comes again."""

    COPIES = 3

    def _bring_some(self) -> bool:
        due = [message for message in self._owing() if message.is_due]
        if not due:
            return False
        last = due[-1]
        self.mailbox.arrive_at_once(last, self.COPIES)
        assert last.arrived or last.tried < 10 * self.COPIES, f"{last} fails for ever"
        return True


class Redriven(Post):
    """A queue and its dead letters: what fails five times is put aside, what is put aside comes again when told."""

    RECEIVES = 5
    SECONDS_PER_MESSAGE = 1

    def __init__(self, mailbox: Mailbox, move_clock: Callable[[datetime], None]) -> None:
        super().__init__(mailbox, move_clock)
        self.aside: list[Message] = []

    def _owing(self) -> list[Message]:
        return [message for message in self.mailbox.owing() if message not in self.aside]

    def _bring_some(self) -> bool:
        due = [message for message in self._owing() if message.is_due]
        if not due:
            return False
        batch = sorted(due, key=lambda message: (message.tried, message.number))[:10]
        first = [message for message in batch if message.queue == batch[0].queue]
        failed = self.mailbox.arrive(*first)
        self.aside += [message for message in failed if message.tried >= self.RECEIVES]
        return True

    def redrive(self) -> int:
        """What was put aside comes again; how much it was."""
        again, self.aside = self.aside, []
        for message in again:
            message.tried = 0
        return len(again)
