"""Numbers as people read them in a table: short, and `-` where unknown."""

import math

UNKNOWN = "-"
_SCALES = ((1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1_000, "K"))
_GIB = 1 << 30
LARGEST = 1e300
"""What is larger is no count: to reckon with it ends in infinity."""
LARGEST_COUNT = 10**18
"""What is larger counts nothing here; `1e999999` would fill the memory with digits."""


def short_count(count: float | None) -> str:
    """350000 → `350K`, 1250000 → `1.2M`. Cut, not rounded: progress is never overstated."""
    if count is None or not abs(count) < LARGEST:
        return UNKNOWN
    for scale, letter in _SCALES:
        if abs(count) >= scale:
            return f"{_two_digits(math.trunc(count * 10 / scale))}{letter}"
    return str(math.trunc(count))


def whole_count(text: str) -> int | None:
    """`10_000_000`, `1e7` and `10M` → 10000000; None where the text is no whole number."""
    # Exact: as floats, 2.3M are 2,299,999.9999999995.  No table of numbers reads any.
    from decimal import Decimal

    digits = text.strip().replace("_", "")
    scale = {"k": 1_000, "m": 1_000_000, "b": 1_000_000_000}.get(digits[-1:].lower(), 1)
    try:
        count = Decimal(digits[:-1] if scale > 1 else digits) * scale
    except ArithmeticError:
        return None
    is_whole = count.is_finite() and count == count.to_integral_value()
    return int(count) if is_whole and abs(count) < LARGEST_COUNT else None


def short_number(value: float | None) -> str:
    """5.234 → `5.2`, 0.0321 → `0.03`, 12345.6 → `12.3K`; a NaN is shown, not hidden."""
    if value is None:
        return UNKNOWN
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 1000:
        return short_count(value)
    text = f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"
    return text.lstrip("-") if float(text) == 0 else text


def percent(share: float | None) -> str:
    """0.78 → `78%`."""
    return UNKNOWN if share is None or not math.isfinite(share) else f"{100 * share:.0f}%"


def short_duration(seconds: float | None) -> str:
    """40 → `40s`, 1500 → `25m`, 28800 → `8h`, 400000 → `5d`."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    seconds = max(0.0, seconds)
    for limit, unit, letter in ((90, 1, "s"), (90 * 60, 60, "m"), (48 * 3600, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.0f}{letter}"
    return f"{seconds / 86_400:.0f}d"


def gigabytes(size_bytes: float | None) -> str:
    """Memory in GiB, labelled as graphics cards and their users do: `18GB`."""
    if size_bytes is None or not math.isfinite(size_bytes):
        return UNKNOWN
    size = size_bytes / _GIB
    return f"{_two_digits(round(size * 10)) if size < 9.95 else round(size)}GB"


def _two_digits(tenths: int) -> str:
    """52 → `5.2`, 50 → `5`, 527 → `52`."""
    whole, rest = divmod(abs(tenths), 10)
    sign = "-" if tenths < 0 else ""
    return f"{sign}{whole}.{rest}" if rest and whole < 10 else f"{sign}{whole}"
