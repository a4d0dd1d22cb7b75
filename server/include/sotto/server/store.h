// What the coordinator must not forget: tasks, committed models, round history. Never a device's input.
//
// Used by one thread (the coordinator's). Every mutating call is durable when it returns kOk; on any error
// nothing changed. Errors: kIo (disk), kDataLoss (corrupt, or another program's), kUnavailable (locked by
// another process), kNotFound, kAlreadyExists, kFailedPrecondition (written by a newer version).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sotto/aggregator/server_optimizer.h"
#include "sotto/base/result.h"
#include "sotto/proto/messages.h"

namespace sotto::server {

struct StoredModel {
  ModelVersion version;
  crypto::Digest digest{};  // SHA-256 of `parameters` as little-endian float32
  std::vector<float> parameters;
  aggregator::OptimizerState optimizer_state;
  float clip = 0;  // for the next round's plan, and so are these, when the task's model has segments
  std::vector<float> segment_clips;
  std::int64_t committed_ms = 0;
  std::string note{};  // where it comes from, when that is not a round; models() gives it back
};

// A version that goes back to an older one.
struct RolledBack {
  ModelVersion to;       // whose parameters and clips it has
  ModelVersion version;  // its own, above all
  std::int64_t committed_ms = 0;
  std::string note{};
};

struct StoredTask {
  TaskId id;
  proto::TaskSpec spec;
  proto::TaskState state = proto::TaskState::kActive;
  std::uint32_t rounds_committed = 0;
  std::uint32_t rounds_abandoned = 0;
  RoundId last_round;       // the next one is above it
  RoundId rounds_reserved;  // no round above it may be given to devices; never below a number that was
  StoredModel model;        // last committed
  std::optional<double> best_mean{};  // that its stop rule has seen; of take_up_tasks()
};

// A device that gets no plan until its ban is lifted.
struct Ban {
  std::string device;  // its id, or its identity as 64 hexadecimal digits
  std::string reason{};
  std::int64_t since_ms = 0;
  friend bool operator==(const Ban&, const Ban&) = default;
};
inline constexpr std::size_t kBansMax = 4096;

// The neighbour that says which act was the last to be carried out.
inline constexpr const char* kAuditNeighbour = "audit";

class Store {
 public:
  virtual ~Store() = default;
  // Fails with kAlreadyExists when a task has this name. Its first block of round numbers, of the store's
  // epoch, is reserved (first_rounds()).
  [[nodiscard]] virtual Result<TaskId> create_task(const proto::TaskSpec& spec,
                                                   const StoredModel& initial) = 0;
  [[nodiscard]] virtual Status set_task_state(TaskId task, proto::TaskState state) = 0;
  // Rounds up to `through` may be given to devices from now on. kFailedPrecondition unless that is more than
  // were reserved before: then somebody else uses this store, or it was set back.
  [[nodiscard]] virtual Status reserve_rounds(TaskId task, RoundId through) = 0;
  // The last model has the version `version` from now on, which is newer: devices whose vectors for the older
  // one have left may send another. kFailedPrecondition when it is not newer.
  [[nodiscard]] virtual Status reissue_model(TaskId task, ModelVersion version) = 0;
  // A new version with the bytes and clips of an older one and no optimiser state. kNotFound when that one is
  // not kept, kFailedPrecondition when `version` is not above the last.
  [[nodiscard]] virtual Result<StoredModel> roll_back_model(TaskId task, const RolledBack& back) = 0;
  // Its specification, of the same name, and its state from now on.
  [[nodiscard]] virtual Status edit_task(TaskId task, const proto::TaskSpec& spec,
                                         proto::TaskState state) = 0;
  // The task, its rounds and its models are gone, and no task is ever given its number again.
  [[nodiscard]] virtual Status delete_task(TaskId task, std::int64_t now_ms) = 0;
  // Replaces an earlier ban of the same device.
  [[nodiscard]] virtual Status set_ban(const Ban& ban) = 0;
  // kNotFound when it is not banned.
  [[nodiscard]] virtual Status lift_ban(const std::string& device) = 0;
  // By device.
  [[nodiscard]] virtual Result<std::vector<Ban>> bans() = 0;
  // Of the numbers of new tasks' rounds. Raised when the store was restored from a backup: numbers of the new
  // epoch are above whatever the lost store had given out. Nothing of the new epoch is reserved yet.
  [[nodiscard]] virtual Result<std::uint32_t> epoch() = 0;
  [[nodiscard]] virtual Status raise_epoch() = 0;
  // What the files beside the store were when it was last used with them: name -> SHA-256 of what one says.
  // Those that set_neighbours() does not name stay. A store without files remembers none.
  [[nodiscard]] virtual Result<std::map<std::string, crypto::Digest>> neighbours() {
    return std::map<std::string, crypto::Digest>();
  }
  [[nodiscard]] virtual Status set_neighbours(const std::map<std::string, crypto::Digest>& /*neighbours*/) {
    return {};
  }
  // The next change carries out the act whose line in the audit log has this digest, and is remembered with
  // it (neighbours(), "audit"): so a line whose act a crash prevented is found. Nothing: no act is under way.
  virtual void mark_act(const std::optional<crypto::Digest>& /*line*/) {}
  // A change of nothing else: of an act that is carried out in memory.
  [[nodiscard]] virtual Status note_act() { return {}; }
  [[nodiscard]] virtual Result<std::vector<StoredTask>> load_tasks() = 0;
  // One transaction: the round's record, the new model when committed (nullptr when abandoned), the task's
  // state; and the end of older versions that the task does not keep (is_kept()). Their rounds' records stay.
  [[nodiscard]] virtual Status record_round(const proto::RoundRecord& round, const StoredModel* model,
                                            proto::TaskState state) = 0;
  // Newest first, at most `count_max`.
  [[nodiscard]] virtual Result<std::vector<proto::RoundRecord>> rounds(TaskId task,
                                                                       std::uint32_t count_max) = 0;
  [[nodiscard]] virtual Result<std::vector<proto::ModelRecord>> models(TaskId task) = 0;
  [[nodiscard]] virtual Result<StoredModel> model(TaskId task, ModelVersion version) = 0;
  // kDataLoss once somebody has moved, replaced or removed the store's file while it is in use: no change is
  // taken any more. Any thread.
  [[nodiscard]] virtual Status in_place() const { return {}; }
  // What is stored, in a new file that may be put in the place of the one that has gone.
  [[nodiscard]] virtual Status copy_out(const std::filesystem::path& /*file*/) {
    return failed_precondition("this store is kept in memory");
  }
  // A copy of all that is stored, and of the files beside it, in a new file (backup.h). A store without a
  // file has none: kFailedPrecondition.
  [[nodiscard]] virtual Status backup(const std::filesystem::path& /*file*/) {
    return failed_precondition("this store is kept in memory: there is nothing to back up");
  }
};

// How many newest versions a task keeps: those that devices of open rounds may still fetch, at least. 0: all.
[[nodiscard]] std::uint32_t versions_kept(const proto::TaskSpec& spec);

// What a coordinator goes on with: the store's tasks, with a block of round numbers reserved for each that is
// not complete, above all that an earlier run may have used. Durable when it returns.
[[nodiscard]] Result<std::vector<StoredTask>> take_up_tasks(Store& store);
// The reserved block of a new task: last_round and rounds_reserved.
struct FirstRounds {
  RoundId last;
  RoundId reserved;
};
[[nodiscard]] FirstRounds first_rounds(std::uint32_t epoch);

// Keeps everything in memory: simulations and tests.
[[nodiscard]] std::unique_ptr<Store> make_memory_store();

// SQLite in WAL mode with synchronous=FULL, sealed (hosting/sealed_database.h). Creates the file; migrates
// older schemas forward; refuses newer ones, files that are not a Sotto database, damaged ones and ones that
// were set back (kDataLoss), and a database another process holds (kUnavailable, after `busy_timeout_ms`).
struct SqliteOptions {
  std::filesystem::path path;
  int busy_timeout_ms = 2000;
  // Take a database that was set back, or is missing, all the same; its epoch is then raised above whatever
  // is known to have been used.
  bool accept_older = false;
  std::uint32_t epoch_above = 0;  // which is known of from elsewhere, when an older one is accepted
};
[[nodiscard]] Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options);
// What opening would refuse, without writing anything; kNotFound when there is no file.
[[nodiscard]] Status check_sqlite_store(const SqliteOptions& options);
// And what no start looks at: the bytes of every model version.
[[nodiscard]] Status examine_sqlite_store(const SqliteOptions& options);

}  // namespace sotto::server
