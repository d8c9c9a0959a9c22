"""Rules for those that imitate: BC and GAIL."""

import statistics

from drivetrain.numbers import percent
from drivetrain.series import falling_p, rising_p
from trainers.diagnosis.case import Case, Change, Finding

WINDOW = 8
LEAST = 5
SURE = 0.05
TOO_STRONG = 0.95
GUESSING = 0.55


def overfitting(case: Case) -> Finding | None:
    """The validation error rises while the training error falls."""
    held_out, trained = case.recent("val_nll", WINDOW), case.recent("train_nll", WINDOW)
    if min(len(held_out), len(trained)) < LEAST:
        return None
    if rising_p(held_out) >= SURE or falling_p(trained) >= SURE:
        return None
    return Finding(
        "overfitting",
        "problem",
        "It learns its demonstrations by heart: the error on held-out drives rose from "
        f"{held_out[0]:.2f} to {held_out[-1]:.2f} while the one in training fell from "
        f"{trained[0]:.2f} to {trained[-1]:.2f}. More demonstrations, more weight decay or "
        "fewer epochs help",
        {"val_nll": held_out[-1], "train_nll": trained[-1]},
        (*case.scaled("bc.l2", 10, least=1e-4), *case.scaled("bc.epochs", 0.5)),
    )


def drift(case: Case) -> Finding | None:
    """It predicts the expert better and drives worse."""
    held_out = case.recent("val_nll", WINDOW)
    driven = case.evaluated("progress")[-WINDOW:]
    if min(len(held_out), len(driven)) < LEAST:
        return None
    successes = case.evaluated("success")[-WINDOW:]
    drives_worse = min(falling_p(driven), falling_p(successes)) < SURE
    if not drives_worse or falling_p(held_out) >= SURE:
        return None
    return Finding(
        "drift",
        "problem",
        "It predicts the expert better and drives worse: the error on held-out drives fell "
        f"from {held_out[0]:.2f} to {held_out[-1]:.2f} while success went from "
        f"{percent(successes[0])} to {percent(successes[-1])}. It copies what goes along with "
        "the expert's actions and not what causes them; go on by reinforcement from `best.pt`, "
        "or demonstrate recoveries",
        {"val_nll": held_out[-1], "success": successes[-1]},
        case.scaled("bc.epochs", 0.5),
    )


def strong_discriminator(case: Case) -> Finding | None:
    """It always knows who drove: nothing is left to learn from."""
    accuracy = case.usual("disc_accuracy")
    if accuracy is None or accuracy <= TOO_STRONG:
        return None
    return Finding(
        "strong_discriminator",
        "problem",
        f"The discriminator is too strong: it tells expert and policy apart in "
        f"{percent(accuracy)} of cases, and the policy hears nothing of how to be more alike",
        {"disc_accuracy": accuracy},
        case.scaled("gail.disc_updates", 0.5),
    )


def weak_discriminator(case: Case) -> Finding | None:
    """It has guessed from the start."""
    accuracies = [value for _, value in case.history.numbers.get("disc_accuracy", ())]
    if len(accuracies) < LEAST or max(accuracies) > GUESSING:
        return None
    return Finding(
        "weak_discriminator",
        "problem",
        f"The discriminator guesses: it was never right in more than "
        f"{percent(max(accuracies))} of cases, and its reward is noise",
        {"disc_accuracy": max(accuracies)},
        case.scaled("gail.disc_updates", 2),
    )


def variable_horizon(case: Case) -> Finding | None:
    """How long an episode is tells who drove."""
    lengths = case.recent("steps")
    if case.setting("gail.horizon") != "variable" or not lengths:
        return None
    return Finding(
        "variable_horizon",
        "note",
        f"Its episodes end in failures, after {statistics.fmean(lengths):.0f} steps in the "
        "mean, and those of the demonstrations do not: living long looks like driving well. "
        "With a fixed horizon only the driving counts",
        {"steps": lengths[-1]},
        (
            Change("gail.horizon", "fixed"),
            *case.set_to("environment.on_failure", "ignore"),
            *case.set_to("environment.red_light", "ignore"),
        ),
    )
