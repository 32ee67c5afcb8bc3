"""Start Debian's kernel under qemu, with this machine's files below a layer of memory.

What runs in it may do what it likes to kernel, network and files; it hands out what it writes to
one folder. The processors are emulated: that needs no leave of this machine, and is the same on
all; it takes a minute.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
KERNEL = HERE.parent.parent / "build" / "kernel"  # as .ci/setup-kernel leaves it
MEMORY = 1024  # MiB
LIMIT = 600  # seconds; two minutes are usual, on busy processors more

NEEDED = ("virtio_pci", "9pnet_virtio", "9p", "overlay")  # to see the files of this machine
# What a pod network is made of, and the kinds that the kernel of a container host may lack.
KINDS = (
    *("br_netfilter", "bridge", "veth", "vxlan", "wireguard", "dummy", "ipip", "sit", "ip_gre"),
    *("ip6_tunnel", "ip6_gre", "bonding", "8021q", "macvlan", "ipvlan", "geneve", "vrf", "tun"),
)


class MachineError(Exception):
    """Say what the virtual machine could not do, and how to put it right."""


def run(main: Path, out: Path) -> None:
    """Run the Python program *main* as root of the machine, with the path of *out* there.

    Whatever it prints is in ``out/console``.
    """
    if not (KERNEL / ".complete").exists() or not shutil.which("qemu-system-x86_64"):
        raise MachineError(
            "there is no kernel, or no qemu. Run 'make kernel-test', or .ci/setup-kernel."
        )
    initrd = out / "initrd"
    _make_initrd(initrd)
    console = out / "console"
    handed = out / "handed"
    handed.mkdir()
    words = [
        *(
            "qemu-system-x86_64",
            "-accel",
            "tcg,thread=multi",
            "-cpu",
            "max",
            "-smp",
            "2",
            "-m",
            str(MEMORY),
            "-no-reboot",
            "-nodefaults",
        ),
        *("-display", "none", "-serial", f"file:{console}", "-kernel", str(KERNEL / "vmlinuz")),
        *("-initrd", str(initrd)),
        *("-append", f"console=ttyS0 quiet panic=-1 snapdiff.main={main.resolve()}"),
        *_share("machine", Path("/"), "readonly=on,multidevs=remap"),
        *_share("out", handed, ""),
    ]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise MachineError(f"not done in {LIMIT} s; see {console}") from None
    ended = handed / "ended"
    if done.returncode or not ended.exists() or ended.read_text("ascii").strip() != "0":
        said = console.read_text("utf-8", "replace") if console.exists() else ""
        raise MachineError(f"the virtual machine failed: {done.stderr}{said[-4000:]}")


def _share(tag: str, folder: Path, options: str) -> tuple[str, str]:
    more = f",{options}" if options else ""
    return "-virtfs", f"local,path={folder},mount_tag={tag},security_model=none{more}"


def _make_initrd(path: Path) -> None:
    """Write the first files of the machine: BusyBox, ``init``, and the modules with their own."""
    modules = _modules()
    root = path.with_suffix(".root")
    for name in modules:
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(KERNEL / "root" / name)
    (root / "bin").mkdir()
    (root / "bin" / "busybox").symlink_to(KERNEL / "root" / "bin" / "busybox")
    shutil.copy(HERE / "init", root / "init")
    (root / "modules").write_text("".join(f"{one}\n" for one in (*NEEDED, *KINDS)), "ascii")
    names = sorted(str(one.relative_to(root)) for one in root.rglob("*"))
    busybox = KERNEL / "root" / "bin" / "busybox"
    with path.open("wb") as file:
        subprocess.run(
            [busybox, "cpio", "-o", "-L", "-H", "newc"],
            input="\n".join(names).encode("ascii"),
            stdout=file,
            stderr=subprocess.DEVNULL,
            cwd=root,
            check=True,
        )
    shutil.rmtree(root)


def _modules() -> list[str]:
    """Return the paths, below the root, of what depmod wrote and of each module that is wanted."""
    (folder,) = (KERNEL / "root" / "lib" / "modules").iterdir()
    base = folder.relative_to(KERNEL / "root")
    lines = (folder / "modules.dep").read_text("ascii").splitlines()
    needs: dict[str, list[str]] = {}
    for line in lines:
        name, _, rest = line.partition(":")
        needs[name] = rest.split()
    named = {Path(name).stem.replace("-", "_"): name for name in needs}
    found: set[str] = set()
    for one in (*NEEDED, *KINDS):
        if one in named:
            found |= {named[one], *needs[named[one]]}
    return [f"{base}/modules.dep", *(f"{base}/{name}" for name in sorted(found))]
