"""A customer is forgotten: the orders stay, the person is gone from every item of every table."""

from __future__ import annotations

import contextlib
import json
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.kernel import accounts, clock, events, ids, tables
from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.kernel.event_types import ErasureDue
from chalicelib.kernel.money import Money
from chalicelib.ordering import service
from chalicelib.ordering.model.erasure import Erasure, Phase, erasure_id
from chalicelib.ordering.service import erasing
from chalicelib.payments import provider
from chalicelib.payments import service as payments
from infra.resources import CONTEXTS
from tests.ordering import far_ahead, world
from tests.ordering.people import Person, delivered, settle, with_history
from tests.pool import Pool, pool_in_use

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ordering.world import Shop, Stripe

GRACE = timedelta(days=15)


def everything() -> Iterator[tuple[str, str]]:
    """Every item of every table that has not run out: its table and keys, and all of it as text, unpacked."""
    now = clock.now().timestamp()
    for context in CONTEXTS:
        name = events.settings.table_name(context)
        start: dict[str, Any] = {}
        while True:
            answer = tables.connection().client.scan(TableName=name, ConsistentRead=True, **start)
            for item in answer["Items"]:
                if float(item.get("ttl", {}).get("N", "inf")) > now:
                    yield f"{context} {item['pk']['S']} {item['sk']['S']}", unpacked(item)
            if "LastEvaluatedKey" not in answer:
                break
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def unpacked(item: Any) -> str:
    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items()}
        if isinstance(value, list):
            return [plain(each) for each in value]
        if isinstance(value, bytes):
            try:
                return zlib.decompress(value).decode()
            except zlib.error:
                return value.hex()
        return value

    return json.dumps(plain(item), ensure_ascii=False, sort_keys=True)


def found(*traces: str) -> dict[str, str]:
    """Where any of these texts is kept."""
    return {where: trace for where, text in everything() for trace in traces if trace in text or trace in where}


def run(erasure: Erasure, until: Phase = Phase.ERASED) -> Erasure:
    """Deliver the erasure's own timers, each twice, as they become due."""
    for _ in range(200):
        row = tables.fetch(erasing.erasure_ref(erasure.id))[0]
        assert row is not None
        erasure = row
        if erasure.phase is until:
            return erasure
        step = ErasureDue(erasure=erasure.id, step=erasure.step)
        service.erase_next(step)
        service.erase_next(step)
    raise AssertionError(erasure)


def forget(person: Person, **asked: Any) -> Erasure:
    asked = {"forfeits_credit": True, **asked}
    erasure = service.request_erasure(person.id, "customer", **asked)
    with clock.freeze(clock.now() + GRACE):
        return run(erasure)


@pytest.fixture
def person(shop: Shop, stripe: Stripe) -> Person:
    return with_history(shop, stripe)


class TestWhatRemains:
    def test_no_item_of_any_table_leads_to_the_person(self, person: Person) -> None:
        assert len(found(*person.traces)) > 8, "the history must leave traces, or this proves nothing"

        erased = forget(person)

        with clock.freeze(clock.now() + GRACE):
            assert found(*person.traces) == {}
        assert erased.orders == 2

    def test_events_never_had_a_word_of_theirs(self, person: Person) -> None:
        """The bus keeps them for 90 days, and nothing can be taken out of it."""
        told = [
            events.EventsRow.outbox.deserialize(item["outbox"]["B"])
            for page in tables.connection()
            .client.get_paginator("scan")
            .paginate(TableName=events.EventsRow.Meta.table_name)
            for item in page["Items"]
            if "outbox" in item
        ]
        assert person.id in str(told), "nobody told of the orders: this proves nothing"
        assert person.mark not in str(told)
        assert f"{person.lat:.6f}" not in str(told)

    def test_orders_and_money_stay_as_they_were(self, shop: Shop, person: Person) -> None:
        before = {order.id: service.get_store_money(shop.id, order.id) for order in orders_of(shop)}
        total = payments.trial_balance([entry for money in before.values() for entry in money.entries])

        forget(person)

        for order_id, money in before.items():
            after = service.get_store_money(shop.id, order_id)
            assert (after.bill, after.quoted) == (money.bill, money.quoted)
            assert [refund.amount for refund in after.refunds] == [refund.amount for refund in money.refunds]
            assert after.payment.captured_minor == money.payment.captured_minor
            assert after.payment.invoice == money.payment.invoice
            assert after.order.status == money.order.status
            assert [entry.step for entry in after.order.timeline] == [entry.step for entry in money.order.timeline]
            assert after.order.customer_id != money.order.customer_id
            assert [part.total_minor for part in after.document.lines] == [
                part.total_minor for part in money.document.lines
            ]
            if money.payment.invoice:
                assert service.get_store_paper(shop.id, order_id).sheet is not None
        entries = [entry for order_id in before for entry in payments.entries_of_order(order_id)]
        assert sorted(payments.trial_balance(entries).values()) == sorted(total.values())

    def test_both_orders_are_under_one_id_that_is_nobodys(self, shop: Shop, person: Person) -> None:
        forget(person)

        named = {order.customer_id for order in orders_of(shop)}
        assert len(named) == 1
        assert named.isdisjoint({person.id})

    def test_a_second_run_changes_nothing(self, person: Person) -> None:
        erased = forget(person)
        with clock.freeze(clock.now() + GRACE):
            before = sorted(everything())
            for step in range(erased.step + 1):
                service.erase_next(ErasureDue(erasure=erased.id, step=step))
            assert service.request_erasure(person.id, "customer", forfeits_credit=True) == erased
            assert sorted(everything()) == before


