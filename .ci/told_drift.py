"""Hold the report of `make drift` against what was really done to the nodes."""

import json
import sys
from pathlib import Path

DONE = [
    ("links/eth0/mtu", 1410, 1500, ["node1", "node2"], ["node3"]),
    ("links/flannel.1/mtu", 1360, 1450, ["node1", "node2"], ["node3"]),
    ("cni/subnet_env/FLANNEL_MTU", 1360, 1450, ["node1", "node2"], ["node3"]),
]
report = json.loads(Path(sys.argv[1]).read_text("utf-8"))
told = [
    (row["path"], row["before"], row["after"], row["nodes"], row["stragglers"])
    for row in report["findings"]
]
if told != DONE or sys.argv[2] != "1":
    sys.exit(f"The report should tell {DONE} and exit with 1; it told {told} and {sys.argv[2]}")
