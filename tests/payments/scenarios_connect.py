"""Scenarios of what is asked of Stripe beside an order's payment: accounts, transfers, what nobody claims."""

from __future__ import annotations

from msgspec.structs import replace

from chalicelib.kernel import clock
from chalicelib.payments import provider
from chalicelib.payments.model.extras import Extra
from chalicelib.payments.model.payouts import Payout
from chalicelib.payments.model.reversals import Reversal
from chalicelib.payments.model.statements import Party
from chalicelib.payments.provider import balance, client, connect, extras, listing, notices
from tests.payments.scenarios import (
    SCENARIOS,
    Scenario,
    Scene,
    authorised,
    delivered,
    refund_asked,
    settle_refund,
)
from tests.payments.test_refunds import BILL

_TRANSFERS = "/v1/transfers"


def _nothing(scene: Scene) -> None:
    """It has ended."""


def _payout(scene: Scene) -> Payout:
    party = Party("store", scene.store_id)
    return Payout(
        party=party,
        currency="EUR",
        number=1,
        amount=1200,
        planned_at=clock.now(),
        account_id=scene.known["account"],
        transfer_id=scene.known.get("transfer"),
    )


def _open_account(scene: Scene) -> None:
    scene.known["account"], _ = connect.open_account(Party("store", scene.store_id), "DE", "Pizza Nuova")


def _onboarded(scene: Scene) -> None:
    _open_account(scene)
    scene.stripe.post(f"/sandbox/accounts/{scene.known['account']}/onboard")
    scene.stripe.post("/sandbox/balance/top_up", amount=5000, currency="eur")


def _open_link(scene: Scene) -> None:
    link = connect.open_link(scene.known["account"], "https://shop.test/done", "https://shop.test/again", "req-1")
    assert link.url


def _look_at_account(scene: Scene) -> None:
    assert connect.look_at_account(scene.known["account"]).transfers_enabled


def _transfer(scene: Scene) -> None:
    scene.known["transfer"] = connect.transfer(_payout(scene))


def _transferred(scene: Scene) -> None:
    _onboarded(scene)
    _transfer(scene)


def _reverse(scene: Scene) -> None:
    reversal = Reversal(
        party=Party("store", scene.store_id),
        currency="EUR",
        number=1,
        order_id=scene.order_id,
        cause="refund:1",
        amount=400,
        planned_at=clock.now(),
    )
    connect.reverse(scene.known["transfer"], reversal)


def _at_the_bank(scene: Scene) -> None:
    _transferred(scene)
    scene.stripe.post("/sandbox/payouts", account=scene.known["account"], currency="eur")


def _ask_for_bank_news(scene: Scene) -> None:
    assert connect.bank_news(_payout(scene)).payout_id


def _paid_for_nobody(scene: Scene) -> None:
    """A payment that was held, and captured in the dashboard."""
    scene.known["unposted"] = True
    scene.open()
    scene.start()
    scene.confirm()


def _taken_for_nobody(scene: Scene) -> None:
    _paid_for_nobody(scene)
    provider.capture(scene.action.intent_id, scene.payment.amount.amount)


def _give_back(scene: Scene) -> None:
    assert listing.give_back(listing.look_at_intent(scene.action.intent_id)).is_over


def _look_at_intent(scene: Scene) -> None:
    assert listing.look_at_intent(scene.action.intent_id).is_held


def _list_intents(scene: Scene) -> None:
    seen, _ = listing.list_intents(0, 2**31)
    assert scene.action.intent_id in [intent.id for intent in seen]


def _disputed(scene: Scene) -> None:
    delivered(scene)
    intent = client.connected().v1.payment_intents.retrieve(scene.payment.intent_id or "")
    scene.stripe.post(f"/sandbox/charges/{intent.latest_charge}/dispute")
    (dispute,) = [each for each in scene.stripe.summary()["disputes"] if each["payment_intent"] == intent.id]
    scene.known["dispute"] = dispute["id"]


def _look_at_dispute(scene: Scene) -> None:
    assert notices.look_at_dispute(scene.known["dispute"]).order_id == scene.order_id


def _refunded(scene: Scene) -> None:
    refund_asked(scene)
    settle_refund(scene)
    (scene.known["made"],) = notices.refunds_of_intent(scene.payment.intent_id or "")


def _look_at_refund(scene: Scene) -> None:
    assert notices.look_at_refund(scene.known["made"].id) == scene.known["made"]


def _list_refunds(scene: Scene) -> None:
    assert notices.refunds_of_intent(scene.payment.intent_id or "") == [scene.known["made"]]


def _look_at_payout(scene: Scene) -> None:
    account = scene.known["account"]
    (payout,) = [each for each in scene.stripe.summary()["payouts"] if each["account"] == account]
    assert notices.look_at_payout(payout["id"], account).amount == 1200


def _list_lines(scene: Scene) -> None:
    lines, _ = balance.list_lines(0, 2**31)
    assert scene.order_id in [line.order_id for line in lines]


