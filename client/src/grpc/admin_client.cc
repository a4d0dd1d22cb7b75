#include "sotto/client/admin_client.h"

#include <fmt/core.h>

#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <utility>

#include "rpc_status.h"
#include "sotto.grpc.pb.h"
#include "sotto/base/limits.h"
#include "sotto/proto/admin_socket.h"
#include "sotto/proto/convert.h"
#include "sotto/proto/grpc_lifetime.h"

namespace sotto::client {
namespace {

constexpr std::chrono::seconds kDeadline{15};
constexpr std::chrono::seconds kBackupDeadline{3600};  // of a store of many gigabytes
constexpr int kUploadsBegunMax = 3;                    // of one model, before something is wrong

// Says more than gRPC would about a socket that nobody answers.
Status check_socket(const std::filesystem::path& socket) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strncpy(name.sun_path, socket.c_str(), sizeof name.sun_path - 1);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0)
    return io_error("cannot open a socket: " + std::error_code(errno, std::generic_category()).message());
  const int result = ::connect(descriptor, reinterpret_cast<const sockaddr*>(&name), sizeof name);
  const int error = errno;
  ::close(descriptor);
  if (result == 0) return {};
  const std::string why = " (" + std::error_code(error, std::generic_category()).message() + ")";
  if (error == EACCES || error == EPERM) {
    return {
        StatusCode::kPermissionDenied,
        fmt::format(
            "may not talk to the coordinator through {}{}: run this as the user that runs the coordinator",
            socket.string(), why)};
  }
  return unavailable(fmt::format(
      "no coordinator listens at {}{}: start `sotto serve` with this data directory, or name the right one",
      socket.string(), why));
}

}  // namespace

class AdminClient::Impl {
 public:
  Impl(const std::filesystem::path& socket, const std::shared_ptr<grpc::Channel>& channel)
      : peer_("the coordinator at " + socket.string()), stub_(v1::Admin::NewStub(channel)) {}

  template <typename WireRequest, typename WireReply>
  using Method = grpc::Status (v1::Admin::Stub::*)(grpc::ClientContext*, const WireRequest&, WireReply*);

  template <typename WireReply, typename WireRequest>
  Status call_raw(Method<WireRequest, WireReply> method, const WireRequest& request, WireReply& reply,
                  std::chrono::seconds deadline = kDeadline) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + deadline);
    const grpc::Status status = ((*stub_).*method)(&context, request, &reply);
    return status.ok() ? Status() : from_rpc_status(status, peer_);
  }
  // Until the coordinator has all of it.
  Status upload(Bytes model, const crypto::Digest& digest);
  // One call; the reply converted to the plain message that from_wire() makes of it.
  template <typename WireReply, typename WireRequest>
  auto call(Method<WireRequest, WireReply> method, const WireRequest& request)
      -> decltype(proto::from_wire(std::declval<WireReply>())) {
    WireReply reply;
    SOTTO_RETURN_IF_ERROR(call_raw(method, request, reply));
    auto message = proto::from_wire(reply);
    if (!message)
      return data_loss("the coordinator's answer could not be read: " + message.error().message());
    return message;
  }

 private:
  const std::string peer_;
  const std::unique_ptr<v1::Admin::Stub> stub_;
};

AdminClient::AdminClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AdminClient::~AdminClient() = default;

Result<proto::TaskStatus> AdminClient::create_task(const proto::TaskSpec& spec) {
  v1::CreateTaskRequest request;
  proto::to_wire(spec, *request.mutable_spec());
  return impl_->call<v1::TaskStatus>(&v1::Admin::Stub::CreateTask, request);
}
Result<proto::TaskStatus> AdminClient::set_task_state(const std::string& task, proto::TaskState state) {
  v1::SetTaskStateRequest request;
  request.set_task(task);
  request.set_state(static_cast<std::uint32_t>(state));
  return impl_->call<v1::TaskStatus>(&v1::Admin::Stub::SetTaskState, request);
}
Result<proto::TaskStatus> AdminClient::steer_task(const proto::SteerTaskRequest& act) {
  v1::SteerTaskRequest request;
  proto::to_wire(act, request);
  return impl_->call<v1::TaskStatus>(&v1::Admin::Stub::SteerTask, request);
}
Result<std::vector<proto::DeviceStatus>> AdminClient::list_devices(const proto::ListDevicesRequest& request) {
  v1::ListDevicesRequest wire;
  wire.set_device(request.device);
  wire.set_count_max(request.count_max);
  return impl_->call<v1::ListDevicesReply>(&v1::Admin::Stub::ListDevices, wire);
}
Result<std::vector<proto::DeviceStatus>> AdminClient::ban_device(const proto::BanDeviceRequest& request) {
  v1::BanDeviceRequest wire;
  wire.set_device(request.device);
  wire.set_reason(request.reason);
  wire.set_lift(request.lift);
  return impl_->call<v1::ListDevicesReply>(&v1::Admin::Stub::BanDevice, wire);
}
Result<proto::FleetStatus> AdminClient::show_fleet() {
  return impl_->call<v1::FleetStatus>(&v1::Admin::Stub::ShowFleet, v1::ShowFleetRequest());
}
Result<std::vector<proto::TaskStatus>> AdminClient::list_tasks() {
  return impl_->call<v1::ListTasksReply>(&v1::Admin::Stub::ListTasks, v1::ListTasksRequest());
}
Result<std::vector<proto::RoundRecord>> AdminClient::list_rounds(const std::string& task,
                                                                 std::uint32_t count_max) {
  v1::ListRoundsRequest request;
  request.set_task(task);
  request.set_count_max(count_max);
  return impl_->call<v1::ListRoundsReply>(&v1::Admin::Stub::ListRounds, request);
}
Result<std::vector<proto::ModelRecord>> AdminClient::list_models(const std::string& task) {
  v1::ListModelsRequest request;
  request.set_task(task);
  return impl_->call<v1::ListModelsReply>(&v1::Admin::Stub::ListModels, request);
}

