"""An invoice as one HTML page: on paper, on a phone and for who listens to it. It loads nothing and runs nothing."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from chalicelib.kernel import clock
from chalicelib.payments.printing.text import described, particulars, tax_note, tender
from chalicelib.payments.printing.words import Wording

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.payments.model.sheet import Language, Sheet, SheetLine, SheetPart


def page(sheet: Sheet, language: Language) -> str:
    """The page of a sheet."""
    invoice = sheet.invoice
    words = Wording(language, invoice.currency, invoice.time_zone)
    title = f"{words(invoice.kind)} {invoice.number}"
    parts = "".join(_part(part, words, titled=len(sheet.parts) > 1) for part in sheet.parts)
    note = f"<p>{escape(told)}</p>" if (told := tax_note(sheet, words)) else ""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
        f"<body><main><header>{_seller(sheet, words)}<h1>{escape(words(invoice.kind))}</h1>"
        f'<div class="facts">{_facts(sheet, words)}{_destination(sheet, words)}</div></header>'
        f"{parts}{_sums(sheet, words)}{note}</main></body></html>\n"
    )


def _seller(sheet: Sheet, words: Wording) -> str:
    invoice = sheet.invoice
    store = "" if invoice.store_name == invoice.seller.legal_name else f"<p>{escape(invoice.store_name)}</p>"
    first, *rest = particulars(invoice.seller, words)
    lines = "<br>".join(escape(line) for line in rest)
    return (
        f'<address aria-label="{escape(words("seller"))}"><strong>{escape(first)}</strong><br>{lines}</address>{store}'
    )


def _facts(sheet: Sheet, words: Wording) -> str:
    invoice = sheet.invoice
    facts = [
        ("number", escape(invoice.number)),
        ("issued", _time(invoice.issued_at, words.date(invoice.issued_at))),
        ("supplied", _time(invoice.supplied_at, words.moment(invoice.supplied_at))),
        ("order", f"<code>{escape(invoice.order_id)}</code>"),
    ]
    if invoice.corrects:
        facts[1:1] = [("corrects", escape(invoice.corrects))]
    if invoice.reason:
        facts.append(("reason", escape(words(invoice.reason))))
    rows = "".join(f"<div><dt>{escape(words(name))}</dt><dd>{value}</dd></div>" for name, value in facts)
    return f"<dl>{rows}</dl>"


def _destination(sheet: Sheet, words: Wording) -> str:
    if not sheet.delivered_to:
        return ""
    lines = "<br>".join(escape(line) for line in sheet.delivered_to)
    return f'<p class="to"><span>{escape(words("delivered_to"))}</span><br>{lines}</p>'


def _part(part: SheetPart, words: Wording, *, titled: bool) -> str:
    heading = ""
    if titled:
        name, *rest = particulars(part.seller, words)
        heading = f"<h2>{escape(words('sold_by', name=name))}</h2><p>{escape(', '.join(rest))}</p>"
    head = "".join(
        f'<th scope="col"{kind}>{escape(words(name))}</th>'
        for name, kind in (("quantity", _N), ("item", ""), ("rate", _N), ("amount", _N))
    )
    lines = "".join(_line(line, words) for line in part.lines)
    return (
        f"<section>{heading}<table><caption>{escape(words('amounts_in', currency=words.currency))}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>{_taxes(part, words)}</section>"
    )


def _line(line: SheetLine, words: Wording) -> str:
    name, detail = described(line, words)
    below = f"<small>{escape(detail)}</small>" if detail else ""
    return (
        f"<tr><td{_N}>{line.quantity or ''}</td><td>{escape(name)}{below}</td>"
        f"<td{_N}>{escape(words.rate(line.tax_rate_bps))}</td><td{_N}>{escape(words.figure(line.gross))}</td></tr>"
    )


def _taxes(part: SheetPart, words: Wording) -> str:
    head = f'<th scope="col"{_N}>{escape(words("rate"))}</th>' + "".join(
        f'<th scope="col"{_N}>{escape(words(name))}</th>' for name in ("net", "tax", "gross")
    )
    rows = "".join(
        f'<tr><th scope="row"{_N}>{escape(words.rate(rate.rate_bps))}</th>'
        + "".join(
            f"<td{_N}>{escape(words.figure(amount))}</td>" for amount in (rate.gross - rate.tax, rate.tax, rate.gross)
        )
        + "</tr>"
        for rate in part.rates
    )
    return (
        f'<table class="tax"><caption>{escape(words("by_rate"))}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _sums(sheet: Sheet, words: Wording) -> str:
    invoice = sheet.invoice
    is_invoice = invoice.kind == "invoice"
    rows = [(words("tip"), sheet.tip, "")] if sheet.tip else []
    if rows:
        rows.insert(0, (words("sum"), sheet.total - sheet.tip, ""))
    rows.append((words("total" if is_invoice else "given_back"), sheet.total, ' class="total"'))
    rows += [(tender(name, words, is_invoice=is_invoice), amount, "") for name, amount in invoice.tenders]
    lines = "".join(
        f'<tr{kind}><th scope="row">{escape(name)}</th><td{_N}>{escape(words.amount(amount))}</td></tr>'
        for name, amount, kind in rows
    )
    return f'<table class="sums"><tbody>{lines}</tbody></table>'


def _time(at: datetime, text: str) -> str:
    return f'<time datetime="{clock.rfc3339(at)}">{escape(text)}</time>'


_N = ' class="n"'
_STYLE = """
@page{size:A4;margin:18mm 16mm}
*{box-sizing:border-box}
body{margin:0;background:#f1f1ef;color:#111;font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
main{max-width:46rem;margin:1.5rem auto;padding:2.2rem 2.4rem;background:#fff;border-radius:6px;overflow-wrap:anywhere}
h1{font-size:1.7rem;margin:1.6rem 0 .6rem}h2{font-size:1rem;margin:1.8rem 0 .1rem}
p{margin:.2rem 0}address{font-style:normal}h2+p,small,caption,dt,.to span{color:#555}
.facts{display:flex;flex-wrap:wrap;gap:1rem 2.5rem}dl{margin:0;flex:2 1 20rem}.to{flex:1 1 12rem;margin:0}
dl div{display:grid;grid-template-columns:7.5rem 1fr;gap:.2rem .8rem}
dd{margin:0}code{font-size:.85em;white-space:nowrap}
table{width:100%;border-collapse:collapse;margin-top:.7rem}caption{text-align:left;font-size:.8rem;padding-bottom:.2rem}
th,td{text-align:left;padding:.35rem .5rem;vertical-align:top;font-weight:400}
thead th{border-bottom:1.5px solid #111;font-size:.8rem;font-weight:600}
tbody tr{border-bottom:1px solid #ddd;break-inside:avoid}thead{display:table-header-group}
td:first-child,th:first-child{padding-left:0}td:last-child,th:last-child{padding-right:0;width:6.5rem}
small{display:block;font-size:.82rem}.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.n:first-child{text-align:left;width:3.6rem}
.tax,.sums{width:24rem;margin-left:auto;break-inside:avoid}.tax{font-size:.82rem}
.tax caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}.tax tbody tr{border:0}
.tax td,.tax th{padding-top:.12rem;padding-bottom:.12rem}.tax .n:first-child,.sums th{width:auto}
.sums th,.sums td{padding:.2rem 0}
.sums{margin-top:1.4rem}.sums tr{border-bottom:0}.total{border-top:1.5px solid #111}
.total th,.total td{font-weight:700;font-size:1.15rem}
@media(max-width:34rem){main{margin:0;padding:1.1rem 1rem;border-radius:0}.tax,.sums{width:100%;min-width:0}
h1{font-size:1.4rem;margin-top:1.1rem}.n:first-child{width:2.6rem}
dl div{grid-template-columns:6rem 1fr}code{font-size:.75em}td:last-child,th:last-child{width:4.8rem}}
@media print{html{font-size:13px}body{background:none;font-size:9.5pt}
main{max-width:none;margin:0;padding:0;border-radius:0}}
""".replace("\n", "")
