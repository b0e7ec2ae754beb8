"""The use cases of the payment centre. Other contexts call these and nothing else."""

from __future__ import annotations

from chalicelib.payments.model import Method, Payment, ProviderState, State, least_charge
from chalicelib.payments.model.amending import Amended, Amendment, Swap, Weighed, amend, has_goods
from chalicelib.payments.model.apportion import Share, all_of
from chalicelib.payments.model.bill import DELIVERY_FEE, SMALL_ORDER_FEE, TIP, Bill, BillLine, Sums
from chalicelib.payments.model.cases import Case, CaseState
from chalicelib.payments.model.credit import PROMOTIONS, Credit, CreditPart, Movement
from chalicelib.payments.model.deferral import (
    HOLD_OF_A_CUSTOMER,
    RENEWED_AHEAD,
    Deferral,
    deferral_of,
    pay_by,
    try_again_at,
)
from chalicelib.payments.model.invoices import Invoice, Paper
from chalicelib.payments.model.ledger import Entry, balances, trial_balance
from chalicelib.payments.model.reconciliation import Difference, Report
from chalicelib.payments.model.refunds import Refund, RefundPayer, RefundReason, RefundRequest
from chalicelib.payments.model.resending import Resend
from chalicelib.payments.model.sheet import Sheet, SheetLine, SheetPart, sheet_of
from chalicelib.payments.model.terms import DEFAULT as DEFAULT_TERMS
from chalicelib.payments.model.terms import Commission, Schedule, Terms
from chalicelib.payments.model.tips import Tip
from chalicelib.payments.model.truth import Finding, is_settled, judge, judge_extra, judge_tip
from chalicelib.payments.model.words import amount_of, concerns_customer, in_words
from chalicelib.payments.provider import ClientAction, NextStep
from chalicelib.payments.provider.listing import SeenIntent
from chalicelib.payments.service.adjusting import agree_on_bill, amend_bill, propose_bill, reduce_bill, refuse_bill
from chalicelib.payments.service.aftersales import compensate, give_back_part, keep_payment, resend_of
from chalicelib.payments.service.cases import get_case, list_cases, open_case, resolve_case
from chalicelib.payments.service.credit import (
    Grant,
    IssuedCard,
    expire_credit,
    get_gift_card,
    give_credit,
    give_goodwill,
    grant,
    issue_gift_card,
    list_card_movements,
    list_own_credit,
    list_own_movements,
    look_at_gift_card,
    revoke_gift_card,
    store_credit_ref,
)
from chalicelib.payments.service.extras import ask_extra, close_extra, extra_of, look_up_extra
from chalicelib.payments.service.forgetting import (
    Forgotten,
    forget_customer,
    forget_customer_of_order,
    movements_of_customer,
    unspent_of,
    wrong_codes_of,
)
from chalicelib.payments.service.holding import (
    ask_to_hold,
    keep_method,
    let_go_superseded,
    record_refused,
    record_saved,
    renew_hold,
    take_early,
    with_end,
)
from chalicelib.payments.service.invoicing import issue_papers, papers_of_merchant
from chalicelib.payments.service.ledger import (
    AlreadyPosted,
    all_entries_of_rider,
    all_entries_of_store,
    entries_of_account,
    entries_of_order,
    entries_of_rider,
    entries_of_store,
    post,
)
from chalicelib.payments.service.notices import follow_bank_payout, follow_dispute, follow_refunds, frozen_of
from chalicelib.payments.service.paying import (
    can_pay,
    capture_payment,
    get_client_action,
    get_payment,
    look_up_provider,
    open_payment,
    record_authorised,
    record_failure,
    record_revived,
    release_payment,
    return_late_payment,
    start_intent,
)
from chalicelib.payments.service.printing import HTML_POLICY, html_of, pdf_of
from chalicelib.payments.service.reconciling import CASE as DIFFERENCE_CASE
from chalicelib.payments.service.reconciling import get_report, list_reports, reconcile
from chalicelib.payments.service.refunds import refund_within, request_refund, settle_refund
from chalicelib.payments.service.rider_pay import enter_rider_pay
from chalicelib.payments.service.statements import SettledStatement, statement_of_sale
from chalicelib.payments.service.tendering import Tender, TenderPlan, covers, plan_tenders, refund_to_credit
from chalicelib.payments.service.terms import agree_on_terms, get_terms, terms_of
from chalicelib.payments.service.tips import offer_tip, refund_tip, settle_tip, settle_tip_refund, start_tip
from chalicelib.payments.service.truth import (
    AGES,
    adopt_capture,
    close_window,
    list_intents,
    return_money,
    shards_of_unsettled,
    unsettled_after,
    window_of,
)
from chalicelib.payments.service.writing import payment_ref
from chalicelib.payments.tables.invoices import credit_notes_of, invoice_ref, paper_ref, recipient_ref
from chalicelib.payments.tables.refunds import bill_ref, proposed_ref, refunds_of, tip_ref
from chalicelib.payments.tables.terms import terms_ref

