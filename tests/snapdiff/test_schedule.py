"""A night that comes by itself, as systemd, cron, dateutil and a shell themselves read it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import date, time
from pathlib import Path

import pytest
import yaml
from dateutil.rrule import rrulestr

from snapdiff import manifests, schedule
from snapdiff.cli import main
from snapdiff.errors import UsageError
from snapdiff.schedule import Night, at_of, checked

ECHO = shutil.which("echo") or ""
NIGHT = Night(
    at=time(3, 5),
    inventories=("/srv/hosts.yml",),
    store="/srv/snapshots",
    cluster="prod",
    folder="/srv",
)
HOSTILE = {
    "plain": "plain",
    "blanks": "a  b c",
    "percent": "50%",
    "percents": "%h%%i%n",
    "dollar": "$HOME ${HOME} $$",
    "quotes": 'it\'s "so"',
    "backslash": "a\\b\\",
    "backslash and percent": "a\\%b\\\\%c",
    "shell": "; rm -rf / & | > x `id` $(id) * ?",
    "not ascii": "größe-⚙",
    "comment": "# no comment",
    "option": "-x",
    "tilde": "~root x",
    "empty": "",
}


def hostile(text):
    """Return a night with that text wherever a site may put one."""
    return replace(
        NIGHT,
        inventories=(f"/srv/{text}/hosts.yml",),
        store=f"/srv/{text}/s",
        cluster=text,
        folder=f"/srv/{text}",
        arguments=("--become", text),
        environment={"ANSIBLE_CONFIG": f"/srv/{text}/ansible.cfg"},
    )


def test_the_command_runs_the_playbook_with_all_that_it_has_to_know():
    *words, variables = NIGHT.command(["ansible-playbook"])
    assert words == [
        "ansible-playbook",
        "clusternet.snapdiff.nightly",
        "-i",
        "/srv/hosts.yml",
        "-e",
    ]
    assert json.loads(variables) == {
        "snapdiff_store": "/srv/snapshots",
        "snapdiff_cluster": "prod",
        "snapdiff_folder": "/srv",
    }


@pytest.mark.parametrize("text", ["00:00", "03:00", "23:59"])
def test_a_time_of_day_is_hours_and_minutes(text):
    assert f"{at_of(text):%H:%M}" == text


@pytest.mark.parametrize(
    "text", ["3:00", "24:00", "03:60", "03", "", "03:00:00", "midnight", "٣:00"]
)
def test_what_is_no_time_of_day_is_refused(text):
    with pytest.raises(UsageError, match="as 03:00"):
        at_of(text)


@pytest.mark.parametrize("odd", ["a\nb", "a\rb", "a\0b", "a\x1b[2Jb", "a\u2028b", "a\u202eb"])
def test_a_character_that_no_line_can_hold_is_refused(odd):
    with pytest.raises(UsageError, match="can hold that character"):
        checked(replace(NIGHT, arguments=(odd,)))


@pytest.mark.parametrize("name", ["", "-x", "x-", "a b", "../x", "x.service", "X", "a" * 60])
def test_a_name_that_is_no_unit_and_no_object_is_refused(name):
    with pytest.raises(UsageError, match="a name is of"):
        checked(replace(NIGHT, name=name))


# ---- systemd ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def open_folder():
    """Return a folder that any user may read: systemd refuses to be tried as root."""
    folder = Path(tempfile.mkdtemp(prefix="snapdiff-units-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def as_systemd_reads(folder, texts):
    """Return what a user's systemd makes of units: by name, each of its lines as (key, value)."""
    for name, text in texts.items():
        (folder / f"{name}.service").write_text(text, "utf-8")
        (folder / f"{name}.service").chmod(0o644)
    (folder / "all.target").write_text(
        "[Unit]\n" + "".join(f"Wants={name}.service\n" for name in texts), "utf-8"
    )
    (folder / "all.target").chmod(0o644)
    run = folder / "run"
    run.mkdir(exist_ok=True)
    words = ["/usr/lib/systemd/systemd", "--user", "--test", "--unit=all.target"]
    if os.geteuid() == 0:
        os.chown(run, 65534, 65534)
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *words]
    done = subprocess.run(
        words,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(run),
            "XDG_RUNTIME_DIR": str(run),
            "SYSTEMD_UNIT_PATH": f"{folder}:/usr/lib/systemd/user",
            "SYSTEMD_LOG_TARGET": "console",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    found = {}
    for block in re.split(r"^\t?-> Unit ", done.stdout + done.stderr, flags=re.MULTILINE)[1:]:
        name, _, rest = block.partition(":\n")
        lines = (line.strip().partition(": ") for line in rest.splitlines())
        found.setdefault(name.removesuffix(".service"), [(key, one) for key, _, one in lines])
    return found


@pytest.fixture(scope="module")
def read(open_folder):
    """Return what systemd reads in the unit of each hostile text, all at once."""
    texts = {
        f"n{number}": schedule.service(hostile(text), [ECHO], user=False)
        for number, text in enumerate(HOSTILE.values())
    }
    found = as_systemd_reads(open_folder, texts)
    return {name: found[f"n{number}"] for number, name in enumerate(HOSTILE)}


def words_of(command):
    """Return the words that a process gets of a command as systemd shows it: quoted for a shell.

    Of two dollars systemd makes one when it starts the process, so that is still to come.
    """
    done = subprocess.run(
        ["/bin/sh", "-c", f"printf '%s\\0' {command}"], capture_output=True, text=True, check=True
    )
    return [word.replace("$$", "$") for word in done.stdout.split("\0")[:-1]]


@pytest.mark.parametrize("name", HOSTILE)
def test_systemd_reads_every_word_and_folder_as_it_is(read, name):
    given, lines = hostile(HOSTILE[name]), read[name]
    command = next(value for key, value in lines if key == "Command Line")
    assert words_of(command) == given.command([ECHO])
    simple = {key: value for key, value in lines if key in ("WorkingDirectory", "ReadWritePaths")}
    assert simple == {
        "WorkingDirectory": re.sub("/+", "/", given.folder).rstrip("/"),
        "ReadWritePaths": re.sub("/+", "/", given.store),
    }
    assert ("Environment", f"ANSIBLE_CONFIG={given.environment['ANSIBLE_CONFIG']}") in lines
    assert [value for key, value in lines if key == "Unit Load State"] == ["loaded"]


def verified(folder, texts):
    """Return what systemd-analyze says of units."""
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", *(folder / name for name in texts)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.parametrize("user", [False, True], ids=["system", "user"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path, text, user):
    given = replace(hostile(text), zone="Europe/Berlin")
    texts = {
        "snapdiff-nightly.service": schedule.service(given, [ECHO], user=user),
        "snapdiff-nightly.timer": schedule.timer(given),
    }
    assert verified(tmp_path, texts) == (0, "")


def test_a_unit_with_a_mistake_is_found(tmp_path):
    text = schedule.service(NIGHT, ["/not/there"], user=False)
    code, said = verified(tmp_path, {"snapdiff-nightly.service": text})
    assert (code != 0, "/not/there" in said) == (True, True)


@pytest.mark.parametrize("zone", ["", "Europe/Berlin", "Etc/UTC"])
def test_the_timer_elapses_every_night_at_that_time(zone):
    text = schedule.timer(replace(NIGHT, zone=zone))
    spec = re.search(r"^OnCalendar=(.*)$", text, re.MULTILINE)[1]
    done = subprocess.run(
        ["systemd-analyze", "calendar", "--iterations=2", spec],
        capture_output=True, text=True, check=True, env={**os.environ, "TZ": zone or "UTC"},
    )  # fmt: skip
    normal = f"*-*-* 03:05:00{f' {zone}' if zone else ''}"
    assert f"Normalized form: {normal}" in done.stdout
    assert "Persistent=true" in text
    assert "RandomizedDelaySec=" in text


def test_the_service_may_write_in_the_store_alone_and_gain_nothing():
    text = schedule.service(NIGHT, [ECHO], user=False, run_as="snapdiff")
    lines = text.splitlines()
    assert {
        "NoNewPrivileges=true",
        "ProtectSystem=strict",
        "ProtectHome=read-only",
        'ReadWritePaths="/srv/snapshots"',
        "User=snapdiff",
        "Type=oneshot",
    } <= set(lines)
    assert not [
        line for line in lines if line.startswith("SuccessExitStatus")
    ]  # 1 is Ansible's own


@pytest.mark.parametrize(("store", "private"), [("/srv/s", True), ("/tmp/s", False)])
def test_a_store_among_temporary_files_is_not_hidden_from_the_service(store, private):
    text = schedule.service(replace(NIGHT, store=store), [ECHO], user=False)
    assert ("PrivateTmp=true" in text) is private


# ---- cron -------------------------------------------------------------------------------------


def as_cron_runs(line):
    """Return the command of a crontab's line: after five fields, up to the first bare percent.

    What crontab(5) says: a percent that is not escaped with a backslash ends the command; of one
    that is, the backslash goes. Written after the loop in cron's do_command.c.
    """
    command, escaped, out = line.split(None, 5)[5], False, []
    for sign in command:
        if escaped:
            if sign == "%":
                out.pop()
            escaped = False
        elif sign == "\\":
            escaped = True
        elif sign == "%":
            return "".join(out)
        out.append(sign)
    return "".join(out)


def test_the_model_of_cron_ends_a_command_at_a_bare_percent():
    assert as_cron_runs("0 3 * * * date +%F") == "date +"
    assert as_cron_runs("0 3 * * * date +\\%F") == "date +%F"


@pytest.mark.parametrize("name", HOSTILE)
def test_cron_and_the_shell_read_every_word_as_it_is(tmp_path, name):
    text = HOSTILE[name]
    given = replace(hostile(text), folder=str(tmp_path / f"w{text.replace('/', '_')}"))
    Path(given.folder).mkdir()
    tell = tmp_path / "tell"
    tell.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        "print(json.dumps([sys.argv[1:], os.getcwd(), os.environ['ANSIBLE_CONFIG']]))\n"
    )
    tell.chmod(0o755)
    line = schedule.cron(given, [str(tell)])
    assert line.count("\n") == 1
    assert line.startswith("5 3 * * * ")
    done = subprocess.run(
        ["/bin/sh", "-c", as_cron_runs(line.rstrip("\n"))],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [
        given.command([str(tell)])[1:],
        given.folder,
        given.environment["ANSIBLE_CONFIG"],
    ]


def test_a_line_that_cron_would_cut_is_refused():
    with pytest.raises(UsageError, match="which cron refuses"):
        schedule.cron(replace(NIGHT, arguments=("x" * 1000,)), ["/bin/true"])


# ---- AWX --------------------------------------------------------------------------------------


def plain(text):
    """Return the documents of a YAML text, as another reader than ours has them."""
    return list(yaml.safe_load_all(text))


def test_awx_runs_it_every_night_at_that_time_of_that_zone():
    given = replace(NIGHT, zone="Europe/Berlin")
    [[play]] = plain(manifests.awx(given, date(2026, 10, 24)))
    [task] = play["tasks"]
    given = task["awx.awx.schedule"]
    assert given["extra_data"] == {"snapdiff_store": "/srv/snapshots", "snapdiff_cluster": "prod"}
    # AWX wants both on one line, a zone, and an interval.
    assert re.fullmatch(r"DTSTART;TZID=\S+:\d{8}T\d{6} RRULE:FREQ=DAILY;INTERVAL=1", given["rrule"])
    first, second, third = rrulestr(given["rrule"].replace(" ", "\n"))[:3]
    assert [f"{one:%d %H:%M %z}" for one in (first, second, third)] == [
        "24 03:05 +0200",
        "25 03:05 +0100",  # the clocks went back in that night
        "26 03:05 +0100",
    ]


# ---- Kubernetes -------------------------------------------------------------------------------

# What batch/v1 and core/v1 have, of the objects that we write: no other member, and of that type.
TEXT, NUMBER, BOOLEAN = str, int, bool
POD = {
    "restartPolicy": TEXT,
    "automountServiceAccountToken": BOOLEAN,
    "securityContext": {
        "runAsNonRoot": BOOLEAN,
        "runAsUser": NUMBER,
        "runAsGroup": NUMBER,
        "fsGroup": NUMBER,
        "seccompProfile": {"type": TEXT},
    },
    "containers": [
        {
            "name": TEXT,
            "image": TEXT,
            "command": [TEXT],
            "workingDir": TEXT,
            "env": [{"name": TEXT, "value": TEXT}],
            "volumeMounts": [{"name": TEXT, "mountPath": TEXT, "readOnly": BOOLEAN}],
            "resources": {
                "requests": {"cpu": TEXT, "memory": TEXT},
                "limits": {"cpu": TEXT, "memory": TEXT},
            },
            "securityContext": {
                "allowPrivilegeEscalation": BOOLEAN,
                "readOnlyRootFilesystem": BOOLEAN,
                "capabilities": {"drop": [TEXT]},
            },
        }
    ],
    "volumes": [
        {
            "name": TEXT,
            "persistentVolumeClaim": {"claimName": TEXT},
            "configMap": {"name": TEXT},
            "secret": {"secretName": TEXT, "defaultMode": NUMBER},
            "emptyDir": {},
        }
    ],
}
FORMS = {
    "PersistentVolumeClaim": {
        "apiVersion": TEXT,
        "kind": TEXT,
        "metadata": {"name": TEXT},
        "spec": {"accessModes": [TEXT], "resources": {"requests": {"storage": TEXT}}},
    },
    "CronJob": {
        "apiVersion": TEXT,
        "kind": TEXT,
        "metadata": {"name": TEXT},
        "spec": {
            "schedule": TEXT,
            "timeZone": TEXT,
            "concurrencyPolicy": TEXT,
            "startingDeadlineSeconds": NUMBER,
            "successfulJobsHistoryLimit": NUMBER,
            "failedJobsHistoryLimit": NUMBER,
            "jobTemplate": {
                "spec": {
                    "backoffLimit": NUMBER,
                    "activeDeadlineSeconds": NUMBER,
                    "template": {"spec": POD},
                }
            },
        },
    },
}


def misfits(value, form, place=""):
    """Return the places of a manifest that its form does not have, or has of another type."""
    if isinstance(form, dict):
        if not isinstance(value, dict):
            return [place]
        unknown = [f"{place}/{key}" for key in value.keys() - form.keys()]
        known = value.keys() & form.keys()
        return unknown + [
            one for key in known for one in misfits(value[key], form[key], f"{place}/{key}")
        ]
    if isinstance(form, list):
        if not isinstance(value, list):
            return [place]
        return [one for row in value for one in misfits(row, form[0], f"{place}/*")]
    return [] if type(value) is form else [place]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_kubernetes_gets_objects_of_its_form_with_every_word_as_it_is(text):
    given = hostile(text)
    documents = plain(manifests.kubernetes(given, "registry.example.org/snapdiff:1"))
    assert [one["kind"] for one in documents] == ["PersistentVolumeClaim", "CronJob"]
    assert [misfits(one, FORMS[one["kind"]]) for one in documents] == [[], []]
    pod = documents[1]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["command"] == given.command(["ansible-playbook"])


@pytest.mark.parametrize("version", ["1.30", "1.33", "1.36"])
def test_kubernetes_own_schemas_take_them(version):
    import kubernetes_validate

    found = plain(manifests.kubernetes(replace(NIGHT, zone="Europe/Berlin"), "x:1"))
    for document in found:
        kubernetes_validate.validate(document, version, strict=True)


def test_a_member_that_kubernetes_does_not_have_is_found():
    assert misfits({"kind": "CronJob", "shedule": "x"}, FORMS["CronJob"]) == ["/shedule"]
    assert misfits({"spec": {"timeZone": 5}}, FORMS["CronJob"]) == ["/spec/timeZone"]


def test_the_pod_runs_without_root_and_writes_in_its_volumes_alone():
    _claim, job = plain(manifests.kubernetes(replace(NIGHT, zone="Europe/Berlin"), "x"))
    assert (job["spec"]["schedule"], job["spec"]["timeZone"]) == ("5 3 * * *", "Europe/Berlin")
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounted = {one["name"]: one.get("readOnly", False) for one in container["volumeMounts"]}
    assert mounted == {"store": False, "config": True, "ssh": True, "tmp": False}
    assert {one["name"] for one in pod["volumes"]} == set(mounted)


# ---- the command ------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("SNAPDIFF_", "ANSIBLE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "hosts.yml").write_text("all: {hosts: {node1: {}}}\n")

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["snapdiff", "schedule", *args])
        with pytest.raises(SystemExit) as done:
            main()
        return (done.value.code, *capsys.readouterr())

    return call


