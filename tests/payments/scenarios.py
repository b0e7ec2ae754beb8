"""One scenario for each place where the provider is called: what leads there, what is asked again, how it ends.

`act` is what somebody repeats who was told to try again: a customer's app, a queue. `finish` goes on from there,
without faults, to where money has moved or never will.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.kernel import clock, ids
from chalicelib.kernel.idempotency import IdempotencyKey
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import Transaction
from chalicelib.payments import provider, service
from chalicelib.payments.model import Payment, State
from chalicelib.payments.model.refunds import RefundRequest
from tests.payments.test_refunds import BILL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.payments.conftest import Stripe


@dataclass
class Scene:
    """What a scenario has made so far."""

    stripe: Stripe
    order_id: str = field(default_factory=lambda: ids.new_id("ord"))
    store_id: str = field(default_factory=lambda: ids.new_id("sto"))
    customer_id: str = "cus-1"
    action: Any = None
    known: dict[str, Any] = field(default_factory=dict)

    @property
    def payment(self) -> Payment:
        return service.get_payment(self.order_id)

    def open(self, method: str = "card", *, days_ahead: int = 0) -> None:
        now = clock.now()
        start = now + timedelta(days=days_ahead)
        tx = Transaction()
        service.open_payment(
            tx,
            order_id=self.order_id,
            store_id=self.store_id,
            customer_id=self.customer_id,
            amount=Money(BILL.total, "EUR"),
            method=method,
            sums=BILL.sums,
            mode="delivery",
            deferral=service.deferral_of(start, start, now),
        )
        tx.commit()

    def start(self) -> None:
        self.action = service.start_intent(self.payment)

    def confirm(self, card: str = "pm_card_visa") -> None:
        self.stripe.confirm(self.action, card)

    def authorise(self) -> None:
        """As ordering does with a notice: ask, and write down that the money is there."""
        payment = self.payment
        if payment.state is not State.REQUIRES_PAYMENT:
            return
        state = service.look_up_provider(payment)
        assert state.is_authorised
        tx = Transaction()
        service.record_authorised(tx, payment, state)
        tx.commit()

    def capture(self) -> None:
        service.capture_payment(self.order_id, "rdr-1")

    def release(self) -> None:
        service.release_payment(self.order_id)

    def save(self) -> None:
        """As ordering does when a card was saved."""
        payment = self.payment
        if payment.state is not State.REQUIRES_PAYMENT:
            return
        state = service.look_up_provider(payment)
        assert state.is_saved
        kept_as = service.keep_method(payment, state)
        tx = Transaction()
        service.record_saved(tx, payment, state, kept_as)
        tx.commit()

    def hold(self) -> None:
        """As ordering does when the money is due."""
        payment = self.payment
        if payment.state is not State.METHOD_SAVED:
            return
        payment, state = service.ask_to_hold(payment)
        tx = Transaction()
        if state.is_authorised:
            service.record_authorised(tx, payment, service.with_end(state))
        else:
            service.record_refused(tx, payment, state)
        tx.commit()

    def in_the_app(self, outcome: str | None = None) -> None:
        self.stripe.authenticate(self.action.intent_id, outcome)

    def resume(self) -> None:
        self.action = service.get_client_action(self.order_id, self.customer_id)[1]


@dataclass(frozen=True)
class Scenario:
    """How one call is reached. The fault befalls ``method`` and ``path`` while ``act`` runs."""

    path: str
    prepare: Callable[[Scene], None]
    act: Callable[[Scene], Any]
    finish: Callable[[Scene], None]
    method: str = "POST"


_INTENTS = "/v1/payment_intents"
_ONE_INTENT = "/v1/payment_intents/pi_"
_SETUPS = "/v1/setup_intents"


def _nothing(scene: Scene) -> None:
    """It has ended."""


def _in_turn(*steps: Callable[[Scene], Any]) -> Callable[[Scene], None]:
    def all_of_them(scene: Scene) -> None:
        for step in steps:
            step(scene)

    return all_of_them


def _placed(scene: Scene) -> None:
    scene.open()
    scene.start()


def _paid(scene: Scene) -> None:
    _placed(scene)
    scene.confirm()


def authorised(scene: Scene) -> None:
    _paid(scene)
    scene.authorise()


def delivered(scene: Scene) -> None:
    authorised(scene)
    scene.capture()


def _by_wallet(scene: Scene) -> None:
    scene.open("alipay")
    scene.start()


def _refused_by_wallet(scene: Scene) -> None:
    _by_wallet(scene)
    scene.in_the_app("failed")


def _ahead(scene: Scene) -> None:
    scene.open(days_ahead=10)


def _ahead_placed(scene: Scene) -> None:
    _ahead(scene)
    scene.start()


def _given_a_card(scene: Scene) -> None:
    _ahead_placed(scene)
    scene.stripe.set_up(scene.action)


def _saved(scene: Scene) -> None:
    _given_a_card(scene)
    scene.save()


def _hold_of_another_amount(scene: Scene) -> None:
    """The store took something off the order between the first try to hold and the next."""
    _saved(scene)
    payment = scene.payment
    assert payment.deferral is not None
    dearer = Money(payment.amount.amount + 500, "EUR")
    from msgspec.structs import replace

    from chalicelib.payments import model
    from chalicelib.payments.service.writing import write

    intent_id = provider.open_hold(replace(payment, amount=dearer), payment.deferral, 1)
    tx = Transaction()
    write(tx, payment, model.hold_asked(payment, intent_id, clock.now()))
    tx.commit()


def _held(scene: Scene) -> None:
    _saved(scene)
    scene.hold()


def _asked(scene: Scene) -> None:
    _ahead_placed(scene)
    scene.stripe.set_up(scene.action, "pm_card_authenticationRequired")
    scene.save()
    scene.hold()
    assert scene.payment.state is State.REQUIRES_PAYMENT


_PAY = _in_turn(Scene.confirm, Scene.authorise, Scene.capture)
_PAY_IN_APP = _in_turn(Scene.in_the_app, Scene.authorise, Scene.capture)


def refund_asked(scene: Scene) -> None:
    delivered(scene)
    request = RefundRequest(reason="missing_item", payer="store", requested_by="usr-1", amount=500)
    key = IdempotencyKey("0" * 32, ids.new_id("key"), "f" * 64, lambda _: {"body": {}})
    scene.known["refund"] = service.request_refund(scene.order_id, BILL, request, key).number


def settle_refund(scene: Scene) -> None:
    service.settle_refund(scene.order_id, scene.known["refund"])


def _tip_offered(scene: Scene) -> None:
    delivered(scene)
    key = IdempotencyKey("0" * 32, ids.new_id("key"), "f" * 64, lambda _: {"body": {}})
    service.offer_tip(scene.order_id, scene.customer_id, Money(300, "EUR"), key)


def _start_tip(scene: Scene) -> None:
    scene.action = service.start_tip(scene.order_id, scene.customer_id)


def _settle_tip(scene: Scene) -> None:
    service.settle_tip(scene.order_id, scene.action.intent_id)


def _tip_refund_asked(scene: Scene) -> None:
    _in_turn(_tip_offered, _start_tip, Scene.confirm, _settle_tip)(scene)
    key = IdempotencyKey("0" * 32, ids.new_id("key"), "f" * 64, lambda _: {"body": {}})
    service.refund_tip(scene.store_id, scene.order_id, key)


def _settle_tip_refund(scene: Scene) -> None:
    service.settle_tip_refund(scene.order_id)


SCENARIOS: dict[str, Scenario] = {
    "intents.open_intent: payment_intents.create": Scenario(_INTENTS, Scene.open, Scene.start, _PAY),
    "intents.resume_wallet: payment_intents.retrieve": Scenario(
        _ONE_INTENT, _by_wallet, Scene.resume, _PAY_IN_APP, "GET"
    ),
    "intents.resume_wallet: payment_intents.confirm": Scenario(
        f"{_INTENTS}/*/confirm", _refused_by_wallet, Scene.resume, _PAY_IN_APP
    ),
    "intents.look_up: payment_intents.retrieve": Scenario(_ONE_INTENT, _paid, Scene.authorise, Scene.capture, "GET"),
    "intents.capture: payment_intents.capture": Scenario(f"{_INTENTS}/*/capture", authorised, Scene.capture, _nothing),
    "intents.cancel: payment_intents.cancel": Scenario(f"{_INTENTS}/*/cancel", authorised, Scene.release, _nothing),
    "saving.open_setup: setup_intents.create": Scenario(
        _SETUPS,
        _ahead,
        Scene.start,
        _in_turn(lambda scene: scene.stripe.set_up(scene.action), Scene.save, Scene.hold, Scene.capture),
    ),
    "saving.look_up_setup: setup_intents.retrieve": Scenario(
        _SETUPS, _given_a_card, Scene.save, _in_turn(Scene.hold, Scene.capture), "GET"
    ),
    "saving.cancel_setup: setup_intents.cancel": Scenario(
        f"{_SETUPS}/*/cancel", _ahead_placed, Scene.release, _nothing
    ),
    "saving.keep_method: payment_methods.retrieve": Scenario(
        "/v1/payment_methods/", _given_a_card, Scene.save, _in_turn(Scene.hold, Scene.capture), "GET"
    ),
    "saving.keep_method: customers.create": Scenario(
        "/v1/customers", _given_a_card, Scene.save, _in_turn(Scene.hold, Scene.capture)
    ),
    "saving.forget_method: payment_methods.detach": Scenario(
        "/v1/payment_methods/*/detach", _held, Scene.capture, _nothing
    ),
    "saving.open_hold: payment_intents.create": Scenario(_INTENTS, _saved, Scene.hold, Scene.capture),
    "saving.hold: payment_intents.retrieve": Scenario(_ONE_INTENT, _saved, Scene.hold, Scene.capture, "GET"),
    "saving.hold: payment_intents.update": Scenario(_ONE_INTENT, _hold_of_another_amount, Scene.hold, Scene.capture),
    "saving.hold: payment_intents.confirm": Scenario(f"{_INTENTS}/*/confirm", _saved, Scene.hold, Scene.capture),
    "saving.show_hold: payment_intents.retrieve": Scenario(_ONE_INTENT, _asked, Scene.start, _PAY, "GET"),
    "refunds.refund: refunds.create": Scenario("/v1/refunds", delivered, Scene.release, _nothing),
    "refunds.refund_part: refunds.list": Scenario("/v1/refunds", refund_asked, settle_refund, _nothing, "GET"),
    "refunds.refund_part: refunds.create": Scenario("/v1/refunds", refund_asked, settle_refund, _nothing),
    "tips.open_tip: payment_intents.create": Scenario(
        _INTENTS, _tip_offered, _start_tip, _in_turn(Scene.confirm, _settle_tip)
    ),
    "tips.refund_tip: refunds.list": Scenario("/v1/refunds", _tip_refund_asked, _settle_tip_refund, _nothing, "GET"),
    "tips.refund_tip: refunds.create": Scenario("/v1/refunds", _tip_refund_asked, _settle_tip_refund, _nothing),
    "tips.received_for_tip: payment_intents.retrieve": Scenario(
        _ONE_INTENT, _in_turn(_tip_offered, _start_tip, Scene.confirm), _settle_tip, _nothing, "GET"
    ),
}
