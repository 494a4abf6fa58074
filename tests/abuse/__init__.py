"""Abuse cases: what somebody with bad intent would try, and what they get."""
