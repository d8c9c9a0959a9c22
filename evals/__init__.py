"""Cases that measure what a model does with the skill."""
