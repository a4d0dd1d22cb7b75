"""`sotto authority`, and what a fleet of real processes makes of what it says."""

import json
import pathlib
import shutil
import unittest

from sotto_process import (CoordinatorOfAnAuthorityElsewhere, Device, SystemTest, run, run_ok, wait_until,
                           write_task)

DEVICES = 4


class WithAuthority(SystemTest):
    def setUp(self):
        super().setUp()
        self.folder_of_it = self.folder / "authority"
        self.authority("create")

    def authority(self, command, *arguments):
        return run_ok("authority", command, "--authority", self.folder_of_it, *arguments)

    def refused(self, code, words, command, *arguments):
        done = run("authority", command, "--authority", self.folder_of_it, *arguments)
        self.assert_refused(done, code, *words)

    def listed(self):
        return json.loads(self.authority("list", "--json"))

    def entries(self):
        return {entry["name"]: entry for entry in self.listed()["entries"]}


class Register(WithAuthority):
    def test_a_list_shows_who_is_endorsed_and_until_when(self):
        self.authority("enroll", "kitchen 7", "-o", self.folder / "kitchen.pem", "--days", 10)
        self.authority("enroll", "hall", "-o", self.folder / "hall.pem")
        self.authority("enroll", "one", "--coordinator", "-o", self.folder / "coordinator.pem")
        entries = self.entries()
        self.assertEqual({name: (entry["role"], entry["state"]) for name, entry in entries.items()},
                         {"kitchen 7": ("device", "ends soon"), "hall": ("device", "endorsed"),
                          "one": ("coordinator", "endorsed")})
        self.assertEqual(entries["hall"]["expires_at"] - entries["hall"]["issued_at"], 400 * 86400)
        table = self.authority("list")
        for word in ("kitchen 7", "ends soon", entries["hall"]["identity"][:16]):
            self.assertIn(word, table)

    def test_renewing_one_device_touches_no_other(self):
        kitchen, hall = self.folder / "kitchen.pem", self.folder / "hall.pem"
        self.authority("enroll", "kitchen", "-o", kitchen, "--days", 10)
        self.authority("enroll", "hall", "-o", hall, "--days", 10)
        before, hall_text = self.entries(), hall.read_text()
        self.authority("renew", "kitchen", "--identity", kitchen, "--days", 500)
        after = self.entries()
        self.assertEqual(after["hall"], before["hall"])
        self.assertEqual(hall.read_text(), hall_text)
        self.assertEqual(after["kitchen"]["identity"], before["kitchen"]["identity"])
        self.assertGreater(after["kitchen"]["expires_at"], before["kitchen"]["expires_at"])
        self.assertIn("PRIVATE KEY", kitchen.read_text())
        self.assertEqual(kitchen.stat().st_mode & 0o777, 0o600)
        # For a holder elsewhere: a file without his key, to be put in front of his own.
        renewed = self.folder / "renewed.pem"
        self.authority("renew", "hall", "-o", renewed)
        self.assertNotIn("PRIVATE KEY", renewed.read_text())
        self.refused(2, ["either --identity"], "renew", "hall")
        self.refused(2, ["of kitchen"], "renew", "hall", "--identity", kitchen)
        self.refused(1, ["cellar"], "renew", "cellar", "-o", self.folder / "cellar.pem")

    def test_a_revoked_name_can_be_given_to_a_new_device(self):
        self.authority("enroll", "kitchen", "-o", self.folder / "old.pem")
        self.refused(1, ["enrolled already"], "enroll", "kitchen", "-o", self.folder / "new.pem")
        self.assertFalse((self.folder / "new.pem").exists())
        self.assertIn("edition 1", self.authority("revoke", "kitchen"))
        self.refused(1, ["kitchen"], "revoke", "kitchen")
        self.authority("enroll", "kitchen", "-o", self.folder / "new.pem")
        listed = self.listed()
        self.assertEqual([entry["state"] for entry in listed["entries"]], ["revoked", "endorsed"])
        self.assertIn("SOTTO AUTHORITY BULLETIN", (self.folder_of_it / "bulletin.pem").read_text())


