"""`python -m portal.cli`, as the supervisor starts a command."""

from portal.cli import main

main()
