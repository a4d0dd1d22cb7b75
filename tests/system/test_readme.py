"""The README's first fleet, command by command, as a newcomer types it."""

import os
import pathlib
import re
import signal
import subprocess
import unittest

from sotto_process import BINARY, SystemTest, free_port

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"


class FirstFleet(SystemTest):
    def test_the_commands_of_a_first_fleet_train_a_model(self):
        section = README.read_text().split("## A first fleet")[1].split("\n## ")[0]
        blocks = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
        self.assertEqual(len(blocks), 4)
        # A person reads "listening on" before the next command; the script waits for the socket instead.
        blocks.insert(1, "until [ -S coordinator/admin.sock ]; do sleep 0.1; done\n")
        script = "set -e\n" + "".join(blocks).replace("build/release/bin/sotto",
                                                      BINARY).replace("7443", str(free_port()))
        shell = subprocess.Popen(["bash", "-c", script], cwd=self.folder, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.addCleanup(self.end_group, shell)
        lines = shell.stdout.readlines()  # until nobody is left who could write to it
        shell.wait(timeout=30)
        self.assertEqual(shell.returncode, 0, "".join(lines))
        self.assertIn("complete", "".join(lines))
        self.assertTrue(any(line.startswith("wrote model v20 of activity") for line in lines), "".join(lines))
        self.assertLess(len(lines), 150, "the fleet drowns the terminal:\n" + "".join(lines))
        self.assertEqual(self.left_of(shell.pid), [])
        self.assertEqual((self.folder / "model.f32").stat().st_size, 510 * 4)

    @staticmethod
    def left_of(group):
        """The processes of a process group, which all of a shell's without job control are in."""
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return []
        return [group]

    @staticmethod
    def end_group(shell):
        """Ends the shell and what it left in the background: all in the session this test started."""
        try:
            os.killpg(shell.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        shell.wait(timeout=30)
        shell.stdout.close()


if __name__ == "__main__":
    unittest.main()
