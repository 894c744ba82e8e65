"""``python -m qd``: the qd command."""

import sys

from qd.cli import main

if __name__ == "__main__":
    sys.exit(main())
