#include "sotto/client/grpc_transport.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "rpc_status.h"
#include "sotto.grpc.pb.h"
#include "sotto/base/limits.h"
#include "sotto/host/address.h"
#include "sotto/proto/convert.h"
#include "sotto/proto/grpc_lifetime.h"
#include "tls_probe.h"

namespace sotto::client {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::uint64_t kSlowLinkBytesPerSecond = 32 * 1024;
constexpr std::chrono::seconds kProbeAgainAfter{30};

// Shared with gRPC's threads, which may still return from a callback when the transport is already gone.
struct Shared {
  std::mutex mutex;
  std::condition_variable idle;
  std::size_t active = 0;                      // calls whose callback has not returned
  grpc::ClientContext* outstanding = nullptr;  // the call to cancel at the end
  bool closing = false;
  SteadyClock::time_point probe_after{};  // no TLS probe before this
  std::atomic<bool> stop_probe{false};
};

// One call in flight. It owns itself between start() and end(), and ends before its callback is delivered:
// its context keeps the channel alive, and gRPC 1.51 does not survive a channel whose last reference goes
// away on one of gRPC's own threads.
template <typename WireRequest, typename WireReply>
struct Call {
  grpc::ClientContext context;
  WireRequest request;
  WireReply reply;
  Transport::Callback done;
};

template <typename Message, typename WireReply>
Result<Reply> read_reply(const WireReply& wire) {
  Result<Message> message = proto::from_wire(wire);
  if (!message) return data_loss("the coordinator's answer could not be read: " + message.error().message());
  Reply reply(std::in_place_type<Message>, std::move(*message));
  return Result<Reply>(std::move(reply));
}

class GrpcTransport final : public Transport {
 public:
  GrpcTransport(const GrpcTransportOptions& options, TlsProbe probe,
                const std::shared_ptr<grpc::Channel>& channel)
      : options_(options), probe_(std::move(probe)), stub_(v1::Fleet::NewStub(channel)) {}
  ~GrpcTransport() override;

  void send(const Request& request, Callback done) override;

 private:
  template <typename WireRequest, typename WireReply>
  Call<WireRequest, WireReply>* begin(milliseconds deadline, Callback done);
  template <typename WireRequest, typename WireReply>
  void end(const grpc::Status& status, Call<WireRequest, WireReply>* finished,
           Result<Reply> (*read)(const WireReply&));
  void explain(Status failure, Callback done);
  void deliver(const Callback& done, Result<Reply> result);

  void start(const proto::CheckInRequest& request, Callback done);
  void start(const proto::FetchModelRequest& request, Callback done);
  void start(const proto::ExchangeRequest& request, Callback done);
  void start(const proto::AbandonRequest& request, Callback done);
  void start(const proto::OfferUpdateRequest& request, Callback done);
  void start(const proto::FetchUpdateRequest& request, Callback done);

