"""Validates a set-up, line by line, and says how to mend it: `python setup_step2.py`."""

from src.cli.doctor import command

if __name__ == "__main__":
    command()
