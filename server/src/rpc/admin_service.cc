#include "admin_service.h"

#include <filesystem>
#include <system_error>

#include "rpc/admin_port.h"
#include "unary_call.h"

namespace sotto::server {
namespace {

Result<CreateTaskEvent> event_from(const v1::CreateTaskRequest& request, UploadedModels& uploads) {
  Result<proto::TaskSpec> spec = proto::from_wire(request.spec());
  if (!spec) return spec.error();
  SOTTO_RETURN_IF_ERROR(proto::validate_task_spec(*spec));
  Result<std::string> origin = proto::origin_from_wire(request.origin());
  if (!origin) return origin.error();
  CreateTaskEvent event{{}, std::move(*spec), {}, std::move(*origin)};
  if (request.initial_model().empty()) return event;
  const Result<crypto::Digest> digest = proto::digest_from_wire(request.initial_model());
  if (!digest) return digest.error();
  Result<std::vector<float>> initial = uploads.claim(*digest);
  if (!initial) return initial.error();
  event.initial = std::move(*initial);
  return event;
}

Result<std::uint64_t> take(const v1::UploadModelRequest& request, UploadedModels& uploads, Time now) {
  const Result<crypto::Digest> digest = proto::digest_from_wire(request.digest());
  if (!digest) return digest.error();
  return uploads.take({.digest = *digest,
                       .total_bytes = request.total_bytes(),
                       .offset = request.offset(),
                       .bytes = text_bytes(request.bytes())},
                      now);
}

Result<SetTaskStateEvent> event_from(const v1::SetTaskStateRequest& request) {
  Result<std::string> task = proto::task_name_from_wire(request.task());
  if (!task) return task.error();
  const Result<proto::TaskState> state = proto::task_state_from_wire(request.state());
  if (!state) return state.error();
  return SetTaskStateEvent{{}, std::move(*task), *state, {}};
}

Result<SteerTaskEvent> event_from(const v1::SteerTaskRequest& wire) {
  Result<proto::SteerTaskRequest> request = proto::from_wire(wire);
  if (!request) return request.error();
  return SteerTaskEvent{{}, std::move(*request)};
}

Result<ListDevicesEvent> event_from(const v1::ListDevicesRequest& wire) {
  Result<proto::ListDevicesRequest> request = proto::from_wire(wire);
  if (!request) return request.error();
  return ListDevicesEvent{{}, std::move(*request)};
}

Result<BanDeviceEvent> event_from(const v1::BanDeviceRequest& wire) {
  Result<proto::BanDeviceRequest> request = proto::from_wire(wire);
  if (!request) return request.error();
  return BanDeviceEvent{{}, std::move(*request), {}};
}

Result<ShowFleetEvent> event_from(const v1::ShowFleetRequest&) { return ShowFleetEvent{}; }

Result<ListTasksEvent> event_from(const v1::ListTasksRequest&) { return ListTasksEvent{}; }

Result<ListRoundsEvent> event_from(const v1::ListRoundsRequest& request) {
  Result<std::string> task = proto::task_name_from_wire(request.task());
  if (!task) return task.error();
  return ListRoundsEvent{{}, std::move(*task), request.count_max()};
}

Result<ListModelsEvent> event_from(const v1::ListModelsRequest& request) {
  Result<std::string> task = proto::task_name_from_wire(request.task());
  if (!task) return task.error();
  return ListModelsEvent{{}, std::move(*task)};
}

Result<ReadModelEvent> event_from(const v1::FetchModelRequest& request) {
  Result<proto::FetchModelRequest> message = proto::from_wire(request);
  if (!message) return message.error();
  return ReadModelEvent{{}, *message};
}

Result<PublishUpdateEvent> event_from(const v1::PublishUpdateRequest& wire, UploadedModels& uploads) {
  Result<proto::PublishUpdateRequest> request = proto::from_wire(wire);
  if (!request) return request.error();
  Result<std::vector<std::uint8_t>> content = uploads.claim_bytes(request->content);
  if (!content) return content.error();
  return PublishUpdateEvent{{}, std::move(*request), std::move(*content), {}};
}

Result<ShareUpdateEvent> event_from(const v1::ShareUpdateRequest& wire) {
  Result<proto::ShareUpdateRequest> request = proto::from_wire(wire);
  if (!request) return request.error();
  return ShareUpdateEvent{{}, std::move(*request), {}};
}

Result<ListUpdatesEvent> event_from(const v1::ListUpdatesRequest&) { return ListUpdatesEvent{}; }

// `more`: what event_from() needs beside the request.
template <typename Wire, typename Reply, typename WireReply, typename... More>
grpc::ServerUnaryReactor* handle(const grpc::CallbackServerContext& context, CoordinatorLoop& loop,
                                 const grpc::ByteBuffer& request, grpc::ByteBuffer* response, More&... more) {
  Wire wire;
  if (const Status parsed = parse(request, wire); !parsed.ok()) {
    return UnaryCall::refused(to_rpc_status(parsed, Audience::kOperator));
  }
  auto event = event_from(wire, more...);
  if (!event) return UnaryCall::refused(to_rpc_status(event.error(), Audience::kOperator));
  if constexpr (requires { event->by; }) event->by = operator_of(context.peer());
  return UnaryCall::posted(loop, std::move(*event), [response](const CoordinatorLoop::ReplyBody& body) {
    return write_reply<Reply, WireReply>(body, Audience::kOperator, *response);
  });
}

}  // namespace

grpc::ServerUnaryReactor* AdminService::CreateTask(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) {
  return handle<v1::CreateTaskRequest, proto::TaskStatus, v1::TaskStatus>(*context, loop_, *request, response,
                                                                          uploads_);
}

grpc::ServerUnaryReactor* AdminService::UploadModel(grpc::CallbackServerContext*,
                                                    const grpc::ByteBuffer* request,
                                                    grpc::ByteBuffer* response) {
  v1::UploadModelRequest wire;
  if (const Status parsed = parse(*request, wire); !parsed.ok()) {
    return UnaryCall::refused(to_rpc_status(parsed, Audience::kOperator));
  }
  const Result<std::uint64_t> received = take(wire, uploads_, clock_.now());
  if (!received) return UnaryCall::refused(to_rpc_status(received.error(), Audience::kOperator));
  v1::UploadModelReply reply;
  reply.set_received_bytes(*received);
  return UnaryCall::finished(serialize(reply, *response));
}

grpc::ServerUnaryReactor* AdminService::SetTaskState(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* request,
                                                     grpc::ByteBuffer* response) {
  return handle<v1::SetTaskStateRequest, proto::TaskStatus, v1::TaskStatus>(*context, loop_, *request,
                                                                            response);
}

grpc::ServerUnaryReactor* AdminService::SteerTask(grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) {
  return handle<v1::SteerTaskRequest, proto::TaskStatus, v1::TaskStatus>(*context, loop_, *request, response);
}

grpc::ServerUnaryReactor* AdminService::ListTasks(grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) {
  return handle<v1::ListTasksRequest, std::vector<proto::TaskStatus>, v1::ListTasksReply>(*context, loop_,
                                                                                          *request, response);
}

grpc::ServerUnaryReactor* AdminService::ListRounds(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) {
  return handle<v1::ListRoundsRequest, std::vector<proto::RoundRecord>, v1::ListRoundsReply>(
      *context, loop_, *request, response);
}

grpc::ServerUnaryReactor* AdminService::ListModels(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) {
  return handle<v1::ListModelsRequest, std::vector<proto::ModelRecord>, v1::ListModelsReply>(
      *context, loop_, *request, response);
}

grpc::ServerUnaryReactor* AdminService::FetchModel(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) {
  return handle<v1::FetchModelRequest, proto::ModelChunk, v1::ModelChunk>(*context, loop_, *request,
                                                                          response);
}

grpc::ServerUnaryReactor* AdminService::ListDevices(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* request,
                                                    grpc::ByteBuffer* response) {
  return handle<v1::ListDevicesRequest, std::vector<proto::DeviceStatus>, v1::ListDevicesReply>(
      *context, loop_, *request, response);
}

grpc::ServerUnaryReactor* AdminService::BanDevice(grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) {
  return handle<v1::BanDeviceRequest, std::vector<proto::DeviceStatus>, v1::ListDevicesReply>(
      *context, loop_, *request, response);
}

grpc::ServerUnaryReactor* AdminService::ShowFleet(grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) {
  return handle<v1::ShowFleetRequest, proto::FleetStatus, v1::FleetStatus>(*context, loop_, *request,
                                                                           response);
}

grpc::ServerUnaryReactor* AdminService::PublishUpdate(grpc::CallbackServerContext* context,
                                                      const grpc::ByteBuffer* request,
                                                      grpc::ByteBuffer* response) {
  return handle<v1::PublishUpdateRequest, std::vector<proto::UpdateStatus>, v1::ListUpdatesReply>(
      *context, loop_, *request, response, uploads_);
}

grpc::ServerUnaryReactor* AdminService::ListUpdates(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* request,
                                                    grpc::ByteBuffer* response) {
  return handle<v1::ListUpdatesRequest, std::vector<proto::UpdateStatus>, v1::ListUpdatesReply>(
      *context, loop_, *request, response);
}

grpc::ServerUnaryReactor* AdminService::ShareUpdate(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* request,
                                                    grpc::ByteBuffer* response) {
  return handle<v1::ShareUpdateRequest, std::vector<proto::UpdateStatus>, v1::ListUpdatesReply>(
      *context, loop_, *request, response);
}

grpc::ServerUnaryReactor* AdminService::Backup(grpc::CallbackServerContext*, const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) {
  v1::BackupRequest wire;
  Status parsed = parse(*request, wire);
  const std::filesystem::path file = wire.path();
  if (parsed.ok() && !file.is_absolute()) parsed = invalid_argument("the backup's path must be absolute");
  if (!parsed.ok()) return UnaryCall::refused(to_rpc_status(parsed, Audience::kOperator));
  return UnaryCall::with_store(loop_, [file, response](Store& store) {
    if (const Status done = store.backup(file); !done.ok()) return to_rpc_status(done, Audience::kOperator);
    std::error_code ignored;
    v1::BackupReply reply;
    reply.set_bytes(std::filesystem::file_size(file, ignored));
    return serialize(reply, *response);
  });
}

}  // namespace sotto::server
