"""Orders that gift cards, store credit and a card pay together."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.inventory import service as inventory
from chalicelib.kernel import ids, tables
from chalicelib.kernel.errors import Conflict, DomainError, Invalid
from chalicelib.kernel.idempotency import IdempotencyKey
from chalicelib.kernel.money import Money
from chalicelib.ordering import service
from chalicelib.ordering.service import Tender
from chalicelib.payments import service as payments
from chalicelib.payments.tables.credit import credit_ref
from tests.ordering import world
from tests.ordering.world import Shop, Stripe, key, metered, order_of, payment_of, refusal

TOTAL = 3870  # of the basket that people order, brought to the door
CARD = Tender(method="card")


def gift_card(amount: int, **changes: Any) -> payments.IssuedCard:
    fields = {
        "funded_by": "promotions",
        "merchant_id": None,
        "valid_days": None,
        "reason": "spring",
        "by": "adm_1",
        "key": IdempotencyKey("gift", ids.new_id("key"), "f", repr),
        **changes,
    }
    return payments.issue_gift_card(Money(amount, "EUR"), **fields)


def store_credit(customer_id: str, amount: int) -> payments.Credit:
    once = IdempotencyKey("credit", ids.new_id("key"), "f", repr)
    return payments.give_credit(
        customer_id, Money(amount, "EUR"), valid_days=None, reason="sorry", by="adm_1", key=once
    )


def by_code(card: payments.IssuedCard, amount: int | None = None) -> Tender:
    return Tender(method="gift_card", code=card.code or "", amount=amount)


def balance(credit: payments.Credit) -> tuple[int, int]:
    read = tables.fetch(credit_ref(credit.id, "EUR"))[0]
    return read.available, read.held


def place(shop: Shop, *tenders: Tender) -> service.PlacedOrder:
    return service.place_order(shop.customer_id, shop.quote().id, "card", key(), tenders)


def test_credit_pays_first_and_the_card_the_rest(shop: Shop, stripe: Stripe) -> None:
    card, own = gift_card(1000), store_credit(shop.customer_id, 400)

    placed = place(shop, by_code(card), Tender(method="store_credit"), CARD)

    assert placed.payment.provider_minor == TOTAL - 1400
    assert [intent["amount"] for intent in stripe.intents_of(placed.order.id)] == [TOTAL - 1400]
    assert balance(card.card) == (0, 1000)
    assert balance(own) == (0, 400)
    assert order_of(placed.order.id).confirmed_at is None

    stripe.authorise(placed.order.id)
    service.follow_payment(placed.order.id, ids.new_id("evt"))
    assert order_of(placed.order.id).confirmed_at is not None
    assert payments.capture_payment(placed.order.id).captured_minor == TOTAL
    assert balance(card.card) == (0, 0)


def test_credit_alone_puts_the_order_on_the_board_at_once(shop: Shop, stripe: Stripe) -> None:
    card = gift_card(5000)

    placed = place(shop, by_code(card))

    assert placed.client_action is None
    assert (placed.order.payment_method, placed.payment.state) == ("credit", "authorised")
    cards = service.look_at_board(shop.id).cards
    assert cards is not None
    assert [each.order.id for each in cards] == [placed.order.id]
    assert stripe.intents_of(placed.order.id) == []


@pytest.mark.parametrize("with_card", [True, False])
def test_a_split_tender_places_in_three_requests_and_at_most_one_to_the_provider(
    shop: Shop, stripe: Stripe, with_card: bool
) -> None:
    card, own = gift_card(1000 if with_card else 9000), store_credit(shop.customer_id, 400)
    tenders = (by_code(card), Tender(method="store_credit"), CARD) if with_card else (by_code(card),)
    quote, asked = shop.quote(), stripe.asked
    with metered() as meter:
        service.place_order(shop.customer_id, quote.id, "card", key(), tenders)
    assert len(meter.requests) == 3
    assert stripe.asked - asked == (1 if with_card else 0)
    assert balance(own) == ((0, 400) if with_card else (400, 0))


def test_an_order_that_ends_gives_everything_back(shop: Shop, stripe: Stripe) -> None:
    card = gift_card(1000)
    placed = place(shop, by_code(card), CARD)
    stripe.authorise(placed.order.id)
    service.follow_payment(placed.order.id, ids.new_id("evt"))

    service.cancel_own_order(shop.customer_id, placed.order.id, "changed_mind", "req-1")
    world.deliver("payments", *(e for e in world.emitted(placed.order.id) if e.type == "OrderEnded"))

    assert balance(card.card) == (1000, 0)
    assert payment_of(placed.order.id).state == "voided"
    assert [intent["status"] for intent in stripe.intents_of(placed.order.id)] == ["canceled"]


def test_an_order_that_can_not_be_placed_holds_nothing(shop: Shop, stripe: Stripe) -> None:
    card = gift_card(1000)
    quote = shop.quote()
    inventory.set_stock(shop.id, "SAL-CAES", 0)

    with pytest.raises(DomainError, match="out_of_stock"):
        service.place_order(shop.customer_id, quote.id, "card", key(), (by_code(card), CARD))

    assert balance(card.card) == (1000, 0)


def test_credit_that_is_spent_while_the_order_is_placed_undoes_the_order(
    shop: Shop, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = gift_card(1000)
    quote, other = shop.quote(), shop.quote()
    settle = payments.TenderPlan.settle

    def settle_late(plan: payments.TenderPlan, *read: Any) -> Any:
        parts = settle(plan, *read)
        monkeypatch.setattr(payments.TenderPlan, "settle", settle)
        service.place_order(shop.customer_id, other.id, "card", key(), (by_code(card, 600), CARD))
        return parts

    monkeypatch.setattr(payments.TenderPlan, "settle", settle_late)
    left = shop.left("PIZ-MARG-32")
    with pytest.raises(Conflict) as refused:
        service.place_order(shop.customer_id, quote.id, "card", key(), (by_code(card), CARD))
    assert (refused.value.code, refused.value.extra["available"]) == ("insufficient_credit", 400)
    assert shop.left("PIZ-MARG-32") == (left or 0) - 2
    assert balance(card.card) == (400, 600)


def test_everything_that_is_wrong_with_the_tenders_is_told(shop: Shop) -> None:
    foreign, small = gift_card(1000, merchant_id="mer_other"), gift_card(1000)
    wrong = Tender(method="gift_card", code="2222-2222-2222-2222")
    faults = {
        (wrong, CARD): {("gift_card_not_found", "/tenders/0/code")},
        (by_code(foreign), CARD): {("gift_card_not_valid_here", "/tenders/0")},
        (by_code(small), Tender(method="store_credit"), CARD): {("insufficient_credit", "/tenders/1")},
        (by_code(small, 1001), CARD): {("insufficient_credit", "/tenders/0")},
        (by_code(small),): {("tenders_do_not_cover", "/tenders")},
        (by_code(small), CARD, CARD): {("tender_repeated", "/tenders/2")},
        (by_code(gift_card(TOTAL - 10)), CARD): {("rest_not_chargeable", "/tenders")},
    }
    for tenders, expected in faults.items():
        with pytest.raises(Invalid) as refused:
            place(shop, *tenders)
        assert refusal(refused.value) == expected
    assert balance(small.card) == (1000, 0)


def test_a_merchants_card_is_taken_at_its_stores(shop: Shop, stripe: Stripe) -> None:
    card = gift_card(1000, merchant_id=shop.store.merchant_id)
    assert place(shop, by_code(card), CARD).payment.credit_minor == 1000


@pytest.mark.parametrize("ends", ["handed over", "cancelled"])
def test_the_ledger_says_what_each_tender_gave(shop: Shop, stripe: Stripe, ends: str) -> None:
    card = gift_card(1000)
    placed = place(shop, by_code(card), CARD)
    stripe.authorise(placed.order.id)
    service.follow_payment(placed.order.id, ids.new_id("evt"))
    if ends == "handed over":
        payments.capture_payment(placed.order.id)
    else:
        payments.release_payment(placed.order.id)

    told = payments.balances(payments.entries_of_order(placed.order.id))

    moved = {name: told.get(name, 0) for name in (card.card.account, "stripe:clearing", f"customer:{placed.order.id}")}
    taken = 1 if ends == "handed over" else 0
    assert list(moved.values()) == [1000 * taken, (TOTAL - 1000) * taken, 0]
    assert sum(told.values()) == 0
