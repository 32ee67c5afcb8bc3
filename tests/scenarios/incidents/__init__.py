"""Every incident of the lab, and of the catalogue of real ones that the facts can show."""

from incidents import (
    addresses,
    host,
    identity,
    led_away,
    left_behind,
    mtu,
    others,
    overlay,
    ports,
    tunnels,
)
from incidents.table import INCIDENTS, MOST, Incident, Said
from incidents.unseen import CATALOGUE, FALSE_ALARMS, UNSEEN

__all__ = [
    "CATALOGUE",
    "FALSE_ALARMS",
    "INCIDENTS",
    "MOST",
    "UNSEEN",
    "Incident",
    "Said",
    "addresses",
    "host",
    "identity",
    "led_away",
    "left_behind",
    "mtu",
    "others",
    "overlay",
    "ports",
    "tunnels",
]
