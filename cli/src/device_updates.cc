#include "device_updates.h"

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "output.h"
#include "places.h"
#include "sotto/base/clock.h"
#include "sotto/base/hex.h"
#include "sotto/client/grpc_transport.h"
#include "sotto/client/update_folder.h"
#include "sotto/crypto/primitives.h"
#include "sotto/host/repeated_task.h"
#include "sotto/identity/identity_file.h"

namespace sotto::cli {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kTurn{200};
constexpr milliseconds kAfterFailure{60'000};  // and up to as long again

}  // namespace

class UpdateKeeper::Impl {
 public:
  Impl(DeviceUpdateOptions options, std::unique_ptr<identity::OwnedIdentity> identity,
       client::UpdateFolder folder, std::unique_ptr<client::Transport> transport)
      : options_(std::move(options)),
        identity_(std::move(identity)),
        folder_(std::move(folder)),
        transport_(std::move(transport)),
        turns_(kTurn, [this] { turn(); }) {}

 private:
  void turn() {
    if (SteadyClock::now() < next_) return;
    const auto looked = folder_.look(*transport_, random_, unix_seconds(SystemClock().now()));
    if (!looked) return failed(looked.error());
    said_.clear();
    next_ = SteadyClock::now() + looked->ask_again;
    if (looked->taken) taken(*folder_.newest());
  }

  // The same twice in a row is said once.
  void failed(const Status& status) {
    next_ = SteadyClock::now() + kAfterFailure +
            milliseconds(random_.below(static_cast<std::uint64_t>(kAfterFailure.count())));
    if (!options_.quiet && status.message() != said_) {
      std::fprintf(stderr, "sotto: no update of the model: %s; trying again\n",
                   terminal_text(status.message()).c_str());
    }
    said_ = status.message();
  }

  void taken(const model_update::Manifest& manifest) const {
    const std::string file = folder_.newest_file().string();
    if (options_.json) {
      const nlohmann::json line = {{"update", file},
                                   {"task", manifest.task.view()},
                                   {"sequence", json_number(manifest.sequence)},
                                   {"sha256", to_hex(manifest.digest)}};
      std::printf("%s\n", line.dump().c_str());
      std::fflush(stdout);
    } else if (!options_.quiet) {
      std::fprintf(stderr, "took update %llu of task %s: %s\n",
                   static_cast<unsigned long long>(manifest.sequence), options_.task.c_str(), file.c_str());
    }
  }

  const DeviceUpdateOptions options_;
  const std::unique_ptr<identity::OwnedIdentity> identity_;
  client::UpdateFolder folder_;
  const std::unique_ptr<client::Transport> transport_;
  crypto::SystemRandom random_;
  SteadyClock::time_point next_{};
  std::string said_;
  host::RepeatedTask turns_;  // last: it uses the others
};

UpdateKeeper::UpdateKeeper(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
UpdateKeeper::~UpdateKeeper() = default;

Result<std::unique_ptr<UpdateKeeper>> UpdateKeeper::start(const DeviceUpdateOptions& options,
                                                          const client::DeviceOptions& device) {
  if (options.folder.empty()) return std::unique_ptr<UpdateKeeper>();
  const auto owner = identity::load_public_key(options.owner_file);
  if (!owner) return owner.error();
  std::unique_ptr<identity::OwnedIdentity> identity;
  if (!device.identity_file.empty()) {
    auto enrolled = identity::load_enrolled_key(device.identity_file, secagg::Role::kDevice);
    if (!enrolled) return enrolled.error();
    identity = std::make_unique<identity::OwnedIdentity>(std::move(*enrolled));
  }
  auto folder = client::UpdateFolder::open({.folder = options.folder,
                                            .device_id = device.device_id,
                                            .task = options.task,
                                            .device_class = options.device_class,
                                            .owner = *owner,
                                            .identity = identity ? &identity->get() : nullptr});
  if (!folder) return folder.error();
  auto transport = client::make_device_transport(device);
  if (!transport) return transport.error();
  return std::unique_ptr<UpdateKeeper>(new UpdateKeeper(
      std::make_unique<Impl>(options, std::move(identity), std::move(*folder), std::move(*transport))));
}

void add_device_update_options(CLI::App& run, DeviceUpdateOptions& options) {
  CLI::Option* folder = run.add_option(
      "--updates", options.folder,
      "Folder in which the newest signed update of this device's model is kept, whole or not at all");
  CLI::Option* owner = run.add_option("--updates-key", options.owner_file,
                                      "The public key of whoever signs updates, from `sotto model key`");
  CLI::Option* device_class =
      run.add_option("--updates-class", options.device_class, "The class of devices that this one is of");
  CLI::Option* task =
      run.add_option("--updates-task", options.task, "The task whose model it is, as updates name it");
  owner->check(readable_file())->needs(folder);
  for (CLI::Option* option : {owner, device_class, task}) folder->needs(option);
  device_class->needs(folder);
  task->needs(folder);
}

}  // namespace sotto::cli
