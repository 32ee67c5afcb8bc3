"""Print how many tests of a JUnit report passed and failed; what was skipped is neither."""

from __future__ import annotations

import sys
from xml.etree import ElementTree

suites = list(ElementTree.parse(sys.argv[1]).getroot().iter("testsuite"))
total, skipped, failed, errors = (
    sum(int(suite.get(name, 0)) for suite in suites)
    for name in ("tests", "skipped", "failures", "errors")
)
print(total - skipped - failed - errors, failed + errors)
