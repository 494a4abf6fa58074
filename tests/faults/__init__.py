"""What happens when processes die and services fail."""
