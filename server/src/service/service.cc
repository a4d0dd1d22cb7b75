#include "sotto/server/service.h"

#include <fmt/core.h>
#include <unistd.h>

#include <optional>
#include <vector>

#include "coordinator/access_key.h"
#include "service/endorsement_watch.h"
#include "service/mask_helper_watch.h"
#include "service/neighbours.h"
#include "service/plan_identity.h"
#include "sotto/base/clock.h"
#include "sotto/crypto/primitives.h"
#include "sotto/host/address.h"
#include "sotto/host/file.h"
#include "sotto/host/repeated_task.h"
#include "sotto/host/threads.h"
#include "sotto/host/utc_text.h"
#include "sotto/hosting/certificate_renewal.h"
#include "sotto/hosting/listen_address.h"
#include "sotto/identity/authority_folder.h"
#include "sotto/identity/bulletin_file.h"
#include "sotto/proto/admin_socket.h"
#include "sotto/proto/grpc_lifetime.h"
#include "sotto/server/audit.h"
#include "sotto/server/cohort_host.h"
#include "sotto/server/coordinator_loop.h"
#include "sotto/server/grpc_server.h"
#include "sotto/server/mask_helper_client.h"
#include "sotto/server/store.h"

namespace sotto::server {
namespace {

constexpr std::chrono::seconds kLook{2};  // at files, and at the mask helpers
// Of the loop, its pools, the ports, and those that look and renew.
constexpr std::size_t kOwnThreads = 12;

}  // namespace

// Members are declared in the order they depend on one another, so they are destroyed in the reverse.
class Service::Impl {
 public:
  ~Impl() { stop(std::chrono::milliseconds(0)); }

  // What can fail because options are wrong or the port is taken comes before anything is made: a failed
  // start leaves nothing behind that a next one would find.
  Status open(const ServiceOptions& options) {
    admin_socket_ = options.data_dir / "admin.sock";
    SOTTO_RETURN_IF_ERROR(check(options));
    SOTTO_RETURN_IF_ERROR(host::check_threads(kOwnThreads + options.finish_threads + proto::grpc_threads()));
    SOTTO_RETURN_IF_ERROR(check_store_is_there(options));
    CoordinatorOptions core = options.coordinator;
    SOTTO_RETURN_IF_ERROR(find_helpers(options, core));
    auto sockets = hosting::ListeningSockets::open(options.listen);
    if (!sockets) return sockets.error();
    address_ = *host::parse_host_port(options.listen);
    SOTTO_RETURN_IF_ERROR(host::make_private_folder(options.data_dir));
    auto store = open_sqlite_store(
        {.path = options.data_dir / "sotto.db", .accept_older = options.accept_older || options.raise_epoch});
    if (!store) return store.error();
    store_ = std::move(*store);
    SOTTO_RETURN_IF_ERROR(check_files_are_there(*store_, options));
    const hosting::TlsCertificateOptions tls{.directory = options.data_dir / "tls",
                                             .extra_names = options.extra_names};
    auto certificate = hosting::load_or_create_tls_certificate(tls, clock_.now());
    if (!certificate) return certificate.error();
    certificate_ = std::move(*certificate);
    auto plan_identity = load_or_create_plan_identity(options, clock_.now());
    if (!plan_identity) return plan_identity.error();
    plan_identity_.emplace(std::move(*plan_identity));
    SOTTO_RETURN_IF_ERROR(check_neighbours(*store_, options, *plan_identity_, certificate_));
    access_.emplace(random_);
    core.access = &*access_;
    core.identity = &plan_identity_->identity.get();
    bulletin_file_ = options.bulletin_file;
    SOTTO_RETURN_IF_ERROR(open_bulletin(options));
    SOTTO_RETURN_IF_ERROR(open_updates(options.data_dir));
    SOTTO_RETURN_IF_ERROR(open_audit(options));
    const auto epoch = store_->epoch();
    if (!epoch) return epoch.error();
    core.epoch = *epoch;
    auto bans = store_->bans();
    if (!bans) return bans.error();
    core.bans = std::move(*bans);
    auto tasks = take_up_tasks(*store_);
    if (!tasks) return tasks.error();
    auto coordinator = Coordinator::open(std::move(*tasks), random_, core, clock_.now());
    if (!coordinator) return coordinator.error();
    coordinator_ = std::move(*coordinator);
    CohortHostOptions cohorts{.authority = core.identity->trust, .coordinator = &core.identity->signer};
    for (MaskHelperClient* helper : helpers_.clients()) SOTTO_CHECK(cohorts.helpers.push_back(helper));
    cohorts_.emplace(random_, cohorts);
    const hosting::NoticeSink notice = hosting::one_at_a_time(options.notice);
    notice_ = notice;
    loop_.emplace(CoordinatorParts{*coordinator_, *cohorts_, *store_, clock_, audit_.get(), &*updates_},
                  CoordinatorLoopOptions{.finish_threads = options.finish_threads, .notice = notice});
    watch(notice);
    auto server = GrpcServer::start(
        {.address = options.listen,
         .certificate_file = certificate_.server_file,
         .admin_socket = admin_socket_,
         .door = options.door,
         .valid_pass = [this](Bytes pass) { return access_->check_pass(pass, clock_.now()).has_value(); },
         .notice = notice},
        *loop_, std::move(*sockets));
    if (!server) return server.error();
    server_ = std::move(*server);
    certificate_.private_key_pem = {};  // from here on it is gRPC's
    door_ = options.door;
    renewal_.emplace(tls, certificate_.certificate_expires, notice);
    return {};
  }

