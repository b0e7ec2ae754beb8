"""Invoices on paper: numbers and dates in each language, pages that go on, sums that hold, letters that are lacking."""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.payments.model.bill import RateSum, Sums
from chalicelib.payments.model.invoices import Invoice, Paper, Party
from chalicelib.payments.model.sheet import LANGUAGES, Sheet, SheetLine, language_of, sheet_of
from chalicelib.payments.printing import html, pdf
from chalicelib.payments.printing.metrics import can_write, width
from chalicelib.payments.printing.words import _WORDS, Wording

AT = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)


def line(**changes: Any) -> SheetLine:
    return SheetLine(
        **{"ref": "goods", "name": "Soup", "quantity": 2, "gross": 1070, "tax": 70, "tax_rate_bps": 700, **changes}
    )


def sheet(*lines: SheetLine, fees: tuple[SheetLine, ...] = (), **changes: Any) -> Sheet:
    everything = (*lines, *fees)
    rates: dict[int, RateSum] = {}
    for each in everything:
        before = rates.get(each.tax_rate_bps, RateSum(each.tax_rate_bps, 0, 0))
        rates[each.tax_rate_bps] = RateSum(each.tax_rate_bps, before.gross + each.gross, before.tax + each.tax)
    fields: dict[str, Any] = {
        "kind": Paper.INVOICE,
        "number": "LINA-2026-000042",
        "year": 2026,
        "sequence": 42,
        "cause": "hand_over",
        "order_id": "ord_01k9xq2v6gm3w0t7c5n8r4h1zj",
        "store_id": "sto_1",
        "merchant_id": "mer_1",
        "currency": "EUR",
        "issued_at": AT,
        "supplied_at": AT,
        "seller": Party("Lina GmbH", ("Torstraße 1", "10119 Berlin"), "DE136695976"),
        "store_name": "Lina, Mitte",
        "country": "DE",
        "time_zone": "Europe/Berlin",
        "sums": Sums(
            items=sum(each.gross for each in lines),
            items_tax=sum(each.tax for each in lines),
            fees=sum(each.gross for each in fees),
            fees_tax=sum(each.tax for each in fees),
        ),
        "rates": tuple(rates[rate] for rate in sorted(rates)),
        **changes,
    }
    return sheet_of(Invoice(**fields), lines, fees)


def texts_of(file: bytes) -> list[list[str]]:
    """The texts of each page of a PDF."""
    pages = []
    for packed in re.findall(rb"stream\n(.*?)\nendstream", file, re.DOTALL):
        operators = zlib.decompress(packed).decode("ascii")
        pages.append([bytes.fromhex(coded).decode("cp1252") for coded in re.findall(r"<([0-9a-f]*)> Tj", operators)])
    return pages


def test_numbers_and_dates_are_written_as_the_language_does() -> None:
    english, german = Wording("en", "EUR", "Europe/Berlin"), Wording("de", "EUR", "Europe/Berlin")
    assert (english.amount(123456789), german.amount(123456789)) == ("€1,234,567.89", "1.234.567,89\u00a0€")
    assert (english.amount(-5), german.figure(-5)) == ("-€0.05", "-0,05")
    assert (english.rate(825), german.rate(825), german.rate(700)) == ("8.25\u00a0%", "8,25\u00a0%", "7\u00a0%")
    assert english.date(AT) == "24 November 2026", "on the store's calendar"
    assert german.moment(AT) == "24. November 2026, 00:30 Uhr"


@pytest.mark.parametrize(
    ("currency", "written"), [("JPY", "1,234,567\u00a0JPY"), ("KWD", "1,234.567\u00a0KWD"), ("GBP", "£12,345.67")]
)
def test_each_currency_has_its_own_digits(currency: str, written: str) -> None:
    assert Wording("en", currency, "UTC").amount(1234567) == written


def test_every_language_has_every_word() -> None:
    assert {language: set(words) for language, words in _WORDS.items()} == {key: set(_WORDS["en"]) for key in LANGUAGES}
    assert (language_of("AT"), language_of("FR")) == ("de", "en")


