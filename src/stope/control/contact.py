"""How fast a robot may touch a small body: so slowly that it cannot bounce away."""

from __future__ import annotations

REBOUND_SHARE = 0.2  # of the local escape speed that a rebound may reach, with no gas and no grip to hold it: ours
RESTITUTION = 0.6  # hard feet on rock give back no more (research/physics.md 8, MASCOT-like landers): ASSUMED


def contact_speed_m_s(escape_speed_m_s: float, restitution: float = RESTITUTION) -> float:
    """Largest speed of first contact whose rebound stays within `REBOUND_SHARE` of the escape speed; inf on a bench.

    Raises:
        ValueError: an escape speed that is not positive, or a restitution outside (0, 1].
    """
    if not escape_speed_m_s > 0.0 or not 0.0 < restitution <= 1.0:
        raise ValueError(f"need an escape speed > 0 and a restitution in (0, 1]: {escape_speed_m_s}, {restitution}")
    return REBOUND_SHARE * escape_speed_m_s / restitution
