#include "mask_helper_rpc.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include <atomic>
#include <exception>

#include "rpc/rpc_status.h"
#include "rpc/tls_credentials.h"
#include "sotto.grpc.pb.h"
#include "sotto/base/clock.h"
#include "sotto/base/limits.h"
#include "sotto/hosting/listen_address.h"
#include "sotto/proto/convert.h"
#include "sotto/secagg/one_shot.h"

namespace sotto::server {
namespace {

// A request of the largest set, with room for protobuf's own bytes.
constexpr std::size_t kRequestBytesMax =
    secagg::helper_request_bytes(limits::kPlanBytesMax, limits::kParticipantsMax, secagg::kHelpersMax) + 64;
constexpr int kCallsAtOnceMax = 8;  // they wait for their turn

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
  grpc::Status GetState(grpc::ServerContext*, const v1::HelperStateRequest*,
                        v1::HelperState* state) override {
    state->set_stopping(stopping_);
    return grpc::Status::OK;
  }

  void drain() { stopping_ = true; }

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
      tell(NoticeAction::Level::kWarning, "refused: " + refusal->reason);
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
  std::atomic<bool> stopping_ = false;
};

}  // namespace

class MaskHelperRpc::Impl {
 public:
  Impl(const MaskHelperServerOptions& options, mask_helper::MaskHelper& helper,
       identity::BulletinWatch& bulletin, Executor& executor)
      : service_(options, helper, bulletin, executor) {}
  ~Impl() { shutdown(std::chrono::milliseconds(0)); }

  Status listen(const std::string& address, const hosting::TlsCertificate& certificate) {
    SOTTO_RETURN_IF_ERROR(hosting::check_listen_address(address));
    grpc::ServerBuilder builder;
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kCallsAtOnceMax);
    builder.SetMaxReceiveMessageSize(static_cast<int>(kRequestBytesMax));
    builder.SetMaxSendMessageSize(static_cast<int>(limits::kMessageBytesMax));
    builder.SetResourceQuota(grpc::ResourceQuota("mask-helper").SetMaxThreads(2 * kCallsAtOnceMax));
    builder.RegisterService(&service_);
    int bound_port = 0;
    builder.AddListeningPort(address, tls_credentials(certificate.server_file), &bound_port);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || bound_port == 0) {
      server_ = nullptr;
      SOTTO_RETURN_IF_ERROR(hosting::explain_listen_failure(address));
      return io_error("cannot serve TLS on " + address + ": gRPC refused the server's certificate or key");
    }
    port_ = static_cast<std::uint16_t>(bound_port);
    set_serving(true);
    return {};
  }

  void drain() {
    service_.drain();
    if (server_ != nullptr) set_serving(false);
  }

  std::uint16_t port() const { return port_; }
  void shutdown(std::chrono::milliseconds grace) {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now() + grace);
    server_ = nullptr;
  }

 private:
  void set_serving(bool serving) {
    grpc::HealthCheckServiceInterface* const health = server_->GetHealthCheckService();
    if (health != nullptr) health->SetServingStatus(v1::MaskHelper::service_full_name(), serving);
  }

  Service service_;
  std::uint16_t port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

MaskHelperRpc::MaskHelperRpc(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MaskHelperRpc::~MaskHelperRpc() = default;

std::uint16_t MaskHelperRpc::port() const { return impl_->port(); }
void MaskHelperRpc::drain() { impl_->drain(); }
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