Result<proto::TaskStatus> AdminClient::create_task(const proto::TaskSpec& spec, Bytes initial_model,
                                                   const std::string& origin) {
  const crypto::Digest digest = crypto::sha256({initial_model});
  SOTTO_RETURN_IF_ERROR(impl_->upload(initial_model, digest));
  v1::CreateTaskRequest request;
  proto::to_wire(spec, *request.mutable_spec());
  request.set_initial_model(std::string(digest.begin(), digest.end()));
  request.set_origin(origin);
  return impl_->call<v1::TaskStatus>(&v1::Admin::Stub::CreateTask, request);
}

Status AdminClient::Impl::upload(Bytes model, const crypto::Digest& digest) {
  v1::UploadModelRequest request;
  request.set_digest(std::string(digest.begin(), digest.end()));
  request.set_total_bytes(model.size());
  v1::UploadModelReply reply;  // the first call only asks how far an earlier upload came
  std::uint64_t before = 0;
  // Others may send the same model: each goes on from what is there. It is there whole, or further with each
  // call, or has begun anew.
  for (int begun = 0;;) {
    SOTTO_RETURN_IF_ERROR(call_raw(&v1::Admin::Stub::UploadModel, request, reply));
    const std::uint64_t received = reply.received_bytes();
    if (received == model.size()) return {};
    if (received > model.size()) return data_loss("the coordinator has more of the model than there is");
    if (received <= before && ++begun > kUploadsBegunMax) {
      return aborted("the upload of the initial model was broken off again and again: try again");
    }
    before = received;
    const Bytes chunk = model.subspan(received, std::min(limits::kModelChunkBytes, model.size() - received));
    request.set_offset(received);
    request.set_bytes(std::string(chunk.begin(), chunk.end()));
  }
}

Result<std::vector<std::uint8_t>> AdminClient::fetch_model(const proto::ModelRecord& model) {
  std::vector<std::uint8_t> bytes;
  do {
    v1::FetchModelRequest request;
    proto::to_wire(
        proto::FetchModelRequest{.task = model.task, .version = model.version, .offset = bytes.size()},
        request);
    const Result<proto::ModelChunk> chunk =
        impl_->call<v1::ModelChunk>(&v1::Admin::Stub::FetchModel, request);
    if (!chunk) return chunk.error();
    if (chunk->offset != bytes.size() || chunk->total_bytes != model.bytes || chunk->bytes.empty()) {
      return data_loss("the coordinator's model chunks do not fit together: try again");
    }
    bytes.insert(bytes.end(), chunk->bytes.begin(), chunk->bytes.end());
  } while (bytes.size() < model.bytes);
  if (crypto::sha256({bytes}) != model.digest) {
    return data_loss("the model that arrived does not have the digest the coordinator lists: try again");
  }
  return bytes;
}

Result<std::vector<proto::UpdateStatus>> AdminClient::publish_update(proto::PublishUpdateRequest request,
                                                                     Bytes content) {
  request.content = crypto::sha256({content});
  SOTTO_RETURN_IF_ERROR(impl_->upload(content, request.content));
  v1::PublishUpdateRequest wire;
  proto::to_wire(request, wire);
  return impl_->call<v1::ListUpdatesReply>(&v1::Admin::Stub::PublishUpdate, wire);
}
Result<std::vector<proto::UpdateStatus>> AdminClient::share_update(const proto::ShareUpdateRequest& request) {
  v1::ShareUpdateRequest wire;
  proto::to_wire(request, wire);
  return impl_->call<v1::ListUpdatesReply>(&v1::Admin::Stub::ShareUpdate, wire);
}
Result<std::vector<proto::UpdateStatus>> AdminClient::list_updates() {
  return impl_->call<v1::ListUpdatesReply>(&v1::Admin::Stub::ListUpdates, v1::ListUpdatesRequest());
}

Result<std::uint64_t> AdminClient::backup(const std::filesystem::path& file) {
  v1::BackupRequest request;
  request.set_path(std::filesystem::absolute(file).string());
  v1::BackupReply reply;
  SOTTO_RETURN_IF_ERROR(impl_->call_raw(&v1::Admin::Stub::Backup, request, reply, kBackupDeadline));
  return reply.bytes();
}

Result<std::unique_ptr<AdminClient>> AdminClient::connect(const std::filesystem::path& socket) {
  const Result<std::string> target = proto::admin_target(socket);
  if (!target) return target.error();
  SOTTO_RETURN_IF_ERROR(check_socket(socket));
  SOTTO_RETURN_IF_ERROR(proto::keep_grpc_running());
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(static_cast<int>(limits::kMessageBytesMax));
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto channel = grpc::CreateCustomChannel(*target, grpc::InsecureChannelCredentials(), arguments);
  return std::unique_ptr<AdminClient>(new AdminClient(std::make_unique<Impl>(socket, channel)));
}

}  // namespace sotto::client
