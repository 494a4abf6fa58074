"""What must hold in every run, whatever goes wrong; one class a property, see `registry`."""