  const GrpcTransportOptions options_;
  const TlsProbe probe_;
  const std::unique_ptr<v1::Fleet::Stub> stub_;
  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

GrpcTransport::~GrpcTransport() {
  std::unique_lock lock(shared_->mutex);
  shared_->closing = true;
  shared_->stop_probe = true;
  if (shared_->outstanding != nullptr) shared_->outstanding->TryCancel();
  shared_->idle.wait(lock, [this] { return shared_->active == 0; });
}

void GrpcTransport::send(const Request& request, Callback done) {
  std::visit([&](const auto& message) { start(message, std::move(done)); }, request);
}

template <typename WireRequest, typename WireReply>
Call<WireRequest, WireReply>* GrpcTransport::begin(milliseconds deadline, Callback done) {
  auto call = std::make_unique<Call<WireRequest, WireReply>>();
  call->done = std::move(done);
  call->context.set_deadline(std::chrono::system_clock::now() + deadline);
  const std::lock_guard lock(shared_->mutex);
  ++shared_->active;
  shared_->outstanding = &call->context;
  // Sent by a callback while the transport is being destroyed.
  if (shared_->closing) call->context.TryCancel();
  return call.release();
}

void GrpcTransport::deliver(const Callback& done, Result<Reply> result) {
  const std::shared_ptr<Shared> shared = shared_;  // `this` may be gone once active is 0
  done(std::move(result));
  const std::lock_guard lock(shared->mutex);
  --shared->active;
  shared->idle.notify_all();
}

// On one of gRPC's threads: must not block.
template <typename WireRequest, typename WireReply>
void GrpcTransport::end(const grpc::Status& status, Call<WireRequest, WireReply>* finished,
                        Result<Reply> (*read)(const WireReply&)) {
  std::unique_ptr<Call<WireRequest, WireReply>> call(finished);
  bool probe = false;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->outstanding = nullptr;
    const SteadyClock::time_point now = SteadyClock::now();
    if (status.ok()) shared_->probe_after = {};
    probe = status.error_code() == grpc::StatusCode::UNAVAILABLE && !shared_->closing &&
            now >= shared_->probe_after;
    if (probe) shared_->probe_after = now + kProbeAgainAfter;
  }
  Result<Reply> result =
      status.ok() ? read(call->reply) : Result<Reply>(from_rpc_status(status, options_.coordinator));
  const Callback done = std::move(call->done);
  call.reset();
  if (!probe) return deliver(done, std::move(result));
  explain(result.error(), done);
}

// Finds out on a thread of its own whether TLS is to blame. The destructor waits for it through
// Shared::active.
void GrpcTransport::explain(Status failure, Callback done) {
  const auto work = [this, failure, done] {
    const Status tls = probe_tls(probe_, shared_->stop_probe);
    deliver(done, tls.ok() ? failure : tls);
  };
  try {
    std::thread(work).detach();
  } catch (const std::system_error&) {  // no thread to be had: the plain failure must do
    deliver(done, std::move(failure));
  }
}

void GrpcTransport::start(const proto::CheckInRequest& request, Callback done) {
  auto* call =
      begin<v1::CheckInRequest, v1::CheckInReply>(milliseconds(options_.call_deadline_ms), std::move(done));
  proto::to_wire(request, call->request);
  stub_->async()->CheckIn(&call->context, &call->request, &call->reply,
                          [this, call](const grpc::Status& status) {
                            end(status, call, read_reply<proto::CheckInReply, v1::CheckInReply>);
                          });
}

void GrpcTransport::start(const proto::FetchModelRequest& request, Callback done) {
  auto* call =
      begin<v1::FetchModelRequest, v1::ModelChunk>(milliseconds(options_.call_deadline_ms), std::move(done));
  proto::to_wire(request, call->request);
  stub_->async()->FetchModel(&call->context, &call->request, &call->reply,
                             [this, call](const grpc::Status& status) {
                               end(status, call, read_reply<proto::ModelChunk, v1::ModelChunk>);
                             });
}

void GrpcTransport::start(const proto::ExchangeRequest& request, Callback done) {
  const milliseconds transfer(1000 * request.payload.size() / kSlowLinkBytesPerSecond);
  auto* call = begin<v1::ExchangeRequest, v1::ExchangeReply>(
      milliseconds(options_.exchange_deadline_ms) + transfer, std::move(done));
  proto::to_wire(request, call->request);
  stub_->async()->Exchange(&call->context, &call->request, &call->reply,
                           [this, call](const grpc::Status& status) {
                             end(status, call, read_reply<proto::ExchangeReply, v1::ExchangeReply>);
                           });
}

void GrpcTransport::start(const proto::AbandonRequest& request, Callback done) {
  auto* call =
      begin<v1::AbandonRequest, v1::AbandonReply>(milliseconds(options_.call_deadline_ms), std::move(done));
  proto::to_wire(request, call->request);
  stub_->async()->Abandon(
      &call->context, &call->request, &call->reply, [this, call](const grpc::Status& status) {
        end<v1::AbandonRequest, v1::AbandonReply>(
            status, call, [](const v1::AbandonReply&) { return Result<Reply>(Reply(Abandoned{})); });
      });
}

void GrpcTransport::start(const proto::OfferUpdateRequest& request, Callback done) {
  auto* call = begin<v1::OfferUpdateRequest, v1::OfferUpdateReply>(milliseconds(options_.call_deadline_ms),
                                                                   std::move(done));
  proto::to_wire(request, call->request);
  stub_->async()->OfferUpdate(&call->context, &call->request, &call->reply,
                              [this, call](const grpc::Status& status) {
                                end(status, call, read_reply<proto::OfferUpdateReply, v1::OfferUpdateReply>);
                              });
}

void GrpcTransport::start(const proto::FetchUpdateRequest& request, Callback done) {
  auto* call =
      begin<v1::FetchUpdateRequest, v1::ModelChunk>(milliseconds(options_.call_deadline_ms), std::move(done));
  proto::to_wire(request, call->request);
  stub_->async()->FetchUpdate(&call->context, &call->request, &call->reply,
                              [this, call](const grpc::Status& status) {
                                end(status, call, read_reply<proto::ModelChunk, v1::ModelChunk>);
                              });
}

grpc::ChannelArguments channel_arguments(const GrpcTransportOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, options.private_channel ? 1 : 0);
  arguments.SetMaxReceiveMessageSize(static_cast<int>(limits::kMessageBytesMax));
  arguments.SetMaxSendMessageSize(static_cast<int>(limits::kMessageBytesMax));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  // The session spaces its attempts; the channel must not be the slower of the two by much.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
  return arguments;
}

Result<TlsProbe> parse_coordinator(const GrpcTransportOptions& options) {
  const auto address = host::parse_host_port(options.coordinator);
  if (!address || address->port == 0) {
    return invalid_argument("\"" + options.coordinator + "\" is not a coordinator's address: " +
                            host::describe_bad_host_port(options.coordinator));
  }
  return TlsProbe{address->host, std::to_string(address->port), options.ca_pem, options.ca_name};
}

}  // namespace

Result<std::unique_ptr<Transport>> make_grpc_transport(const GrpcTransportOptions& options) {
  Result<TlsProbe> probe = parse_coordinator(options);
  if (!probe) return probe.error();
  SOTTO_RETURN_IF_ERROR(check_ca_pem(options.ca_pem, options.ca_name));
  if (options.call_deadline_ms <= 0 || options.exchange_deadline_ms <= 0) {
    return invalid_argument("call deadlines must be positive");
  }
  SOTTO_RETURN_IF_ERROR(proto::keep_grpc_running());
  const auto credentials = grpc::SslCredentials({options.ca_pem, "", ""});
  const auto channel =
      grpc::CreateCustomChannel(options.coordinator, credentials, channel_arguments(options));
  return std::unique_ptr<Transport>(std::make_unique<GrpcTransport>(options, std::move(*probe), channel));
}

}  // namespace sotto::client
