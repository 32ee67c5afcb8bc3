"""Seed a new virtual environment from ensurepip, then let pip fetch the versions asked for."""

import subprocess
import sys

wanted = [arg for arg in sys.argv[1:] if not arg.startswith("--no-")]
subprocess.check_call([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
subprocess.check_call([sys.executable, "-m", "pip", "install", "-qq", *wanted])
