"""A night as AWX and Kubernetes have it: plain data, written as YAML that any reader takes."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import PurePosixPath

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from snapdiff.schedule import Night

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*\Z")  # what no YAML version takes for anything else
WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
UNIVERSAL = "Etc/UTC"
CONFIG = "/etc/snapdiff"
KEYS = "/etc/snapdiff-ssh"
STORE = "/var/lib/snapdiff"
USER = 10001


def awx(night: Night, first: date) -> str:
    """Return a play for the collection awx.awx; *first* is the day of the first night."""
    start = f"{first:%Y%m%d}T{night.at:%H%M}00"
    task = {
        "name": "Run the night",
        "awx.awx.schedule": {
            "name": night.name,
            "unified_job_template": night.name,
            "rrule": f"DTSTART;TZID={night.zone or UNIVERSAL}:{start} RRULE:FREQ=DAILY;INTERVAL=1",
            "extra_data": {"snapdiff_store": night.store, "snapdiff_cluster": night.cluster},
            "enabled": True,
            "state": "present",
        },
    }
    play = {
        "name": f"Schedule snapdiff for cluster {night.cluster}",
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": [task],
    }
    head = (
        f"# The job template {night.name} has to be there. Its playbook is",
        f"#   - ansible.builtin.import_playbook: {night.playbook}",
        "# It prompts for variables on launch; its execution environment has the collection and",
        "# the package, and the store is a folder of the host that is mounted into it.",
        "---",
    )
    return "\n".join([*head, *_yaml([play])]) + "\n"


def kubernetes(night: Night, image: str) -> str:
    """Return a CronJob and the volume of its store; *image* has the package and the collection."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": f"{night.name}-store"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}},
    }
    job = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": night.name},
        "spec": {
            "schedule": f"{night.at.minute} {night.at.hour} * * *",
            "timeZone": night.zone or UNIVERSAL,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 3600 * 6,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "spec": {
                    "backoffLimit": 0,
                    "activeDeadlineSeconds": 3600 * 4,
                    "template": {"spec": _pod(night, image)},
                }
            },
        },
    }
    names = [PurePosixPath(one).name for one in night.inventories]
    files = " ".join(f"--from-file={one}" for one in (*names, "snapdiff.yml"))
    head = (
        f"# kubectl create configmap {night.name} {files}",
        f"# kubectl create secret generic {night.name}-ssh --from-file=id_ed25519 "
        "--from-file=known_hosts",
        f"# The image has a user {USER} in /etc/passwd, for ssh asks who it runs for.",
        "---",
    )
    return "\n".join([*head, *_yaml(claim), "---", *_yaml(job)]) + "\n"


def _pod(night: Night, image: str) -> dict[str, t.Any]:
    environment = {
        "HOME": "/tmp",
        "ANSIBLE_HOME": "/tmp/ansible",
        "ANSIBLE_PRIVATE_KEY_FILE": f"{KEYS}/id_ed25519",
        "ANSIBLE_SSH_COMMON_ARGS": f"-o UserKnownHostsFile={KEYS}/known_hosts",
    }
    mounts = {"store": STORE, "config": CONFIG, "ssh": KEYS, "tmp": "/tmp"}
    container = {
        "name": "snapdiff",
        "image": image,
        "command": night.command(["ansible-playbook"]),
        "workingDir": CONFIG,
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "volumeMounts": [
            {"name": name, "mountPath": path, **({} if name in ("store", "tmp") else READ_ONLY)}
            for name, path in mounts.items()
        ],
        "resources": {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"memory": "1Gi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "store", "persistentVolumeClaim": {"claimName": f"{night.name}-store"}},
            {"name": "config", "configMap": {"name": night.name}},
            {"name": "ssh", "secret": {"secretName": f"{night.name}-ssh", "defaultMode": 0o400}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }


READ_ONLY = {"readOnly": True}


def _yaml(value: t.Any, indent: str = "") -> Iterator[str]:
    """Yield the lines of plain data; what is not plainly a word is a JSON string."""
    rows = value.items() if isinstance(value, dict) else ((None, one) for one in value)
    for key, one in rows:
        lead = f"{indent}-" if key is None else f"{indent}{_scalar(key)}:"
        if not isinstance(one, (dict, list)) or not one:
            yield f"{lead} {_scalar(one)}"
        elif key is None:
            first, *rest = _yaml(one, f"{indent}  ")
            yield f"{lead} {first.lstrip()}"
            yield from rest
        else:
            yield lead
            yield from _yaml(one, f"{indent}  ")


def _scalar(value: t.Any) -> str:
    if isinstance(value, str) and PLAIN.match(value) and value.lower() not in WORDS:
        return value
    return json.dumps(value)
