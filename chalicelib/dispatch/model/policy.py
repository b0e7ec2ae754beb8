"""The figures by which dispatch works, in one place; a test or a zone may use others."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec


class Policy(msgspec.Struct, frozen=True):
    """How riders are searched, offered to and alerted about."""

    offer_for: timedelta = timedelta(seconds=30)
    # How long before an order is ready the search begins: a rider's way to a store nearby, and half a slow beat.
    search_lead: timedelta = timedelta(minutes=11)
    # Looks at an offer happen this long after it ran out, so that a look never comes a moment too early.
    look_grace: timedelta = timedelta(seconds=1)
    # Two looks closer than this are one; a look due sooner than this may be the one at work right now.
    look_slack: timedelta = timedelta(seconds=10)
    look_margin: timedelta = timedelta(seconds=5)

    # Ticks come on this beat of the clock, first looks that may choose their moment on the slow one, a multiple of it,
    # both in whole seconds: the phones of riders who may be asked come a moment after.
    beat: timedelta = timedelta(seconds=20)
    slow_beat: timedelta = timedelta(seconds=120)

    # While something waits, its zone is planned at this pace; slower once every store knows, slower still when it
    # goes on. A tick has its zone to itself for `lease_for`; a timer that is overdue by `tick_lost_after` is lost.
    pace: timedelta = timedelta(seconds=20)
    pace_after_alert: timedelta = timedelta(minutes=1)
    pace_when_hopeless: timedelta = timedelta(minutes=5)
    hopeless_after: timedelta = timedelta(minutes=30)

    lease_for: timedelta = timedelta(seconds=8)
    tick_lost_after: timedelta = timedelta(seconds=45)
    # What waits for its zone's ticks is looked at by itself this often all the same.
    guard: timedelta = timedelta(minutes=3)
    # More open deliveries than this split a zone into finer cells; fewer than `join_below` join it again.
    split_above: int = 120
    join_below: int = 60
    # Nobody is asked whose phone looks only after the next tick: that tick asks, as long as a delivery has not been
    # there and ready for longer than this.
    phone_wait: timedelta = timedelta(minutes=4)
    # An offer must be made this long before the rider has to leave; with fewer orders around than `quiet_below`
    # nothing is gained by waiting, and a rider is asked at once.
    plan_limit: int = 200  # deliveries in one decision, the most urgent ones
    answer_time: timedelta = timedelta(seconds=25)
    quiet_below: int = 6

    # What is offered on top, in minor units of the store's currency, and when everybody in reach may claim it: after so
    # long without a taker, or so many riders asked in vain.
    bonuses: tuple[tuple[timedelta, int, int], ...] = (
        (timedelta(seconds=90), 3, 100),
        (timedelta(minutes=3), 5, 200),
        (timedelta(minutes=6), 8, 400),
    )
    pool_after: timedelta = timedelta(minutes=2)
    pool_after_rounds: int = 4

    # A delivery is taken from a rider who has not reached the store when another would have it so much earlier, once,
    # and from the same rider no more often than this in a shift.
    reassign_gain: timedelta = timedelta(minutes=6)
    reassigned_limit: int = 2
    # Only for riders who take most of what they are asked; a rider who was silent for so long is as good as gone.
    reassign_accepts: float = 0.7
    silent_after: timedelta = timedelta(minutes=5)

    alert_after_rounds: int = 5
    alert_after: timedelta = timedelta(minutes=3)

    # Whom to consider: riders heard of lately, who can be at the store within reach; the nearest of them are looked
    # at closely. A search that finds nobody for `widen_after` looks one ring of zones further.
    heard_within: timedelta = timedelta(minutes=15)
    reach: timedelta = timedelta(minutes=45)
    reach_after_alert: timedelta = timedelta(minutes=90)
    widen_after: timedelta = timedelta(minutes=1)
    candidates: int = 12
    candidates_limit: int = 200

    # Orders of one store go on one trip when none waits longer than this for the other, on the shelf or on the way.
    bundle_wait: timedelta = timedelta(minutes=8)
    bundle_detour: timedelta = timedelta(minutes=8)
    # Handing over at the store, and at the door.
    handling: timedelta = timedelta(minutes=2)

    # Nothing is offered, or may be claimed, that would be handed over so long after the rider's shift has ended.
    shift_overrun: timedelta = timedelta(0)

    pin_attempts: int = 5
    # How often a rider may ring again on the same trip before an order goes back.
    second_tries: int = 1

    def on_slow_beat(self, moment: datetime) -> datetime:
        """The first slow beat that is not before the moment."""
        return _on(self.slow_beat, moment)

    def next_tick(self, now: datetime, pace: timedelta) -> datetime:
        """The beat at which a zone that ticks at this pace is due next: about so much later, and free by then."""
        last = _on(self.beat, now + pace)
        earlier = last - self.beat
        return earlier if earlier > now + self.lease_for else last

    def look_again_after(self, searching_for: timedelta, *, alerted: bool) -> timedelta:
        """The pause before the next tick where nobody was found for so long."""
        if not alerted:
            return self.pace
        return self.pace_when_hopeless if searching_for >= self.hopeless_after else self.pace_after_alert


def _on(beat: timedelta, moment: datetime) -> datetime:
    return moment + timedelta(seconds=-moment.timestamp() % beat.total_seconds())


STANDARD = Policy()
