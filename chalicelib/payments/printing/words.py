"""The words on invoices, and how amounts, rates and dates are written, in each language."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from chalicelib.kernel.money import exponent

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.payments.model.sheet import Language

_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "invoice": "Invoice",
        "credit_note": "Credit note",
        "number": "Number",
        "issued": "Date",
        "supplied": "Supplied",
        "order": "Order",
        "corrects": "Corrects invoice",
        "reason": "Reason",
        "vat_id": "VAT ID",
        "seller": "Seller",
        "store": "Store",
        "delivered_to": "Delivered to",
        "item": "Item",
        "quantity": "Qty",
        "rate": "Tax",
        "amount": "Amount",
        "amounts_in": "Amounts in {currency}, tax included",
        "sold_by": "Sold by {name}",
        "by_rate": "Tax",
        "net": "Net",
        "tax": "Tax",
        "gross": "Gross",
        "sum": "Sum",
        "tip": "Tip (not taxed; for those who served you)",
        "total": "Total",
        "given_back": "Credited",
        "paid": "Paid",
        "refunded": "Refunded",
        "tax_by_platform": "The tax in the goods is remitted by {name}.",
        "delivery_fee": "Delivery",
        "small_order_fee": "Small-order fee",
        "goods": "Goods",
        "fees": "Fees",
        "part_of": "partial credit",
        "credit": "gift card or store credit",
        "waived": "too little to be charged",
        "card": "card",
        "pay_at_store": "at the store",
        "cash_on_delivery": "cash on delivery",
        "alipay": "Alipay",
        "wechat_pay": "WeChat Pay",
        "page": "Page {page} of {pages}",
        "missing_item": "missing item",
        "wrong_item": "wrong item",
        "quality": "quality",
        "late": "late",
        "damaged": "damaged",
        "not_delivered": "not delivered",
        "customer_request": "at the customer's request",
        "other": "other",
    },
    "de": {
        "invoice": "Rechnung",
        "credit_note": "Rechnungskorrektur",
        "number": "Nummer",
        "issued": "Datum",
        "supplied": "Leistungsdatum",
        "order": "Bestellung",
        "corrects": "Zu Rechnung",
        "reason": "Grund",
        "vat_id": "USt-IdNr.",
        "seller": "Verkäufer",
        "store": "Filiale",
        "delivered_to": "Geliefert an",
        "item": "Artikel",
        "quantity": "Menge",
        "rate": "USt.",
        "amount": "Betrag",
        "amounts_in": "Beträge in {currency}, inkl. USt.",
        "sold_by": "Verkauft von {name}",
        "by_rate": "Umsatzsteuer",
        "net": "Netto",
        "tax": "USt.",
        "gross": "Brutto",
        "sum": "Summe",
        "tip": "Trinkgeld (ohne USt.)",
        "total": "Gesamtbetrag",
        "given_back": "Gutschrift",
        "paid": "Bezahlt",
        "refunded": "Erstattet",
        "tax_by_platform": "Die Umsatzsteuer auf die Waren führt {name} ab.",
        "delivery_fee": "Lieferung",
        "small_order_fee": "Mindermengenzuschlag",
        "goods": "Waren",
        "fees": "Gebühren",
        "part_of": "anteilige Erstattung",
        "credit": "Gutschein oder Guthaben",
        "waived": "zu wenig für eine Abbuchung",
        "card": "Karte",
        "pay_at_store": "im Laden",
        "cash_on_delivery": "bar bei Lieferung",
        "alipay": "Alipay",
        "wechat_pay": "WeChat Pay",
        "page": "Seite {page} von {pages}",
        "missing_item": "Artikel fehlte",
        "wrong_item": "falscher Artikel",
        "quality": "Qualität",
        "late": "verspätet",
        "damaged": "beschädigt",
        "not_delivered": "nicht geliefert",
        "customer_request": "auf Wunsch des Kunden",
        "other": "sonstiges",
    },
}
_MONTHS: dict[Language, str] = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
}
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£"}


class Wording:
    """How one paper is written."""

    def __init__(self, language: Language, currency: str, time_zone: str) -> None:
        self.language = language
        self.currency = currency
        self._zone = ZoneInfo(time_zone)

    def __call__(self, word: str, **filled: object) -> str:
        """A word of the paper; one that is not known stands for itself."""
        text = _WORDS[self.language].get(word, word.replace("_", " "))
        return text.format(**filled) if filled else text

    def figure(self, minor: int) -> str:
        """An amount without its currency: ``1,234.50``, ``1.234,50``."""
        digits = exponent(self.currency)
        whole, rest = divmod(abs(minor), 10**digits)
        text = f"{whole:,}" + (f".{rest:0{digits}d}" if digits else "")
        if self.language == "de":
            text = text.translate(str.maketrans(",.", ".,"))
        return f"-{text}" if minor < 0 else text

    def amount(self, minor: int) -> str:
        """An amount with its currency: ``€1,234.50``, ``1.234,50 €``."""
        symbol = _SYMBOLS.get(self.currency)
        if self.language == "de" or symbol is None:
            return f"{self.figure(minor)}\u00a0{symbol or self.currency}"
        return f"-{symbol}{self.figure(-minor)}" if minor < 0 else f"{symbol}{self.figure(minor)}"

    def rate(self, basis_points: int) -> str:
        """A tax rate: ``7 %``, ``8.25 %``."""
        text = f"{basis_points / 100:.2f}".rstrip("0").rstrip(".")
        return f"{text.replace('.', ',') if self.language == 'de' else text}\u00a0%"

    def date(self, at: datetime) -> str:
        """A day on the store's calendar: ``23 November 2026``."""
        day = at.astimezone(self._zone)
        month = _MONTHS[self.language].split()[day.month - 1]
        return f"{day.day}{'.' if self.language == 'de' else ''} {month} {day.year}"

    def moment(self, at: datetime) -> str:
        """A day and time on the store's clock: ``23 November 2026, 19:30``."""
        ending = " Uhr" if self.language == "de" else ""
        return f"{self.date(at)}, {at.astimezone(self._zone):%H:%M}{ending}"
