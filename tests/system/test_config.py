"""File, environment and flags; signals; what a running server takes over; what a failed start leaves."""

import json
import os
import pathlib
import resource
import signal
import socket
import ssl
import subprocess
import unittest

from sotto_process import BINARY, Coordinator, MaskHelper, SystemTest, free_port, run, run_ok, wait_until


def names_of(address):
    """The subject names of the certificate that is served there."""
    host, port = address.rsplit(":", 1)
    pem = ssl.get_server_certificate((host, int(port)))
    return subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName"], input=pem, text=True,
                          capture_output=True, check=True).stdout


class ConfigFile(SystemTest):
    def write(self, text):
        path = self.folder / "sotto.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def test_what_is_wrong_with_a_file_is_named_with_its_line(self):
        for text, words in (
                ("[serve]\nlisten = '127.0.0.1:1'\nlogg-level = 'debug'\n",
                 ("line 3", "logg-level", "log-level")),
                ("[serve]\n\nlisten = 7443\n", ("line 3", "listen", "text")),
                ("[serve]\nthreads = '4'\n", ("line 2", "threads", "whole number")),
                ("[serve]\nthreads = 2.5\n", ("line 2", "threads", "whole number")),
                ("[serve]\nthreads = 400\n", ("line 2", "threads", "1 to 256")),
                ("[serve]\nlocal-authority = 'yes'\n", ("line 2", "true or false")),
                ("[serve]\nlisten = ''\n", ("line 2", "listen", "empty")),
                ("[serve]\nraise-epoch = true\n", ("line 2", "raise-epoch")),
                ("[serve]\nlisten = 'somewhere'\n", ("line 2", "listen", "somewhere", "HOST:PORT")),
                ("[serve]\nlisten = '::1:7443'\n", ("line 2", "[::1]:7443")),
                ("[serve]\n\nauthority = 'none.pem'\n", ("line 3", "authority", "there is no file none.pem")),
                ("[serve]\nname = ['a', 'b c']\n", ("line 2", "name", "b c")),
                ("[serve]\ngateway = '10.0.0.0/40'\n", ("line 2", "gateway", "10.0.0.0/40")),
                ("[helper]\nauthority = '/'\n", ("line 2", "it is a folder")),
                ("[device]\ncoordinator = 'x:0'\n", ("line 2", "coordinator", "x:0")),
                ("[device]\nca = 'none.pem'\n", ("line 2", "ca", "none.pem")),
                ("[device]\ndata = 'nowhere'\n", ("line 2", "data", "there is no folder nowhere")),
                ("[helper]\ncohort-min = 99999999999999999999\n", ("line 2",)),
                ("[device]\ncohort-min = 70000\n", ("line 2", "cohort-min")),
                ("[serv]\nlisten = 'a:1'\n", ("line 1", "[serv]", "serve")),
                ("listen = 'a:1'\n", ("line 1", "listen", "[serve]")),
                ("[serve\n", ("line 1",)),
                (b"gibberish\n\0\xff", ("sotto.toml, line",)),
                ("[" + ".".join(["a"] * 50_000) + "]\n", ("dots",)),
                (".".join(["a"] * 100_000) + " = 1\n", ("dots",)),
        ):
            with self.subTest(text=text):
                file = self.write(text)
                self.assert_refused(run("config", "check", file), 2, "sotto.toml", *words)
                of_others = any(name in file.read_bytes() for name in (b"[device]", b"[helper]\nauthority"))
                if text != "[serve]\nthreads = 400\n" and not of_others:
                    done = run("serve", "--config", file, "--data-dir", self.folder / "none", timeout=30)
                    self.assert_refused(done, 2, "sotto.toml")
                    self.assertFalse((self.folder / "none").exists())
        self.assert_refused(run("config", "check", self.folder / "missing.toml"), 2, "missing.toml")
        self.assert_refused(run("task", "create", "--file", file), 2, "sotto.toml", "dots")
        self.assertIn("2 in [serve]", run_ok("config", "check", self.write(
            "[serve]\nlisten = 'a:1'\nname = ['x', 'y']\n")))

    def test_one_section_may_be_checked_where_the_files_of_others_are_not(self):
        file = self.write("[serve]\nlisten = 'a:1'\n[device]\nca = 'none.pem'\n")
        self.assert_refused(run("config", "check", file), 2, "line 4")
        self.assertIn("1 in [serve]", run_ok("config", "check", file, "--section", "serve"))
        self.assertIn("none.pem", run_ok("config", "show", "device", "--config", file), "shown all the same")

    def test_what_a_file_says_does_not_reach_the_terminal_as_it_is(self):
        for text in (b"[serve]\n\x1b[31mred = 1\n", b"[serve]\n\"\\u001b[31m\" = 1\n",
                     "[serve]\n\"\u202e\" = 1\n".encode(), b"[serve]\nlisten = '\x9b31m'\n"):
            done = subprocess.run([BINARY, "config", "check", str(self.write(text))], capture_output=True,
                                  timeout=30, check=False)
            self.assertEqual(done.returncode, 2)
            for raw in (b"\x1b", b"\x9b", "\u202e".encode()):
                self.assertNotIn(raw, done.stderr + done.stdout)
        odd = self.folder / "odd\x1b[31m.db"
        odd.write_text("no backup")
        done = run("restore", "--check", "--from", odd)
        self.assert_refused(done, 2, "odd\\x1b[31m.db is no backup of a coordinator")
        self.assertNotIn("\x1b", done.stderr)

    def test_flags_win_over_variables_and_those_over_the_file(self):
        file = self.write("[serve]\nlisten = '127.0.0.1:1'\nthreads = 3\ndrain-seconds = 7\n"
                          "local-authority = true\nname = ['a.example', 'b.example']\n")
        environment = os.environ | {"SOTTO_CONFIG": str(file), "SOTTO_SERVE_THREADS": "4",
                                    "SOTTO_SERVE_LISTEN": "127.0.0.1:2",
                                    "SOTTO_SERVE_PORT": "tcp://10.0.0.1", "SOTTO_SERVE_DATA_DIR": ""}
        shown = run("config", "show", "serve", "--json", "--listen", "127.0.0.1:3", "--authority", "a.pem",
                    env=environment)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        values = {entry["option"]: (entry["value"], entry["from"]) for entry in json.loads(shown.stdout)}
        self.assertEqual(values["listen"], ("127.0.0.1:3", "flag"))
        self.assertEqual(values["threads"], ("4", "environment variable SOTTO_SERVE_THREADS"))
        self.assertEqual(values["drain-seconds"], ("7", f"{file}, line 4"))
        self.assertEqual(values["name"], ("a.example, b.example", f"{file}, line 6"))
        self.assertEqual(values["log-level"], ("info", "default"))
        self.assertEqual(values["data-dir"], ("sotto-data", "default"), "an empty variable says nothing")
        self.assertEqual(values["local-authority"][0], "false", "a flag that excludes it counts more")

    def test_variables_are_held_to_the_same_rules(self):
        misspelt = run("serve", env=os.environ | {"SOTTO_SERVE_LISTN": "a:1"}, timeout=30)
        self.assert_refused(misspelt, 2, "SOTTO_SERVE_LISTN", "SOTTO_SERVE_LISTEN")
        many = run("serve", env=os.environ | {"SOTTO_SERVE_THREADS": "many"}, timeout=30)
        self.assert_refused(many, 2, "SOTTO_SERVE_THREADS", "--threads")