@pytest.fixture
def systemctl(tmp_path, monkeypatch):
    """Put a systemctl on PATH that says what the test wants; return what it was asked."""
    (tmp_path / "bin").mkdir()
    log, path = tmp_path / "asked", tmp_path / "bin" / "systemctl"

    def make(state, code=0):
        path.write_text(
            f'#!/bin/sh\necho "$*" >> {log}\n'
            f'case "$*" in *is-system-running) echo {state};;'
            f" *) echo refused >&2; exit {code};; esac\n"
        )
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
        return lambda: log.read_text().splitlines() if log.exists() else []

    return make


def units(tmp_path):
    folder = tmp_path / "home" / ".config" / "systemd" / "user"
    return [folder / f"snapdiff-nightly.{kind}" for kind in ("service", "timer")]


def test_a_schedule_is_installed_and_removed_again(run, tmp_path, systemctl):
    asked = systemctl("running")
    code, out, err = run(
        "install", "--user", "-i", "hosts.yml", "--at", "04:30", "--cluster", "prod"
    )
    service, timer = units(tmp_path)
    assert (code, out) == (0, "")
    assert f"{timer}: written" in err
    assert "OnCalendar=*-*-* 04:30:00\n" in timer.read_text()
    assert f'"-i" "{tmp_path}/hosts.yml"' in service.read_text()
    assert (tmp_path / "snapshots").is_dir()
    assert asked() == [
        "--user is-system-running",
        "--user daemon-reload",
        "--user enable --now snapdiff-nightly.timer",
    ]
    assert run("remove", "--user")[0] == 0
    assert not service.exists()
    assert not timer.exists()
    assert asked()[-3:] == [
        "--user disable --now snapdiff-nightly.timer",
        "--user is-system-running",
        "--user daemon-reload",
    ]
    assert (tmp_path / "snapshots").is_dir()


