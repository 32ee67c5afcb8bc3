"""Hold two wheels against each other, file by file; nothing may be in one of them twice."""

from __future__ import annotations

import sys
from collections import Counter
from zipfile import ZipFile


def content(path: str) -> dict[str, bytes]:
    """Read a wheel, less the list of its own checksums."""
    with ZipFile(path) as wheel:
        twice = [name for name, count in Counter(wheel.namelist()).items() if count > 1]
        if twice:
            sys.exit(f"{path}: in it twice: {' '.join(twice)}")
        return {n: wheel.read(n) for n in wheel.namelist() if not n.endswith("/RECORD")}


from_checkout, from_sdist = (content(path) for path in sys.argv[1:3])
names = from_checkout.keys() | from_sdist.keys()
differing = sorted(n for n in names if from_checkout.get(n) != from_sdist.get(n))
if differing:
    sys.exit(f"not the same in the wheel of the checkout and that of the sdist: {differing}")
print(f"{len(names)} files, the same from the checkout and from the sdist")
