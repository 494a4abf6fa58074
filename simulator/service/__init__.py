"""The simulated accounts service and Web API."""
