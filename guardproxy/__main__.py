"""`python -m guardproxy`."""

from guardproxy.cli.main import main

if __name__ == "__main__":
    main()
