"""model-trainer and ad-experiment-manager."""
