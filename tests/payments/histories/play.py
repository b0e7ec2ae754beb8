"""Performs a history on a stage: step by step, with what goes wrong, and then to the end of every order."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.dispatch import service as dispatch
from chalicelib.dispatch.model.delivery import Status as DeliveryStatus
from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.event_types import ReconciliationDue
from chalicelib.ordering.model.order import DELIVERY_RETURNED, ENDED, Status
from chalicelib.ordering.tables import order_ref
from chalicelib.payments import service as payments
from chalicelib.payments.service import settlement
from chalicelib.payments.tables.settlement import head_ref
from infra.local.actors import Refused
from infra.local.actors.customer import address
from tests.payments.histories.acts import ACTS, VISA
from tests.payments.histories.script import BASKETS, Crash, Fault, Spec
from tests.payments.histories.stage import Broken, Stage
from tests.payments.histories.wires import Crashed

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.dispatch.service import Delivery
    from chalicelib.kernel.events import Event
    from chalicelib.ordering.model.order import Order
    from chalicelib.payments.model import Payment
    from tests.payments.histories.script import History, Step

    T = TypeVar("T")
    Act = tuple[str, Callable[[], Any]]

_3DS, _DECLINED = "pm_card_threeDSecure2Required", "pm_card_chargeDeclinedInsufficientFunds"
_ON_THE_WAY_BACK = (DeliveryStatus.FAILED, DeliveryStatus.RETURNING, DeliveryStatus.RETURNED)
_MOST_ROUNDS = 400
_MOST_STEPS = 40
_PATIENCE = 120  # rounds after which the staff give up an order for which no rider is found


@dataclass
class Ordered:
    """An order of the play, from the wish to its end."""

    number: int
    spec: Spec
    tenders: list[dict[str, Any]] = field(default_factory=list)
    quote: dict[str, Any] | None = None
    is_placed: bool = False
    has_paid: bool = False
    declined: int = 0
    intent: tuple[str, str] | None = None
    claim: int = 1
    told: set[str] = field(default_factory=set)
    """The intents whose secrets anybody was ever told."""

    @property
    def id(self) -> str:
        return ids.retag(self.quote["id"], "ord") if self.quote else ""


class Play:
    """One performance. `log` is what came of each step."""

    def __init__(self, stage: Stage, history: History) -> None:
        self.stage = stage
        self.history = history
        self.orders = [Ordered(number, spec) for number, spec in enumerate(history.orders)]
        self.log: list[str] = []
        self._read: dict[tuple[str, str], Any] = {}
        self._read_at = -1
        self.began = clock.now()
        if any(spec.mode == "delivery" for spec in history.orders):
            stage.hire_riders()
        for ordered in self.orders:
            self._give_credit(ordered)

    def run(self) -> None:
        """Everything that happens, and then what happens by itself until nothing is under way."""
        for number, step in enumerate(self.history.steps):
            self._perform(number, step)
        self.wind_up()

    # --- one step -----------------------------------------------------------------------------------------------------

    def _perform(self, number: int, step: Step) -> None:
        ordered = self.orders[step.of]

        def act() -> str:
            try:
                return str(ACTS[step.do](self, ordered, step, number) or "")
            except Refused as refused:
                return refused.code
            except DomainError as refused:
                return refused.code

        outcome = self._in_trouble(step.trouble, act)
        self.stage.post.collect()
        with self.stage.wires.quiet():
            order = self._order(ordered)
            payment = self._payment(ordered)
        self.log.append(
            f"{number:2} {step!r}: {outcome or 'done'}"
            f" → {order.status if order else '-'}, {payment.state if payment else '-'}"
        )

    def _in_trouble(self, trouble: Crash | Fault | None, act: Callable[[], str]) -> str:
        if isinstance(trouble, Crash):
            try:
                with self.stage.wires.crash(trouble.call, trouble.side):
                    return act()
            except Crashed:
                self.stage.post.collect()
                return f"crashed, then {act() or 'done'}" if trouble.again else "crashed"
        if isinstance(trouble, Fault):
            asked = {"kind": trouble.kind, "times": trouble.times, "match": {"method": trouble.method}}
            if trouble.kind == "error_500":
                asked["remembered"] = trouble.remembered
            self.stage.bank.control("POST", "/sandbox/faults", asked)
        return act()

    # --- how an order goes on -----------------------------------------------------------------------------------------

    def reach(self, ordered: Ordered, stage: str) -> str:
        """Let an order go on as if nothing was in its way, until it has got so far."""
        for round_ in range(_MOST_STEPS):
            with self.stage.wires.quiet():
                if self._has_reached(ordered, stage):
                    return f"after {round_}"
            done = self.go_on(ordered)
            if done == "nothing":
                break
        return "not reached"

    def _has_reached(self, ordered: Ordered, stage: str) -> bool:
        order = self._order(ordered)
        if order is None:
            return False
        if stage == "settled":
            return order.status in ENDED and not self.stage.post.due()
        if order.status in ENDED or stage == "placed":
            return True
        if stage in ("paid", "confirmed"):
            return order.confirmed_at is not None or (stage == "paid" and ordered.has_paid)
        delivery = self._delivery(order.id)
        if stage == "at_door" and delivery is not None:
            return delivery.status in (DeliveryStatus.AT_DOOR, *_ON_THE_WAY_BACK)
        if stage == "gone" and delivery is not None:
            return delivery.status in (DeliveryStatus.PICKED_UP, DeliveryStatus.AT_DOOR, *_ON_THE_WAY_BACK)
        if stage == "accepted":
            return order.status is not Status.PLACED
        return stage != "completed" and order.status in (Status.READY, Status.HANDED_OVER, Status.OUT_FOR_DELIVERY)

    def go_on(self, ordered: Ordered) -> str:
        with self.stage.wires.quiet():
            act = self._next_act(ordered)
        if act is not None:
            name, do = act
            try:
                do()
            except Refused as refused:
                return f"{name} {refused.code}"
            return name
        due = self.stage.post.due()
        if due:
            return f"{due[0]} {'taken' if self.stage.post.bring(due[0]) else 'failed'}"
        later = self.stage.post.owing()
        if not later or self._is_over(ordered):
            return "nothing"
        self._wait_for(min(message.due for message in later))
        return f"waited until {clock.now():%H:%M:%S}"

    def _next_act(self, ordered: Ordered) -> Act | None:
        order = self._order(ordered)
        if order is None:
            return None if ordered.is_placed else ("place", lambda: self.place(ordered))
        if order.status in ENDED:
            return None
        tablet, order_id = self.stage.tablet, order.id
        if order.status is Status.PLACED and order.confirmed_at is None:
            if ordered.has_paid or ordered.spec.paying == "never_pays":
                return None
            return "pay", lambda: self.pay(ordered)
        plain: dict[Status, Act] = {
            Status.PLACED: ("accept", lambda: tablet.accept(order_id)),
            Status.ACCEPTED: ("start", lambda: tablet.start(order_id)),
            Status.PREPARING: ("ready", lambda: tablet.ready(order_id)),
        }
        if order.status in plain:
            return plain[order.status]
        if order.mode == "dine_in":
            return "complete", lambda: tablet.complete(order_id)
        if order.mode == "pickup" or DELIVERY_RETURNED in order.attention:
            return "hand over", lambda: tablet.hand_over(order_id, order.pickup_code)
        return self._next_on_the_road(order)

    def _next_on_the_road(self, order: Order) -> Act | None:
        delivery = self._delivery(order.id)
        if delivery is None:
            return None
        rider = self.stage.rider(delivery.rider_id or delivery.offered_to)
        if rider is None or (delivery.status is DeliveryStatus.OFFERED and delivery.offer_expired(clock.now())):
            return None
        proof: dict[str, Any] = {"pin": order.delivery_pin}
        if delivery.cash_to_collect is not None:
            cash = delivery.cash_to_collect
            proof["cash_collected"] = {"amount": cash.amount, "currency": cash.currency}
        acts: dict[DeliveryStatus, Act] = {
            DeliveryStatus.OFFERED: ("take the offer", lambda: rider.accept(delivery.id)),
            DeliveryStatus.ASSIGNED: ("arrive", lambda: rider.arrive_at_store(delivery.id)),
            DeliveryStatus.AT_STORE: ("pick up", lambda: rider.pick_up(delivery.id)),
            DeliveryStatus.PICKED_UP: ("arrive at the door", lambda: rider.arrive_at_door(delivery.id)),
            DeliveryStatus.AT_DOOR: ("deliver", lambda: rider.deliver(delivery.id, **proof)),
            DeliveryStatus.FAILED: ("turn back", lambda: rider.start_return(delivery.id)),
            DeliveryStatus.RETURNING: ("bring back", lambda: rider.finish_return(delivery.id)),
        }
        return acts.get(delivery.status)

    # --- what people do -----------------------------------------------------------------------------------------------

    def place(self, ordered: Ordered) -> None:
        """Get a quote and order it, in the end once: the same key each time."""
        customer, spec = self.stage.customer, ordered.spec
        if ordered.quote is None:
            where = {"delivery": {"address": address(self.stage.home)}, "dine_in": {"table": "7"}}.get(spec.mode, {})
            tip = {"tip": {"amount": spec.tip, "currency": "EUR"}} if spec.tip else {}
            ordered.quote = customer.quote(self.stage.shop.id, BASKETS[spec.basket], spec.mode, **where, **tip)
        asked: dict[str, Any] = {"quote_id": ordered.quote["id"]}
        if ordered.tenders:
            asked["tenders"] = ordered.tenders
        else:
            cash = "cash_on_delivery" if spec.mode == "delivery" else "pay_at_store"
            asked["payment_method"] = {"cash": cash, "alipay": "alipay", "wechat": "wechat_pay"}.get(
                spec.paying, "card"
            )
        try:
            placed = customer.client.post("/v1/orders", asked, key=f"place-{ordered.id}").body
        except Refused as refused:
            if refused.code == "quote_expired":
                ordered.quote = None
            ordered.is_placed = refused.status == 422  # tenders that don't do will not do later
            raise
        ordered.is_placed = True
        ordered.told.add(placed["payment"].get("payment_intent_id"))

    def pay(self, ordered: Ordered) -> str:
        """The customer's phone confirms the payment."""
        if ordered.intent is None:
            told = self.stage.customer.payment(ordered.id)
            if not told.get("client_secret"):
                return "nothing to pay"
            ordered.intent = told["payment_intent_id"], told["client_secret"]
            ordered.told.add(told["payment_intent_id"])
        if ordered.spec.paying in ("alipay", "wechat"):
            # In the wallet's app: the payment was confirmed when it was made.
            told = self.stage.bank.phone(
                f"/sandbox/payment_intents/{ordered.intent[0]}/authenticate", outcome="succeeded"
            )
            ordered.has_paid = ordered.has_paid or bool(told and told.get("status") == "succeeded")
            return "no answer" if told is None else str(told.get("status", "refused"))
        card = {"card_3ds": _3DS}.get(ordered.spec.paying, VISA)
        if ordered.spec.paying == "card_declined_first" and not ordered.declined:
            ordered.declined += 1
            card = _DECLINED
        status = self.confirm(ordered.intent, card)
        ordered.has_paid = ordered.has_paid or status in ("requires_capture", "succeeded")
        return status

    def confirm(self, intent: tuple[str, str], card: str) -> str:
        phone, (intent_id, secret) = self.stage.bank.phone, intent
        form = {"client_secret": secret, "payment_method": card, "return_url": "https://doorstep.example"}
        told = phone(f"/v1/payment_intents/{intent_id}/confirm", **form)
        if told is not None and "error" in told:
            # Perhaps it went through the last time, and only the answer was lost.
            told = told["error"].get("payment_intent") or told
        if told is not None and told.get("status") == "requires_action":
            told = phone(f"/sandbox/payment_intents/{intent_id}/authenticate", outcome="succeeded")
        return "no answer" if told is None else str(told.get("status", "refused"))

    # --- the end ------------------------------------------------------------------------------------------------------

    def wind_up(self) -> None:
        """Nothing goes wrong any more: every order goes on to its end, every message arrives, every timer fires."""
        self.stage.bank.control("DELETE", "/sandbox/faults")
        post = self.stage.post
        for round_ in range(_MOST_ROUNDS):
            post.bring_all_due()
            self._see_resends()
            with self.stage.wires.quiet():
                acts = [act for each in self.orders if each.is_placed and (act := self._next_act(each)) is not None]
                going = [each.id for each in self.orders if not self._is_over(each)]
            for _, act in acts:
                with contextlib.suppress(Refused):
                    act()
            if acts:
                continue
            owing = post.owing()
            if not owing:
                break
            if round_ > _PATIENCE:
                for order_id in going:
                    with contextlib.suppress(Refused):
                        self.stage.tablet.cancel(order_id)
            self._wait_for(min(message.due for message in owing))
            if going:
                self.stage.riders_report()
        else:
            raise Broken(f"no end of messages: {post.owing()}")
        # With an echo so long that every period of settlement ends.
        if self.history.echo:
            self._sweep(8)
        else:
            self._sweep(1, but=(ReconciliationDue,))
        self._sweep(1)
        if self.history.echo:
            for message in reversed(list(post.messages)):
                # A timer that is not due yet stays in its queue.
                if not post.bring(message) and message.due <= clock.now():
                    raise Broken(f"{message} failed when it came again: {message.body}")
            post.bring_all_due()

    def _sweep(self, days: int, but: tuple[type[Event], ...] = ()) -> None:
        """Days pass, and everything that recurs does its work."""
        stage = self.stage
        stage.pass_time(timedelta(days=days))
        with stage.wires.quiet():
            parties = [settlement.party_of("store", stage.shop.id)]
            parties += [settlement.party_of("rider", rider) for rider in stage.rider_ids]
            parties = [party for party in parties if tables.fetch(head_ref(party, "EUR"))[0] is not None]
        stage.post.fire_schedules([(party.kind, party.id) for party in parties], but=but)
        tomorrow = clock.now() + timedelta(days=1)
        for _ in range(_MOST_ROUNDS):
            stage.post.bring_all_due()
            # A payout waits for its account from day to day, for ever where nobody opens one.
            owing = [message for message in stage.post.owing() if message.due < tomorrow]
            if not owing:
                return
            self._wait_for(min(message.due for message in owing))
        raise Broken(f"no end of messages: {stage.post.owing()}")

    # --- how things stand ---------------------------------------------------------------------------------------------

    def _see_resends(self) -> None:
        """What is brought once more is an order like any other."""
        known = {ordered.id for ordered in self.orders}
        for order_id in sorted(self.stage.wires.order_ids - known):
            with self.stage.wires.quiet():
                order: Order = tables.fetch(order_ref(order_id))[0]
            spec = Spec(mode=order.mode, paying="never_pays")
            quote = {"id": ids.retag(order_id, "qte")}
            self.orders.append(Ordered(len(self.orders), spec, quote=quote, is_placed=True))

    def _give_credit(self, ordered: Ordered) -> None:
        spec = ordered.spec
        amount = 30_000 if spec.paying == "gift" else spec.credit
        if spec.paying in ("gift", "split", "all_three"):
            card = self.stage.gift_card(amount)
            ordered.tenders.append({"method": "gift_card", "code": card.code})
        if spec.paying in ("credit", "all_three"):
            self.stage.store_credit(amount)
            ordered.tenders.append({"method": "store_credit"})
        if spec.paying in ("split", "credit", "all_three"):
            ordered.tenders.append({"method": "card"})

    def _order(self, ordered: Ordered) -> Order | None:
        if ordered.quote is None:
            return None
        order = self._seen(order_ref(ordered.id))
        ordered.is_placed = ordered.is_placed or order is not None
        return order

    def _payment(self, ordered: Ordered) -> Payment | None:
        if ordered.quote is None:
            return None
        return self._seen(payments.payment_ref(ordered.id))

    def _delivery(self, order_id: str) -> Delivery | None:
        return self._seen(dispatch.delivery_ref(order_id))

    def _seen(self, ref: tables.Ref[T]) -> T:
        """What is there: as it was read the last time, if nothing was written since."""
        if self._read_at != self.stage.wires.writes:
            self._read_at = self.stage.wires.writes
            self._read.clear()
        key = (ref.pk, ref.sk)
        if key not in self._read:
            self._read[key] = tables.fetch(ref)[0]
        found: T = self._read[key]
        return found

    def _is_over(self, ordered: Ordered) -> bool:
        order = self._order(ordered)
        return order is None or order.status in ENDED

    def _wait_for(self, instant: Any) -> None:
        clock._frozen = max(clock.now(), instant)
