"""``python -m genolift.cli``: the command line without its installed script."""

from genolift.cli.app import main

main()
