"""Ordering: quote → order, the order's state machine, the staff board."""
