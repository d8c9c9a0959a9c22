"""Which proposals are safe, and who chooses among them.

S(s) = {k : Q_r(s, k) <= eps}.  Where it holds any, the task policy chooses within it, its
shares renormalised; where it is empty, the recovery does.
"""

import torch
from torch import Tensor

NEVER = -1e9
"""The logit of what is not chosen; finite, so that no row of them becomes NaN."""


def is_empty(risk: Tensor, epsilon: float) -> Tensor:
    """Whether nothing is safe.  risk: [batch, K], 0 to 1.  Returns [batch]."""
    return (risk > epsilon).all(dim=1)


def driven_logits(task: Tensor, recovery: Tensor, risk: Tensor, epsilon: float) -> Tensor:
    """Logits of the choice that drives; a softmax renormalises them.  All [batch, K]."""
    within = torch.where(risk <= epsilon, task, NEVER)
    return torch.where(is_empty(risk, epsilon).unsqueeze(1), recovery, within)


def least_risk_logits(risk: Tensor) -> Tensor:
    """Logits of the proposal with the least risk.  [batch, K]."""
    is_least = torch.arange(risk.shape[1], device=risk.device) == risk.argmin(1, keepdim=True)
    return torch.where(is_least, 0.0, NEVER)
