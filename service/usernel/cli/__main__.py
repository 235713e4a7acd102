"""``python -m usernel.cli``: the command, wherever it is installed."""

from .main import main

main(prog_name="usernel")
