"""The one seam between HTTP (Chalice) and the use cases."""