class RunningServer(SystemTest):
    def test_a_coordinator_runs_by_its_file_and_takes_over_what_it_can_at_sighup(self):
        file = self.folder / "sotto.toml"
        coordinator = Coordinator(self.folder / "one", extra=["--config", file])
        base = "[serve]\nlocal-authority = true\nlog-format = 'json'\n"
        file.write_text(base)
        coordinator.authority_options = ()
        with coordinator:
            lines = [json.loads(line) for line in coordinator.log_text().splitlines()]
            self.assertTrue(all(set(line) >= {"time", "level", "message"} for line in lines), lines)
            self.assertIn(f"listening on {coordinator.address}", [line["message"] for line in lines])
            self.assertNotIn("other.example", names_of(coordinator.address))

            file.write_text(base + "name = 'other.example'\nlog-level = 'debug'\nthreads = 1\n")
            coordinator.process.send_signal(signal.SIGHUP)
            wait_until(lambda: '"reloaded"' in coordinator.log_text(), what="the reload")
            wait_until(lambda: "other.example" in names_of(coordinator.address), what="the new certificate")
            wait_until(lambda: "next start on: --threads" in coordinator.log_text(), what="what waits")

            file.write_text(base + "name = 'third.example'\ncalls-per-second = -1\n")
            coordinator.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "not reloaded" in coordinator.log_text(), what="the refusal")
            self.assertIn("line 5", coordinator.log_text())
            self.assertNotIn("third.example", names_of(coordinator.address))
            self.assertEqual(coordinator.end(), 0)

    def test_a_pipe_in_the_place_of_the_file_holds_nobody_up(self):
        file = self.folder / "sotto.toml"
        file.write_text("[serve]\nlog-level = 'info'\n")
        with Coordinator(self.folder / "coordinator", extra=["--config", str(file)]) as coordinator:
            file.unlink()
            os.mkfifo(file)
            coordinator.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "it is a pipe" in coordinator.log_text(), what="the refusal")
            self.assertEqual(coordinator.end(), 0)

    def test_limits_of_the_door_are_taken_over(self):
        file = self.folder / "sotto.toml"
        file.write_text("[serve]\nconnections-per-address = 2000\n")
        with Coordinator(self.folder / "one", extra=["--config", file]) as one:
            file.write_text("[serve]\nconnections-per-address = 2\n")
            one.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "reloaded" in one.log_text(), what="the reload")

            def turned_away():
                held = [socket.create_connection(("127.0.0.1", one.port)) for _ in range(4)]
                try:
                    held[-1].settimeout(0.5)
                    return held[-1].recv(1) == b""  # closed at once
                except TimeoutError:
                    return False
                except ConnectionResetError:
                    return True
                finally:
                    for each in held:
                        each.close()

            wait_until(turned_away, what="the new limit")
            file.write_text("[serve]\nconnections-per-address = 2\ngateway = '127.0.0.1'\n")
            one.process.send_signal(signal.SIGHUP)
            wait_until(lambda: not turned_away(), what="the gateway's exemption")

    def test_a_helper_reloads_too(self):
        run_ok("helper", "init", "--data-dir", self.folder / "helper")
        run_ok("authority", "create", "--authority", self.folder / "authority")
        file = self.folder / "sotto.toml"
        file.write_text("[helper]\nlog-level = 'info'\n")
        helper = MaskHelper(self.folder / "helper", self.folder / "authority" / "authority.pem",
                            extra=["--config", file]).start()
        self.addCleanup(helper.end)
        file.write_text("[helper]\nname = 'masks.example'\n")
        helper.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "masks.example" in names_of(helper.address), what="the new certificate")

    def test_a_log_that_nobody_reads_any_more_ends_nothing(self):
        data_dir = self.folder / "one"
        command = [BINARY, "serve", "--local-authority", "--data-dir", data_dir, "--listen",
                   f"127.0.0.1:{free_port()}", "--log-level", "debug"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        while b"listening on" not in process.stdout.readline():
            pass
        process.stdout.close()
        task = run_ok("task", "example")
        (self.folder / "task.toml").write_text(task)
        wait_until(lambda: run("task", "list", "--data-dir", data_dir).returncode == 0, what="the socket")
        run_ok("task", "create", "--data-dir", data_dir, "--file", self.folder / "task.toml")
        process.send_signal(signal.SIGHUP)  # says something, to nobody
        run_ok("task", "list", "--data-dir", data_dir)
        process.terminate()
        self.assertEqual(process.wait(timeout=30), 0)

    def test_a_full_disk_below_the_log_ends_nothing(self):
        with open("/dev/full", "wb") as full:
            process = subprocess.Popen([BINARY, "serve", "--local-authority", "--data-dir",
                                        self.folder / "one", "--listen", f"127.0.0.1:{free_port()}"],
                                       stdout=full, stderr=full)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        wait_until(lambda: run("task", "list", "--data-dir", self.folder / "one").returncode == 0,
                   what="the start")
        process.terminate()
        self.assertEqual(process.wait(timeout=30), 0)

    def test_what_libraries_say_is_stamped_and_comes_once(self):
        with Coordinator(self.folder / "one") as one:
            for _ in range(5):
                with socket.create_connection(("127.0.0.1", one.port)) as stranger:
                    stranger.sendall(b"GET / HTTP/1.0\r\n\r\n" * 20)
                    stranger.settimeout(10)
                    try:
                        while stranger.recv(4096):
                            pass
                    except ConnectionResetError:
                        pass
            wait_until(lambda: "library: " in one.log_text(), what="the library's line")
            lines = [line for line in one.log_text().splitlines() if "library: " in line]
            places = [line.split("library: ")[1].split(": ")[0] for line in lines]
            self.assertEqual(len(places), len(set(places)), lines)
            for line in lines:
                self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning library: ")

    def test_the_service_manager_is_told(self):
        path = self.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(path))
            manager.settimeout(30)
            environment = os.environ | {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "600000"}
            process = subprocess.Popen([BINARY, "serve", "--local-authority", "--data-dir",
                                        self.folder / "one", "--listen", f"127.0.0.1:{free_port()}"],
                                       env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.addCleanup(lambda: (process.kill(), process.wait()))

            def heard(word):
                while word not in (said := manager.recv(256).decode()):
                    pass
                return said

            self.assertEqual(manager.recv(256), b"READY=1")
            self.assertEqual(heard("WATCHDOG"), "WATCHDOG=1")
            process.send_signal(signal.SIGHUP)
            self.assertIn("MONOTONIC_USEC=", heard("RELOADING=1"))
            heard("READY=1")
            process.terminate()
            heard("STOPPING=1")
            self.assertEqual(process.wait(timeout=30), 0)

    def test_too_few_open_files_are_said_at_the_start(self):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))

        done = subprocess.run([BINARY, "serve", "--local-authority", "--data-dir", self.folder / "one",
                               "--listen", "127.0.0.1:0"], preexec_fn=few, capture_output=True, text=True,
                              timeout=30)
        self.assert_refused(done, 1, "40 files", "ulimit -n")
        self.assertFalse((self.folder / "one").exists())


