#include "sotto/server/mask_helper_server.h"

#include <optional>
#include <thread>

#include "mask_helper/mask_helper_rpc.h"
#include "sotto/base/clock.h"
#include "sotto/host/address.h"
#include "sotto/host/file.h"
#include "sotto/host/placed_file.h"
#include "sotto/host/threads.h"
#include "sotto/host/utc_text.h"
#include "sotto/hosting/certificate_renewal.h"
#include "sotto/hosting/listen_address.h"
#include "sotto/identity/bulletin_file.h"
#include "sotto/identity/identity_file.h"
#include "sotto/identity/x25519_key_file.h"
#include "sotto/mask_helper/mask_helper.h"
#include "sotto/proto/grpc_lifetime.h"
#include "sotto/server/answered_plans_file.h"

namespace sotto::server {
namespace {

using std::filesystem::path;

// Of the port, its calls (two for each that may be open, as gRPC's quota says), and the one that renews.
constexpr std::size_t kOwnThreads = 18;

path secret_file(const path& data_dir) { return data_dir / "helper-key.hex"; }
path answered_file(const path& data_dir) { return data_dir / "answered.db"; }

// A key file holds nothing that a changed digit would contradict: the public one beside it does.
Status check_key(const path& data_dir, const crypto::X25519PrivateKey& key) {
  const path file = mask_helper_public_file(data_dir);
  const auto published = identity::load_x25519_public_key(file);
  if (!published) {
    return Status(published.error().code(), published.error().message() + ": restore it from a backup");
  }
  if (*published == key.public_key()) return {};
  return data_loss(secret_file(data_dir).string() + " is not the private half of " + file.string() +
                   ": restore both from a backup");
}

}  // namespace

// Members are declared in the order they depend on one another, so they are destroyed in the reverse.
class MaskHelperServer::Impl {
 public:
  ~Impl() { stop(std::chrono::milliseconds(0)); }

  Status open(MaskHelperServerOptions options) {
    if (options.clock == nullptr) options.clock = &system_clock_;
    SOTTO_RETURN_IF_ERROR(host::check_clock(system_clock_.now()));
    SOTTO_RETURN_IF_ERROR(hosting::check_listen_address(options.listen));
    SOTTO_RETURN_IF_ERROR(hosting::explain_listen_failure(options.listen));
    SOTTO_RETURN_IF_ERROR(hosting::check_certificate_names(options.extra_names));
    address_ = *host::parse_host_port(options.listen);
    SOTTO_RETURN_IF_ERROR(host::check_threads(kOwnThreads + options.threads + proto::grpc_threads()));
    const auto scalar = identity::load_x25519_private_key(secret_file(options.data_dir));
    if (!scalar && scalar.error().code() == StatusCode::kNotFound) {
      return not_found(scalar.error().message() + ": `sotto helper init` makes one");
    }
    if (!scalar) return scalar.error();
    SOTTO_RETURN_IF_ERROR(check_key(options.data_dir, crypto::X25519PrivateKey(*scalar)));
    SOTTO_RETURN_IF_ERROR(host::make_private_folder(options.data_dir));
    const auto authority = identity::load_public_key(options.authority_file);
    if (!authority) return authority.error();
    auto believed = identity::Believed::open(*authority, options.data_dir / "bulletin.pem");
    if (!believed) return believed.error();
    bulletin_.emplace(options.bulletin_file, std::move(*believed));
    auto answered = open_answered_plans(answered_file(options.data_dir));
    if (!answered) return answered.error();
    answered_ = std::move(*answered);
    auto record = host::PlacedFile::at(answered_file(options.data_dir));
    if (!record) return record.error();
    record_.emplace(std::move(*record));
    const hosting::TlsCertificateOptions tls{.directory = options.data_dir / "tls",
                                             .extra_names = options.extra_names,
                                             .owner = "Sotto mask helper"};
    auto certificate = hosting::load_or_create_tls_certificate(tls, system_clock_.now());
    if (!certificate) return certificate.error();
    certificate_ = std::move(*certificate);
    executor_ = make_thread_pool(options.threads);
    const Time started = options.clock->now();  // with the record in hand: nobody sets it back from here on
    helper_.emplace(crypto::X25519PrivateKey(*scalar),
                    mask_helper::MaskHelperOptions{.authority = *authority, .cohort_min = options.cohort_min},
                    *answered_, started);
    // Plans of this second are refused; those that are signed once it serves are not.
    if (options.clock == &system_clock_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1000 - started.ms % 1000));
    }
    auto rpc = MaskHelperRpc::start(options, certificate_, *helper_, *bulletin_, *executor_);
    if (!rpc) return rpc.error();
    rpc_ = std::move(*rpc);
    certificate_.private_key_pem = {};  // from here on it is gRPC's
    renewal_.emplace(tls, certificate_.certificate_expires, options.notice);
    if (options.notice) {
      options.notice({hosting::Notice::Level::kInfo,
                      "started at " + host::utc_time(started.ms) +
                          ": plans that were signed before are refused, so rounds that were under way are "
                          "lost and their coordinators begin new ones"});
    }
    return {};
  }

  std::string address() const { return host::to_string({address_.host, rpc_->port()}); }
  const hosting::TlsCertificate& certificate() const { return certificate_; }
  const crypto::X25519PublicKey& public_key() const { return helper_->public_key(); }
  Status status() const {
    if (record_->is_in_place()) return {};
    return data_loss(
        record_->path().string() +
        " was moved, replaced or removed while it is in use, so the helper answers nothing more: "
        "put it back; plans of before the next start are refused in any case");
  }
  void drain() { rpc_->drain(); }
  bool drained() const { return rpc_->drained(); }
  Status reload(const std::vector<std::string>& names) { return renewal_->reload(names); }
  void stop(std::chrono::milliseconds grace) {
    if (rpc_) rpc_->shutdown(grace);
  }

 private:
  SystemClock system_clock_;
  host::HostPort address_;
  hosting::TlsCertificate certificate_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<mask_helper::AnsweredPlans> answered_;
  std::optional<host::PlacedFile> record_;  // where what was answered lies
  std::optional<identity::BulletinWatch> bulletin_;
  std::optional<mask_helper::MaskHelper> helper_;
  std::unique_ptr<MaskHelperRpc> rpc_;
  std::optional<hosting::CertificateRenewal> renewal_;
};