  std::string address() const { return host::to_string({address_.host, server_->port()}); }
  const hosting::TlsCertificate& certificate() const { return certificate_; }
  const FleetAuthority& authority() const { return plan_identity_->authority; }
  std::filesystem::path admin_socket() const { return admin_socket_; }
  Status status() const {
    SOTTO_RETURN_IF_ERROR(loop_->status());
    return store_->in_place();
  }
  std::chrono::milliseconds busy_for() const { return loop_->busy_for(); }

  Status reload(const std::vector<std::string>& extra_names, const DoorOptions& door) {
    SOTTO_RETURN_IF_ERROR(server_->set_door_limits(door));
    if (Status status = renewal_->reload(extra_names); !status.ok()) {
      static_cast<void>(server_->set_door_limits(door_));  // they were in force, so they are usable
      return status;
    }
    door_ = door;
    return {};
  }

  void stop(std::chrono::milliseconds grace) {
    watching_.reset();
    if (server_) server_->shutdown(grace);
    helpers_.cancel();
    if (loop_) loop_->stop();
    if (store_ && !rescued_) rescue_store();
  }

 private:
  // A folder that is there already is looked at, too.
  [[nodiscard]] Status check(const ServiceOptions& options) const {
    if (host::is_there(options.data_dir)) {
      SOTTO_RETURN_IF_ERROR(check_is_a_coordinators(options.data_dir));
      SOTTO_RETURN_IF_ERROR(host::make_private_folder(options.data_dir));
    }
    SOTTO_RETURN_IF_ERROR(host::check_clock(clock_.now()));
    SOTTO_RETURN_IF_ERROR(hosting::check_listen_address(options.listen));
    SOTTO_RETURN_IF_ERROR(hosting::check_certificate_names(options.extra_names));
    SOTTO_RETURN_IF_ERROR(check_door_options(options.door));
    SOTTO_RETURN_IF_ERROR(proto::admin_target(admin_socket_).status());
    return check_authority_options(options);
  }

  // What was brought before counts from the first round on. A coordinator that cannot read what it has kept
  // does not start: it would take in devices that are revoked.
  Status open_bulletin(const ServiceOptions& options) {
    auto believed = identity::Believed::open(plan_identity_->identity.get().trust.authority,
                                             options.data_dir / "bulletin.pem");
    if (!believed) return believed.error();
    const FleetAuthority& authority = plan_identity_->authority;
    const bool beside_key = options.bulletin_file.empty() && !authority.directory.empty();
    bulletin_.emplace(
        beside_key ? identity::authority_bulletin_file(authority.directory) : options.bulletin_file,
        std::move(*believed));
    return {};
  }

  Status open_audit(const ServiceOptions& options) {
    auto audit = open_audit_file(audit_file(options.data_dir));
    if (!audit) return audit.error();
    audit_ = std::move(*audit);
    SOTTO_RETURN_IF_ERROR(settle_audit(options.data_dir));
    if (options.raise_epoch) {
      SOTTO_RETURN_IF_ERROR(audit_->append(
          {.time_ms = clock_.now().ms, .who = fmt::format("uid {}", ::getuid()), .what = "raise epoch"}));
      store_->mark_act(audit_->head());
      SOTTO_RETURN_IF_ERROR(store_->raise_epoch());
    }
    return {};
  }

  Status settle_audit(const std::filesystem::path& data_dir) {
    const auto remembered = store_->neighbours();
    if (!remembered) return remembered.error();
    const auto carried_out = remembered->find(kAuditNeighbour);
    if (carried_out == remembered->end()) return {};
    return settle_audit_file(audit_file(data_dir), *audit_, carried_out->second, clock_.now().ms);
  }

