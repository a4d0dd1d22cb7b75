#include "mask_helper_rpc.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include <algorithm>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "door/guarded_port.h"
#include "mask_helper/refusal_log.h"
#include "rpc/hand_over.h"
#include "rpc/rpc_status.h"
#include "rpc/tls_credentials.h"
#include "sotto.grpc.pb.h"
#include "sotto/base/clock.h"
#include "sotto/base/limits.h"
#include "sotto/hosting/listening_sockets.h"
#include "sotto/proto/convert.h"
#include "sotto/proto/grpc_lifetime.h"
#include "sotto/secagg/one_shot.h"

namespace sotto::server {
namespace {

// A request of the largest set, with room for protobuf's own bytes.
constexpr std::size_t kRequestBytesMax =
    secagg::helper_request_bytes(limits::kPlanBytesMax, limits::kParticipantsMax, secagg::kHelpersMax) + 64;
constexpr int kCallsAtOnceMax = 8;  // of a connection; they wait for their turn
// Coordinators have a connection each, so whoever opens many is none.
constexpr std::size_t kConnectionsMax = 256;
constexpr std::size_t kConnectionsOfAddressMax = 16;
constexpr RateLimit kConnectionRate{.per_second = 2, .burst = 60};
constexpr int kHandshakeMs = 10'000;
constexpr int kIdleMs = 60'000;
// Coordinators ask every 2 s; one that has not for so long is none, or cannot be waited for.
constexpr std::chrono::seconds kAsksWithin{10};
// Requests of some coordinators at a time. What comes beyond it waits in the network.
constexpr std::size_t kMemoryBytesMax = std::size_t{256} << 20;

class Service final : public v1::MaskHelper::Service {
 public:
  Service(const MaskHelperServerOptions& options, mask_helper::MaskHelper& helper,
          identity::BulletinWatch& bulletin, Executor& executor)
      : notice_(options.notice),
        helper_(helper),
        bulletin_(bulletin),
        executor_(executor),
        clock_(*options.clock) {}

  // Of anybody, and while a request is being answered.
  grpc::Status GetState(grpc::ServerContext* context, const v1::HelperStateRequest* request,
                        v1::HelperState* state) override {
    state->set_stopping(note_asking(context->peer(), request->done()));
    const crypto::X25519PublicKey& key = helper_.public_key();  // of anybody who asks: it never changes
    state->set_public_key(key.data(), key.size());
    return grpc::Status::OK;
  }

  void drain() {
    const std::lock_guard lock(asking_mutex_);
    stopping_ = true;
  }

  bool drained() const {
    const std::lock_guard lock(asking_mutex_);
    const Time now = steady_.now();
    return stopping_ && std::ranges::none_of(asking_, [&](const auto& entry) {
             const Asking& asking = entry.second;
             return !asking.done && now - asking.last <= kAsksWithin;
           });
  }

  grpc::Status SumMasks(grpc::ServerContext* context, const v1::SumMasksRequest* request,
                        v1::SumMasksReply* reply) override {
    const std::lock_guard turn(turn_);
    if (context->IsCancelled()) return grpc::Status::CANCELLED;  // repeated meanwhile, or given up
    try {
      return answer(request->request(), *reply);
    } catch (const std::exception& exception) {
      tell(NoticeAction::Level::kError, std::string("a request could not be answered: ") + exception.what());
      return to_rpc_status(io_error(exception.what()), Audience::kDevice);
    }
  }

 private:
  struct Asking {
    Time last{};
    bool done = false;  // said since the helper drains
  };

  // Whether it is about to stop. Who says before that to be done cannot mean this stop.
  bool note_asking(const std::string& peer, bool done) {
    const std::lock_guard lock(asking_mutex_);
    const Time now = steady_.now();
    std::erase_if(asking_, [&](const auto& entry) { return now - entry.second.last > kAsksWithin; });
    if (asking_.contains(peer) || asking_.size() < kConnectionsMax) {
      asking_[peer] = {.last = now, .done = done && stopping_};
    }
    return stopping_;
  }

  void look_for_bulletin() {
    const Result<bool> changed = bulletin_.look();
    if (!changed) tell(NoticeAction::Level::kWarning, changed.error().message());
    const secagg::Trust trust = bulletin_.believed().trust();
    if (changed && *changed) {
      tell(NoticeAction::Level::kInfo,
           "edition " + std::to_string(trust.edition) + " of the authority's bulletin is in force");
    }
    helper_.believe(trust);
  }

