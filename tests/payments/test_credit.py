"""Gift cards and store credit on a real DynamoDB: issued, spent, given back, expired, and never below zero."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import clock, ids, tables
from chalicelib.kernel.errors import Conflict, DomainError, Invalid, NotFound
from chalicelib.kernel.idempotency import AlreadyAnswered, IdempotencyKey
from chalicelib.kernel.money import Money
from chalicelib.kernel.transaction import Transaction, find_answer
from chalicelib.payments import service
from chalicelib.payments.model.credit import CreditPart
from chalicelib.payments.model.ledger import balances, trial_balance
from chalicelib.payments.service import State, Tender, ledger
from chalicelib.payments.tables import credit as rows

if TYPE_CHECKING:
    from chalicelib.payments.service import Credit, IssuedCard, Payment
    from tests.payments.conftest import Stripe

pytestmark = pytest.mark.usefixtures("dynamodb")


def key() -> IdempotencyKey:
    return IdempotencyKey("credit", ids.new_id("key"), "fingerprint", repr)


def issued(amount: int = 2000, **changes: Any) -> IssuedCard:
    fields = {
        "funded_by": "promotions",
        "merchant_id": None,
        "valid_days": None,
        "reason": "spring",
        "by": "adm_1",
        "key": key(),
        **changes,
    }
    return service.issue_gift_card(Money(amount, "EUR"), **fields)


def balance(credit_id: str) -> tuple[int, int]:
    read = tables.fetch(rows.credit_ref(credit_id, "EUR"))[0]
    return read.available, read.held


def history(credit_id: str) -> list[tuple[str, int]]:
    page = rows.movements_of(credit_id, "EUR")
    return [(movement.kind, movement.amount) for movement in reversed(page.items)]


def place(
    *parts: tuple[Credit, int], total: int = 3000, method: str = "card", customer_id: str | None = None
) -> Payment:
    """The payment of a fresh order that these credits pay for, as the order's transaction would write it."""
    tx = Transaction()
    payment = service.open_payment(
        tx,
        order_id=ids.new_id("ord"),
        store_id="sto_1",
        customer_id=customer_id or ids.new_id("cus"),
        amount=Money(total, "EUR"),
        method=method,
        credits=tuple(CreditPart(credit.id, credit.kind, amount) for credit, amount in parts),
    )
    tx.commit()
    return payment


def given(customer_id: str, amount: int = 500, **changes: Any) -> Credit:
    fields = {"valid_days": None, "reason": "sorry", "by": "adm_1", "key": key(), **changes}
    return service.give_credit(customer_id, Money(amount, "EUR"), **fields)


def authorised(stripe: Stripe, payment: Payment) -> Payment:
    stripe.confirm(service.start_intent(payment))
    tx = Transaction()
    after = service.record_authorised(tx, payment, service.look_up_provider(payment))
    tx.commit()
    return after


# --- gift cards -------------------------------------------------------------------------------------------------------


def test_a_code_is_told_once_and_stored_nowhere() -> None:
    once = key()
    fresh = issued(key=once)
    assert fresh.code is not None
    plain = fresh.code.replace("-", "")
    stored = find_answer(once)
    assert stored is not None
    assert plain not in str(stored.answer)
    assert fresh.code not in str(stored.answer)
    with pytest.raises(AlreadyAnswered):
        issued(key=once)
    items = tables.connection().client.scan(TableName=rows.CreditRow.Meta.table_name)["Items"]
    assert plain not in str(items)


def test_whoever_has_the_code_sees_the_balance() -> None:
    fresh = issued()
    for typed in (fresh.code, fresh.code.lower(), fresh.code.replace("-", "")):
        assert service.look_at_gift_card(ids.new_id("cus"), typed) == fresh.card


