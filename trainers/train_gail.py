"""GAIL in the foreground: `python -m trainers.train_gail --config C --expert-data D`."""

import sys

from trainers.foreground import main

ALGORITHMS = ("gail",)

if __name__ == "__main__":
    sys.exit(main("trainers.train_gail", ALGORITHMS, sys.argv[1:]))