  grpc::Status answer(const std::string& request, v1::SumMasksReply& reply) {
    look_for_bulletin();
    const Result<proto::HelperReply> answer = helper_.answer(text_bytes(request), clock_.now(), executor_);
    if (!answer) {
      tell(NoticeAction::Level::kError, answer.error().message());
      return to_rpc_status(answer.error(), Audience::kDevice);
    }
    if (const auto* refusal = std::get_if<proto::HelperRefusal>(&*answer)) {
      if (const auto line = refusals_.line(refusal->reason, clock_.now())) {
        tell(NoticeAction::Level::kWarning, *line);
      }
    } else {
      tell(NoticeAction::Level::kInfo, "gave out the sum of a set's masks");
    }
    proto::to_wire(*answer, reply);
    return grpc::Status::OK;
  }
  void tell(NoticeAction::Level level, std::string text) const {
    if (notice_) notice_({level, std::move(text)});
  }

  const hosting::NoticeSink notice_;
  mask_helper::MaskHelper& helper_;
  identity::BulletinWatch& bulletin_;
  Executor& executor_;
  const Clock& clock_;
  std::mutex turn_;
  RefusalLog refusals_;       // guarded by `turn_`
  const SystemClock steady_;  // plans have another one
  mutable std::mutex asking_mutex_;
  std::map<std::string, Asking> asking_;  // by connection; guarded by `asking_mutex_`, and so is
  bool stopping_ = false;
};

}  // namespace

class MaskHelperRpc::Impl {
 public:
  Impl(const MaskHelperServerOptions& options, mask_helper::MaskHelper& helper,
       identity::BulletinWatch& bulletin, Executor& executor)
      : notice_(options.notice), service_(options, helper, bulletin, executor), door_({}, {}) {}
  ~Impl() { shutdown(std::chrono::milliseconds(0)); }

  Status listen(const std::string& address, const hosting::TlsCertificate& certificate) {
    auto sockets = hosting::ListeningSockets::open(address);
    if (!sockets) return sockets.error();
    SOTTO_RETURN_IF_ERROR(proto::keep_grpc_running());
    grpc::ServerBuilder builder;
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMs);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdleMs);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kCallsAtOnceMax);
    builder.SetMaxReceiveMessageSize(static_cast<int>(kRequestBytesMax));
    builder.SetMaxSendMessageSize(static_cast<int>(limits::kMessageBytesMax));
    builder.SetResourceQuota(
        grpc::ResourceQuota("mask-helper").Resize(kMemoryBytesMax).SetMaxThreads(2 * kCallsAtOnceMax));
    builder.RegisterService(&service_);
    acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
        tls_credentials(certificate.server_file));
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return io_error("cannot serve TLS on " + address + ": gRPC refused to start");
    port_.emplace(std::move(*sockets), GuardedPortParts{addresses_, door_, clock_},
                  GuardedPortOptions{.limits = {.rate = kConnectionRate,
                                                .of_address_max = kConnectionsOfAddressMax,
                                                .all_max = kConnectionsMax},
                                     .notice = notice_});
    SOTTO_RETURN_IF_ERROR(port_->start(hand_over_to(*acceptor_)));
    set_serving(true);
    return {};
  }

  void drain() {
    service_.drain();
    if (server_ != nullptr) set_serving(false);
  }

  bool drained() const { return service_.drained(); }

  std::uint16_t port() const { return port_->port(); }
  void shutdown(std::chrono::milliseconds grace) {
    if (port_) port_->stop();
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now() + grace);
    server_ = nullptr;
  }

 private:
  void set_serving(bool serving) {
    grpc::HealthCheckServiceInterface* const health = server_->GetHealthCheckService();
    if (health != nullptr) health->SetServingStatus(v1::MaskHelper::service_full_name(), serving);
  }

  const hosting::NoticeSink notice_;
  const SystemClock clock_;  // of the door; plans have one that tests set
  const CallerAddresses addresses_;
  Service service_;
  Doorkeeper door_;  // counts connections; calls are bounded by streams and memory
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
  std::optional<GuardedPort> port_;
};

MaskHelperRpc::MaskHelperRpc(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MaskHelperRpc::~MaskHelperRpc() = default;

std::uint16_t MaskHelperRpc::port() const { return impl_->port(); }
void MaskHelperRpc::drain() { impl_->drain(); }
bool MaskHelperRpc::drained() const { return impl_->drained(); }
void MaskHelperRpc::shutdown(std::chrono::milliseconds grace) { impl_->shutdown(grace); }

Result<std::unique_ptr<MaskHelperRpc>> MaskHelperRpc::start(const MaskHelperServerOptions& options,
                                                            const hosting::TlsCertificate& certificate,
                                                            mask_helper::MaskHelper& helper,
                                                            identity::BulletinWatch& bulletin,
                                                            Executor& executor) {
  grpc::EnableDefaultHealthCheckService(true);
  auto impl = std::make_unique<Impl>(options, helper, bulletin, executor);
  SOTTO_RETURN_IF_ERROR(impl->listen(options.listen, certificate));
  return std::unique_ptr<MaskHelperRpc>(new MaskHelperRpc(std::move(impl)));
}

}  // namespace sotto::server
