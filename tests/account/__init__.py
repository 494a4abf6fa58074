"""Tests of a user's whole account: taking it away, bringing it back, erasing it."""
