"""Stripe's search query language, for payment intents: `metadata['order_id']:'ord_1' AND status:'succeeded'`.

Supported: metadata, status, currency, amount, created; `:` `<` `<=` `>` `>=`; `-` in front of a clause; either AND
or OR between clauses. See https://docs.stripe.com/search#search-query-language.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from infra.local.stripe_sandbox.errors import StripeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.stripe_sandbox.model import PaymentIntent

_TEXT: Final = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_CLAUSE: Final = re.compile(
    rf"\s*(?P<not>-)?(?P<field>metadata\[(?P<key>{_TEXT})\]|[a-z_]+)\s*(?P<op><=|>=|:|<|>)\s*"
    rf"(?P<value>{_TEXT}|null|-?[0-9]+)\s*"
)
_JOIN: Final = re.compile(r"(AND|OR|and|or)(?=\s)")
_COMPARE: Final = {
    ":": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMBERS: Final = frozenset({"amount", "created"})
_WORDS: Final = frozenset({"status", "currency"})
_MOST_CLAUSES: Final = 10


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison. `key` is the metadata key; `value` None asks whether the key is absent."""

    field: str
    key: str | None
    comparison: str
    value: str | int | None
    negated: bool

    def matches(self, intent: PaymentIntent) -> bool:
        actual: Any = intent.metadata.get(self.key) if self.key is not None else getattr(intent, self.field)
        compare: Callable[[Any, Any], bool] = _COMPARE[self.comparison]
        return compare(actual, self.value) is not self.negated


@dataclass(frozen=True, slots=True)
class Query:
    clauses: tuple[Clause, ...]
    any_of: bool

    def matches(self, intent: PaymentIntent) -> bool:
        results = (clause.matches(intent) for clause in self.clauses)
        return any(results) if self.any_of else all(results)

    def indexed(self) -> tuple[str, str] | None:
        """A metadata key and value that every match has, to look up rather than to go through all."""
        if self.any_of:
            return None
        for clause in self.clauses:
            if clause.key is not None and isinstance(clause.value, str) and not clause.negated:
                return clause.key, clause.value
        return None


def parse(text: str) -> Query:
    """The query. Raises an invalid request that says which part isn't understood."""
    clauses: list[Clause] = []
    joins: set[str] = set()
    position = 0
    while True:
        match = _CLAUSE.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        clauses.append(_clause(match))
        position = match.end()
        if position == len(text):
            break
        join = _JOIN.match(text, position)
        if join is None:
            raise _unreadable(text, position)
        joins.add(join[1].upper())
        position = join.end()
    if len(joins) > 1 or len(clauses) > _MOST_CLAUSES:
        raise StripeError(
            f"A query can join up to {_MOST_CLAUSES} clauses with either AND or OR, not both.", param="query"
        )
    return Query(tuple(clauses), any_of="OR" in joins)


def _clause(match: re.Match[str]) -> Clause:
    field, key, comparison, value = match["field"], match["key"], match["op"], match["value"]
    negated = match["not"] is not None
    plain: str | int | None = None if value == "null" else _unquoted(value)
    if key is not None:
        if comparison != ":":
            raise StripeError("Metadata can only be compared with ':'.", param="query")
        return Clause("metadata", _unquoted(key), ":", plain, negated)
    if field in _NUMBERS and plain is not None and re.fullmatch(r"-?[0-9]{1,18}", str(plain)):
        return Clause(field, None, comparison, int(plain), negated)
    if field in _WORDS and plain is not None and comparison == ":":
        return Clause(field, None, ":", str(plain), negated)
    raise StripeError(f"Field `{field}` can't be searched in this way for resource `payment_intents`.", param="query")


def _unquoted(text: str) -> str:
    if text[0] not in "'\"":
        return text
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _unreadable(text: str, position: int) -> StripeError:
    return StripeError(
        f"We were unable to parse your search query at: {text[position : position + 40]!r}. Try using the format "
        '`metadata["key"]:"value"`.',
        param="query",
    )
