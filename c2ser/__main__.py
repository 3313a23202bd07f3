"""`python -m c2ser COMMAND …` is `c2ser COMMAND …`."""

from c2ser.cli import main

main()
