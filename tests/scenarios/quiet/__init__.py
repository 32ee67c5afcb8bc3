"""What moves on a healthy cluster by itself: none of it is drift, and none of it breaks a rule."""

from quiet import flannel, host, others, tunnels, vpn
from quiet.table import QUIET

__all__ = ["QUIET", "flannel", "host", "others", "tunnels", "vpn"]
