// A device's ledger: the rounds that it has taken part in and the vectors that have left it, so that neither
// an old plan nor a coordinator that asks again and again gets more of this device's data than its owner
// allows. A coordinator that is told two sums, one with this device and one without, knows its update; so
// what bounds the number of sums is a promise, and what a sum reveals only noise can bound (SECURITY.md).
//
//   plan offered -> look()    join -> join(): the round number is taken    masked vector -> charge()
//
// Round numbers only grow for each coordinator and task. join() and charge() are on the ledger's place before
// they return, and the message leaves after that: a vector that a power cut kept back counts as sent.
//
// Ledger is the core: values in, verdicts out. A DeviceLedger puts a place behind it: a file, or nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/clock.h"
#include "sotto/base/ids.h"
#include "sotto/base/limits.h"
#include "sotto/base/result.h"
#include "sotto/client/ledger_budgets.h"
#include "sotto/crypto/primitives.h"
#include "sotto/proto/messages.h"

namespace sotto::client {

// What a plan says to the ledger.
struct LedgerPlan {
  crypto::Digest coordinator{};  // SHA-256 of the key that signed it; zero when nobody did
  TaskId task{};
  RoundId round{};
  ModelVersion version{};
  crypto::Digest model{};
  crypto::Digest plan{};  // H(plan)
};

// Allowed, or why not: what the coordinator is told and a sentence for the owner.
struct LedgerVerdict {
  std::optional<proto::LedgerReport> refusal{};
  std::string sentence{};
  [[nodiscard]] bool allowed() const { return !refusal; }
};

class Ledger {
 public:
  static constexpr std::size_t kTasksMax = limits::kTasksMax;
  static constexpr std::size_t kModelsMax = 16;

  // Vectors that left for one model. Of a digest 16 bytes are enough to know it again.
  struct Model {
    ModelVersion version{};
    std::array<std::uint8_t, 16> digest{};
    std::uint32_t vectors = 0;
    friend bool operator==(const Model&, const Model&) = default;
  };
  struct Task {
    crypto::Digest coordinator{};
    TaskId task{};
    RoundId round{};        // the last that was joined
    crypto::Digest plan{};  // its H(plan)
    bool sent = false;      // its vector has left
    // That a vector left for in the round's epoch: within one, versions only grow.
    std::optional<ModelVersion> newest{};
    std::uint64_t vectors = 0;
    std::uint64_t last_vector_s = 0;  // when the last one left, after 1970; 0: none, or no clock
    std::uint64_t used = 0;           // by order of use
    std::vector<Model> models{};      // that vectors left for, newest last; the last kModelsMax
    friend bool operator==(const Task&, const Task&) = default;
  };

  // Whether the plan may be taken up, joined, and its vector sent. `now_s` is in seconds after 1970; nothing
  // without a clock.
  [[nodiscard]] LedgerVerdict look(const LedgerPlan& plan, const LedgerBudgets& budgets,
                                   std::optional<std::uint64_t> now_s) const;
  // The device joins the plan's round. Requires that look() allows it.
  void join(const LedgerPlan& plan);
  // A vector leaves. Requires that look() allows it and that join() was the task's last.
  void charge(const LedgerPlan& plan, const LedgerBudgets& budgets, std::optional<std::uint64_t> now_s);

  // One for each coordinator and task, kTasksMax at most: then the longest unused is folded into the next two
  // figures, and its budgets begin anew should it come back. Those of the period do not.
  [[nodiscard]] const std::vector<Task>& tasks() const { return tasks_; }
  [[nodiscard]] std::uint64_t folded_tasks() const { return folded_tasks_; }
  [[nodiscard]] std::uint64_t folded_vectors() const { return folded_vectors_; }
  [[nodiscard]] std::uint64_t vectors() const;                   // that ever left
  [[nodiscard]] std::uint64_t changes() const { return uses_; }  // joins and charges: never less than before
  [[nodiscard]] std::uint64_t period_start_s() const { return period_start_s_; }
  [[nodiscard]] std::uint64_t period_vectors() const { return period_vectors_; }

  // magic "SLDG" || version u8 = 1 || the above || SHA-256 of everything before it.
  [[nodiscard]] std::vector<std::uint8_t> encode() const;
  // kDataLoss when the bytes are not exactly what encode() wrote.
  [[nodiscard]] static Result<Ledger> decode(Bytes bytes);
  static constexpr std::size_t kBytesMax = 256 * 1024;
  friend bool operator==(const Ledger&, const Ledger&) = default;

 private:
  [[nodiscard]] const Task* find(const LedgerPlan& plan) const;
  [[nodiscard]] Task* find(const LedgerPlan& plan);
  [[nodiscard]] bool period_is_over(const LedgerBudgets& budgets, std::optional<std::uint64_t> now_s) const;
  [[nodiscard]] LedgerVerdict look_at_task(const Task& task, const LedgerPlan& plan,
                                           const LedgerBudgets& budgets) const;
  void fold_longest_unused();

  std::vector<Task> tasks_;
  std::uint64_t uses_ = 0;
  std::uint64_t period_start_s_ = 0;
  std::uint64_t period_vectors_ = 0;
  std::uint64_t folded_tasks_ = 0;
  std::uint64_t folded_vectors_ = 0;
};

// What sessions ask. One thread at a time.
class DeviceLedger {
 public:
  virtual ~DeviceLedger() = default;
  // An error says that the place failed: then nothing may be joined and nothing may leave.
  [[nodiscard]] virtual Result<LedgerVerdict> look(const LedgerPlan& plan,
                                                   std::optional<std::uint64_t> now_s) = 0;
  [[nodiscard]] virtual Result<LedgerVerdict> join(const LedgerPlan& plan,
                                                   std::optional<std::uint64_t> now_s) = 0;
  [[nodiscard]] virtual Result<LedgerVerdict> charge(const LedgerPlan& plan,
                                                     std::optional<std::uint64_t> now_s) = 0;
};

// Where a ledger is kept.
class LedgerPlace {
 public:
  virtual ~LedgerPlace() = default;
  // Durable when it returns kOk.
  [[nodiscard]] virtual Status write(Bytes ledger) = 0;
  // Whether the owner has stopped this device.
  [[nodiscard]] virtual Result<bool> stopped() = 0;
};

// `ledger` is what the place holds.
[[nodiscard]] std::unique_ptr<DeviceLedger> keep_ledger(Ledger ledger, const LedgerBudgets& budgets,
                                                        std::unique_ptr<LedgerPlace> place);
// Forgets when the process ends.
[[nodiscard]] std::unique_ptr<DeviceLedger> make_memory_ledger(const LedgerBudgets& budgets);
// In this file, which is made when there is none. Errors: kDataLoss when it is damaged, or missing or older
// than its step beside it knows of (identity/step.h), which is no reason to begin anew; kUnavailable when
// another process keeps it; kPermissionDenied, kIo.
[[nodiscard]] Result<std::unique_ptr<DeviceLedger>> open_ledger(const std::filesystem::path& file,
                                                                const LedgerBudgets& budgets);

// ---- what its owner may see and do, while a device runs or not ----

// kNotFound when there is no such file, kDataLoss when it is damaged.
[[nodiscard]] Result<Ledger> read_ledger(const std::filesystem::path& file);
[[nodiscard]] Result<bool> ledger_is_stopped(const std::filesystem::path& file);
// From now on, and over restarts, the ledger refuses everything, or again what its budgets say.
[[nodiscard]] Status stop_ledger(const std::filesystem::path& file, bool stop);

}  // namespace sotto::client