__all__ = [
    "AGES",
    "DEFAULT_TERMS",
    "DELIVERY_FEE",
    "DIFFERENCE_CASE",
    "HOLD_OF_A_CUSTOMER",
    "HTML_POLICY",
    "PROMOTIONS",
    "RENEWED_AHEAD",
    "SMALL_ORDER_FEE",
    "TIP",
    "AlreadyPosted",
    "Amended",
    "Amendment",
    "Bill",
    "BillLine",
    "Case",
    "CaseState",
    "ClientAction",
    "Commission",
    "Credit",
    "CreditPart",
    "Deferral",
    "Difference",
    "Entry",
    "Finding",
    "Forgotten",
    "Grant",
    "Invoice",
    "IssuedCard",
    "Method",
    "Movement",
    "NextStep",
    "Paper",
    "Payment",
    "ProviderState",
    "Refund",
    "RefundPayer",
    "RefundReason",
    "RefundRequest",
    "Report",
    "Resend",
    "Schedule",
    "SeenIntent",
    "SettledStatement",
    "Share",
    "Sheet",
    "SheetLine",
    "SheetPart",
    "State",
    "Sums",
    "Swap",
    "Tender",
    "TenderPlan",
    "Terms",
    "Tip",
    "Weighed",
    "adopt_capture",
    "agree_on_bill",
    "agree_on_terms",
    "all_entries_of_rider",
    "all_entries_of_store",
    "all_of",
    "amend",
    "amend_bill",
    "amount_of",
    "ask_extra",
    "ask_to_hold",
    "balances",
    "bill_ref",
    "can_pay",
    "capture_payment",
    "close_extra",
    "close_window",
    "compensate",
    "concerns_customer",
    "covers",
    "credit_notes_of",
    "deferral_of",
    "enter_rider_pay",
    "entries_of_account",
    "entries_of_order",
    "entries_of_rider",
    "entries_of_store",
    "expire_credit",
    "extra_of",
    "follow_bank_payout",
    "follow_dispute",
    "follow_refunds",
    "forget_customer",
    "forget_customer_of_order",
    "frozen_of",
    "get_case",
    "get_client_action",
    "get_gift_card",
    "get_payment",
    "get_report",
    "get_terms",
    "give_back_part",
    "give_credit",
    "give_goodwill",
    "grant",
    "has_goods",
    "html_of",
    "in_words",
    "invoice_ref",
    "is_settled",
    "issue_gift_card",
    "issue_papers",
    "judge",
    "judge_extra",
    "judge_tip",
    "keep_method",
    "keep_payment",
    "least_charge",
    "let_go_superseded",
    "list_card_movements",
    "list_cases",
    "list_intents",
    "list_own_credit",
    "list_own_movements",
    "list_reports",
    "look_at_gift_card",
    "look_up_extra",
    "look_up_provider",
    "movements_of_customer",
    "offer_tip",
    "open_case",
    "open_payment",
    "paper_ref",
    "papers_of_merchant",
    "pay_by",
    "payment_ref",
    "pdf_of",
    "plan_tenders",
    "post",
    "propose_bill",
    "proposed_ref",
    "recipient_ref",
    "reconcile",
    "record_authorised",
    "record_failure",
    "record_refused",
    "record_revived",
    "record_saved",
    "reduce_bill",
    "refund_tip",
    "refund_to_credit",
    "refund_within",
    "refunds_of",
    "refuse_bill",
    "release_payment",
    "renew_hold",
    "request_refund",
    "resend_of",
    "resolve_case",
    "return_late_payment",
    "return_money",
    "revoke_gift_card",
    "settle_refund",
    "settle_tip",
    "settle_tip_refund",
    "shards_of_unsettled",
    "sheet_of",
    "start_intent",
    "start_tip",
    "statement_of_sale",
    "store_credit_ref",
    "take_early",
    "terms_of",
    "terms_ref",
    "tip_ref",
    "trial_balance",
    "try_again_at",
    "unsettled_after",
    "unspent_of",
    "window_of",
    "with_end",
    "wrong_codes_of",
]
