"""What is wrong with a run's learning, by its own numbers. Loads nothing heavy."""
