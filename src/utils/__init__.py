"""Small tools that any room may use: clock, randomness, limiter, breaker, retry, logging."""
