"""Who sells, where and when."""
