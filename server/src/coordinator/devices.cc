// What is known of single devices, and which of them get no plan.
#include <fmt/core.h>

#include <algorithm>
#include <unordered_set>

#include "coordinator/core.h"
#include "sotto/base/hex.h"

namespace sotto::server {
namespace {

// Whoever was banned by mistake, a moment ago, is to be back soon after the ban is lifted; as long as nobody
// lifts it there is nothing to come back for.
constexpr std::int64_t kBannedWaitMinMs = 60'000;
constexpr std::int64_t kBannedWaitMaxMs = 600'000;
constexpr std::size_t kIdentityDigitsMin = 8;  // of an identity that is given by its beginning
constexpr std::size_t kDevicesListedMax = 10'000;
constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::size_t kKeptFromBytesMax = 1000;

bool goes_by(const Visitor& visitor, const std::string& device) {
  if (device.empty() || visitor.device_id == device) return true;
  return device.size() >= kIdentityDigitsMin && visitor.identity &&
         to_hex(*visitor.identity).starts_with(device);
}

proto::DeviceState state_of(const Visit& visit) {
  switch (visit.stage) {
    case Visit::Stage::kTraining:
      return proto::DeviceState::kTraining;
    case Visit::Stage::kVerifying:
    case Visit::Stage::kContributing:
    case Visit::Stage::kJoined:
      return proto::DeviceState::kJoined;
    case Visit::Stage::kInCohort:
      return proto::DeviceState::kInCohort;
    case Visit::Stage::kEnded:
      break;
  }
  return proto::DeviceState::kAway;
}

proto::DeviceOutcome outcome_of(DeviceRecord::Outcome outcome) {
  switch (outcome) {
    case DeviceRecord::Outcome::kNone:
      break;
    case DeviceRecord::Outcome::kCounted:
      return proto::DeviceOutcome::kCounted;
    case DeviceRecord::Outcome::kLeft:
      return proto::DeviceOutcome::kLeft;
    case DeviceRecord::Outcome::kRefused:
      return proto::DeviceOutcome::kRefused;
    case DeviceRecord::Outcome::kSilent:
      return proto::DeviceOutcome::kSilent;
  }
  return proto::DeviceOutcome::kNone;
}

bool is_failure(DeviceRecord::Outcome outcome) {
  return outcome != DeviceRecord::Outcome::kNone && outcome != DeviceRecord::Outcome::kCounted;
}

void put_ban(const Ban& ban, proto::DeviceStatus& status) {
  status.banned = true;
  status.ban_reason = ban.reason;
  status.banned_ms = ban.since_ms;
}

}  // namespace

const Ban* Core::find_ban(const Visitor& visitor) const {
  if (bans_.empty()) return nullptr;
  auto found = bans_.find(visitor.device_id);
  if (found == bans_.end() && visitor.identity) found = bans_.find(to_hex(*visitor.identity));
  return found == bans_.end() ? nullptr : &found->second;
}

proto::RetryWindow Core::banned_window(const Ban& ban) const {
  const auto wait_ms =
      static_cast<std::uint32_t>(std::clamp(now_.ms - ban.since_ms, kBannedWaitMinMs, kBannedWaitMaxMs));
  return {.delay_min_ms = wait_ms,
          .delay_max_ms = wait_ms + wait_ms / 2,
          .reason = fmt::format("this device is banned by the coordinator's operator{}{}",
                                ban.reason.empty() ? "" : ": ", ban.reason)};
}

proto::DeviceStatus Core::status_of(const DeviceRecord& record) {
  const Visitor& visitor = record.visitor;
  proto::DeviceStatus status{.id = visitor.device_id, .identity = visitor.identity, .peer = visitor.peer};
  status.last_seen_ms = record.last_seen.ms;
  status.last_outcome = outcome_of(record.last_outcome);
  if (is_failure(record.last_outcome)) status.reason = record.reason;
  status.failures = record.failures;
  status.failures_in_a_row = record.failures_in_a_row;
  status.plan_from_ms = record.plan_from > now_ ? record.plan_from.ms : 0;
  status.clones = record.clones;
  if (const Visit* visit = visits_.live_visit_of(visitor.key())) {
    status.state = state_of(*visit);
    status.round = visit->round;
    if (const Task* task = find_task(visit->task)) status.task = task->stored.spec.name;
    if (const Round* round = round_of(*visit)) status.version = round->plan().model_version;
  }
  status.kept_from = kept_from(visitor.key());
  if (const Ban* ban = find_ban(visitor)) put_ban(*ban, status);
  return status;
}

std::string Core::kept_from(const DeviceKey& device) const {
  std::string tasks;
  for (const auto& [id, task] : tasks_) {
    if (task.stored.state == proto::TaskState::kComplete) continue;
    std::string why;
    if (const char* spent = task.spent.reason(device, task.stored.model.version, now_)) why = spent;
    if (const std::string* refusal = task.spent.refusal(device, now_)) why = *refusal;
    if (why.empty()) continue;
    tasks += fmt::format("{}task '{}': {}", tasks.empty() ? "" : "; ", task.stored.spec.name, why);
    if (tasks.size() > kKeptFromBytesMax) return tasks + "; ...";
  }
  return tasks;
}

proto::DeviceStatus Core::status_of_turned_away(const DeviceRecord& record) {
  proto::DeviceStatus status = status_of(record);
  status.state = proto::DeviceState::kTurnedAway;
  return status;
}

std::vector<proto::DeviceStatus> Core::devices(const std::string& device, std::size_t count_max) {
  struct Found {
    const DeviceRecord* record;
    bool turned_away;
  };
  std::vector<Found> found;
  // By its identity, and by the name that it gave before it showed one.
  std::unordered_set<DeviceKey> turned_away;
  records_.for_each_turned_away(now_, [&](const DeviceRecord& record) {
    if (!goes_by(record.visitor, device)) return;
    found.push_back({&record, true});
    turned_away.insert(record.visitor.key());
    turned_away.insert(Visitor{.device_id = record.visitor.device_id}.key());
  });
  records_.for_each([&](const DeviceRecord& record) {
    if (!goes_by(record.visitor, device)) return;
    const DeviceKey key = record.visitor.key();
    if (turned_away.contains(key) && visits_.live_visit_of(key) == nullptr) return;
    found.push_back({&record, false});
  });
  std::ranges::stable_sort(found, std::greater<>(), [](const Found& one) { return one.record->last_seen; });
  if (found.size() > count_max) found.resize(count_max);
  std::vector<proto::DeviceStatus> statuses;
  for (const Found& one : found) {
    statuses.push_back(one.turned_away ? status_of_turned_away(*one.record) : status_of(*one.record));
  }
  for (const auto& [name, ban] : bans_) {
    const auto known = [&](const proto::DeviceStatus& status) {
      return status.id == name || (status.identity && to_hex(*status.identity) == name);
    };
    if (statuses.size() >= count_max) break;
    if (!(device.empty() || name.starts_with(device)) || std::ranges::any_of(statuses, known)) continue;
    put_ban(ban, statuses.emplace_back(proto::DeviceStatus{.id = name}));
  }
  return statuses;
}

void Core::handle(ListDevicesEvent& event) {
  const std::string& device = event.request.device;
  std::vector<proto::DeviceStatus> found =
      devices(device, std::min<std::size_t>(event.request.count_max, kDevicesListedMax));
  if (!found.empty() || device.empty()) return reply(event.call, std::move(found));
  reply(event.call,
        not_found(fmt::format("no device '{}' was seen since the coordinator's start, and none is banned by "
                              "that name: 'sotto device list' shows those that were",
                              device)));
}

void Core::handle(BanDeviceEvent& event) {
  const std::string& device = event.request.device;
  const auto banned = bans_.find(device);
  if (event.request.lift && banned == bans_.end()) {
    return reply(event.call, not_found(fmt::format("device '{}' is not banned", device)));
  }
  if (!event.request.lift && banned == bans_.end() && bans_.size() >= kBansMax) {
    return reply(event.call,
                 Status(StatusCode::kResourceExhausted,
                        fmt::format("{} devices are banned, as many as a coordinator remembers: revoke "
                                    "identities instead ('sotto authority revoke')",
                                    bans_.size())));
  }
  if (!store_has_room(event.call)) return;
  Act act{.time_ms = now_.ms,
          .who = std::move(event.by),
          .what = event.request.lift ? "unban device" : "ban device",
          .subject = device,
          .reason = event.request.reason};
  if (event.request.lift) return ask_store_for(event.call, LiftBanRequest{device}, std::move(act));
  Ban ban{.device = device, .reason = std::move(event.request.reason), .since_ms = now_.ms};
  if (banned != bans_.end()) {  // it goes on; what nobody says anew stays as it was
    ban.since_ms = banned->second.since_ms;
    if (ban.reason.empty()) ban.reason = banned->second.reason;
  }
  ask_store_for(event.call, SetBanRequest{std::move(ban)}, std::move(act));
}

// Whoever is banned in the middle of a round leaves it.
void Core::ban_written(CallId call, const SetBanRequest& request) {
  const std::string& device = request.ban.device;
  bans_[device] = request.ban;
  notice(NoticeAction::Level::kInfo, fmt::format("device '{}' is banned{}{}", device,
                                                 request.ban.reason.empty() ? "" : ": ", request.ban.reason));
  for (Visit* visit : {visits_.live_visit_labelled(device), visits_.live_visit_of("#" + device)}) {
    if (visit == nullptr || visit->stage == Visit::Stage::kEnded) continue;
    const proto::RetryWindow window = banned_window(request.ban);
    depart(*visit, proto::SessionEnd{.counted = false, .outcome = window.reason, .window = window},
           {.reason = "banned"});
  }
  reply(call, devices(device, 100));
}

void Core::ban_lifted(CallId call, const LiftBanRequest& request) {
  bans_.erase(request.device);
  notice(NoticeAction::Level::kInfo, fmt::format("device '{}' is no longer banned", request.device));
  reply(call, devices(request.device, 100));
}

void Core::handle(ShowFleetEvent& event) {
  proto::FleetStatus fleet{.banned = bans_.size()};
  records_.for_each([&](const DeviceRecord& record) {
    const std::int64_t ago_ms = (now_ - record.last_seen).count();
    ++fleet.known;
    fleet.seen_in_minute += ago_ms <= kMinuteMs ? 1 : 0;
    fleet.seen_in_hour += ago_ms <= 60 * kMinuteMs ? 1 : 0;
    fleet.seen_in_day += ago_ms <= 24 * 60 * kMinuteMs ? 1 : 0;
    fleet.in_rounds += visits_.live_visit_of(record.visitor.key()) != nullptr ? 1 : 0;
    fleet.failing += record.failures_in_a_row > 0 ? 1 : 0;
    fleet.held_back += record.plan_from > now_ ? 1 : 0;
  });
  for (const auto& [id, task] : tasks_) {
    fleet.spent += task.spent.summary(task.stored.model.version, now_).devices;
  }
  reply(event.call, fleet);
}

}  // namespace sotto::server