def test_after_ten_wrong_codes_no_code_is_looked_at_for_an_hour() -> None:
    fresh, guesser = issued(), ids.new_id("cus")
    with pytest.raises(NotFound):
        service.look_at_gift_card(guesser, "a typing error costs nothing")
    with clock.freeze(clock.now()):
        for _ in range(10):
            with pytest.raises(NotFound):
                service.look_at_gift_card(guesser, _code_of_no_card())
        with pytest.raises(DomainError) as refused:
            service.look_at_gift_card(guesser, fresh.code)
        assert (refused.value.code, refused.value.status) == ("too_many_wrong_codes", 429)
        assert refused.value.retry_after == 3600
        assert service.look_at_gift_card(ids.new_id("cus"), fresh.code) == fresh.card
        plan = service.plan_tenders(guesser, Money(900, "EUR"), [Tender(method="gift_card", code=fresh.code)])
        with pytest.raises(DomainError, match="too_many_wrong_codes"):
            plan.settle(tables.fetch(*plan.refs), "mer_1")
    with clock.freeze(clock.now() + timedelta(hours=1, seconds=1)):
        assert service.look_at_gift_card(guesser, fresh.code) == fresh.card
        with pytest.raises(NotFound):
            service.look_at_gift_card(guesser, _code_of_no_card())


def _code_of_no_card() -> str:
    import secrets

    from chalicelib.payments.model.credit import new_code

    return new_code(secrets.randbelow)


def test_placing_an_order_with_a_wrong_code_counts_as_a_try() -> None:
    guesser = ids.new_id("cus")
    plan = service.plan_tenders(guesser, Money(900, "EUR"), [Tender(method="gift_card", code=_code_of_no_card())])
    with pytest.raises(Invalid):
        plan.settle(tables.fetch(*plan.refs), "mer_1")
    assert tables.fetch(rows.wrong_codes_ref(guesser))[0].tried == 1


def test_a_lost_card_is_revoked_and_what_is_held_of_it_stays() -> None:
    card = issued(merchant_id="mer_1").card
    payment = place((card, 500), total=500)
    with pytest.raises(NotFound):
        service.revoke_gift_card(card.id, "mer_2", "lost", "usr_1")
    for _ in range(2):
        assert service.revoke_gift_card(card.id, "mer_1", "lost", "usr_1").state == "revoked"
    assert balance(card.id) == (0, 500)
    assert service.capture_payment(payment.order_id).captured_minor == 500
    assert history(card.id) == [("issued", 2000), ("redeemed", 500), ("revoked", 1500)]


# --- spending ---------------------------------------------------------------------------------------------------------


def test_credit_alone_pays_an_order_at_once_and_asks_no_provider(stripe: Stripe) -> None:
    card = issued(5000).card
    payment = place((card, 3000))
    assert (payment.method, payment.state, payment.authorised_minor) == ("credit", State.AUTHORISED, 3000)
    assert payment.is_secured
    assert service.start_intent(payment) is None
    assert balance(card.id) == (2000, 3000)
    for _ in range(3):
        assert service.capture_payment(payment.order_id).captured_minor == 3000
    assert balance(card.id) == (2000, 0)
    assert history(card.id) == [("issued", 5000), ("redeemed", 3000)]
    assert stripe.intents_of(payment.order_id) == []


def test_a_gift_card_and_a_card_are_held_and_taken_together(stripe: Stripe) -> None:
    card, customer_id = issued(1200).card, ids.new_id("cus")
    own = given(customer_id, 300)
    payment = authorised(stripe, place((card, 1200), (own, 300), customer_id=customer_id))
    assert (payment.authorised_minor, payment.state) == (3000, State.AUTHORISED)
    taken = service.capture_payment(payment.order_id)
    assert (taken.captured_minor, taken.state) == (3000, State.CAPTURED)
    (intent,) = stripe.intents_of(payment.order_id)
    assert (intent["amount"], intent["captured"]) == (1500, 1500)
    assert balance(card.id) == balance(own.id) == (0, 0)


def test_the_end_of_an_order_releases_every_part(stripe: Stripe) -> None:
    card = issued(1200).card
    payment = authorised(stripe, place((card, 1200)))
    for _ in range(3):
        assert service.release_payment(payment.order_id).state is State.VOIDED
    assert balance(card.id) == (1200, 0)
    assert history(card.id) == [("issued", 1200), ("released", 1200)]
    (intent,) = stripe.intents_of(payment.order_id)
    assert (intent["status"], intent["captured"]) == ("canceled", 0)