def test_what_is_installed_may_be_installed_again(run, tmp_path, systemctl):
    systemctl("running")
    for at in ("04:30", "05:30"):
        assert run("install", "--user", "-i", "hosts.yml", "--at", at)[0] == 0
    assert "OnCalendar=*-*-* 05:30:00\n" in units(tmp_path)[1].read_text()


@pytest.mark.parametrize("state", ["offline", "unknown", ""])
def test_without_systemd_it_says_what_to_type(run, tmp_path, systemctl, state):
    asked = systemctl(state)
    code, _out, err = run("install", "--user", "-i", "hosts.yml")
    assert code == 0
    assert "  systemctl --user daemon-reload\n" in err
    assert "  systemctl --user enable --now snapdiff-nightly.timer\n" in err
    assert asked() == ["--user is-system-running"]
    assert units(tmp_path)[0].exists()


def test_a_systemd_that_refuses_is_told_in_its_words(run, systemctl):
    systemctl("running", code=4)
    code, _out, err = run("install", "--user", "-i", "hosts.yml")
    assert (code, "'systemctl --user daemon-reload' ended with 4: refused" in err) == (2, True)


def test_a_dry_run_prints_the_units_and_writes_nothing(run, tmp_path, systemctl):
    asked = systemctl("running")
    code, out, err = run("install", "--dry-run", "-i", "hosts.yml", "--", "--become")
    assert (code, err, asked()) == (0, "", [])
    assert "# /etc/systemd/system/snapdiff-nightly.timer\n" in out
    assert '"--become"\n' in out
    assert not (tmp_path / "snapshots").exists()


