"""`python -m c2ser COMMAND …`, for where the package is not installed."""

from c2ser.cli import main

if __name__ == "__main__":
    main()
