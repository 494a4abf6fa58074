"""The deterministic runner: the whole product on virtual time, repeatable from a seed."""
