"""The payment centre: what an order owes, what was authorised, captured, voided and refunded."""
