#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "sotto/server/store.h"

namespace sotto::server {
namespace {

class MemoryStore final : public Store {
 public:
  Result<TaskId> create_task(const proto::TaskSpec& spec, const StoredModel& initial) override {
    for (const auto& [id, entry] : tasks_) {
      if (entry.task.spec.name == spec.name) {
        return Status(StatusCode::kAlreadyExists,
                      fmt::format("a task named '{}' exists: choose another name", spec.name));
      }
    }
    const TaskId id{++last_task_};
    Entry& entry = tasks_[id];
    entry.task.id = id;
    entry.task.spec = spec;
    entry.task.model = initial;
    entry.task.rounds_reserved = first_rounds(epoch_).reserved;
    entry.models.emplace(initial.version, initial);
    return id;
  }

  Status set_task_state(TaskId task, proto::TaskState state) override {
    const auto found = tasks_.find(task);
    if (found == tasks_.end()) return unknown_task(task);
    found->second.task.state = state;
    return {};
  }

  Status reserve_rounds(TaskId task, RoundId through) override {
    const auto found = tasks_.find(task);
    if (found == tasks_.end()) return unknown_task(task);
    RoundId& reserved = found->second.task.rounds_reserved;
    if (through <= reserved) return failed_precondition("rounds up to there are reserved already");
    reserved = through;
    return {};
  }

  Status reissue_model(TaskId task, ModelVersion version) override {
    const auto found = tasks_.find(task);
    if (found == tasks_.end()) return unknown_task(task);
    Entry& entry = found->second;
    if (version <= entry.task.model.version) return not_newer(task, entry.task.model.version);
    entry.models.erase(entry.task.model.version);
    entry.task.model.version = version;
    entry.models.emplace(version, entry.task.model);
    return {};
  }

  Result<StoredModel> roll_back_model(TaskId task, const RolledBack& back) override {
    Result<StoredModel> older = model(task, back.to);
    if (!older) return older.error();
    Entry& entry = tasks_.at(task);
    if (back.version <= entry.task.model.version) return not_newer(task, entry.task.model.version);
    StoredModel next = std::move(*older);
    next.version = back.version;
    next.optimizer_state = {};
    next.committed_ms = back.committed_ms;
    next.note = back.note;
    entry.models.emplace(next.version, next);
    entry.task.model = next;
    return next;
  }

  Status edit_task(TaskId task, const proto::TaskSpec& spec, proto::TaskState state) override {
    const auto found = tasks_.find(task);
    if (found == tasks_.end()) return unknown_task(task);
    found->second.task.spec = spec;
    found->second.task.state = state;
    return {};
  }

  Status delete_task(TaskId task, std::int64_t) override {
    return tasks_.erase(task) == 1 ? Status() : unknown_task(task);
  }

  Status set_ban(const Ban& ban) override {
    bans_[ban.device] = ban;
    return {};
  }
  Status lift_ban(const std::string& device) override {
    if (bans_.erase(device) == 1) return {};
    return not_found(fmt::format("device '{}' is not banned", device));
  }
  Result<std::vector<Ban>> bans() override {
    std::vector<Ban> bans;
    for (const auto& [device, ban] : bans_) bans.push_back(ban);
    return bans;
  }

  Result<std::uint32_t> epoch() override { return epoch_; }
  Status raise_epoch() override {
    ++epoch_;
    for (auto& [id, entry] : tasks_) entry.task.rounds_reserved = first_rounds(epoch_).last;
    return {};
  }

  Result<std::vector<StoredTask>> load_tasks() override {
    std::vector<StoredTask> tasks;
    for (const auto& [id, entry] : tasks_) tasks.push_back(entry.task);
    return tasks;
  }

  Status record_round(const proto::RoundRecord& round, const StoredModel* model,
                      proto::TaskState state) override {
    const auto found = tasks_.find(round.task);
    if (found == tasks_.end()) return unknown_task(round.task);
    Entry& entry = found->second;
    if (entry.rounds.contains(round.round) || (model != nullptr && entry.models.contains(model->version))) {
      return {StatusCode::kAlreadyExists,
              fmt::format("round {} of task {} is recorded already", round.round.value, round.task.value)};
    }
    entry.rounds.emplace(round.round, round);
    if (model != nullptr) {
      entry.models.emplace(model->version, *model);
      entry.task.model = *model;
      forget_versions(entry);
    }
    const bool committed = round.outcome == proto::RoundOutcome::kCommitted;
    ++(committed ? entry.task.rounds_committed : entry.task.rounds_abandoned);
    entry.task.last_round = std::max(entry.task.last_round, round.round);
    entry.task.state = state;
    return {};
  }

  Result<std::vector<proto::RoundRecord>> rounds(TaskId task, std::uint32_t count_max) override {
    const auto found = tasks_.find(task);
    if (found == tasks_.end()) return unknown_task(task);
    std::vector<proto::RoundRecord> records;
    const auto& all = found->second.rounds;
    for (auto record = all.rbegin(); record != all.rend() && records.size() < count_max; ++record) {
      records.push_back(record->second);
    }
    return records;
  }

  Result<std::vector<proto::ModelRecord>> models(TaskId task) override {
    const auto found = tasks_.find(task);
    if (found == tasks_.end()) return unknown_task(task);
    std::vector<proto::ModelRecord> records;
    const auto& all = found->second.models;
    for (auto model = all.rbegin(); model != all.rend(); ++model) {
      records.push_back({.task = task,
                         .version = model->first,
                         .digest = model->second.digest,
                         .bytes = model->second.parameters.size() * sizeof(float),
                         .committed_ms = model->second.committed_ms,
                         .note = model->second.note});
    }
    return records;
  }

  Result<StoredModel> model(TaskId task, ModelVersion version) override {
    const auto found = tasks_.find(task);
    if (found == tasks_.end()) return unknown_task(task);
    const auto model = found->second.models.find(version);
    if (model == found->second.models.end()) {
      return not_found(
          fmt::format("task '{0}' has no model version {1}: list its versions with 'sotto model list {0}'",
                      found->second.task.spec.name, version.value));
    }
    return model->second;
  }

 private:
  struct Entry {
    StoredTask task;
    std::map<RoundId, proto::RoundRecord> rounds;
    std::map<ModelVersion, StoredModel> models;
  };

  static void forget_versions(Entry& entry) {
    const std::uint32_t kept = versions_kept(entry.task.spec);
    const std::uint32_t every = entry.task.spec.keep_every;
    if (kept == 0 || entry.models.size() <= kept) return;
    const auto end = std::prev(entry.models.end(), kept);
    for (auto model = entry.models.begin(); model != end;) {
      const bool stays = every != 0 && model->first.value % every == 0;
      model = stays ? std::next(model) : entry.models.erase(model);
    }
  }

  static Status unknown_task(TaskId task) {
    return not_found(
        fmt::format("there is no task with id {}: list the tasks with 'sotto task list'", task.value));
  }

  static Status not_newer(TaskId task, ModelVersion newest) {
    return failed_precondition(
        fmt::format("task {}: the model is of version {} already", task.value, newest.value));
  }

  std::uint32_t epoch_ = 0;
  std::uint64_t last_task_ = 0;
  std::map<std::string, Ban> bans_;
  std::map<TaskId, Entry> tasks_;
};

}  // namespace

std::unique_ptr<Store> make_memory_store() { return std::make_unique<MemoryStore>(); }

}  // namespace sotto::server
