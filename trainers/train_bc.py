"""BC in the foreground: `python -m trainers.train_bc --config C --data D --run-id R`."""

import sys

from trainers.foreground import main

ALGORITHMS = ("bc",)

if __name__ == "__main__":
    sys.exit(main("trainers.train_bc", ALGORITHMS, sys.argv[1:]))
