"""Connected accounts, and money moved to them and taken back."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from infra.local.stripe_sandbox import Config, Sandbox
from tests.infra.stripe_sandbox.conftest import (
    SECRET_KEY,
    Caller,
    available,
    client_of,
    connected,
    order_intent,
    paid,
    pay,
)


@pytest.fixture
def store(client: stripe.StripeClient, call: Caller) -> stripe.Account:
    return connected(client, call, email="store@example.org")


def transfer(client: stripe.StripeClient, account: stripe.Account, amount: int = 1000, **more: Any) -> stripe.Transfer:
    return client.v1.transfers.create({"amount": amount, "currency": "eur", "destination": account.id, **more})


class TestAccounts:
    @pytest.mark.parametrize(
        ("kind", "type_", "dashboard", "losses"),
        [
            ({"type": "express"}, "express", "express", "application"),
            ({"type": "custom"}, "custom", "none", "application"),
            (
                {
                    "controller": {
                        "fees": {"payer": "application"},
                        "losses": {"payments": "application"},
                        "stripe_dashboard": {"type": "express"},
                    }
                },
                "none",
                "express",
                "application",
            ),
        ],
    )
    def test_are_made_able_to_do_nothing(
        self, client: stripe.StripeClient, kind: dict[str, Any], type_: str, dashboard: str, losses: str
    ):
        account = client.v1.accounts.create(
            {
                **kind,
                "country": "DE",
                "email": "store@example.org",
                "capabilities": {"transfers": {"requested": True}, "card_payments": {"requested": True}},
                "business_profile": {"name": "Corner Bakery"},
                "metadata": {"store_id": "sto_1"},
            }
        )

        assert account.id.startswith("acct_")
        assert (account.type, account.country, account.default_currency) == (type_, "DE", "eur")
        assert account.controller.stripe_dashboard.type == dashboard
        assert account.controller.losses.payments == losses
        assert account.capabilities.to_dict() == {"card_payments": "inactive", "transfers": "inactive"}
        assert (account.charges_enabled, account.payouts_enabled, account.details_submitted) == (False, False, False)
        assert account.requirements.currently_due
        assert client.v1.accounts.retrieve(account.id) == account

    def test_can_be_paid_once_they_went_through_the_form(self, client: stripe.StripeClient, call: Caller):
        account = client.v1.accounts.create({"type": "express", "capabilities": {"transfers": {"requested": True}}})
        link = client.v1.account_links.create(
            {
                "account": account.id,
                "type": "account_onboarding",
                "refresh_url": "https://shop.test/again",
                "return_url": "https://shop.test/done",
            }
        )
        assert link.url.startswith(f"{call.url}/sandbox/accounts/{account.id}/onboard")
        assert link.expires_at > link.created
        with pytest.raises(stripe.InvalidRequestError) as refused:
            transfer(client, account)
        assert refused.value.code == "insufficient_capabilities_for_transfer"

        status, _ = call("POST", f"/sandbox/accounts/{account.id}/onboard")

        assert status == 200
        known = client.v1.accounts.retrieve(account.id)
        assert (known.capabilities.transfers, known.payouts_enabled, known.details_submitted) == ("active", True, True)
        assert known.external_accounts.data[0].currency == "eur"
        assert known.requirements.currently_due == []

    def test_can_lose_that_again(self, client: stripe.StripeClient, call: Caller, store: stripe.Account):
        paid(client)
        call("POST", f"/sandbox/accounts/{store.id}/restrict", body={"reason": "rejected.fraud"})
        known = client.v1.accounts.retrieve(store.id)
        assert (known.payouts_enabled, known.requirements.disabled_reason) == (False, "rejected.fraud")
        with pytest.raises(stripe.InvalidRequestError):
            transfer(client, store)

    def test_are_changed_and_listed(self, client: stripe.StripeClient, store: stripe.Account):
        changed = client.v1.accounts.update(
            store.id,
            {
                "metadata": {"store_id": "sto_2"},
                "settings": {"payouts": {"schedule": {"interval": "manual"}}},
                "capabilities": {"card_payments": {"requested": True}},
            },
        )
        assert changed.metadata["store_id"] == "sto_2"
        assert changed.settings.payouts.schedule.interval == "manual"
        assert changed.capabilities.to_dict() == {"transfers": "active", "card_payments": "active"}
        assert [account.id for account in client.v1.accounts.list().data] == [store.id]

    def test_of_others_are_nobodys_business(self, client: stripe.StripeClient):
        with pytest.raises(stripe.PermissionError) as refused:
            client.v1.accounts.retrieve("acct_none")
        assert refused.value.error.code == "account_invalid"
        with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
            client.v1.accounts.create({"type": "express", "controller": {"losses": {"payments": "stripe"}}})

    def test_stand_in_for_the_platform_only_where_that_was_built(
        self, client: stripe.StripeClient, store: stripe.Account
    ):
        with pytest.raises(stripe.InvalidRequestError, match="Stripe-Account"):
            client.v1.payment_intents.list(options={"stripe_account": store.id})


class TestTransfers:
    def test_move_money_from_the_platform_to_the_account(self, client: stripe.StripeClient, store: stripe.Account):
        paid(client, 2000)

        made = transfer(client, store, 1200, metadata={"order_id": "ord_1"}, transfer_group="ord_1")

        assert (made.amount, made.destination, made.transfer_group) == (1200, store.id, "ord_1")
        assert (made.reversed, made.amount_reversed, made.reversals.data) == (False, 0, [])
        assert available(client) == 2000 - 53 - 1200
        assert available(client, store.id) == 1200
        out = client.v1.balance_transactions.retrieve(made.balance_transaction)
        assert (out.type, out.net, out.fee, out.source) == ("transfer", -1200, 0, made.id)
        (arrived,) = client.v1.balance_transactions.list({}, {"stripe_account": store.id}).data
        assert (arrived.type, arrived.net, arrived.source) == ("payment", 1200, made.destination_payment)
        there = client.v1.charges.retrieve(made.destination_payment, options={"stripe_account": store.id})
        assert (there.source_transfer, there.balance_transaction) == (made.id, arrived.id)
        assert client.v1.transfers.retrieve(made.id) == made

    def test_are_refused_when_the_platform_has_not_that_much(self, client: stripe.StripeClient, store: stripe.Account):
        paid(client, 2000)
        with pytest.raises(stripe.InvalidRequestError, match="insufficient available funds") as refused:
            transfer(client, store, 1948)
        assert refused.value.code == "balance_insufficient"
        assert transfer(client, store, 1947).amount == 1947
        assert available(client) == 0

    def test_a_refusal_stays_with_its_key(self, client: stripe.StripeClient, store: stripe.Account, call: Caller):
        wanted = {"amount": 500, "currency": "eur", "destination": store.id}
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.transfers.create(wanted, {"idempotency_key": "pay-1"})
        call("POST", "/sandbox/balance/top_up", body={"amount": 5000, "currency": "eur"})

        with pytest.raises(stripe.InvalidRequestError) as replayed:
            client.v1.transfers.create(wanted, {"idempotency_key": "pay-1"})

        assert replayed.value.headers["Idempotent-Replayed"] == "true"
        assert client.v1.transfers.create(wanted, {"idempotency_key": "pay-2"}).amount == 500

    def test_are_listed_by_group_and_destination(
        self, client: stripe.StripeClient, call: Caller, store: stripe.Account
    ):
        rider = connected(client, call)
        paid(client, 9000)
        first = transfer(client, store, transfer_group="ord_1")
        second = transfer(client, rider, transfer_group="ord_1")
        third = transfer(client, store, transfer_group="ord_2")

        def found(**wanted: str) -> list[str]:
            return [made.id for made in client.v1.transfers.list(wanted).data]

        assert found() == [third.id, second.id, first.id]
        assert found(transfer_group="ord_1") == [second.id, first.id]
        assert found(destination=store.id) == [third.id, first.id]
        changed = client.v1.transfers.update(first.id, {"metadata": {"note": "x"}})
        assert changed.metadata["note"] == "x"

    @pytest.mark.parametrize(
        ("changes", "param"),
        [
            ({"destination": "acct_none"}, "destination"),
            ({"amount": 0}, "amount"),
            ({"amount": None}, "amount"),
            ({"currency": "zzz"}, "currency"),
            ({"source_transaction": "ch_none"}, "source_transaction"),
            ({"speed": "high"}, "speed"),
        ],
    )
    def test_that_make_no_sense_are_refused(
        self, client: stripe.StripeClient, store: stripe.Account, changes: dict[str, Any], param: str
    ):
        wanted = {"amount": 10, "currency": "eur", "destination": store.id, **changes}
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.transfers.create({name: value for name, value in wanted.items() if value is not None})
        assert (refused.value.http_status, refused.value.param) == (400, param)


class TestTransfersOutOfAPayment:
    def test_may_take_all_that_was_captured_and_no_more(
        self, client: stripe.StripeClient, call: Caller, store: stripe.Account
    ):
        rider = connected(client, call)
        payment = paid(client, 2000)
        source = {"source_transaction": payment.latest_charge}
        transfer(client, store, 1500, **source)

        with pytest.raises(
            stripe.InvalidRequestError, match=r"must not exceed the source amount of €20\.00"
        ) as refused:
            transfer(client, rider, 501, **source)
        assert "There is already a transfer using this source, amounting to €15.00" in str(refused.value)

        transfer(client, rider, 500, **source)
        # The fee is the platform's.
        assert available(client) == -53
        with pytest.raises(stripe.InvalidRequestError, match="There are already 2 transfers"):
            transfer(client, rider, 1, **source)

    def test_belong_to_the_payments_group(self, client: stripe.StripeClient, store: stripe.Account):
        grouped = paid(client, 2000, transfer_group="ord_1")
        alone = paid(client, 2000)

        assert transfer(client, store, source_transaction=grouped.latest_charge).transfer_group == "ord_1"
        made = transfer(client, store, source_transaction=alone.latest_charge)

        assert made.transfer_group == f"group_{alone.id}"
        assert client.v1.charges.retrieve(alone.latest_charge).transfer_group == made.transfer_group
        assert [one.id for one in client.v1.charges.list({"transfer_group": "ord_1"}).data] == [grouped.latest_charge]

    def test_without_an_amount_take_it_all(self, client: stripe.StripeClient, store: stripe.Account):
        payment = paid(client, 2000)
        made = client.v1.transfers.create(
            {"currency": "eur", "destination": store.id, "source_transaction": payment.latest_charge}
        )
        assert made.amount == 2000

    def test_need_one_that_was_captured_in_the_same_currency(self, client: stripe.StripeClient, store: stripe.Account):
        held = pay(client, order_intent(client))
        with pytest.raises(stripe.InvalidRequestError, match="has not been captured"):
            transfer(client, store, source_transaction=held.latest_charge)
        dollars = paid(client, 2000, currency="usd")
        with pytest.raises(stripe.InvalidRequestError, match="must be the same as the transfer currency"):
            transfer(client, store, source_transaction=dollars.latest_charge)

    def test_wait_for_its_money(self, tmp_path_factory: pytest.TempPathFactory):
        config = Config(tmp_path_factory.mktemp("slow") / "s.sqlite", SECRET_KEY, funds_after=3600)
        with Sandbox(config) as sandbox:
            client, call = client_of(sandbox.url), Caller(sandbox.url)
            store = connected(client, call)
            payment = paid(client, 2000)
            with pytest.raises(stripe.InvalidRequestError) as refused:
                transfer(client, store)
            assert refused.value.code == "balance_insufficient"

            made = transfer(client, store, source_transaction=payment.latest_charge)

            waiting = client.v1.balance.retrieve(options={"stripe_account": store.id})
            assert (waiting.available[0].amount, waiting.pending[0].amount) == (0, 1000)
            with pytest.raises(stripe.InvalidRequestError):
                client.v1.payouts.create({"amount": 1000, "currency": "eur"}, {"stripe_account": store.id})
            # What is still on its way can be turned round.
            client.v1.transfers.reversals.create(made.id, {"amount": 400})
            call("POST", "/sandbox/balance/settle")
            assert available(client, store.id) == 600
            assert available(client) == 2000 - 53 - 600


class TestReversals:
    def test_bring_back_part_by_part_what_was_transferred(self, client: stripe.StripeClient, store: stripe.Account):
        paid(client, 2000)
        made = transfer(client, store, 1000)

        first = client.v1.transfers.reversals.create(made.id, {"amount": 300, "metadata": {"refund": "re_1"}})

        assert (first.amount, first.transfer, first.metadata["refund"]) == (300, made.id, "re_1")
        with pytest.raises(stripe.InvalidRequestError, match="greater than unreversed amount"):
            client.v1.transfers.reversals.create(made.id, {"amount": 701})
        rest = client.v1.transfers.reversals.create(made.id)
        assert rest.amount == 700
        with pytest.raises(stripe.InvalidRequestError, match="already fully reversed"):
            client.v1.transfers.reversals.create(made.id)
        after = client.v1.transfers.retrieve(made.id)
        assert (after.reversed, after.amount_reversed) == (True, 1000)
        assert [one.id for one in after.reversals.data] == [rest.id, first.id]
        assert [one.id for one in client.v1.transfers.reversals.list(made.id).data] == [rest.id, first.id]
        assert client.v1.transfers.reversals.retrieve(made.id, first.id) == first
        assert (available(client), available(client, store.id)) == (2000 - 53, 0)

    def test_are_lines_of_both_balances(self, client: stripe.StripeClient, store: stripe.Account):
        paid(client, 2000)
        made = transfer(client, store, 1000)
        reversal = client.v1.transfers.reversals.create(made.id, {"amount": 300, "expand": ["balance_transaction"]})

        line = reversal.balance_transaction
        assert (line.type, line.reporting_category, line.net) == ("transfer_refund", "transfer_reversal", 300)
        gone = client.v1.balance_transactions.list({"type": "payment_refund"}, {"stripe_account": store.id}).data
        assert [(line.net, line.source) for line in gone] == [(-300, reversal.destination_payment_refund)]

    def test_need_the_money_to_be_there_still(self, client: stripe.StripeClient, store: stripe.Account):
        paid(client, 2000)
        made = transfer(client, store, 1000)
        client.v1.payouts.create({"amount": 800, "currency": "eur"}, {"stripe_account": store.id})

        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.transfers.reversals.create(made.id, {"amount": 201})

        assert refused.value.code == "balance_insufficient"
        assert client.v1.transfers.reversals.create(made.id, {"amount": 200}).amount == 200

    def test_make_room_for_another_transfer_out_of_the_same_payment(
        self, client: stripe.StripeClient, call: Caller, store: stripe.Account
    ):
        payment = paid(client, 2000)
        wrong = transfer(client, store, 2000, source_transaction=payment.latest_charge)
        client.v1.transfers.reversals.create(wrong.id)
        right = transfer(client, connected(client, call), 2000, source_transaction=payment.latest_charge)
        assert right.amount == 2000


def test_the_same_key_means_something_else_for_another_account(
    client: stripe.StripeClient, call: Caller, store: stripe.Account
):
    other = connected(client, call)
    paid(client, 9000)
    transfer(client, store, 1000)
    transfer(client, other, 1000)

    made = [
        client.v1.payouts.create(
            {"amount": 1000, "currency": "eur"}, {"stripe_account": account.id, "idempotency_key": "payout-1"}
        ).id
        for account in (store, other, store)
    ]

    assert made[0] == made[2] != made[1]


def test_what_happens_to_an_account_is_among_its_own_events(
    client: stripe.StripeClient, call: Caller, store: stripe.Account
):
    paid(client, 2000)
    transfer(client, store)
    client.v1.payouts.create({"amount": 1000, "currency": "eur"}, {"stripe_account": store.id})

    theirs = client.v1.events.list({}, {"stripe_account": store.id}).data
    ours = client.v1.events.list({"limit": 100}).data

    assert [(event.type, event.account) for event in theirs] == [
        ("payout.created", store.id),
        ("account.updated", store.id),
    ]
    assert "transfer.created" in {event.type for event in ours}
    assert not {event.type for event in ours} & {"payout.created", "account.updated"}
    assert client.v1.events.retrieve(theirs[0].id, options={"stripe_account": store.id}).id == theirs[0].id
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.events.retrieve(theirs[0].id)
