// What the coordinator asks of the store, and what comes back: values, so that the store may answer late and
// from another thread.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "sotto/base/ids.h"
#include "sotto/proto/messages.h"
#include "sotto/server/audit.h"
#include "sotto/server/model_updates.h"
#include "sotto/server/store.h"

namespace sotto::server {

using StoreCallId = StrongId<struct StoreCallIdTag, std::uint64_t>;  // one request to the store

struct CreateTaskRequest {
  proto::TaskSpec spec;
  StoredModel initial;
};
struct SetTaskStateRequest {
  TaskId task;
  proto::TaskState state = proto::TaskState::kPaused;
};
// Before the first plan of these rounds is signed.
struct ReserveRoundsRequest {
  TaskId task;
  RoundId through;
};
struct ReissueModelRequest {
  TaskId task;
  ModelVersion version;
};
struct RollBackModelRequest {
  TaskId task;
  RolledBack back;
};
struct EditTaskRequest {
  TaskId task;
  proto::TaskSpec spec;
  proto::TaskState state = proto::TaskState::kActive;
};
// An act that the store has nothing to write for, beside its record.
struct NoteActRequest {
  TaskId task;
};
struct SetBanRequest {
  Ban ban;
};
struct LiftBanRequest {
  std::string device;
};
struct DeleteTaskRequest {
  TaskId task;
  std::int64_t now_ms = 0;
};
// A round's record, its model when it is committed, and the state that the task is in from then on.
struct RecordRoundRequest {
  proto::RoundRecord record;
  std::optional<StoredModel> model{};
  proto::TaskState state = proto::TaskState::kActive;
};
struct ListRoundsRequest {
  TaskId task;
  std::uint32_t count_max = 0;
};
struct ListModelsRequest {
  TaskId task;
};
struct LoadModelRequest {
  TaskId task;
  ModelVersion version;
};
// ---- of signed updates; `now` is in seconds since 1970 ----
// The newest for a device.
struct FindUpdateRequest {
  proto::OfferUpdateRequest question;
  std::uint64_t now = 0;
  std::vector<std::uint8_t> pass{};  // to be given with the answer
};
// Bytes of an update that the device is offered.
struct ReadUpdateRequest {
  proto::FetchUpdateRequest question;
  std::uint64_t now = 0;
};
struct KeepUpdateRequest {
  proto::PublishUpdateRequest request;
  std::vector<std::uint8_t> content;
  std::uint64_t now = 0;
};
struct SetUpdateShareRequest {
  proto::ShareUpdateRequest request;
};
struct ListUpdatesRequest {};
using StoreRequest =
    std::variant<CreateTaskRequest, SetTaskStateRequest, ReserveRoundsRequest, ReissueModelRequest,
                 RollBackModelRequest, EditTaskRequest, DeleteTaskRequest, NoteActRequest, SetBanRequest,
                 LiftBanRequest, RecordRoundRequest, ListRoundsRequest, ListModelsRequest, LoadModelRequest,
                 FindUpdateRequest, ReadUpdateRequest, KeepUpdateRequest, SetUpdateShareRequest,
                 ListUpdatesRequest>;

// A Status: kOk where there is nothing else to say, or the error. Otherwise what was asked for.
struct FoundUpdate {
  std::vector<std::uint8_t> manifest;  // empty: none for this device
};
using StoreReply =
    std::variant<Status, TaskId, std::vector<proto::RoundRecord>, std::vector<proto::ModelRecord>,
                 StoredModel, FoundUpdate, proto::ModelChunk, std::vector<proto::UpdateStatus>>;

// Where requests go.
struct StoreParts {
  Store& store;
  ModelUpdates* updates = nullptr;  // null: what asks for updates is told that none are kept
};

// Puts the request to the store and blocks for as long as that takes.
[[nodiscard]] StoreReply answer_request(const StoreParts& parts, const StoreRequest& request);
// The same for an operator's act, which is recorded first. It is not carried out when it cannot be, and a
// line says so when it comes to nothing afterwards.
[[nodiscard]] StoreReply answer_act(const StoreParts& parts, AuditLog& audit, const StoreRequest& request,
                                    const Act& act);

}  // namespace sotto::server