def test_an_end_before_the_card_part_was_paid_releases_the_credit(stripe: Stripe) -> None:
    card = issued(1200).card
    payment = place((card, 1200))
    assert service.release_payment(payment.order_id).state is State.VOIDED
    assert balance(card.id) == (1200, 0)


def test_an_end_after_the_capture_gives_each_tender_what_it_paid(stripe: Stripe) -> None:
    card = issued(1200).card
    payment = authorised(stripe, place((card, 1200)))
    service.capture_payment(payment.order_id)
    for _ in range(2):
        back = service.release_payment(payment.order_id)
    assert (back.state, back.refunded_minor, back.captured_minor) == (State.REFUNDED, 3000, 3000)
    (intent,) = stripe.intents_of(payment.order_id)
    assert intent["refunded"] == 1800
    assert balance(card.id) == (1200, 0)


def test_what_was_taken_of_a_card_that_ended_comes_back_as_store_credit(stripe: Stripe) -> None:
    card, customer_id = issued(1200, valid_days=1).card, ids.new_id("cus")
    payment = place((card, 1200), total=1200, customer_id=customer_id)
    service.capture_payment(payment.order_id)
    with clock.freeze(clock.now() + timedelta(days=2)):
        service.expire_credit(card.id, "EUR")
        service.release_payment(payment.order_id)
        (own,) = service.list_own_credit(customer_id)
        assert (own.available, own.expires_at) == (1200, None)


def test_a_lost_card_hold_still_takes_the_credit(stripe: Stripe) -> None:
    card = issued(1200).card
    payment = authorised(stripe, place((card, 1200)))
    stripe.expire_hold(payment.intent_id or "")
    failed = service.capture_payment(payment.order_id)
    assert (failed.state, failed.captured_minor) == (State.FAILED, 1200)
    assert balance(card.id) == (0, 0)


def test_fifty_orders_at_once_never_spend_more_than_there_is() -> None:
    card = issued(1000).card
    outcomes: Counter[str] = Counter()

    def redeem(_: int) -> str:
        try:
            payment = place((card, 70), total=70)
            service.capture_payment(payment.order_id)
        except DomainError as error:
            return error.code
        return "paid"

    with ThreadPoolExecutor(50) as pool:
        outcomes.update(pool.map(redeem, range(50)))
    lost_to_contention = outcomes.pop("contention", 0)
    assert outcomes["paid"] <= 14
    assert outcomes["paid"] + outcomes["insufficient_credit"] + lost_to_contention == 50
    available, held = balance(card.id)
    redeemed = sum(amount for kind, amount in history(card.id) if kind == "redeemed")
    still_held = sum(amount for kind, amount in history(card.id) if kind == "held")
    assert available >= 0
    assert held == still_held
    assert available + held + redeemed == 1000


def test_what_was_spent_meanwhile_refuses_the_order_and_tells_what_is_left() -> None:
    card = issued(1000).card
    place((card, 800), total=800)
    with pytest.raises(Conflict) as refused:
        place((card, 300), total=300)
    assert (refused.value.code, refused.value.extra["available"]) == ("insufficient_credit", 200)
    assert balance(card.id) == (200, 800)


# --- store credit -----------------------------------------------------------------------------------------------------


def test_credit_adds_up_and_its_expiry_is_only_ever_put_off() -> None:
    customer_id = ids.new_id("cus")
    first = given(customer_id, 500, valid_days=30)
    second = given(customer_id, 300, valid_days=10)
    assert (second.available, second.expires_at) == (800, first.expires_at)
    assert given(customer_id, 200).expires_at is None
    assert service.list_own_credit(customer_id) == [tables.fetch(rows.credit_ref(first.id, "EUR"))[0]]
    assert [amount for _, amount in history(first.id)] == [500, 300, 200]


