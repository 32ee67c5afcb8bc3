"""Put what lies elsewhere into the wheel, and leave an editable install to the symlinks.

hatchling's own ``force-include`` would do, but it also copies into an editable install, where
the copies would go stale beside the live files.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Read the map ``[tool.hatch.build.targets.wheel.hooks.custom.include]`` of pyproject.toml."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the map to a wheel that is to be installed elsewhere."""
        if version == "standard":
            build_data["force_include"].update(self.config["include"])
