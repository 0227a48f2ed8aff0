"""How numbers and sentences are written."""


def clock(seconds: float) -> str:
    """Seconds as 3:05 or 2:03:05."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def span(seconds: float) -> str:
    """A length of time as people say it, in the unit that suits it: 40 s, 17 min, 6.5 h; hours from two on."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def size(bytes_: float) -> str:
    """Bytes as MB, or as GB from one on."""
    return f"{bytes_ / 1e9:,.1f} GB" if bytes_ >= 1e9 else f"{bytes_ / 1e6:,.0f} MB"


def at_least(value: float, digits: int) -> str:
    """A least exact match: `0.99 or more`, or `1.00` where no more is possible."""
    written = f"{value:.{digits}f}"
    return written if float(written) == 1 else f"{written} or more"
