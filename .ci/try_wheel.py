"""Ask an installed wheel for all that came into it from outside the package's own folder."""

from __future__ import annotations

import importlib
import json
import sys
from importlib.metadata import version
from importlib.resources import files

import snapdiff

root = files("snapdiff")
schemas = [
    json.loads(f.read_text("utf-8"))
    for f in root.joinpath("schemas").iterdir()
    if f.name.endswith(".json")
]
collectors = [f.name[:-3] for f in root.joinpath("collector").iterdir() if f.name.endswith(".py")]
for name in collectors:
    importlib.import_module(f"snapdiff.collector.{name}".removesuffix(".__init__"))
papers = ["COPYING", "README.md", "galaxy.yml", "meta/runtime.yml"]
wanted = [*papers, "playbooks", "plugins/modules", "roles"]
missing = [name for name in wanted if not (root / "collection" / name).exists()]
if not schemas or not collectors or missing:
    sys.exit(
        f"{len(schemas)} schemas, {len(collectors)} collector files, "
        f"missing in the collection: {missing}"
    )
print(
    f"{version('clusternet-snapdiff')}: {len(schemas)} schemas, {len(collectors)} collector files, "
    f"{len(getattr(snapdiff, '__all__', []))} public names"
)
