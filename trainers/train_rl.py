"""RL in the foreground: `python -m trainers.train_rl --config C --run-id R`."""

import sys

from trainers.foreground import main

ALGORITHMS = ("ppo", "sac", "hybrid")

if __name__ == "__main__":
    sys.exit(main("trainers.train_rl", ALGORITHMS, sys.argv[1:]))
