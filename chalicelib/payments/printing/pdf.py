"""An invoice as a PDF of A4 pages, in the faces that every reader has."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from chalicelib.payments.printing.metrics import ENCODING, can_write, width
from chalicelib.payments.printing.text import described, particulars, tax_note, tender
from chalicelib.payments.printing.words import Wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.payments.model.sheet import Language, Sheet, SheetPart

# Points: A4, its margins, and the columns from the left edge (numbers end at theirs).
_WIDTH, _HEIGHT, _MARGIN, _BOTTOM = 595, 842, 48, 64
_RIGHT: Final = _WIDTH - _MARGIN
_QUANTITY, _ITEM, _RATE = _MARGIN, _MARGIN + 34, _RIGHT - 80
_TAXES: Final = (_RIGHT - 190, _RIGHT - 130, _RIGHT - 65, _RIGHT)
_SMALL, _BODY, _LARGE, _TITLE = 8, 9.5, 12, 19
_GREY, _BLACK, _LIGHT = 0.35, 0.0, 0.82


def document(sheet: Sheet, language: Language) -> bytes | None:
    """The PDF of a sheet; None where its names have letters that the faces lack."""
    invoice = sheet.invoice
    words = Wording(language, invoice.currency, invoice.time_zone)
    writer = _Writer()
    _head(writer, sheet, words)
    for part in sheet.parts:
        _part(writer, part, words, titled=len(sheet.parts) > 1)
    _sums(writer, sheet, words)
    if note := tax_note(sheet, words):
        writer.space(10)
        writer.paragraph(_MARGIN, note, _SMALL, grey=_GREY)
    if writer.unwritable:
        return None
    title = f"{words(invoice.kind)} {invoice.number}"
    return writer.finished(title, invoice.seller.legal_name, language, words)


class _Writer:
    """Writes texts from the top of a page to its bottom, and goes on with the next one."""

    def __init__(self) -> None:
        self._pages: list[list[bytes]] = [[]]
        self.unwritable = False
        self.y = float(_HEIGHT - _MARGIN)

    def need(self, points: float) -> bool:
        """Begin a page if fewer points than these are left on this one; whether it did."""
        if self.y - points >= _BOTTOM:
            return False
        self._pages.append([])
        self.y = float(_HEIGHT - _MARGIN)
        return True

    def space(self, points: float) -> None:
        """Leave some points free."""
        self.y -= points

    def text(
        self, x: float, text: str, size: float, *, bold: bool = False, grey: float = _BLACK, to_right: bool = False
    ) -> None:
        """Write a text on the present line, from ``x`` on or up to it."""
        if not can_write(text):
            self.unwritable = True
            return
        left = x - width(text, size, bold=bold) if to_right else x
        face = "B" if bold else "R"
        coded = text.encode(ENCODING).hex()
        self._write(f"BT /{face} {size:g} Tf {grey:g} g {left:.2f} {self.y:.2f} Td <{coded}> Tj ET")

    def paragraph(
        self,
        x: float,
        text: str,
        size: float,
        *,
        until: float = _RIGHT,
        bold: bool = False,
        grey: float = _BLACK,
    ) -> None:
        """Write a text on as many lines as it takes, and go below them."""
        for line in self.wrapped(text, size, until - x, bold=bold):
            self.need(size * 1.35)
            self.text(x, line, size, bold=bold, grey=grey)
            self.y -= size * 1.35

    def wrapped(self, text: str, size: float, room: float, *, bold: bool = False) -> list[str]:
        """A text in lines that are no wider than the room; a word that is gets broken."""
        if not can_write(text):
            self.unwritable = True
            return []
        lines: list[str] = []
        line = ""
        for word in text.split():
            if width(f"{line} {word}".strip(), size, bold=bold) <= room:
                line = f"{line} {word}".strip()
                continue
            lines += [line] if line else []
            line = word
            while width(line, size, bold=bold) > room:
                fits = next(n for n in range(len(line), 0, -1) if n == 1 or width(line[:n], size, bold=bold) <= room)
                lines.append(line[:fits])
                line = line[fits:]
        return [*lines, line] if line else lines

    def rule(self, left: float, right: float = _RIGHT, *, grey: float = _LIGHT, thick: float = 0.6) -> None:
        """Draw a line across, at the present height."""
        self._write(f"{grey:g} G {thick:g} w {left:.2f} {self.y:.2f} m {right:.2f} {self.y:.2f} l S")

    def finished(self, title: str, author: str, language: Language, words: Wording) -> bytes:
        """The whole file."""
        import pydyf

        pdf = pydyf.PDF()
        pdf.info["Title"], pdf.info["Author"] = pydyf.String(title), pydyf.String(author)
        pdf.catalog["Lang"] = pydyf.String(language)
        pdf.catalog["ViewerPreferences"] = pydyf.Dictionary({"DisplayDocTitle": "true"})
        fonts = pydyf.Dictionary(
            {name: _face(pdf, base) for name, base in (("R", "Helvetica"), ("B", "Helvetica-Bold"))}
        )
        for number, lines in enumerate(self._pages, 1):
            stream = pydyf.Stream([*lines, *self._footer(title, number, words)], compress=True)
            pdf.add_object(stream)
            pdf.add_page(
                pydyf.Dictionary(
                    {
                        "Type": "/Page",
                        "Parent": pdf.pages.reference,
                        "MediaBox": pydyf.Array([0, 0, _WIDTH, _HEIGHT]),
                        "Resources": pydyf.Dictionary({"Font": fonts}),
                        "Contents": stream.reference,
                    }
                )
            )
        file = BytesIO()
        pdf.write(file)
        return file.getvalue()

    def _footer(self, title: str, number: int, words: Wording) -> list[bytes]:
        pages, self._pages, self.y = self._pages, [[]], _MARGIN - 14.0
        self.text(_MARGIN, title, _SMALL, grey=_GREY)
        self.text(_RIGHT, words("page", page=number, pages=len(pages)), _SMALL, grey=_GREY, to_right=True)
        (written,), self._pages = self._pages, pages
        return written

    def _write(self, operators: str) -> None:
        self._pages[-1].append(operators.encode("ascii"))


def _face(pdf: Any, base: str) -> bytes:
    import pydyf

    font = pydyf.Dictionary(
        {"Type": "/Font", "Subtype": "/Type1", "BaseFont": f"/{base}", "Encoding": "/WinAnsiEncoding"}
    )
    pdf.add_object(font)
    reference: bytes = font.reference
    return reference


def _head(writer: _Writer, sheet: Sheet, words: Wording) -> None:
    invoice = sheet.invoice
    middle = _MARGIN + 300
    name, *rest = particulars(invoice.seller, words)
    writer.paragraph(_MARGIN, name, _LARGE, bold=True)
    for line in rest:
        writer.paragraph(_MARGIN, line, _BODY)
    if invoice.store_name != invoice.seller.legal_name:
        writer.paragraph(_MARGIN, invoice.store_name, _BODY)
    writer.space(22)
    writer.paragraph(_MARGIN, words(invoice.kind), _TITLE, bold=True)
    writer.space(4)
    top = writer.y
    facts = [
        ("number", invoice.number),
        *([("corrects", invoice.corrects)] if invoice.corrects else []),
        ("issued", words.date(invoice.issued_at)),
        ("supplied", words.moment(invoice.supplied_at)),
        ("order", invoice.order_id),
        *([("reason", words(invoice.reason))] if invoice.reason else []),
    ]
    for fact, value in facts:
        writer.text(_MARGIN, words(fact), _BODY, grey=_GREY)
        writer.paragraph(_MARGIN + 84, value, _BODY, until=middle - 12)
    below, writer.y = writer.y, top
    if sheet.delivered_to:
        writer.paragraph(middle, words("delivered_to"), _BODY, grey=_GREY)
        for line in sheet.delivered_to:
            writer.paragraph(middle, line, _BODY)
    writer.y = min(below, writer.y)


def _part(writer: _Writer, part: SheetPart, words: Wording, *, titled: bool) -> None:
    writer.space(16)
    writer.need(90)
    if titled:
        name, *rest = particulars(part.seller, words)
        writer.paragraph(_MARGIN, words("sold_by", name=name), _BODY + 1, bold=True)
        writer.paragraph(_MARGIN, ", ".join(rest), _SMALL, grey=_GREY)
        writer.space(2)
    writer.paragraph(_MARGIN, words("amounts_in", currency=words.currency), _SMALL, grey=_GREY)
    writer.space(3)
    _columns(writer, words)
    for line in part.lines:
        name, detail = described(line, words)
        room = _RATE - 40
        names = writer.wrapped(name, _BODY, room - _ITEM)
        details = writer.wrapped(detail, _SMALL, room - _ITEM)
        if writer.need(8 + 13 * len(names) + 11 * len(details)):
            _columns(writer, words)
        if line.quantity:
            writer.text(_QUANTITY, str(line.quantity), _BODY)
        writer.text(_RATE, words.rate(line.tax_rate_bps), _BODY, to_right=True)
        writer.text(_RIGHT, words.figure(line.gross), _BODY, to_right=True)
        writer.paragraph(_ITEM, name, _BODY, until=room)
        writer.paragraph(_ITEM, detail, _SMALL, until=room, grey=_GREY)
        writer.space(-4)
        writer.rule(_MARGIN)
        writer.space(13)
    _taxes(writer, part, words)


def _columns(writer: _Writer, words: Wording) -> None:
    writer.text(_QUANTITY, words("quantity"), _SMALL, bold=True)
    writer.text(_ITEM, words("item"), _SMALL, bold=True)
    writer.text(_RATE, words("rate"), _SMALL, bold=True, to_right=True)
    writer.text(_RIGHT, words("amount"), _SMALL, bold=True, to_right=True)
    writer.space(5)
    writer.rule(_MARGIN, grey=_BLACK)
    writer.space(13)


def _taxes(writer: _Writer, part: SheetPart, words: Wording) -> None:
    writer.space(6)
    writer.need(20 + 12 * len(part.rates))
    heads = [words("by_rate"), words("net"), words("tax"), words("gross")]
    _row(writer, _TAXES, heads, _SMALL, bold=True)
    for rate in part.rates:
        figures = [words.figure(amount) for amount in (rate.gross - rate.tax, rate.tax, rate.gross)]
        _row(writer, _TAXES, [words.rate(rate.rate_bps), *figures], _SMALL)


def _row(writer: _Writer, ends: Sequence[float], texts: Sequence[str], size: float, *, bold: bool = False) -> None:
    for end, text in zip(ends, texts, strict=True):
        writer.text(end, text, size, bold=bold, to_right=True)
    writer.space(size * 1.45)


def _sums(writer: _Writer, sheet: Sheet, words: Wording) -> None:
    invoice = sheet.invoice
    is_invoice = invoice.kind == "invoice"
    left = _RIGHT - 260
    writer.space(14)
    writer.need(60 + 14 * len(invoice.tenders))
    if sheet.tip:
        for name, amount in (("sum", sheet.total - sheet.tip), ("tip", sheet.tip)):
            writer.text(left, words(name), _BODY)
            writer.text(_RIGHT, words.amount(amount), _BODY, to_right=True)
            writer.space(14)
    writer.space(-8)
    writer.rule(left, grey=_BLACK, thick=1)
    writer.space(16)
    writer.text(left, words("total" if is_invoice else "given_back"), _LARGE, bold=True)
    writer.text(_RIGHT, words.amount(sheet.total), _LARGE, bold=True, to_right=True)
    writer.space(17)
    for name, amount in invoice.tenders:
        writer.text(left, tender(name, words, is_invoice=is_invoice), _BODY)
        writer.text(_RIGHT, words.amount(amount), _BODY, to_right=True)
        writer.space(14)
