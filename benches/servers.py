#!/usr/bin/env python3
"""`servers.py PROJECT COMMAND…`: runs a command with the servers beside it that a project needs.

They are had by the recipes in the project's formwork.toml, from installed programs, on free ports and in empty folders, and
end with the command, which finds them in its environment: the service's own settings, and TEST_…_URL.
"""

import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

PATIENCE = 60
NAME = "bench"


def folders(recipe):
    on_path = os.environ["PATH"].split(":")
    return on_path + [folder for pattern in recipe.get("folders", []) for folder in glob.glob(os.path.expanduser(pattern))]


def path_with(folder):
    return f"{folder}:{os.environ['PATH']}"


class User:
    """Who runs a server: whoever is here, but nobody where that is root and the server will have none of it."""

    def __init__(self, recipe):
        is_other = os.geteuid() == 0 and not recipe.get("root", True)
        self.flags = {"user": "nobody", "group": "nogroup"} if is_other else {}

    def owns(self, folder):
        if self.flags:
            shutil.chown(folder, **self.flags)


def fits(recipe, folder, user):
    if not all((Path(folder) / program).is_file() for program in recipe["programs"]):
        return False
    test = recipe.get("fits")
    with tempfile.TemporaryDirectory() as work:
        user.owns(work)
        return not test or subprocess.run(["/bin/sh", "-c", test], env={"PATH": path_with(folder)}, cwd=work,
                                          capture_output=True, **user.flags).returncode == 0


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    def __init__(self, recipe, work):
        user = User(recipe)
        programs = next((folder for folder in folders(recipe) if fits(recipe, folder, user)), None)
        if not programs:
            sys.exit(f"{recipe['title']} is not here: {' or '.join(recipe['install'])}")
        port = free_port()
        folder = Path(work) / recipe["name"]
        folder.mkdir()
        user.owns(folder)
        self.url = recipe["url"].replace("{host}", "127.0.0.1").replace("{port}", str(port))
        self.recipe = recipe
        self.log = Path(work) / f"{recipe['name']}.log"
        self.stop_signal = signal.Signals["SIG" + recipe.get("stop", "TERM")]
        environment = {"PATH": path_with(programs), "HOME": str(folder), "folder": str(folder), "port": str(port)}
        # The shell ends at the first command that fails, and becomes the server at the last one.
        self.process = subprocess.Popen(["/bin/sh", "-ec", recipe["start"]], env=environment, cwd=folder,
                                        stdout=self.log.open("w"), stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                        **user.flags)
        self.wait()

    def wait(self):
        begun = time.monotonic()
        while self.recipe["ready"] not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() - begun > PATIENCE:
                sys.exit(f"{self.recipe['title']} does not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def settings(self):
        own, _, query = self.url.partition("?")
        named = f"{own.rsplit('/', 1)[0]}/{NAME}" + (f"?{query}" if query else "")
        fill = {"{url/name}": named, "{url}": self.url, "{name}": NAME}
        settings = {self.recipe["variable"]: self.url}
        for variable, pattern in self.recipe.get("settings", {}).items():
            for placeholder, value in fill.items():
                pattern = pattern.replace(placeholder, value)
            settings[variable] = pattern
        return settings

    def stop(self):
        self.process.send_signal(self.stop_signal)
        self.process.wait()


def main():
    project, *command = sys.argv[1:]
    state = tomllib.loads((Path(project) / "formwork.toml").read_text())
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o755)
        servers = []
        try:
            for recipe in state.get("server", []):
                servers.append(Server(recipe, work))
            settings = {name: value for server in servers for name, value in server.settings().items()}
            return subprocess.run(command, env=os.environ | settings).returncode
        finally:
            for server in servers:
                server.stop()


sys.exit(main())
