#!/usr/bin/env python3
"""The files in deploy/ agree with the tree and with the binary:
check_deploy.py unit|containerfile|compose [--sotto BINARY]

Exit code 77: a tool that the check needs is absent; the last line says which.
"""
import argparse
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import check_documents
import tree

SKIPPED = 77
EXPOSURE_MAX = 20  # systemd-analyze security, in tenths: 2.0 of 10
STATE = "/var/lib/sotto"


def unit_problems(root: pathlib.Path, sotto: pathlib.Path | None) -> list[str]:
    path = "deploy/sotto.service"
    unit = (root / path).read_text()
    commands = re.findall(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    if len(commands) != 1:
        return [f"{path}: {len(commands)} ExecStart lines; one is expected"]
    words = shlex.split(commands[0])
    problems = []
    problem = check_documents.SottoHelp(sotto).problem(["sotto", *words[1:]])
    if problem:
        problems.append(f"{path}: {problem}")
    with tempfile.TemporaryDirectory() as directory:
        # The program is not installed where the unit expects it;
        # any program that exists will do for the verification.
        copy = pathlib.Path(directory, "sotto.service")
        copy.write_text(unit.replace(words[0], str(sotto or shutil.which("true")), 1))
        for arguments in (["verify"], ["security", "--offline=yes", f"--threshold={EXPOSURE_MAX}"]):
            run = subprocess.run(["systemd-analyze", *arguments, str(copy)], capture_output=True, text=True,
                                 stdin=subprocess.DEVNULL, check=False)
            if run.returncode != 0 or run.stderr.strip():
                problems.append(f"{path}: systemd-analyze {arguments[0]} ({run.returncode}): "
                                f"{run.stderr}{run.stdout[-200:]}")
    return problems


def instructions(containerfile: str) -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", containerfile, flags=re.MULTILINE))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if len(line.split(None, 1)) == 2]


def containerfile_problems(root: pathlib.Path, sotto: pathlib.Path | None) -> list[str]:
    path = "deploy/Containerfile"
    steps = instructions((root / path).read_text())
    sotto_help = check_documents.SottoHelp(sotto)
    problems = []
    last: dict[str, str] = {}
    for name, argument in steps:
        last[name] = argument
        if name == "RUN":
            script = shlex.split(argument)[0]
            if not (root / script).is_file() or not script.startswith("scripts/"):
                problems.append(f"{path}: RUN {argument}: '{script}' is no script of this tree")
        if name == "COPY" and "--from=" not in argument:
            for source in [word for word in argument.split()[:-1] if not word.startswith("--")]:
                if not (root / source).exists():
                    problems.append(f"{path}: COPY {source}: there is no such file")
        if name in ("CMD", "HEALTHCHECK"):
            words = json.loads(argument[argument.index("["):])
            problem = sotto_help.problem(["sotto", *(words[1:] if words[0].endswith("/sotto") else words)])
            if problem:
                problems.append(f"{path}: {name}: {problem}")
    if not re.match(r"[1-9]\d*(:[1-9]\d*)?$", last.get("USER", "")):
        problems.append(f"{path}: the last USER must be a number other than 0, "
                        f"is '{last.get('USER', 'absent')}'")
    if last.get("VOLUME") != STATE:
        problems.append(f"{path}: VOLUME must be {STATE}")
    if last.get("EXPOSE") != "7443":
        problems.append(f"{path}: EXPOSE must be 7443")
    return problems


def compose_problems(root: pathlib.Path, sotto: pathlib.Path | None) -> list[str]:
    import yaml  # not in the standard library; the caller has made sure of it

    path = "deploy/compose.yaml"
    document = yaml.safe_load((root / path).read_text())
    sotto_help = check_documents.SottoHelp(sotto)
    problems = []
    for name, service in document["services"].items():
        where = f"{path}: service {name}"
        volumes = dict(volume.split(":")[:2] for volume in service.get("volumes", []))
        for volume in set(volumes) - set(document.get("volumes", {})):
            problems.append(f"{where}: volume '{volume}' is not declared")
        if STATE not in volumes.values():
            problems.append(f"{where}: nothing is mounted at {STATE}")
        if not service.get("read_only") or service.get("cap_drop") != ["ALL"]:
            problems.append(f"{where}: must have a read-only root and drop all capabilities")
        for other in service.get("depends_on", {}):
            if other not in document["services"]:
                problems.append(f"{where}: depends on '{other}', which is no service")
        if "build" in service:
            file = (root / "deploy" / service["build"]["context"] / service["build"]["dockerfile"]).resolve()
            if not file.is_file():
                problems.append(f"{where}: there is no {file}")
        command = service.get("command", [])
        problem = sotto_help.problem(["sotto", *command]) if command else None
        if problem:
            problems.append(f"{where}: {problem}")
        for word in command:
            if str(word).startswith("/") and not str(word).startswith(STATE + "/"):
                problems.append(f"{where}: '{word}' is not below {STATE}, the only place that both services "
                                f"see")
    image_check = next((json.loads(argument[argument.index("["):])
                        for name, argument in instructions((root / "deploy/Containerfile").read_text())
                        if name == "HEALTHCHECK"), None)
    for name, service in document["services"].items():
        test = service.get("healthcheck", {}).get("test")
        if test and test[1:] != image_check:
            problems.append(f"{path}: service {name}: its health check is not the Containerfile's")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("unit", "containerfile", "compose"))
    parser.add_argument("--root", type=pathlib.Path, default=tree.ROOT)
    parser.add_argument("--sotto", type=pathlib.Path)
    options = parser.parse_args()
    if options.sotto is None or not options.sotto.exists():
        print("no sotto binary given: subcommands and options are not looked up")
        options.sotto = None
    if options.what == "unit":
        if shutil.which("systemd-analyze") is None:
            print("skipped: systemd-analyze is absent, so deploy/sotto.service is not verified")
            return SKIPPED
        return tree.fail_if(unit_problems(options.root, options.sotto), "systemd unit")
    if options.what == "containerfile":
        return tree.fail_if(containerfile_problems(options.root, options.sotto), "Containerfile")
    try:
        import yaml  # noqa: F401
    except ImportError:
        print("skipped: Python has no yaml module, so deploy/compose.yaml is not parsed")
        return SKIPPED
    return tree.fail_if(compose_problems(options.root, options.sotto), "compose file")


if __name__ == "__main__":
    sys.exit(main())
