// Sotto's device client: a Trainer, a few options, and a loop.
//
//   sotto::client::DeviceOptions options{.coordinator = "coordinator.example:7443", .ca_file = "ca.pem",
//                                        .identity_file = "kitchen-7.pem",
//                                        .device_id = "kitchen-7", .population = "thermostats",
//                                        .ledger_file = "kitchen-7.ledger"};
//   auto device = sotto::client::Device::connect(options, trainer);
//   if (!device) { ... device.error().message() ... }
//   for (;;) log(device->take_part());
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "sotto/base/result.h"
#include "sotto/client/ledger_budgets.h"
#include "sotto/client/trainer.h"
#include "sotto/secagg/identity.h"

namespace sotto::client {

struct DeviceOptions {
  std::string coordinator{};  // host:port
  // host:port of a gateway, in the place of coordinator and ca_file: calls then travel in the frames of
  // boards, and the gateway knows the coordinator.
  std::string gateway{};
  // The coordinator's CA certificate (PEM); `sotto serve` prints where it is.
  std::filesystem::path ca_file{};
  std::string device_id{};                // 1 .. 64 bytes of [A-Za-z0-9._-], unique in the fleet
  std::string population{};               // which tasks this device may serve
  std::filesystem::path identity_file{};  // from `sotto authority enroll`; without it most tasks are refused
  // Holds the private key when identity_file does not, a secure element for instance; must outlive the
  // device.
  secagg::Signer* signer = nullptr;
  // Public keys of the mask helpers the owner trusts, for one-shot tasks: one, or two if there must be two.
  std::vector<std::filesystem::path> helper_key_files{};
  std::filesystem::path state_file{};  // survives restarts; empty: keep nothing
  // Where somebody brings the newest bulletin of the device's authority; looked at before each check-in. The
  // coordinator brings it, too. What was taken last is kept beside the state file, as <state_file>.bulletin.
  std::filesystem::path bulletin_file{};
  // What left this device, over restarts (ledger.h). Empty: what left is forgotten when the process ends, and
  // the device says so.
  std::filesystem::path ledger_file{};
  LedgerBudgets budgets{};
  // What the examples are. Plans of tasks that say otherwise are refused, with both values; what is empty
  // here or there is not compared.
  proto::InputSchema input{};
  std::uint64_t parameters_max = 1 << 20;
  std::uint16_t cohort_min = 8;       // never take part in a smaller cohort, 3 .. 10000
  std::uint16_t honest_min = 4;       // never in a task that promises fewer honest devices in every sum
  float corrupt_fraction_min = 0.1f;  // never in a task that withstands fewer colluding devices, 0 .. 0.5
  bool allow_curious = false;  // true also serves tasks that only withstand a coordinator that does not lie
  // True also serves plain and float tasks: the coordinator then sees this update.
  bool allow_unmasked = false;
  // Called with one sentence whenever the device starts to wait or moves on. May be empty.
  std::function<void(const std::string&)> progress{};
  // Called once with the reason when the first call of all does not reach the coordinator: the address may be
  // wrong. The device goes on trying. May be empty.
  std::function<void(const Status&)> unreachable{};
};

struct Participation {
  bool counted = false;  // the update is in a sum
  Status status;         // why not, when not
  std::string outcome;   // a sentence
  std::uint64_t uplink_bytes = 0;
  // By the owner's rules, or because it cannot be trained here: the status says which. It is the task's
  // operator who can change that, so the next call waits, longer each time in a row, up to ten minutes.
  bool plan_refused = false;
  std::chrono::milliseconds check_in_after{0};  // take_part() honours it by itself
};

class DeviceLoop;

// May be moved while no call is under way; moved from, it may only be assigned to or destroyed.
class Device final {
 public:
  // Checks the options, reads ca_file, identity_file and helper_key_files, and opens ledger_file; does not
  // connect yet. `trainer` must outlive the device. kDataLoss when the ledger is damaged, kUnavailable when
  // another device keeps it.
  [[nodiscard]] static Result<Device> connect(const DeviceOptions& options, Trainer& trainer);
  ~Device();
  Device(Device&& other) noexcept;
  Device& operator=(Device&& other) noexcept;

  // Takes part in one round: waits for the coordinator's window, checks in until given a plan, trains, and
  // stays until the session ends. Retries lost calls with jitter. Blocks; call from one thread.
  [[nodiscard]] Participation take_part();
  // Makes take_part() leave its session and return soon (not before a running Trainer::train() returns);
  // later calls return at once. What the state file holds is kept for the next start. Any thread, and safe in
  // a signal handler.
  void stop();

 private:
  explicit Device(std::unique_ptr<DeviceLoop> loop);
  std::unique_ptr<DeviceLoop> loop_;
};

}  // namespace sotto::client
