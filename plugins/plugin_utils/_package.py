# Copyright (c) 2026 The snapdiff developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection clusternet.snapdiff: it may change at any time.

"""What the action plugins share: the package, and their arguments as plain values."""

from __future__ import annotations

import json
import sys
import typing as t

from ansible.errors import AnsibleActionFail

try:
    import snapdiff

    IMPORT_ERROR: ImportError | None = None
except ImportError as error:
    snapdiff = None  # type: ignore[assignment]  # require_package() says so
    IMPORT_ERROR = error

__all__ = ["COLLECTION_VERSION", "plain", "require_package", "snapdiff"]  # the last for actions

COLLECTION_VERSION = "0.1.0"  # galaxy.yml says the same, and a test holds the two together


def require_package() -> None:
    """Refuse to go on without the package, or with one of another version."""
    install = f"'{sys.executable} -m pip install clusternet-snapdiff=={COLLECTION_VERSION}'"
    if IMPORT_ERROR:  # Ansible itself adds the text of the cause
        raise AnsibleActionFail(
            f"The Python that runs Ansible needs the snapdiff package. Install it with {install}."
        ) from IMPORT_ERROR
    if snapdiff.__version__ != COLLECTION_VERSION:
        raise AnsibleActionFail(
            f"The collection clusternet.snapdiff {COLLECTION_VERSION} needs the package of its own "
            f"version, not {snapdiff.__version__}. Install it with {install}."
        )


def plain(value: t.Any) -> t.Any:
    """Return *value* without Ansible's tags: PyYAML refuses them, and deepdiff sees other types."""
    return json.loads(json.dumps(value, default=str))
