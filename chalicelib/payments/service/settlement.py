"""The use cases of settlement: statements, payouts, and the accounts that they go to."""

from __future__ import annotations

from chalicelib.payments.model.accounts import AccountStatus, PayoutAccount
from chalicelib.payments.model.payouts import Payout, PayoutState
from chalicelib.payments.model.reversals import Reversal, ReversalState
from chalicelib.payments.model.statements import RIDER, STORE, Party, Statement, StatementLine, party_of
from chalicelib.payments.provider.connect import Link
from chalicelib.payments.service.accounts import (
    follow_account,
    open_onboarding,
    open_rider_account,
    open_store_account,
    see_account,
)
from chalicelib.payments.service.closing import close_due, close_now, page_of_due
from chalicelib.payments.service.payouts import (
    follow_account_payouts,
    follow_payout,
    get_payout,
    retry_payout,
    settle_payout,
)
from chalicelib.payments.service.reversing import take_back_share
from chalicelib.payments.service.statements import (
    SettledStatement,
    check_party,
    find_statement,
    get_statement,
    lines_in,
    lines_of,
    list_heads,
    list_statements,
)
from chalicelib.payments.tables.settlement import Head

__all__ = [
    "RIDER",
    "STORE",
    "AccountStatus",
    "Head",
    "Link",
    "Party",
    "Payout",
    "PayoutAccount",
    "PayoutState",
    "Reversal",
    "ReversalState",
    "SettledStatement",
    "Statement",
    "StatementLine",
    "check_party",
    "close_due",
    "close_now",
    "find_statement",
    "follow_account",
    "follow_account_payouts",
    "follow_payout",
    "get_payout",
    "get_statement",
    "lines_in",
    "lines_of",
    "list_heads",
    "list_statements",
    "open_onboarding",
    "open_rider_account",
    "open_store_account",
    "page_of_due",
    "party_of",
    "retry_payout",
    "see_account",
    "settle_payout",
    "take_back_share",
]
