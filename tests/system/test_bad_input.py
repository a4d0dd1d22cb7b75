"""Wrong input gets an error that says what, where and what to do; nothing crashes."""

import os
import pathlib
import subprocess
import unittest

from sotto_process import (SMALL_FLEET, Coordinator, CoordinatorOfAnAuthorityElsewhere, Device, SystemTest,
                           free_port, run, run_ok, wait_until, write_task)


def serve(data_dir, address=None):
    """A coordinator that is expected to end by itself."""
    return run("serve", "--local-authority", "--data-dir", data_dir, "--listen",
               address or f"127.0.0.1:{free_port()}", timeout=30)


class CommandLine(SystemTest):
    def test_unknown_flags_commands_and_values_are_usage_errors(self):
        self.assert_refused(run("simulate", "motion", "--no-such-flag"), 2, "--no-such-flag")
        self.assert_refused(run("simulat"), 2, "simulat", "simulate")
        self.assert_refused(run("task", "crate"), 2, "crate", "create")
        self.assert_refused(run("simulate", "cifar"), 2, "cifar", "motion")
        self.assert_refused(run("simulate", "motion", "--aggregation", "magic"), 2, "magic", "secure")
        self.assert_refused(run("simulate", "motion", "--rounds", "-1"), 2, "--rounds")
        self.assert_refused(run("simulate", "motion", "--dropout", "1.5"), 2, "--dropout")
        self.assert_refused(run("simulate", "motion", "--learning-rate", "fast"), 2, "--learning-rate")
        self.assert_refused(run("simulate", "motion", "--batch-size", "0"), 2, "batch_size = 0", "1 .. 65536")
        self.assert_refused(run("simulate", "motion", "--momentum", "1"), 2, "momentum = 1", "below 1")
        self.assert_refused(run(), 2, "subcommand")

    def test_values_that_contradict_each_other_are_named(self):
        self.assert_refused(run("simulate", "motion", "--devices", 2), 2, "3")
        self.assert_refused(run("simulate", "motion", "--devices", 5, "--clients-per-round", 6), 2, "6", "5")
        self.assert_refused(run("simulate", "motion", "--learning-rate", "-1"), 2, "learning")

    def test_help_teaches(self):
        for command in ([], ["simulate"], ["serve"], ["task", "create"], ["device", "run"],
                        ["dataset", "convert"]):
            done = run(*command, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertGreater(len(done.stdout), 200)

    def test_results_that_cannot_be_written_are_reported(self):
        self.assert_refused(run("simulate", "motion", "--devices", 4, "--rounds", 1, "--json",
                                "/nonexistent/x.json"), 1,
                            "/nonexistent/x.json")


class DataFiles(SystemTest):
    def test_missing_data_is_named(self):
        self.assert_refused(run("simulate", "har", "--data", "/nonexistent"), 2, "/nonexistent")
        done = run("simulate", "har")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("--data", done.stderr)

    def test_a_truncated_file_is_named(self):
        source = self.require_data("uci_har")
        copy = self.folder / "har"
        copy.mkdir()
        for file in source.glob("*.npy"):
            (copy / file.name).symlink_to(file)
        cut = copy / "s05_x.npy"
        content = cut.read_bytes()
        cut.unlink()
        cut.write_bytes(content[: len(content) // 2])
        done = run("simulate", "har", "--data", copy, "--rounds", 1)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("s05_x.npy", done.stderr)

    def test_a_device_folder_without_examples_is_named(self):
        ca = self.folder / "ca.pem"
        ca.write_text("none")
        done = run("device", "run", "--coordinator", "127.0.0.1:1", "--ca", ca, "--id", "a",
                   "--population", "b", "--data", self.folder)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("x.npy", done.stderr)


class TaskFiles(SystemTest):
    def create(self, text):
        path = self.folder / "task.toml"
        path.write_text(text)
        return run("task", "create", "--file", path, "--data-dir", self.folder)

    def test_errors_name_file_line_and_key(self):
        self.assert_refused(self.create("name = \n"), 2, "task.toml", "line 1")
        self.assert_refused(self.create("nmae = 'x'\n"), 2, "task.toml", "nmae")
        self.assert_refused(self.create("name = 'x'\nrounds = 'many'\n"), 2, "line 2", "rounds")
        self.assert_refused(self.create("rounds = -4\n"), 2, "rounds", "negative")
        self.assert_refused(self.create("name = 'x'\n"), 2, "population is missing")
        self.assert_refused(self.create("[server]\nrate = 1\n"), 2, "line 2", "server.rate",
                            "learning_rate, momentum")
        self.assert_refused(self.create("[aggregation]\nkind = 'magic'\n"), 2, "aggregation.kind", "secure")

    def test_the_example_is_a_valid_task(self):
        done = run("task", "create", "--file", write_task(self.folder), "--data-dir", self.folder)
        self.assert_refused(done, 1, "admin.sock")  # valid: it only lacks a coordinator


class Server(SystemTest):
    def test_no_coordinator_is_said_so(self):
        self.assert_refused(run("task", "list", "--data-dir", self.folder), 1, "admin.sock", "sotto serve")

    def test_a_port_in_use_is_named(self):
        with Coordinator(self.folder / "one") as one:
            done = serve(self.folder / "two", one.address)
            self.assert_refused(done, 1, one.address, "in use")

    def test_a_second_coordinator_on_one_data_directory_is_refused(self):
        with Coordinator(self.folder / "one") as one:
            done = serve(one.data_dir)
            self.assert_refused(done, 1, "another")
            self.assertEqual(run("task", "list", "--data-dir", one.data_dir).returncode, 0)

    def test_a_corrupt_database_is_refused_and_left_alone(self):
        data_dir = self.folder / "one"
        with Coordinator(data_dir) as one:
            one.admin("task", "create", "--file", write_task(self.folder))
            one.end()
        database = next(data_dir.glob("*.db"))
        content = bytearray(database.read_bytes())
        content[0:64] = os.urandom(64)
        database.write_bytes(content)
        done = serve(data_dir)
        self.assert_refused(done, 1, database.name)
        self.assertEqual(database.read_bytes(), bytes(content))

    def test_somebody_elses_folder_is_refused_and_left_alone(self):
        folder = self.folder / "holiday"
        folder.mkdir(mode=0o755)
        (folder / "picture.jpg").write_bytes(b"x")
        folder.chmod(0o755)
        self.assert_refused(serve(folder), 1, str(folder), "none of a coordinator's", "empty")
        self.assertEqual(folder.stat().st_mode & 0o777, 0o755)
        self.assertEqual([entry.name for entry in folder.iterdir()], ["picture.jpg"])

    def test_a_bad_listen_address_is_named(self):
        for address in ("nonsense", "127.0.0.1:notaport", "127.0.0.1:99999"):
            done = serve(self.folder / "one", address)
            self.assertIn(done.returncode, (1, 2))
            self.assertIn(address, done.stderr)

    def test_duplicate_and_unknown_tasks_are_named(self):
        with Coordinator(self.folder / "one") as one:
            file = write_task(self.folder)
            one.admin("task", "create", "--file", file)
            again = run("task", "create", "--file", file, "--data-dir", one.data_dir)
            self.assert_refused(again, 1, "activity", "exists")
            self.assert_refused(run("task", "show", "other", "--data-dir", one.data_dir), 1, "other",
                                "activity")
            self.assert_refused(run("round", "show", "activity", "9", "--data-dir", one.data_dir), 1, "9")


class Enrolment(SystemTest):
    def setUp(self):
        super().setUp()
        self.authority = self.folder / "authority"
        run_ok("authority", "create", "--authority", self.authority)

    def test_an_identity_is_written_for_its_holder_alone(self):
        file = self.folder / "kitchen-7.pem"
        said = run_ok("authority", "enroll", "kitchen-7", "--authority", self.authority, "-o", file)
        self.assertIn("kitchen-7", said)
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        self.assertEqual([line for line in file.read_text().splitlines() if "BEGIN" in line],
                         ["-----BEGIN PRIVATE KEY-----", "-----BEGIN SOTTO DEVICE ENDORSEMENT-----",
                          "-----BEGIN PUBLIC KEY-----"])

    def test_a_key_made_elsewhere_is_endorsed_without_being_seen(self):
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-out", self.folder / "key.pem"], check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", self.folder / "key.pem", "-pubout", "-out",
                        self.folder / "public.pem"],
                       check=True, capture_output=True)
        file = self.folder / "identity.pem"
        run_ok("authority", "enroll", "kitchen-8", "--authority", self.authority, "--public-key",
               self.folder / "public.pem", "-o", file)
        self.assertNotIn("PRIVATE", file.read_text())
        self.assertIn("DEVICE ENDORSEMENT", file.read_text())

    def test_wrong_use_is_named(self):
        out = self.folder / "out.pem"
        nowhere = self.folder / "none"
        self.assert_refused(run("authority", "enroll", "a", "--authority", nowhere, "-o", out), 1, "none",
                            "sotto authority create")
        self.assert_refused(run("authority", "enroll", "--authority", self.authority, "-o", out), 2, "name")
        self.assert_refused(run("authority", "enroll", "küche", "--authority", self.authority, "-o", out), 2,
                            "printable ASCII")
        self.assert_refused(run("authority", "enroll", "a", "--authority", self.authority, "--days", 0, "-o",
                                out), 2, "--days")
        self.assert_refused(run("authority", "enroll", "a", "--authority", self.authority), 2, "--output")
        self.assert_refused(run("authority", "create", "--authority", self.authority), 1, "already")
        garbage = self.folder / "garbage.pem"
        garbage.write_text("garbage")
        self.assert_refused(run("authority", "enroll", "a", "--authority", self.authority, "--public-key",
                                garbage, "-o", out), 2,
                            "garbage.pem", "PUBLIC KEY")
        self.assertFalse(out.exists())

    def test_an_identity_is_never_overwritten(self):
        file = self.folder / "kitchen-7.pem"
        run_ok("authority", "enroll", "kitchen-7", "--authority", self.authority, "-o", file)
        before = file.read_text()
        self.assert_refused(run("authority", "enroll", "other", "--authority", self.authority, "-o", file), 2,
                            "kitchen-7.pem", "exists")
        self.assertEqual(file.read_text(), before)

    def test_a_coordinator_without_the_authoritys_key_needs_its_endorsement(self):
        data_dir = self.folder / "one"
        public = self.authority / "authority.pem"
        serve = ["serve", "--data-dir", data_dir, "--listen", f"127.0.0.1:{free_port()}", "--authority",
                 public]
        self.assert_refused(run(*serve, timeout=30), 1, "coordinator-public.pem",
                            "sotto authority enroll", "--plan-endorsement")
        endorsement = self.folder / "endorsement.pem"
        run_ok("authority", "enroll", "one", "--coordinator", "--authority", self.authority, "--public-key",
               data_dir / "coordinator-public.pem", "-o", endorsement)
        with CoordinatorOfAnAuthorityElsewhere(data_dir, extra=["--authority", public, "--plan-endorsement",
                                                                endorsement]) as one:
            self.assertFalse((data_dir / "authority").exists())
            self.assertIn("enrol devices where", one.log_text())

        foreign = self.folder / "foreign"
        run_ok("authority", "create", "--authority", foreign)
        self.assert_refused(run(*serve[:-1], foreign / "authority.pem", "--plan-endorsement", endorsement,
                                timeout=30), 2,
                            "endorsement.pem", "another authority")
        device = self.folder / "device.pem"
        run_ok("authority", "enroll", "a", "--authority", self.authority, "-o", device)
        self.assert_refused(run(*serve, "--plan-endorsement", device, timeout=30), 2, "device.pem",
                            "of a device")
        (data_dir / "coordinator-key.pem").unlink()
        self.assert_refused(run(*serve, "--plan-endorsement", endorsement, timeout=30), 2, "another key")

    def test_a_coordinator_makes_an_authority_at_its_first_start_and_keeps_it(self):
        data_dir = self.folder / "one"
        with Coordinator(data_dir) as one:
            self.assertIn("sotto authority enroll NAME --authority", one.log_text())
            one.end()
        made = (data_dir / "authority" / "authority.pem").read_text()
        with Coordinator(data_dir) as one:
            one.end()
        self.assertEqual((data_dir / "authority" / "authority.pem").read_text(), made)
        (data_dir / "authority" / "authority-key.pem").unlink()
        done = serve(data_dir)
        self.assert_refused(done, 1, "authority", "--plan-endorsement")


    def test_an_authority_is_made_beside_a_coordinator_only_when_asked_for(self):
        data_dir = self.folder / "one"
        serve = ["serve", "--data-dir", data_dir, "--listen", f"127.0.0.1:{free_port()}"]
        self.assert_refused(run(*serve, timeout=30), 1, "--local-authority", "invent devices")
        self.assertFalse((data_dir / "authority").exists())
        self.assert_refused(run(*serve, "--local-authority", "--authority", self.authority / "authority.pem",
                                timeout=30), 2, "--local-authority")


class Identities(SystemTest):
    """Who a device is, and which plans it takes."""

    def device(self, coordinator, *extra):
        data = self.folder / "motion"
        if not data.exists():
            run_ok("dataset", "export", "motion", data, "--devices", 3)
        folder = next(p for p in sorted(data.iterdir()) if p.name != "test" and p.is_dir())
        return run("device", "run", "--coordinator", coordinator.address, "--ca", coordinator.ca, "--id",
                   "d", "--population",
                   "wearables", "--data", folder, "--rounds", 1, "--quiet", *SMALL_FLEET, *extra,
                   timeout=60)

    def serve(self, name="one", **task):
        coordinator = Coordinator(self.folder / name).start()
        self.addCleanup(coordinator.end)
        coordinator.admin("task", "create", "--file", write_task(self.folder, **task))
        return coordinator

    def test_a_file_that_is_no_identity_of_a_device_is_named(self):
        one = self.serve()
        self.assert_refused(self.device(one, "--identity", self.folder / "none.pem"), 2, "none.pem")
        garbage = self.folder / "garbage.pem"
        garbage.write_text("garbage")
        self.assert_refused(self.device(one, "--identity", garbage), 2, "garbage.pem",
                            "sotto authority enroll")
        self.assert_refused(self.device(one, "--identity", one.ca), 2, "ca.pem", "sotto authority enroll")
        cut = self.folder / "cut.pem"
        cut.write_text(one.enroll("d").read_text()[:-60])
        self.assert_refused(self.device(one, "--identity", cut), 2, "cut.pem", "cut short")
        coordinators = self.folder / "coordinators.pem"
        run_ok("authority", "enroll", "one", "--coordinator", "--authority", one.authority, "-o",
               coordinators)
        self.assert_refused(self.device(one, "--identity", coordinators), 2, "coordinators.pem",
                            "of a coordinator")
        # The identity of one device with the authority of another.
        mixed = self.folder / "mixed.pem"
        run_ok("authority", "create", "--authority", self.folder / "foreign")
        mark = "-----BEGIN PUBLIC KEY-----"
        mixed.write_text(one.enroll("d").read_text().split(mark)[0]
                         + (self.folder / "foreign/authority.pem").read_text())
        self.assert_refused(self.device(one, "--identity", mixed), 2, "mixed.pem", "not by the authority")

    def test_a_device_that_is_not_enrolled_takes_no_plan(self):
        self.assert_refused(self.device(self.serve()), 5, "enrolled devices only", "sotto authority enroll")

    def test_a_device_of_another_authority_takes_no_plan(self):
        one = self.serve()
        foreign = self.folder / "foreign"
        run_ok("authority", "create", "--authority", foreign)
        run_ok("authority", "enroll", "d", "--authority", foreign, "-o", self.folder / "d.pem")
        self.assert_refused(self.device(one, "--identity", self.folder / "d.pem"), 5,
                            "endorsement does not verify", "authority")

    def expect_waiting(self, coordinator, name, words, *extra):
        """A device that refuses the task's plan says why, once, and stays: its operator may mend the task."""
        folder = self.folder / "motion" / "wearer-1"
        device = Device(coordinator, name, folder, ["--quiet", *extra])
        self.addCleanup(device.end)
        wait_until(lambda: words in device.log_text(), what=words)
        self.assertIsNone(device.process.poll(), device.log_text())
        self.assertEqual(device.log_text().count("not counted: plan refused"), 1, device.log_text())
        return device

    def test_a_task_of_another_input_is_refused_with_both_values(self):
        run_ok("dataset", "export", "motion", self.folder / "motion", "--devices", 3)
        one = self.serve(unit="m/s2", labels="still,walking,running,stairs,cycling,flying")
        self.expect_waiting(one, "d",
                            'input.unit is "m/s2" in the task, "standard deviations" on this device')
        [shown] = wait_until(lambda: [d for d in one.admin("device", "list") if d["kept_from"]],
                             what="the operator to see why")
        self.assertIn('input.unit is "m/s2"', shown["kept_from"])

    def test_plans_that_protect_less_than_the_owner_asks_for_are_refused_and_others_waited_for(self):
        run_ok("dataset", "export", "motion", self.folder / "motion", "--devices", 3)
        one = self.serve(adversary="curious")
        curious = self.expect_waiting(one, "d", "--allow-curious is off")
        self.assertIn("curious", curious.log_text())
        # The next rule, no longer that one.
        self.expect_waiting(one, "another", "no cohort below 9", "--allow-curious", "--cohort-min", 9)
        two = self.serve("two", corrupt_fraction=0.05)
        self.expect_waiting(two, "e", "corrupt_fraction of 0.05", "--corrupt-fraction-min", 0.1)

    def test_a_plain_task_ends_no_device_whose_owner_forbids_it(self):
        run_ok("dataset", "export", "motion", self.folder / "motion", "--devices", 3)
        one = self.serve(kind="plain")
        device = self.expect_waiting(one, "d", "--allow-unmasked is off")
        self.assertEqual(device.end(), 0)


class Certificates(SystemTest):
    def device(self, coordinator, ca, timeout=60):
        data = self.folder / "motion"
        if not data.exists():
            run_ok("dataset", "export", "motion", data, "--devices", 3)
        folder = next(p for p in sorted(data.iterdir()) if p.name != "test" and p.is_dir())
        return run("device", "run", "--coordinator", coordinator.address, "--ca", ca, "--id", "d",
                   "--population", "wearables", "--data", folder, "--rounds", 1, timeout=timeout)

    def test_a_foreign_certificate_authority_is_named(self):
        with Coordinator(self.folder / "one") as one, Coordinator(self.folder / "two") as two:
            done = self.device(one, two.ca)
            self.assert_refused(done, 5, "certificate", one.address)

    def test_an_expired_server_certificate_is_named(self):
        subprocess.run(["openssl", "version"], check=True, capture_output=True)
        data_dir = self.folder / "one"
        with Coordinator(data_dir) as one:
            one.end()
        tls = data_dir / "tls"
        # Sign an already expired certificate with the coordinator's own CA,
        # as a stopped clock would leave it.
        script = f"""
            set -e; cd {tls}
            openssl ecparam -name prime256v1 -genkey -noout -out expired.key
            openssl req -new -key expired.key -subj /CN=localhost -out expired.csr
            printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' > extensions
            openssl x509 -req -in expired.csr -CA ca.pem -CAkey ca-key.pem -set_serial 99 -days -1 \\
                -extfile extensions -out expired.pem
        """
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        # A plain TLS server with that certificate stands in for a coordinator whose renewal failed.
        port = free_port()
        server = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert",
                                   tls / "expired.pem", "-key", tls / "expired.key", "-alpn", "h2", "-quiet"],
                                  stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (server.kill(), server.wait(), server.stdin.close()))
        one.port = port
        self.assert_refused(self.device(one, one.ca), 5, "expired")

    def test_a_missing_or_malformed_ca_file_is_named(self):
        with Coordinator(self.folder / "one") as one:
            self.assertIn("nothing.pem", self.device(one, self.folder / "nothing.pem").stderr)
            garbage = self.folder / "garbage.pem"
            garbage.write_text("not a certificate")
            done = self.device(one, garbage)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("garbage.pem", done.stderr)


if __name__ == "__main__":
    unittest.main()
