"""`python -m lolameme.cli`, where the command `lolameme` is not installed."""

from lolameme.cli import main

if __name__ == "__main__":
    main()