  Status open_updates(const std::filesystem::path& data_dir) {
    auto updates = ModelUpdates::open(data_dir / "updates");
    if (!updates) return updates.error();
    updates_.emplace(std::move(*updates));
    return {};
  }

  void tell_bulletin() { loop_->tell({.bulletin = bulletin_->believed().bulletin()}); }

  void look_for_bulletin() {
    const Result<bool> changed = bulletin_->look();
    if (!changed) return loop_->tell({.problem = changed.error().message()});
    if (*changed) tell_bulletin();
  }

  void ask_helpers() {
    if (!helpers_.empty()) loop_->tell(helpers_.ask(clock_.now(), loop_->is_done_with_helpers()));
  }

  // The first look is taken before the first device is let in.
  void watch(const hosting::NoticeSink& notice) {
    if (!bulletin_->believed().bulletin().empty()) tell_bulletin();
    look_for_bulletin();
    ask_helpers();
    if (notice && !bulletin_file_.empty() && !host::is_there(bulletin_file_)) {
      notice({hosting::Notice::Level::kInfo,
              "there is no bulletin at " + bulletin_file_.string() + " yet; it is looked for every 2 s"});
    }
    EndorsementWatch own(plan_identity_->identity.get().endorsement.expires_at);
    watching_.emplace(kLook, [this, notice, own]() mutable {
      look_for_bulletin();
      ask_helpers();
      if (const auto ends = own.look(clock_.now()); ends && notice) notice(*ends);
    });
  }

  // What is known only to a file without a name goes with the process.
  void rescue_store() {
    if (store_->in_place().ok()) return;
    rescued_ = true;
    const std::filesystem::path store = admin_socket_.parent_path() / "sotto.db";
    const std::filesystem::path copy =
        store.string() + ".rescued-" + std::to_string(unix_seconds(clock_.now()));
    const Status status = store_->copy_out(copy);
    const std::string text =
        status.ok() ? fmt::format(
                          "what the coordinator knew is in {}: move what is at {} and {}-wal away, "
                          "and rename it to {}",
                          copy.string(), store.string(), store.string(), store.string())
                    : "what the coordinator knew could not be written beside it: " + status.message();
    if (notice_) notice_({hosting::Notice::Level::kError, text});
  }

  Status find_helpers(const ServiceOptions& options, CoordinatorOptions& core) {
    for (const HelperPlace& place : options.helpers) SOTTO_RETURN_IF_ERROR(helpers_.add(place));
    core.helper_keys = helpers_.keys();
    return {};
  }

  host::HostPort address_;
  std::filesystem::path admin_socket_;
  hosting::NoticeSink notice_;
  bool rescued_ = false;
  DoorOptions door_;  // its limits as they are in force
  SystemClock clock_;
  crypto::SystemRandom random_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<AuditLog> audit_;
  std::optional<ModelUpdates> updates_;  // of the store's thread, once there is one
  hosting::TlsCertificate certificate_;
  std::optional<AccessKey> access_;
  std::filesystem::path bulletin_file_;
  std::optional<PlanIdentity> plan_identity_;
  std::optional<identity::BulletinWatch> bulletin_;  // of the watching thread, once there is one
  MaskHelperWatch helpers_;                          // of the watching thread, once there is one
  std::optional<CohortHost> cohorts_;
  std::unique_ptr<Coordinator> coordinator_;
  std::optional<CoordinatorLoop> loop_;
  std::unique_ptr<GrpcServer> server_;
  std::optional<hosting::CertificateRenewal> renewal_;
  std::optional<host::RepeatedTask> watching_;
};

Service::Service(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Service::~Service() = default;

std::string Service::address() const { return impl_->address(); }
const hosting::TlsCertificate& Service::certificate() const { return impl_->certificate(); }
const FleetAuthority& Service::authority() const { return impl_->authority(); }
std::filesystem::path Service::admin_socket() const { return impl_->admin_socket(); }
Status Service::status() const { return impl_->status(); }
std::chrono::milliseconds Service::busy_for() const { return impl_->busy_for(); }
Status Service::reload(const std::vector<std::string>& extra_names, const DoorOptions& door) {
  return impl_->reload(extra_names, door);
}
void Service::stop(std::chrono::milliseconds grace) { impl_->stop(grace); }

Result<std::unique_ptr<Service>> Service::start(const ServiceOptions& options) {
  auto impl = std::make_unique<Impl>();
  ServiceOptions completed = options;
  // Once somebody has asked for an authority there, it goes on until another is named.
  if (options.authority_file.empty() && holds_authority(options.data_dir)) completed.local_authority = true;
  SOTTO_RETURN_IF_ERROR(impl->open(completed));
  return std::unique_ptr<Service>(new Service(std::move(impl)));
}

}  // namespace sotto::server