def test_a_long_paper_goes_on_with_numbered_pages_and_all_its_lines() -> None:
    file = pdf.document(sheet(*(line(name=f"Soup {number}") for number in range(60))), "en")
    assert file is not None
    pages = texts_of(file)
    assert len(pages) == 3
    for number, texts in enumerate(pages, 1):
        assert texts.count(f"Page {number} of 3") == 1
        assert texts.count("Qty") == 1
    written = [text for texts in pages for text in texts]
    assert [text for text in written if text.startswith("Soup")] == [f"Soup {number}" for number in range(60)]
    assert "€642.00" in pages[-1]


def test_long_names_are_broken_and_stay_within_the_page() -> None:
    file = pdf.document(sheet(line(name="W" * 300, detail="many words " * 40)), "de")
    assert file is not None
    (texts,) = texts_of(file)
    assert "".join(text for text in texts if set(text) == {"W"}) == "W" * 300
    assert all(width(text, 9.5) < 500 for text in texts)


@pytest.mark.parametrize("name", ["Łódź", "北京", "a\nb", "\x00", "قهوة", "🍕"])
def test_what_the_faces_lack_makes_no_pdf(name: str) -> None:
    assert not can_write(name)
    assert pdf.document(sheet(line(name=name)), "en") is None
    assert pdf.document(sheet(line(), seller=Party(name)), "en") is None
    assert html.page(sheet(line(name=name)), "en")


def test_marks_of_pdf_in_a_name_are_only_letters() -> None:
    hostile = ") Tj ET /JavaScript << >> \\( endstream %"
    file = pdf.document(sheet(line(name=hostile)), "en")
    assert file is not None
    assert hostile in [text for texts in texts_of(file) for text in texts]
    assert b"JavaScript" not in file


def test_lines_that_are_not_what_the_ledger_says_are_not_printed() -> None:
    wrong = sheet(line(), sums=Sums(items=1000, items_tax=65), rates=(RateSum(700, 1000, 65),))
    (part,) = wrong.parts
    assert [(each.ref, each.gross, each.tax) for each in part.lines] == [("goods", 1000, 65)]
    assert wrong.total == 1000
    without_rates = sheet(line(), sums=Sums(items=1000, items_tax=65, fees=290, fees_tax=46, tip=10), rates=())
    assert [(each.ref, each.gross) for each in without_rates.parts[0].lines] == [("goods", 1000), ("fees", 290)]
    assert without_rates.total == 1300


def test_the_platforms_fees_and_who_remits_are_told() -> None:
    fee = line(ref="delivery_fee", name="", quantity=1, gross=290, tax=46, tax_rate_bps=1900)
    platform = {"platform": Party("Doorstep GmbH"), "fees_by_platform": True, "tax_by_platform": True}
    apart = sheet(line(), fees=(fee,), **platform)
    assert [part.seller.legal_name for part in apart.parts] == ["Lina GmbH", "Doorstep GmbH"]
    page = html.page(apart, "en")
    assert "The tax in the goods is remitted by Doorstep GmbH." in page
    assert "<td>Delivery</td>" in page
    together = sheet(line(), fees=(fee,), **{**platform, "fees_by_platform": False})
    assert len(together.parts) == 1


def test_a_credit_note_says_what_it_corrects_and_why() -> None:
    note = sheet(
        line(quantity=0),
        kind=Paper.CREDIT_NOTE,
        number="LINA-C2026-000003",
        corrects="LINA-2026-000042",
        reason="missing_item",
        tenders=(("credit", 70), ("card", 1000)),
    )
    page = html.page(note, "de")
    for told in ("Rechnungskorrektur", "Zu Rechnung", "LINA-2026-000042", "Artikel fehlte", "anteilige Erstattung"):
        assert told in page
    assert "Erstattet: Gutschein oder Guthaben" in page
    file = pdf.document(note, "de")
    assert file is not None
    assert {"Gutschrift", "10,70\u00a0€", "LINA-2026-000042"} <= set(texts_of(file)[0])
