"""``python -m model_lifecycle <command>``: this package's own commands, with or without Kedro installed."""

from model_lifecycle.cli import cli


def main() -> None:
    """Run the command line."""
    cli(prog_name="python -m model_lifecycle")


if __name__ == "__main__":
    main()
