"""A recorded day of meal orders, played through the API on an accelerated clock."""
