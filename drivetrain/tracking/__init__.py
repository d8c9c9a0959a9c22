"""MLflow's picture of the runs, drawn from what they wrote down themselves."""