def _look_at_balance(scene: Scene) -> None:
    assert balance.balance()["EUR"] > 0


# --- extras: a second hold beside the order's own, past the books ---------------------------------------------------


def _unposted(scene: Scene) -> None:
    authorised(scene)
    scene.known["unposted"] = True


def _open_extra(scene: Scene) -> None:
    scene.action = extras.open_extra(scene.payment, 1, 700)


def _extra_held(scene: Scene) -> None:
    _unposted(scene)
    _open_extra(scene)
    scene.confirm()


def _look_up_extra(scene: Scene) -> None:
    assert extras.look_up_extra(scene.action.intent_id).status == "requires_capture"


def _confirm_and_let_go(scene: Scene) -> None:
    scene.confirm()
    provider.cancel(scene.action.intent_id)


def _extra_taken(scene: Scene) -> None:
    _extra_held(scene)
    provider.capture(scene.action.intent_id, 700)
    scene.capture()


def _refund_over(scene: Scene) -> None:
    taken = Extra(1, 700, scene.action.intent_id, is_held=True, taken=700)
    assert extras.refund_over(replace(scene.payment, extras=(taken,)), 1, BILL.total + 300)


ALL_SCENARIOS: dict[str, Scenario] = {
    **SCENARIOS,
    "connect.open_account: accounts.create": Scenario("/v1/accounts", _nothing, _open_account, _nothing),
    "connect.open_link: account_links.create": Scenario("/v1/account_links", _open_account, _open_link, _nothing),
    "connect.look_at_account: accounts.retrieve": Scenario(
        "/v1/accounts/", _onboarded, _look_at_account, _nothing, "GET"
    ),
    "connect.transfer: transfers.list": Scenario(_TRANSFERS, _onboarded, _transfer, _nothing, "GET"),
    "connect.transfer: transfers.create": Scenario(_TRANSFERS, _onboarded, _transfer, _nothing),
    "connect.reverse: transfers.reversals.list": Scenario(
        f"{_TRANSFERS}/*/reversals", _transferred, _reverse, _nothing, "GET"
    ),
    "connect.reverse: transfers.reversals.create": Scenario(
        f"{_TRANSFERS}/*/reversals", _transferred, _reverse, _nothing
    ),
    "connect.bank_news: transfers.retrieve": Scenario(
        f"{_TRANSFERS}/", _at_the_bank, _ask_for_bank_news, _nothing, "GET"
    ),
    "connect.bank_news: payouts.list": Scenario("/v1/payouts", _at_the_bank, _ask_for_bank_news, _nothing, "GET"),
    "connect._carries: balance_transactions.list": Scenario(
        "/v1/balance_transactions", _at_the_bank, _ask_for_bank_news, _nothing, "GET"
    ),
    "notices.look_at_dispute: disputes.retrieve": Scenario(
        "/v1/disputes/", _disputed, _look_at_dispute, _nothing, "GET"
    ),
    "notices.look_at_refund: refunds.retrieve": Scenario("/v1/refunds/", _refunded, _look_at_refund, _nothing, "GET"),
    "notices.refunds_of_intent: refunds.list": Scenario("/v1/refunds", _refunded, _list_refunds, _nothing, "GET"),
    "notices.look_at_payout: payouts.retrieve": Scenario(
        "/v1/payouts/", _at_the_bank, _look_at_payout, _nothing, "GET"
    ),
    "balance.list_lines: balance_transactions.list": Scenario(
        "/v1/balance_transactions", delivered, _list_lines, _nothing, "GET"
    ),
    "balance.balance: balance.retrieve": Scenario("/v1/balance", delivered, _look_at_balance, _nothing, "GET"),
    "extras.open_extra: payment_intents.create": Scenario(
        "/v1/payment_intents", _unposted, _open_extra, _confirm_and_let_go
    ),
    "extras.look_up_extra: payment_intents.retrieve": Scenario(
        "/v1/payment_intents/pi_", _extra_held, _look_up_extra, _nothing, "GET"
    ),
    "extras.refund_over: payment_intents.retrieve": Scenario(
        "/v1/payment_intents/pi_", _extra_taken, _refund_over, _nothing, "GET"
    ),
    "extras.refund_over: refunds.list": Scenario("/v1/refunds", _extra_taken, _refund_over, _nothing, "GET"),
    "listing.list_intents: payment_intents.list": Scenario(
        "/v1/payment_intents", _paid_for_nobody, _list_intents, _nothing, "GET"
    ),
    "listing.look_at_intent: payment_intents.retrieve": Scenario(
        "/v1/payment_intents/pi_", _paid_for_nobody, _look_at_intent, _nothing, "GET"
    ),
    "listing.give_back: refunds.create": Scenario("/v1/refunds", _taken_for_nobody, _give_back, _nothing),
    "listing.give_back: payment_intents.cancel": Scenario(
        "/v1/payment_intents/*/cancel", _paid_for_nobody, _give_back, _nothing
    ),
}
