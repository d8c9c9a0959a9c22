"""Rules for every algorithm: does it get better, do its numbers hold, where does time go?"""

import statistics

from drivetrain.numbers import percent, short_count, short_number
from drivetrain.series import noise_of, rising_p, smoothed
from trainers.diagnosis.case import Case, Change, Finding

LEAST_EVALUATIONS = 8
GOOD_SUCCESS = 0.95
LOSSES = ("grad_norm", "value_loss", "critic_loss", "disc_loss")
"""Those that are never negative: what crosses 0 has no usual size."""
EXPLODED = 100.0
"""Times what was usual before."""
MOST_SATURATED = 0.5
BOUND = 0.5
LEARNER_BOUND = 0.75


def unlearning(case: Case) -> Finding | None:
    """Validation reward falls from its best by more than its noise."""
    rewards = case.evaluated("reward")
    if len(rewards) < LEAST_EVALUATIONS:
        return None
    level = smoothed(rewards)
    best, now, noise = max(level), level[-1], noise_of(rewards)
    drop = best - now
    if drop <= max(3 * noise, 0.1 * (best - min(level)), 1e-9):
        return None
    return Finding(
        "unlearning",
        "problem",
        f"It drives worse than it did: the validation reward fell from {short_number(best)} to "
        f"{short_number(now)}, and its noise is {short_number(noise)}. `best.pt` keeps the "
        "better policy; smaller steps keep what was learned",
        {"best": best, "now": now, "noise": noise},
        (*case.slower(), *_smaller_policy_steps(case)),
    )


def plateau(case: Case) -> Finding | None:
    """The last evaluations rise no more than noise does."""
    successes, rewards = case.evaluated("success"), case.evaluated("reward")
    if len(rewards) < LEAST_EVALUATIONS:
        return None
    window = rewards[-max(LEAST_EVALUATIONS, len(rewards) // 2) :]
    p, level = rising_p(window), statistics.median(successes[-len(window) :] or [0.0])
    if p < 0.1 or level >= GOOD_SUCCESS:
        return None
    raised = case.scaled(case.own("ent_coef"), 3, least=0.001, most=0.03)
    return Finding(
        "plateau",
        "note",
        f"It no longer gets better: the last {len(window)} evaluations rise no more than "
        f"chance does (p {p:.2f}; reward {short_number(min(window))} to "
        f"{short_number(max(window))}, success {percent(level)}). More steps alone may not "
        "help; more exploration, or easier traffic first, may",
        {"p": p, "evaluations": len(window), "success": level},
        raised,
    )


def best_long_ago(case: Case) -> Finding | None:
    """Many evaluations since the best."""
    if not case.history.best_at:
        return None
    at = case.history.best_at[-1]
    since = sum(step > at for step, _ in case.history.evaluations.get("reward", ()))
    if since < LEAST_EVALUATIONS or case.step < 1.5 * at:
        return None
    return Finding(
        "best_long_ago",
        "note",
        f"The best policy is old: `best.pt` is of step {short_count(at)}, and {since} "
        f"evaluations up to step {short_count(case.step)} were no better",
        {"best_at": at, "evaluations_since": since},
        case.slower(),
    )


def explosion(case: Case) -> Finding | None:
    """A loss or a gradient's norm far above what it was."""
    for name in LOSSES:
        values = [abs(value) for _, value in case.history.numbers.get(name, ())]
        if len(values) < LEAST_EVALUATIONS:
            continue
        usual = statistics.median(values)
        longest = max(values[-len(values) // 2 :])
        if usual > 0 and longest > EXPLODED * usual:
            return _exploded(case, name, longest, usual)
    told = [text for _, text in case.history.warnings if "gradient" in text]
    if len(told) < 3:
        return None
    return Finding(
        "explosion",
        "problem",
        f"Gradients exploded {len(told)} times; the last time {told[-1]}. Smaller steps help",
        {"times": len(told)},
        case.slower(),
    )


def _exploded(case: Case, name: str, longest: float, usual: float) -> Finding:
    return Finding(
        "explosion",
        "problem",
        f"`{name}` exploded: it was {short_number(longest)} and is usually "
        f"{short_number(usual)}. Smaller steps, or a tighter clip of gradients, help",
        {name: longest, "usual": usual},
        (*case.slower(), *case.scaled(case.own("max_grad_norm"), 0.5)),
    )


def saturated(case: Case) -> Finding | None:
    """Most actions at the end of their range."""
    share = case.usual("saturation")
    if share is None or share <= MOST_SATURATED:
        return None
    return Finding(
        "saturated",
        "problem",
        f"{percent(share)} of its actions are at the end of their range: it drives by full "
        "brake, full throttle and full lock, where the policy learns nothing",
        {"saturation": share},
        (*case.scaled(case.own("ent_coef"), 0.1), *case.slower()),
    )


def simulator_bound(case: Case) -> Finding | None:
    """Most time goes into the simulator."""
    shares = time_shares(case)
    if shares is None or shares["simulator"] <= BOUND:
        return None
    freed = case.set_to("environment.threads", "null")
    return Finding(
        "simulator_bound",
        "note",
        f"The simulator takes {percent(shares['simulator'])} of the time and the learner "
        f"{percent(shares['update'])}: more threads or more worlds at a time speed it up",
        shares,
        freed
        if case.setting("environment.threads")
        else case.scaled("environment.num_envs", 2),
    )


def learner_bound(case: Case) -> Finding | None:
    """Most time goes into updates."""
    shares = time_shares(case)
    if shares is None or shares["update"] <= LEARNER_BOUND:
        return None
    freed = case.set_to("training.threads", "null") if case.setting("training.threads") else ()
    return Finding(
        "learner_bound",
        "note",
        f"Updates take {percent(shares['update'])} of the time and the simulator "
        f"{percent(shares['simulator'])}: larger batches, fewer passes or a smaller network "
        "speed it up",
        shares,
        freed or case.scaled(case.own("batch_size"), 2),
    )


def time_shares(case: Case) -> dict[str, float] | None:
    """The shares of simulator, choosing actions and updates; None where nobody measured."""
    rollout, update = (sum(case.recent(f"time/{part}_s")) for part in ("rollout", "update"))
    simulated = sum(case.recent("time/simulator_s"))
    whole = rollout + update
    if whole <= 0 or simulated <= 0:
        return None
    return {
        "simulator": simulated / whole,
        "choosing": max(0.0, rollout - simulated) / whole,
        "update": update / whole,
    }


def _smaller_policy_steps(case: Case) -> tuple[Change, ...]:
    return case.set_to("ppo.target_kl", "0.015") if case.algorithm in ("PPO", "GAIL") else ()
