"""What the planner is told and what it answers. Moments and spans are seconds on one clock; places belong to Travel."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import msgspec

# (latitude, longitude) in degrees, or metres on a plane: only the Travel in use knows.
Place: TypeAlias = tuple[float, float]


class Travel(Protocol):
    """How long a way takes, and roughly where places lie beside each other."""

    def seconds(self, start: Place, end: Place, vehicle: str) -> float:
        """From door to door with this vehicle."""
        ...

    def flat(self, place: Place, origin: Place) -> tuple[float, float]:
        """Metres from the origin on a plane: good to tell near from far, cheap for every rider and store."""
        ...

    def pace(self, vehicle: str) -> float:
        """Seconds per metre on that plane, about."""
        ...


class Delivery(msgspec.Struct, frozen=True):
    """An order that wants to be brought: from which store to which door, and when it can leave.

    ``ready_at`` is what is expected now: told by the store, predicted, or marked. ``due_at`` is what the customer was
    promised, None where nothing was. ``excludes`` are riders who are not asked (again). ``needs`` are what a rider's
    equipment has to offer (a cold box, an age check, …). ``size`` is what it takes of a rider's room.
    """

    id: str
    store_id: str
    store: Place
    door: Place
    placed_at: float
    ready_at: float
    due_at: float | None = None
    size: int = 1
    needs: frozenset[str] = frozenset()
    excludes: frozenset[str] = frozenset()


class Pending(msgspec.Struct, frozen=True):
    """What a rider goes to fetch at one store and has not picked up: the set is frozen only at the counter.

    ``deliveries`` are in drop-off sequence, ``at_store_at`` is when the rider is expected at the store.
    """

    deliveries: tuple[Delivery, ...]
    at_store_at: float


class Rider(msgspec.Struct, frozen=True):
    """A rider on shift (or soon): when and where free, and until when orders may be picked up (or brought: Policy).

    ``room`` is how much fits on one trip (sum of sizes), ``orders`` how many orders. ``accepts`` is the probability
    that an offer is taken.
    ``covered`` is how many more orders cost no extra pay because the guarantee of the shift pays them anyway.
    ``pending`` is a trip on the way to the store, to which orders may still be added; ``place`` and ``free_at`` tell
    of its end then.
    """

    id: str
    place: Place
    free_at: float
    off_at: float
    vehicle: str = "bicycle"
    room: int = 4
    orders: int = 1_000
    accepts: float = 1.0
    covered: float = 0.0
    equipment: frozenset[str] = frozenset()
    pending: Pending | None = None


class Outlook(msgspec.Struct, frozen=True):
    """Where orders are to be expected: a store or a cluster of them, and its share of what comes (any unit)."""

    place: Place
    rate: float


class Terms(msgspec.Struct, frozen=True):
    """What a trip costs, term by term, in seconds of a customer's waiting (see Policy for the weights).

    ``lateness`` is the time from ready to door of all its orders beyond the straight way, ``overdue`` what lies beyond
    the promise, ``approach`` the way to the store, ``idle`` the wait at the counter, ``work`` the rider's time,
    ``pay`` what the pay rules add, ``doubt`` what a likely refusal costs, ``cover`` what the rider is missed for.
    """

    lateness: float = 0.0
    overdue: float = 0.0
    approach: float = 0.0
    idle: float = 0.0
    work: float = 0.0
    pay: float = 0.0
    doubt: float = 0.0
    cover: float = 0.0

    def total(self) -> float:
        """The sum that was minimised."""
        return self.lateness + self.overdue + self.approach + self.idle + self.work + self.pay + self.doubt + self.cover


class RunnerUp(msgspec.Struct, frozen=True):
    """The next best rider for the same trip, what it costs there, and how much more the plan would cost (``extra``)."""

    rider_id: str
    terms: Terms
    extra: float


class Offer(msgspec.Struct, frozen=True):
    """Ask this rider now to fetch these deliveries; ``deliveries`` and ``drop_at`` are in drop-off sequence.

    ``stores`` are in the sequence of pick-up, ``pickup_at`` is the last hand-over. The rider should set out at
    ``leave_at``. ``joins`` says that the set changes for a trip on which the rider is on the way already.
    """

    rider_id: str
    stores: tuple[str, ...]
    deliveries: tuple[str, ...]
    leave_at: float
    at_store_at: float
    pickup_at: float
    drop_at: tuple[float, ...]
    terms: Terms = Terms()
    runner_up: RunnerUp | None = None
    joins: bool = False
