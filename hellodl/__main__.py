"""`python -m hellodl` is the `hellodl` command."""

from hellodl.cli.main import main

if __name__ == "__main__":
    main()