def orders_of(shop: Shop) -> list[service.Order]:
    return service.list_store_orders(shop.id, limit=50, start=None).items


class TestCrashes:
    @pytest.mark.parametrize("after", range(0, 40, 3))
    def test_what_dies_in_the_middle_goes_on(self, person: Person, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        erasure = service.request_erasure(person.id, "customer", forfeits_credit=True)
        with clock.freeze(clock.now() + GRACE):
            with monkeypatch.context() as patched, contextlib.suppress(Died):
                dying_after(patched, after)
                run(erasure)
            erased = run(erasure)
            assert found(*person.traces) == {}
            assert erased.phase is Phase.ERASED


class Died(BaseException):
    """The process is gone."""


def dying_after(patched: pytest.MonkeyPatch, writes: int) -> None:
    """Let so many transactions through, then die before each."""
    from chalicelib.kernel.transaction import Transaction

    commit, left = Transaction.commit, [writes]

    def die_or_commit(tx: Transaction) -> None:
        if left[0] == 0:
            raise Died
        left[0] -= 1
        commit(tx)

    patched.setattr(Transaction, "commit", die_or_commit)


class TestAskingForIt:
    def test_open_orders_stand_in_the_way(self, shop: Shop) -> None:
        order = shop.place(method="cash_on_delivery")

        with pytest.raises(Conflict) as refused:
            service.request_erasure(shop.customer_id, "customer", forfeits_credit=False)

        assert (refused.value.code, refused.value.extra["order_ids"]) == ("orders_open", [order.id])

    def test_credit_is_lost_only_by_those_who_say_so(self, shop: Shop) -> None:
        give(shop, 500)
        with pytest.raises(Conflict) as refused:
            service.request_erasure(shop.customer_id, "customer", forfeits_credit=False)
        assert refused.value.code == "credit_left"
        assert refused.value.extra["balances"] == [{"amount": 500, "currency": "EUR"}]

        assert service.request_erasure(shop.customer_id, "customer", forfeits_credit=True).phase is Phase.WAITING

    def test_nothing_can_be_ordered_until_it_is_taken_back(self, shop: Shop) -> None:
        quote = shop.quote()
        service.request_erasure(shop.customer_id, "customer", forfeits_credit=False)
        with pytest.raises(Conflict) as refused:
            service.place_order(shop.customer_id, quote.id, "cash_on_delivery", world.key())
        assert refused.value.code == "erasure_requested"

        service.withdraw_erasure(shop.customer_id)

        assert service.place_order(shop.customer_id, quote.id, "cash_on_delivery", world.key()).order
        with pytest.raises(NotFound):
            service.get_erasure(shop.customer_id)

    def test_it_waits_for_the_end_of_the_grace(self, shop: Shop) -> None:
        erasure = service.request_erasure(shop.customer_id, "customer", forfeits_credit=False)
        service.erase_next(ErasureDue(erasure=erasure.id, step=erasure.step))
        assert service.get_erasure(shop.customer_id) == erasure

    def test_asked_again_it_is_the_same(self, shop: Shop) -> None:
        first = service.request_erasure(shop.customer_id, "customer", forfeits_credit=False)
        with clock.freeze(clock.now() + timedelta(days=1)):
            assert service.request_erasure(shop.customer_id, "customer", forfeits_credit=False) == first

    def test_once_begun_it_cannot_be_taken_back(self, shop: Shop) -> None:
        erasure = service.request_erasure(shop.customer_id, "customer", forfeits_credit=False)
        with clock.freeze(clock.now() + GRACE):
            run(erasure, Phase.ORDERS)
            with pytest.raises(Conflict) as refused:
                service.withdraw_erasure(shop.customer_id)
        assert refused.value.code == "erasure_begun"

    def test_an_order_that_slipped_in_holds_it_up(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        quote = shop.quote()
        erasure = service.request_erasure(shop.customer_id, "customer", forfeits_credit=False)
        from chalicelib.ordering.service import placing

        monkeypatch.setattr(placing, "refuse_forgotten", lambda _: None)  # it was read before the request
        order = service.place_order(shop.customer_id, quote.id, "cash_on_delivery", world.key()).order
        with clock.freeze(clock.now() + GRACE):
            run(erasure, Phase.CHECKING)
            held = run(erasure, Phase.WAITING)
        assert held.waits_for == (order.id,)
        assert held.due_at > erasure.due_at

    def test_an_admin_need_not_wait_for_the_grace(self, shop: Shop) -> None:
        asked = service.request_erasure(shop.customer_id, ids.new_id("usr"), forfeits_credit=False, at_once=True)
        assert asked.due_at - asked.requested_at < timedelta(hours=1)


def give(shop: Shop, amount: int) -> None:
    payments.give_credit(
        shop.customer_id,
        Money(amount, "EUR"),
        valid_days=None,
        reason="goodwill",
        by=shop.owner_id,
        key=world.any_key(),
    )


class TestMoney:
    def test_credit_goes_back_to_who_paid_for_it(self, shop: Shop) -> None:
        give(shop, 500)
        erasure = service.request_erasure(shop.customer_id, "customer", forfeits_credit=True)
        with clock.freeze(clock.now() + GRACE):
            run(erasure)
            assert payments.list_own_credit(shop.customer_id) == []
            assert found(shop.customer_id) == {}

    def test_a_saved_card_is_let_go_at_the_provider(
        self, shop: Shop, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        placed = far_ahead.placed_ahead(shop)
        far_ahead.save_card(stripe, placed)
        service.follow_payment(placed.order.id, ids.new_id("evt"))
        method = world.payment_of(placed.order.id).deferral.method  # type: ignore[union-attr]
        service.cancel_own_order(shop.customer_id, placed.order.id, "changed_mind", ids.new_id("req"))
        settle(shop, placed.order)
        let_go = []
        forget_method = provider.forget_method
        monkeypatch.setattr(
            provider, "forget_method", lambda deferral: (let_go.append(deferral.method), forget_method(deferral))
        )
        erasure = service.request_erasure(shop.customer_id, "customer", forfeits_credit=False)
        with clock.freeze(clock.now() + GRACE):
            run(erasure)
        assert let_go in ([method], [None])
        deferral = world.payment_of(placed.order.id).deferral
        assert deferral is not None
        assert (deferral.customer, deferral.method) == (None, None)

    def test_a_large_invoice_keeps_whom_it_must_name(self, shop: Shop, stripe: Stripe) -> None:
        person = Person()
        order = delivered(shop, stripe, person, quantity=40)
        forget(person)
        kept = [where for where in found(person.mark) if not where.startswith("events ")]
        assert [where.split()[-1] for where in kept] == ["RECIPIENT"]
        sheet = service.get_store_paper(shop.id, order.id).sheet
        assert person.name in str(sheet)
        assert found(person.phone, person.instructions, person.note).keys() <= set(found(person.mark)) - set(kept)


def test_the_id_of_an_erasure_tells_nobody_whose_it_is(shop: Shop) -> None:
    assert shop.customer_id not in erasure_id(shop.customer_id)
    assert erasure_id(shop.customer_id) == erasure_id(shop.customer_id)
    assert erasure_id(shop.customer_id) != erasure_id(shop.customer_id + "x")


class TestAccounts:
    @pytest.fixture
    def pool(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
        yield from pool_in_use(monkeypatch)

    def erased(self, customer_id: str) -> Erasure:
        erasure = service.request_erasure(customer_id, "customer", forfeits_credit=False)
        with clock.freeze(clock.now() + GRACE):
            return run(erasure)

    def test_the_account_goes_last(self, pool: Pool) -> None:
        user = pool.sign_up("ada@example.org")
        assert self.erased(user).account_kept is False
        assert accounts.find_account(user) is None

    def test_who_is_gone_orders_nothing_with_a_token_that_is_left(self, shop: Shop, pool: Pool) -> None:
        user = pool.sign_up("ada@example.org")
        self.erased(user)
        with clock.freeze(clock.now() + GRACE):
            quote = shop.quote(customer_id=user)
            with pytest.raises(Conflict) as refused:
                service.place_order(user, quote.id, "cash_on_delivery", world.key())
        assert refused.value.code == "erasure_requested"

    def test_who_works_here_keeps_the_account_and_may_order_again(self, shop: Shop, pool: Pool) -> None:
        user = pool.sign_up("ada@example.org")
        accounts.add_to_group(user, "staff")
        assert self.erased(user).account_kept is True
        assert accounts.find_account(user) is not None
        with clock.freeze(clock.now() + GRACE):
            quote = shop.quote(customer_id=user)
            order = service.place_order(user, quote.id, "cash_on_delivery", world.key()).order
            assert order.customer_id == user
            service.cancel_own_order(user, order.id, "changed_mind", ids.new_id("req"))
            settle(shop, order)
            assert self.erased(user).orders == 1
