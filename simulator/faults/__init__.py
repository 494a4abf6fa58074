"""What can go wrong on the way, switched on and off while the simulator runs."""
