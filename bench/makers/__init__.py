"""Files made for measuring and testing: same arguments, same bytes, no real party in them."""
