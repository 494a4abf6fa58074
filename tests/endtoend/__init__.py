"""The whole product as people use it: on ports, from a shell, with a browser."""
