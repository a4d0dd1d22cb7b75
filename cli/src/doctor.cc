// `sotto doctor`: what is wrong with a data directory, and what to do.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "commands.h"
#include "output.h"
#include "sotto/base/clock.h"
#include "sotto/client/ledger.h"
#include "sotto/host/file.h"
#include "sotto/identity/identity_file.h"
#include "sotto/identity/key_file.h"
#include "sotto/identity/step.h"
#include "sotto/server/doctor.h"

namespace sotto::cli {
namespace {

using server::Examination;
using std::filesystem::path;

struct DoctorOptions {
  std::string data_dir;
  bool json = false;
};

// Certificates, bulletins and public keys may lie beside an identity; what can no longer be told is taken for
// one.
bool is_another_kind(const path& pem) {
  const auto text = identity::read_key_file(pem);
  if (!text || !text->has_value()) return false;
  const std::string_view words = (*text)->reveal_text();
  const auto holds = [&](std::string_view label) { return words.find(label) != std::string_view::npos; };
  return holds("BEGIN CERTIFICATE") || holds("AUTHORITY BULLETIN") ||
         (holds("BEGIN PUBLIC KEY") && !holds("PRIVATE KEY") && !holds("ENDORSEMENT"));
}

// Each identity of the folder, and the ledger beside it when there is or was one.
std::vector<Examination> examine_devices(const path& folder) {
  std::vector<Examination> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const path& file = entry.path();
    if (file.extension() == ".pem") {
      if (is_another_kind(file)) continue;
      found.push_back({file.string() + ": a device's identity",
                       identity::load_enrolled_key(file, secagg::Role::kDevice).status()});
    } else if (file.extension() == ".ledger" ||
               (file.string().ends_with(".ledger.step") && !host::is_there(path(file).replace_extension()))) {
      const path ledger = file.extension() == ".ledger" ? file : path(file).replace_extension();
      found.push_back({ledger.string() + ": what has left the device", client::read_ledger(ledger).status()});
    }
  }
  if (error) found.push_back({folder.string(), io_error("cannot list it: " + error.message())});
  return found;
}

struct Kind {
  const char* name;
  std::vector<Examination> found;
  const char* words_when_running = "";
};

constexpr const char* kCoordinatorRuns =
    "a coordinator runs on this folder, so that its store cannot be judged: stop it first, or make a `sotto "
    "backup`, which is checked as it is written";
constexpr const char* kHelperRuns =
    "a mask helper runs on this folder, so that its record cannot be judged: stop it first";
constexpr const char* kDeviceRuns =
    "a device runs with this ledger, so that it cannot be judged: stop it first";

// By the process that the folder belongs to.
bool is_in_use(const Examination& check) { return check.status.code() == StatusCode::kUnavailable; }

Kind examine(const path& folder) {
  const Time now = SystemClock().now();
  if (host::is_there(folder / "sotto.db") || host::is_there(identity::step_path(folder / "sotto.db")) ||
      host::is_there(folder / "coordinator-key.pem")) {
    return {"coordinator", server::examine_coordinator(folder, now), kCoordinatorRuns};
  }
  if (host::is_there(folder / "answered.db") || host::is_there(folder / "helper-key.hex")) {
    return {"mask helper", server::examine_mask_helper(folder, now), kHelperRuns};
  }
  Kind kind{"device", examine_devices(folder), kDeviceRuns};
  if (kind.found.empty()) return kind;
  for (Examination& check : server::examine_private_keys(folder)) kind.found.push_back(std::move(check));
  return kind;
}

ExitCode run(const DoctorOptions& options) {
  const Kind kind = examine(options.data_dir);
  bool sound = !kind.found.empty();
  bool running = false;
  nlohmann::json checks = nlohmann::json::array();
  for (const Examination& check : kind.found) {
    const bool in_use = is_in_use(check);
    running = running || in_use;
    sound = sound && (check.status.ok() || in_use);
    const std::string problem = in_use ? kind.words_when_running : check.status.message();
    checks.push_back({{"what", check.what},
                      {"sound", in_use ? nlohmann::json() : nlohmann::json(check.status.ok())},
                      {"problem", problem}});
    if (options.json) continue;
    std::printf("%-9s %s\n",
                in_use              ? "in use"
                : check.status.ok() ? "sound"
                                    : "NOT SOUND",
                terminal_text(check.what).c_str());
    if (!check.status.ok()) std::printf("          %s\n", terminal_text(problem).c_str());
  }
  if (options.json) {
    print_json({{"data_dir", options.data_dir},
                {"kind", kind.name},
                {"running", running},
                {"sound", sound},
                {"checks", checks}});
  } else if (kind.found.empty()) {
    std::printf("%s holds nothing of a coordinator, a mask helper or a device\n", options.data_dir.c_str());
  }
  return sound ? ExitCode::kDone : ExitCode::kFailed;
}

}  // namespace

void add_doctor_command(CLI::App& app, ExitCode& exit_code) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = app.add_subcommand(
      "doctor",
      "Say what is wrong with the data directory of a coordinator or mask helper, or with the folder of a\n"
      "device's identity and ledger, and what to do. While one runs, what it holds open cannot be judged.\n"
      "Exit code 1 when something is wrong.");
  command->add_option("--data-dir", options->data_dir, "The folder to examine")
      ->required()
      ->check(CLI::ExistingDirectory);
  command->add_flag("--json", options->json, "Print JSON for scripts");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace sotto::cli