class Fleet(WithAuthority):
    """A coordinator, devices, and an authority elsewhere whose bulletin somebody brings."""

    def setUp(self):
        super().setUp()
        run_ok("dataset", "export", "motion", self.folder / "motion", "--devices", DEVICES, "--seed", 3)
        self.endorsement = self.folder / "endorsement.pem"
        self.authority("enroll", "one", "--coordinator", "-o", self.endorsement)
        self.pinned = shutil.copy(self.folder_of_it / "authority.pem", self.folder / "pinned.pem")
        self.brought = self.folder / "brought.pem"
        self.coordinator = CoordinatorOfAnAuthorityElsewhere(
            self.folder / "coordinator", extra=["--authority", self.pinned, "--plan-endorsement",
                                                self.endorsement, "--bulletin", self.brought]).start()
        self.addCleanup(lambda: self.coordinator.process.poll() is None and self.coordinator.end())
        task = write_task(self.folder, rounds=20, participants=3, participants_min=3)
        self.coordinator.admin("task", "create", "--file", task)
        self.data = sorted(p for p in (self.folder / "motion").iterdir() if p.name != "test" and p.is_dir())

    def bring(self):
        edition = self.listed()["edition"]
        shutil.copy(self.folder_of_it / "bulletin.pem", self.brought)
        words = f"edition {edition} of the authority's bulletin is in force"
        wait_until(lambda: words in self.coordinator.log_text(), what=words)

    def devices(self, numbers, *extra):
        devices = [Device(self.coordinator, f"watch-{i}", self.data[i], ["--rounds", 1, *extra])
                   for i in numbers]
        for device in devices:
            self.addCleanup(device.end)
        return devices

    def expect_counted(self, devices):
        for device in devices:
            self.assertEqual(device.process.wait(timeout=120), 0, device.log_text())

    def expect_refused(self, device, words):
        self.assertEqual(device.process.wait(timeout=60), 5, device.log_text())
        self.assertIn(words, device.log_text())

    def test_a_revoked_device_is_told_so_and_the_others_go_on(self):
        self.expect_counted(self.devices(range(3)))
        self.authority("revoke", "watch-0")
        self.bring()
        self.expect_refused(self.devices([0])[0], "the authority has revoked this device")
        self.coordinator.enroll("watch-3")
        self.expect_counted(self.devices([1, 2, 3]))
        # Over a restart, even when somebody sets the file back.
        older = self.brought.read_text()
        self.authority("revoke", "watch-1")
        self.bring()
        self.coordinator.end()
        self.brought.write_text(older)
        self.coordinator.start()
        wait_until(lambda: "set it back" in self.coordinator.log_text(), what="the warning")
        self.expect_refused(self.devices([1])[0], "the authority has revoked this device")

    def test_the_fleet_follows_a_new_key_and_a_stolen_one_ends(self):
        state = ["--state", self.folder / "state-0"]
        self.coordinator.enroll("watch-0"), self.coordinator.enroll("watch-1")
        self.authority("rotate")
        self.bring()
        self.coordinator.enroll("watch-2")  # by the new key, which is what it pins
        self.expect_counted(self.devices([0], *state) + self.devices([1, 2]))
        self.assertIn("SOTTO AUTHORITY BULLETIN", (self.folder / "state-0.bulletin").read_text())
        self.authority("rotate", "--stolen")
        self.bring()
        self.expect_refused(self.devices([0], *state)[0], "revoked")
        self.assertEqual({entry["state"] for entry in self.entries().values()}, {"revoked"})
        # Everybody is renewed, the coordinator first; nobody's key changes.
        self.coordinator.end()
        self.authority("renew", "one", "--coordinator", "--identity", self.endorsement)
        for i in range(3):
            self.authority("renew", f"watch-{i}", "--identity", self.folder / f"watch-{i}.pem")
        self.coordinator.extra[1] = shutil.copy(self.folder_of_it / "authority.pem", self.folder / "new.pem")
        self.coordinator.start()
        self.expect_counted(self.devices([0], *state) + self.devices([1, 2]))

    def test_a_renewed_file_in_front_of_the_old_one_is_an_identity(self):
        old = self.coordinator.enroll("watch-0")
        self.authority("renew", "watch-0", "-o", self.folder / "renewed.pem")
        both = (self.folder / "renewed.pem").read_text() + old.read_text()
        pathlib.Path(old).write_text(both)
        self.expect_counted(self.devices(range(3)))


if __name__ == "__main__":
    unittest.main()
