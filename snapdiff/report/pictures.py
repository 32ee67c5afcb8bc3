"""Which pictures a report has, and what each says in words."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from snapdiff.model import Severity

if t.TYPE_CHECKING:
    from snapdiff.model import Chain, Finding, Report
    from snapdiff.story import Life, Moment

CHAINS = 12  # of a page; further ones are counted
COURSES = 8
LEASE = ("cni", "subnet_env", "FLANNEL_MTU")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture as markup, and the same in words for who does not see it."""

    title: str
    svg: str  # by draw/, which escapes all that it writes
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The pictures of a report; *beside* has that of a finding, by the finding's place."""

    beside: t.Mapping[int, Picture]
    chains: tuple[Picture, ...]
    mtus: Picture | None
    mesh: Picture | None
    courses: tuple[Picture, ...]
    timeline: Picture | None
    more_chains: int = 0
    more_courses: int = 0


def pictures_of(report: Report) -> Pictures:
    """Draw what the report has; what it has not is not drawn."""
    from snapdiff.draw import mesh, mtus, slope

    owners = _owners(report)
    whole = _picture("Mesh of peers", mesh, report.mesh, key="mesh") if report.mesh else None
    about_mesh = _first_of_mesh(report) if whole else None
    drawn = [_chain(one, f"chain{number}") for number, one in enumerate(report.chains[:CHAINS])]
    beside = {place: drawn[number] for number, place in owners.items()}
    if whole and about_mesh is not None:
        beside[about_mesh] = whole
    return Pictures(
        beside=beside,
        chains=tuple(one for number, one in enumerate(drawn) if number not in owners),
        more_chains=len(report.chains) - len(drawn),
        mtus=_picture("MTU map", mtus, report.mtus, key="mtus") if report.mtus else None,
        mesh=whole if about_mesh is None else None,
        courses=tuple(
            _picture(f"Course of {one.path}", slope, one, key=f"course{number}")
            for number, one in enumerate(report.courses[:COURSES])
        ),
        more_courses=max(len(report.courses) - COURSES, 0),
        timeline=picture_of_nights(report.moments, report.lives) if report.moments else None,
    )


def picture_of_nights(moments: tuple[Moment, ...], lives: tuple[Life, ...]) -> Picture:
    """Draw the findings of each night, and how long each finding lived."""
    from snapdiff.draw import timeline

    return _picture("Findings by night", timeline, moments, lives, key="timeline")


def _picture(title: str, room: t.Any, *values: t.Any, key: str) -> Picture:
    return Picture(title=title, svg=room.svg(*values, key=key), told=room.told(*values))


def _chain(one: Chain, key: str) -> Picture:
    from snapdiff.draw import chain

    names = ", ".join(one.nodes[:3])
    more = len(one.nodes) - 3
    return _picture(f"{names} and {more} more" if more > 0 else names, chain, one, key=key)


def _owners(report: Report) -> dict[int, int]:
    """Return for a chain, by its number, the number of the first finding that it is about."""
    found: dict[int, int] = {}
    for number, one in enumerate(report.chains[:CHAINS]):
        hops = {hop.link for hop in one.hops}
        nodes = set(one.nodes)
        for place, row in enumerate(report.findings):
            about = row.severity > Severity.INFO and _is_about(row, hops)
            if about and place not in found.values() and nodes & set(row.nodes):
                found[number] = place
                break
    return found


def _first_of_mesh(report: Report) -> int | None:
    """Return the number of the first finding that is about what nodes hold of each other."""
    for place, row in enumerate(report.findings):
        if row.severity > Severity.INFO and (row.scope == "pair" or row.path.startswith("peers/")):
            return place
    return None


def _is_about(row: Finding, hops: set[str]) -> bool:
    parts = row.keys or tuple(row.path.split("/"))
    return parts[:3] == LEASE or (parts[0] == "links" and len(parts) > 1 and parts[1] in hops)
