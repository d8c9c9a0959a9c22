"""What is wrong with this machine and this home, what to do, and what repairs itself."""