def test_goodwill_is_given_once_for_an_order_and_not_beyond_its_total() -> None:
    payment = place(total=900, method="pay_at_store")
    about = {"valid_days": None, "reason": "cold food", "by": "usr_1"}
    with pytest.raises(NotFound):
        service.give_goodwill("sto_2", payment.order_id, Money(900, "EUR"), key=key(), **about)
    for wrong in (Money(901, "EUR"), Money(900, "USD")):
        with pytest.raises(Invalid):
            service.give_goodwill("sto_1", payment.order_id, wrong, key=key(), **about)
    assert service.give_goodwill("sto_1", payment.order_id, Money(900, "EUR"), key=key(), **about).available == 900
    with pytest.raises(Conflict, match="credit_given_already"):
        service.give_goodwill("sto_1", payment.order_id, Money(100, "EUR"), key=key(), **about)


# --- expiry -----------------------------------------------------------------------------------------------------------


def test_an_expired_rest_is_written_off_once_and_a_hold_survives_until_it_ends(stripe: Stripe) -> None:
    card = issued(1000, valid_days=1).card
    payment = place((card, 300), total=300)
    service.expire_credit(card.id, "EUR")
    assert balance(card.id) == (700, 300)
    with clock.freeze(clock.now() + timedelta(days=1)):
        with pytest.raises(Conflict, match="insufficient_credit"):
            place((card, 100), total=100)
        for _ in range(3):
            service.expire_credit(card.id, "EUR")
        assert balance(card.id) == (0, 300)
        service.capture_payment(payment.order_id)
    assert balance(card.id) == (0, 0)
    assert Counter(history(card.id)) == Counter({("issued", 1000): 1, ("redeemed", 300): 1, ("expired", 700): 1})


def test_what_comes_back_to_an_expired_card_is_written_off() -> None:
    card = issued(1000, valid_days=1).card
    payment = place((card, 300), total=300)
    with clock.freeze(clock.now() + timedelta(days=1)):
        service.expire_credit(card.id, "EUR")
        service.release_payment(payment.order_id)
        assert balance(card.id) == (0, 0)
    assert sum(amount for kind, amount in history(card.id) if kind == "expired") == 1000


def test_an_expiry_that_was_put_off_is_moot_and_a_new_grant_revives_nothing() -> None:
    customer_id = ids.new_id("cus")
    own = given(customer_id, 500, valid_days=1)
    given(customer_id, 100, valid_days=5)
    with clock.freeze(clock.now() + timedelta(days=2)):
        service.expire_credit(own.id, "EUR")
        assert balance(own.id) == (600, 0)
    with clock.freeze(clock.now() + timedelta(days=6)):
        service.expire_credit(own.id, "EUR")
        assert balance(own.id) == (0, 0)
        assert given(customer_id, 50, valid_days=3).available == 50
    assert balance(own.id) == (50, 0)


# --- the ledger -------------------------------------------------------------------------------------------------------


def test_every_movement_is_in_the_ledger_and_the_credit_owed_is_its_balance(stripe: Stripe) -> None:
    card, customer_id = issued(1000, funded_by="store:sto_9", valid_days=1).card, ids.new_id("cus")
    taken = place((card, 300), total=300, customer_id=customer_id)
    ended = place((card, 200), total=200, customer_id=customer_id)
    assert balances(ledger.entries_of_account(card.account, clock.now()))[card.account] == -sum(balance(card.id))
    service.capture_payment(taken.order_id)
    service.release_payment(ended.order_id)
    later = clock.now() + timedelta(days=1)
    with clock.freeze(later):
        service.expire_credit(card.id, "EUR")
    entries = [
        entry
        for month in {f"{at:%Y%m}": at for at in (clock.now(), later)}.values()
        for entry in ledger.entries_of_account(card.account, month)
    ]
    entries += ledger.entries_of_order(taken.order_id) + ledger.entries_of_order(ended.order_id)
    told = balances(entries)
    assert card.account not in told
    assert told["store:sto_9"] == 300
    assert set(trial_balance(entries).values()) == {0}
