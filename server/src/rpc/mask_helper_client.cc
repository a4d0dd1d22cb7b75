#include "sotto/server/mask_helper_client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "sotto.grpc.pb.h"
#include "sotto/base/limits.h"
#include "sotto/proto/convert.h"
#include "sotto/proto/grpc_lifetime.h"

namespace sotto::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

// The coordinator cannot tell a helper that restarts from one that never was: both are worth waiting for.
bool worth_repeating(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
}

// The coordinator's clock is ahead of the helper's.
bool too_early(const Result<proto::HelperReply>& reply) {
  const auto* refusal = reply ? std::get_if<proto::HelperRefusal>(&*reply) : nullptr;
  return refusal != nullptr && refusal->kind == proto::HelperRefusal::Kind::kNotYet;
}

}  // namespace

class MaskHelperClient::Impl {
 public:
  Impl(const MaskHelperClientOptions& options, const std::shared_ptr<grpc::Channel>& channel)
      : options_(options), stub_(v1::MaskHelper::NewStub(channel)) {}

  Result<proto::HelperReply> sum_masks(Bytes request) {
    v1::SumMasksRequest wire;
    wire.set_request(request.data(), request.size());
    const system_clock::time_point deadline = system_clock::now() + milliseconds(options_.deadline_ms);
    milliseconds pause(options_.backoff_first_ms);
    for (;;) {
      v1::SumMasksReply reply;
      const grpc::Status status = call(wire, deadline, reply);
      Result<proto::HelperReply> outcome =
          status.ok() ? read(reply) : Result<proto::HelperReply>(failure(status));
      const bool again = status.ok() ? too_early(outcome) : worth_repeating(status);
      if (!again || system_clock::now() + pause >= deadline) return outcome;
      if (!wait(pause)) return unavailable(name() + ": no answer is wanted any more");
      pause = std::min(2 * pause, milliseconds(options_.backoff_max_ms));
    }
  }

  Result<HelperState> state(milliseconds deadline, bool done) {
    grpc::ClientContext context;
    context.set_deadline(system_clock::now() + deadline);
    v1::HelperStateRequest request;
    request.set_done(done);
    v1::HelperState wire;
    const grpc::Status status = stub_->GetState(&context, request, &wire);
    if (!status.ok()) return failure(status);
    HelperState state{.stopping = wire.stopping()};
    crypto::X25519PublicKey key{};
    if (wire.public_key().size() == key.size()) {
      std::copy(wire.public_key().begin(), wire.public_key().end(), key.begin());
      state.key = key;
    }
    return state;
  }

  std::string name() const { return "helper " + options_.address; }

  void cancel() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (outstanding_ != nullptr) outstanding_->TryCancel();
    cancelled_changed_.notify_all();
  }

 private:
  // One call at a time: `outstanding_` is the one to cancel.
  grpc::Status call(const v1::SumMasksRequest& request, system_clock::time_point deadline,
                    v1::SumMasksReply& reply) {
    const std::lock_guard turn(turn_);
    grpc::ClientContext context;
    context.set_deadline(deadline);
    set_outstanding(&context);
    const grpc::Status status = stub_->SumMasks(&context, request, &reply);
    set_outstanding(nullptr);
    return status;
  }
  void set_outstanding(grpc::ClientContext* context) {
    const std::lock_guard lock(mutex_);
    outstanding_ = context;
    if (context != nullptr && cancelled_) context->TryCancel();
  }
  // False when cancelled.
  bool wait(milliseconds pause) {
    std::unique_lock lock(mutex_);
    return !cancelled_changed_.wait_for(lock, pause, [this] { return cancelled_; });
  }
  [[nodiscard]] Result<proto::HelperReply> read(const v1::SumMasksReply& wire) const {
    Result<proto::HelperReply> reply = proto::from_wire(wire);
    if (!reply) return data_loss(name() + ": " + reply.error().message());
    return reply;
  }
  [[nodiscard]] Status failure(const grpc::Status& status) const {
    return unavailable(
        name() + " (" + status.error_message() +
        "): check that it runs, that it can be reached, and that its certificate is by the CA given");
  }

  const MaskHelperClientOptions options_;
  const std::unique_ptr<v1::MaskHelper::Stub> stub_;
  std::mutex turn_;
  std::mutex mutex_;
  std::condition_variable cancelled_changed_;
  bool cancelled_ = false;                      // guarded by mutex_
  grpc::ClientContext* outstanding_ = nullptr;  // guarded by mutex_
};

MaskHelperClient::MaskHelperClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MaskHelperClient::~MaskHelperClient() = default;

Result<proto::HelperReply> MaskHelperClient::sum_masks(Bytes request) { return impl_->sum_masks(request); }
std::string MaskHelperClient::name() const { return impl_->name(); }
Result<HelperState> MaskHelperClient::state(milliseconds deadline, bool done) {
  return impl_->state(deadline, done);
}
void MaskHelperClient::cancel() { impl_->cancel(); }

Result<std::unique_ptr<MaskHelperClient>> MaskHelperClient::connect(const MaskHelperClientOptions& options) {
  if (options.address.empty() || options.ca_pem.empty()) {
    return invalid_argument("a helper needs an address (HOST:PORT) and the CA that its certificate is by");
  }
  if (options.deadline_ms <= 0) return invalid_argument("the helper's deadline must be positive");
  SOTTO_RETURN_IF_ERROR(proto::keep_grpc_running());
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(static_cast<int>(limits::kMessageBytesMax));
  arguments.SetMaxSendMessageSize(static_cast<int>(limits::kMessageBytesMax));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  const auto channel =
      grpc::CreateCustomChannel(options.address, grpc::SslCredentials({options.ca_pem, "", ""}), arguments);
  return std::unique_ptr<MaskHelperClient>(new MaskHelperClient(std::make_unique<Impl>(options, channel)));
}

}  // namespace sotto::server
