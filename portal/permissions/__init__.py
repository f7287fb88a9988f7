"""What there is to be allowed, and the one decision whether somebody is."""
