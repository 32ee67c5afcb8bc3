"""Hold the report of `make drift` against what was really done to the nodes."""

import json
import sys
from pathlib import Path

DONE = [
    ("links/eth0/mtu", 1410, 1500, ["node1", "node2"], ["node3"]),
]
FOLLOWED = [  # on each of these nodes, told below it
    ("links/flannel.1/mtu", 1360, 1450),
    ("cni/subnet_env/FLANNEL_MTU", 1360, 1450),
]
report = json.loads(Path(sys.argv[1]).read_text("utf-8"))
told = [
    (row["path"], row["before"], row["after"], row["nodes"], row["stragglers"])
    for row in report["findings"]
]
below = [
    [(one["path"], one["before"], one["after"]) for one in member["effects"]]
    for row in report["findings"]
    for member in row["members"]
]
if told != DONE or below != [FOLLOWED, FOLLOWED] or sys.argv[2] != "1":
    sys.exit(
        f"The report should tell {DONE}, below it {FOLLOWED} on both, and exit with 1; "
        f"it told {told}, below it {below} and {sys.argv[2]}"
    )
