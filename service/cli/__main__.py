"""`python -m service.cli`, for places where a script's first line cannot name the interpreter."""

from service.cli import app

app()
