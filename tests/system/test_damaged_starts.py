"""A coordinator that finds a file of its data directory damaged, missing or set back."""

import shutil
import unittest

import damaged_starts
from sotto_process import Coordinator, SystemTest, run, run_ok


def a_few(file, damages):
    """Those of which each is a kind of its own, for the files that hold most."""
    if file.name not in ("sotto.db", "sotto.db-wal", "coordinator-key.pem", "ca.pem", "register.txt"):
        return []
    wanted = [d for d in damages if d.name in ("deleted", "emptied", "replaced by an older copy")]
    return wanted + [d for d in damages if d not in wanted][:2]


class DamagedStarts(SystemTest):
    def test_a_start_is_refused_with_a_sentence_or_loses_nothing(self):
        count, faults = damaged_starts.starts(damaged_starts.small_kinds(self.folder), 5, self.folder, a_few)
        self.assertGreaterEqual(count, 20)
        self.assertEqual(faults, [], "\n".join(faults))


class Neighbours(SystemTest):
    """Files that are sound, and not those that devices have come to trust here."""

    def made(self, name):
        data = self.folder / name
        with Coordinator(data) as coordinator:
            coordinator.end()
        return data

    def refused(self, data, *words):
        done = run("serve", "--local-authority", "--data-dir", data, "--listen", "127.0.0.1:0")
        self.assert_refused(done, 1, *words, "--accept-older-store")

    def test_keys_of_another_coordinator_are_refused_unless_they_are_asked_for(self):
        other = self.made("other")
        for number, name in enumerate(("authority", "tls", "coordinator-key.pem")):
            data = self.made(f"coordinator-{number}")
            lost = data / name
            shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
            self.refused(data, "is missing", name)
            copy = shutil.copytree if (other / name).is_dir() else shutil.copy
            copy(other / name, lost)
            self.refused(data, "is another than this coordinator had", name)
            with Coordinator(data, extra=["--accept-older-store"]) as accepted:
                accepted.end()
            with Coordinator(data) as again:
                self.assertEqual(again.end(), 0, "it is asked for once")

    def test_a_database_that_is_gone_with_its_step_is_missed_by_the_key(self):
        data = self.made("coordinator")
        for file in data.glob("sotto.db*"):
            file.unlink()
        self.refused(data, "sotto.db is missing")
        self.assertFalse((data / "sotto.db").exists())
        with Coordinator(data, extra=["--accept-older-store"]) as anew:
            self.assertEqual(anew.end(), 0)

    def test_an_authority_whose_key_was_changed_is_its_own_successor(self):
        data = self.made("coordinator")
        run_ok("authority", "rotate", "--authority", data / "authority")
        with Coordinator(data) as coordinator:
            self.assertEqual(coordinator.end(), 0)


if __name__ == "__main__":
    unittest.main()
