"""`python -m hellodl` is the `hellodl` command."""

import signal


def main() -> None:
    """Run the command line and exit with its code; Ctrl-C before it can say so ends without a word."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from hellodl.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