MaskHelperServer::MaskHelperServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MaskHelperServer::~MaskHelperServer() = default;

std::string MaskHelperServer::address() const { return impl_->address(); }
const hosting::TlsCertificate& MaskHelperServer::certificate() const { return impl_->certificate(); }
const crypto::X25519PublicKey& MaskHelperServer::public_key() const { return impl_->public_key(); }
Status MaskHelperServer::status() const { return impl_->status(); }
void MaskHelperServer::drain() { impl_->drain(); }
bool MaskHelperServer::drained() const { return impl_->drained(); }
Status MaskHelperServer::reload(const std::vector<std::string>& extra_names) {
  return impl_->reload(extra_names);
}
void MaskHelperServer::stop(std::chrono::milliseconds grace) { impl_->stop(grace); }

path mask_helper_public_file(const path& data_dir) { return data_dir / "helper-public.hex"; }

Status check_mask_helper_key(const path& data_dir) {
  const auto scalar = identity::load_x25519_private_key(secret_file(data_dir));
  return scalar ? check_key(data_dir, crypto::X25519PrivateKey(*scalar)) : scalar.error();
}

Status create_mask_helper(const path& data_dir) {
  SOTTO_RETURN_IF_ERROR(host::make_private_folder(data_dir));
  if (host::is_there(secret_file(data_dir))) {
    return {StatusCode::kAlreadyExists,
            data_dir.string() + " holds a helper's key: choose another directory for a new one"};
  }
  crypto::SecretBytes<crypto::kX25519Bytes> scalar;
  crypto::SystemRandom().fill(scalar.reveal_mutable());
  const crypto::X25519PrivateKey key(scalar);
  SOTTO_RETURN_IF_ERROR(create_answered_plans(answered_file(data_dir)));
  SOTTO_RETURN_IF_ERROR(
      identity::save_x25519_public_key(mask_helper_public_file(data_dir), key.public_key()));
  return identity::save_x25519_private_key(secret_file(data_dir), scalar);  // last: now it is complete
}

Result<std::unique_ptr<MaskHelperServer>> MaskHelperServer::start(const MaskHelperServerOptions& options) {
  auto impl = std::make_unique<Impl>();
  SOTTO_RETURN_IF_ERROR(impl->open(options));
  return std::unique_ptr<MaskHelperServer>(new MaskHelperServer(std::move(impl)));
}

}  // namespace sotto::server