def test_a_unit_of_somebody_else_is_neither_replaced_nor_removed(run, tmp_path):
    timer = units(tmp_path)[1]
    timer.parent.mkdir(parents=True)
    timer.write_text("[Timer]\nOnCalendar=daily\n")
    for args in (["install", "--user", "-i", "hosts.yml"], ["remove", "--user"]):
        code, _out, err = run(*args)
        assert (code, "not from here" in err) == (2, True)
    assert timer.read_text() == "[Timer]\nOnCalendar=daily\n"
    assert not units(tmp_path)[0].exists()


@pytest.mark.parametrize("form", ["systemd", "cron", "awx", "kubernetes"])
def test_every_form_is_printed_and_nothing_is_written(run, tmp_path, form):
    before = sorted(tmp_path.rglob("*"))
    image = ["--image", "x:1"] if form == "kubernetes" else []
    code, out, err = run(
        "print", "--as", form, *image, "-i", "hosts.yml", "--timezone", "Europe/Berlin"
    )
    assert (code, err) == (0, "")
    assert "clusternet.snapdiff.nightly" in out
    assert "Europe/Berlin" in out
    assert sorted(tmp_path.rglob("*")) == before


REFUSED = {
    "no inventory": (["print", "--as", "cron"], "which nodes?"),
    "no form": (["print", "-i", "hosts.yml"], "--as"),
    "another form": (["print", "--as", "at", "-i", "hosts.yml"], "--as"),
    "no image": (["print", "--as", "kubernetes", "-i", "hosts.yml"], "which --image?"),
    "no zone": (["print", "--as", "cron", "-i", "hosts.yml", "--timezone", "Mars"], "no such zone"),
    "a zone upward": (
        ["print", "--as", "cron", "-i", "hosts.yml", "--timezone", "../x"],
        "no such zone",
    ),
    "no time": (["install", "-i", "hosts.yml", "--at", "25:00", "--dry-run"], "as 03:00"),
    "no name": (["install", "-i", "hosts.yml", "--name", "a/b", "--dry-run"], "a name is of"),
    "two users": (
        ["install", "--user", "--run-as", "x", "-i", "hosts.yml"],
        "with --user it is you",
    ),
    "no user": (
        ["install", "--run-as", "a b", "-i", "hosts.yml", "--dry-run"],
        "no name of a user",
    ),
    "nothing to remove": (["remove", "--user"], "there is no snapdiff-nightly.timer"),
    "no name to remove": (["remove", "--user", "--name", "../x"], "a name is of"),
}


@pytest.mark.parametrize(("args", "said"), REFUSED.values(), ids=REFUSED)
def test_what_means_nothing_is_refused(run, tmp_path, args, said):
    code, out, err = run(*args)
    assert (code, out, said in err) == (2, "", True)
    assert not (tmp_path / "home").exists()


def test_the_settings_of_the_site_are_those_of_the_night(run, tmp_path):
    (tmp_path / "snapdiff.yml").write_text("inventory: hosts.yml\ncluster: prod\nstore: data\n")
    out = run("print", "--as", "systemd")[1]
    assert f'ReadWritePaths="{tmp_path}/data"' in out
    assert f'"{tmp_path}/hosts.yml"' in out
    assert '\\"snapdiff_cluster\\": \\"prod\\"' in out
