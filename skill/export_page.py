"""What `export` answers: facts → Markdown. Pure."""

from collections.abc import Mapping
from typing import Any

from drivetrain.numbers import short_count
from drivetrain.text import typed
from skill.report import Report
from skill.table import untrusted


def export_report(facts: Mapping[str, Any]) -> Report:
    """Where the file is, what it takes and gives, and how near it comes to the policy."""
    seen, acts = facts["observation"], facts["actions"]
    file = str(facts["file"])
    lines = [
        f"## Policy of {untrusted(str(facts['run']), 80)} exported",
        "",
        f"- File: {untrusted(file, 300)}, {facts['bytes'] / 1e6:.1f} MB, ONNX",
        f"- Policy: {facts['algorithm']}, {untrusted(str(facts['checkpoint']), 40)} of step "
        f"{short_count(facts['step'])}",
        f"- Takes `observation`, float32 [batch, {seen['size']}]: layout `{seen['name']}` of "
        "`drivetrain/sim/layout.py`",
        f"- Gives `action`, {_given(acts)}",
        f"- Compared with the policy on {facts['compared']:,} observations: at most "
        f"{facts['largest_difference']:.1g} apart",
        "",
        "Next: "
        f'`python -c "import onnxruntime; onnxruntime.InferenceSession({typed(file)!r})"`',
    ]
    return Report("\n".join(lines), dict(facts))


def _given(acts: Mapping[str, Any]) -> str:
    if acts["name"] == "proposals":
        holds = f", to drive by for {acts['hold_steps']} steps" if "hold_steps" in acts else ""
        return f"int64 [batch]: the number of a proposal{holds}"
    return f"float32 [batch, {acts['columns']}] in [-1, 1]: actions `{acts['name']}`"
