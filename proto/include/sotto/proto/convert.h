// Between the plain messages (messages.h) and their protobuf form (sotto.proto). Everything that arrives from
// a network is checked here, once: what comes out of from_wire() has every length, enumerator and integer
// within its bounds.
//
// to_wire() cannot fail. Texts for logs and people (reason, outcome, waiting_for) are cut to
// limits::kReasonBytesMax on the way out, and their bytes outside printable ASCII become '?' both ways, so
// that a peer cannot write control characters into a log.
//
// from_wire() fails with kInvalidArgument: message, field, what it held and what is allowed. Thread-safe.
#pragma once

#include <vector>

#include "sotto.pb.h"
#include "sotto/proto/messages.h"

namespace sotto::proto {

// ---- fleet ----
void to_wire(const CheckInRequest& from, v1::CheckInRequest& to);
void to_wire(const CheckInReply& from, v1::CheckInReply& to);
void to_wire(const FetchModelRequest& from, v1::FetchModelRequest& to);
void to_wire(const ModelChunk& from, v1::ModelChunk& to);
void to_wire(const ExchangeRequest& from, v1::ExchangeRequest& to);
void to_wire(const ExchangeReply& from, v1::ExchangeReply& to);
void to_wire(const AbandonRequest& from, v1::AbandonRequest& to);

// Names by valid_name(); at most limits::kTrainersPerDeviceMax trainers. Any protocol_version passes: the
// coordinator answers for that.
[[nodiscard]] Result<CheckInRequest> from_wire(const v1::CheckInRequest& from);
// Tokens are 16 bytes, plans 1 .. limits::kPlanBytesMax bytes, credentials 229 or none, windows have min <=
// max.
[[nodiscard]] Result<CheckInReply> from_wire(const v1::CheckInReply& from);
[[nodiscard]] Result<FetchModelRequest> from_wire(const v1::FetchModelRequest& from);
// At most limits::kModelChunkBytes, inside total_bytes, which is at most that of limits::kParametersMax
// float32 values.
[[nodiscard]] Result<ModelChunk> from_wire(const v1::ModelChunk& from);
// At most limits::kUpdateBytesMax of payload, none when polling.
[[nodiscard]] Result<ExchangeRequest> from_wire(const v1::ExchangeRequest& from);
[[nodiscard]] Result<ExchangeReply> from_wire(const v1::ExchangeReply& from);
[[nodiscard]] Result<AbandonRequest> from_wire(const v1::AbandonRequest& from);

// ---- signed updates of boards' models ----
void to_wire(const OfferUpdateRequest& from, v1::OfferUpdateRequest& to);
void to_wire(const OfferUpdateReply& from, v1::OfferUpdateReply& to);
void to_wire(const FetchUpdateRequest& from, v1::FetchUpdateRequest& to);
void to_wire(const PublishUpdateRequest& from, v1::PublishUpdateRequest& to);
void to_wire(const ShareUpdateRequest& from, v1::ShareUpdateRequest& to);
void to_wire(const std::vector<UpdateStatus>& from, v1::ListUpdatesReply& to);

// Names by valid_name(), a manifest of 1 .. limits::kUpdateManifestBytesMax bytes. Whether what they say is
// true the owner's key tells.
[[nodiscard]] Result<OfferUpdateRequest> from_wire(const v1::OfferUpdateRequest& from);
[[nodiscard]] Result<OfferUpdateReply> from_wire(const v1::OfferUpdateReply& from);
// bytes_max is 1 .. limits::kUpdateChunkBytes.
[[nodiscard]] Result<FetchUpdateRequest> from_wire(const v1::FetchUpdateRequest& from);
// Any share passes: whoever keeps updates answers for that.
[[nodiscard]] Result<PublishUpdateRequest> from_wire(const v1::PublishUpdateRequest& from);
[[nodiscard]] Result<ShareUpdateRequest> from_wire(const v1::ShareUpdateRequest& from);
[[nodiscard]] Result<std::vector<UpdateStatus>> from_wire(const v1::ListUpdatesReply& from);

// ---- helper of one-shot sessions ----
void to_wire(const HelperReply& from, v1::SumMasksReply& to);
// At most limits::kUpdateBytesMax of sum, at most limits::kParticipantsMax places at fault, each below that.
[[nodiscard]] Result<HelperReply> from_wire(const v1::SumMasksReply& from);

// ---- administration ----
void to_wire(const TaskSpec& from, v1::TaskSpec& to);
void to_wire(const TaskStatus& from, v1::TaskStatus& to);
void to_wire(const RoundRecord& from, v1::RoundRecord& to);
void to_wire(const ModelRecord& from, v1::ModelRecord& to);
void to_wire(const SteerTaskRequest& from, v1::SteerTaskRequest& to);
void to_wire(const DeviceStatus& from, v1::DeviceStatus& to);
void to_wire(const std::vector<DeviceStatus>& from, v1::ListDevicesReply& to);
void to_wire(const FleetStatus& from, v1::FleetStatus& to);
void to_wire(const std::vector<TaskStatus>& from, v1::ListTasksReply& to);
void to_wire(const std::vector<RoundRecord>& from, v1::ListRoundsReply& to);
void to_wire(const std::vector<ModelRecord>& from, v1::ListModelsReply& to);

// Checks that every value fits its field; whether the task makes sense is validate_task_spec()'s question.
[[nodiscard]] Result<TaskSpec> from_wire(const v1::TaskSpec& from);
[[nodiscard]] Result<TaskStatus> from_wire(const v1::TaskStatus& from);
[[nodiscard]] Result<RoundRecord> from_wire(const v1::RoundRecord& from);
[[nodiscard]] Result<ModelRecord> from_wire(const v1::ModelRecord& from);
// A reason of at most limits::kReasonBytesMax, and exactly one act.
[[nodiscard]] Result<SteerTaskRequest> from_wire(const v1::SteerTaskRequest& from);
[[nodiscard]] Result<std::vector<TaskStatus>> from_wire(const v1::ListTasksReply& from);
[[nodiscard]] Result<std::vector<RoundRecord>> from_wire(const v1::ListRoundsReply& from);
[[nodiscard]] Result<std::vector<ModelRecord>> from_wire(const v1::ListModelsReply& from);

[[nodiscard]] Result<DeviceStatus> from_wire(const v1::DeviceStatus& from);
[[nodiscard]] Result<std::vector<DeviceStatus>> from_wire(const v1::ListDevicesReply& from);
[[nodiscard]] Result<FleetStatus> from_wire(const v1::FleetStatus& from);
// A device's name or identity, as people type it: by valid_name(), or empty where `all` may be meant.
[[nodiscard]] Result<ListDevicesRequest> from_wire(const v1::ListDevicesRequest& from);
[[nodiscard]] Result<BanDeviceRequest> from_wire(const v1::BanDeviceRequest& from);
// At most limits::kReasonBytesMax; made printable.
[[nodiscard]] Result<std::string> origin_from_wire(const std::string& origin);
// The one field of an administration request that names a task.
[[nodiscard]] Result<std::string> task_name_from_wire(const std::string& name);
// Exactly 32 bytes.
[[nodiscard]] Result<crypto::Digest> digest_from_wire(const std::string& digest);
[[nodiscard]] Result<TaskState> task_state_from_wire(std::uint32_t state);

}  // namespace sotto::proto
