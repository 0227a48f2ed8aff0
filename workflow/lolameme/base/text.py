"""How numbers and sentences are written."""


def clock(seconds: float) -> str:
    """Seconds as 3:05 or 2:03:05."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def at_least(value: float, digits: int) -> str:
    """A least exact match: `0.99 or more`, or `1.00` where no more is possible."""
    written = f"{value:.{digits}f}"
    return written if float(written) == 1 else f"{written} or more"
