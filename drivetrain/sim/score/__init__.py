"""The closed-loop score of an episode, by the metrics of nuPlan.

`record.py` is what a step writes down, `episode.py` what becomes of it when the episode ends,
and every other file is one idea of the score.
"""