class FailedStart(SystemTest):
    def assert_leaves_nothing(self, *options, code, word):
        before = sorted(self.folder.rglob("*"))
        done = run("serve", "--data-dir", self.folder / "new", *options, timeout=30, cwd=self.folder)
        self.assert_refused(done, code, word)
        self.assertEqual(sorted(self.folder.rglob("*")), before)

    def test_leaves_nothing_behind(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            self.assert_leaves_nothing("--local-authority", "--listen", address, code=1, word="in use")
        listen = ("--listen", "127.0.0.1:0")
        authority = ("--local-authority",)
        self.assert_leaves_nothing(*listen, code=1, word="--local-authority")
        self.assert_leaves_nothing(*authority, "--listen", "nonsense", code=2, word="nonsense")
        self.assert_leaves_nothing(*authority, "--listen", "::1:7443", code=2, word="[::1]:7443")
        self.assert_leaves_nothing(*authority, "--listen", "192.0.2.7:0", code=1, word="192.0.2.7")
        self.assert_leaves_nothing(*authority, *listen, "--name", "no name!", code=2, word="no name!")
        self.assert_leaves_nothing(*authority, *listen, "--gateway", "nowhere", code=2, word="nowhere")
        self.assert_leaves_nothing(*listen, "--authority", "missing.pem", code=2, word="missing.pem")
        (self.folder / "key.hex").write_text("00")
        (self.folder / "ca.pem").write_text("none")
        self.assert_leaves_nothing(*authority, *listen, "--helper", "127.0.0.1:1", "--helper-key", "key.hex",
                                   "--helper-ca", "ca.pem", code=2, word="key.hex")
        self.assert_leaves_nothing(*authority, *listen, "--helper", "127.0.0.1:1", "--helper-key", "key.hex",
                                   "--helper-ca", "no-ca.pem", code=2, word="no-ca.pem")

    def test_of_a_helper_leaves_its_directory_as_it_was(self):
        run_ok("helper", "init", "--data-dir", self.folder / "helper")
        run_ok("authority", "create", "--authority", self.folder / "authority")
        before = sorted(self.folder.rglob("*"))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            done = run("helper", "serve", "--data-dir", self.folder / "helper", "--authority",
                       self.folder / "authority" / "authority.pem", "--listen",
                       f"127.0.0.1:{taken.getsockname()[1]}", timeout=30)
        self.assert_refused(done, 1, "in use")
        self.assertEqual(sorted(self.folder.rglob("*")), before)


if __name__ == "__main__":
    unittest.main()
