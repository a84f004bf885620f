"""``python -m genolift``: the command line without its installed script."""

from genolift.cli.app import main

if __name__ == "__main__":
    main()
