#include <fmt/core.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fleet/backend.h"
#include "fleet/enrolled_fleet.h"
#include "sotto/base/limits.h"
#include "sotto/client/admin_client.h"
#include "sotto/client/grpc_transport.h"
#include "sotto/host/file.h"
#include "sotto/identity/authority_folder.h"
#include "sotto/server/mask_helper_server.h"
#include "sotto/server/service.h"

namespace sotto::simulation {
namespace {

// Removed with everything in it at the end of life.
class TemporaryDirectory {
 public:
  TemporaryDirectory() = default;
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  Status make() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sotto-simulation.XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) return io_error("cannot make a temporary directory " + pattern);
    path_ = pattern;
    return {};
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class GrpcBackend final : public Backend {
 public:
  Status open(const GrpcBackendOptions& options) {
    ExternalCoordinator coordinator = options.external;
    if (coordinator.address.empty()) {
      SOTTO_RETURN_IF_ERROR(directory_.make());
      server::ServiceOptions own{.data_dir = directory_.path(),
                                 .listen = "127.0.0.1:0",
                                 .local_authority = true,
                                 .finish_threads = options.threads,
                                 .coordinator = {.failing_wait_ms = 0},   // drop-outs are what is tried
                                 .door = {.gateways = {"127.0.0.0/8"}}};  // all devices are here
      for (std::size_t i = 0; i < options.mask_helpers; ++i) SOTTO_RETURN_IF_ERROR(start_helper(own));
      auto service = server::Service::start(own);
      if (!service) return service.error();
      service_ = std::move(*service);
      coordinator = {.address = service_->address(),
                     .ca_file = service_->certificate().ca_file,
                     .admin_socket = service_->admin_socket(),
                     .authority = service_->authority().directory};
    }
    auto authority = identity::Authority::open(coordinator.authority);
    if (!authority) return authority.error();
    fleet_.emplace(std::move(*authority), randomness_);
    const auto ca = host::read_file(coordinator.ca_file, limits::kMessageBytesMax);
    if (!ca) return ca.error();
    if (!ca->has_value()) {
      return not_found("there is no CA certificate " + coordinator.ca_file.string());
    }
    transport_options_ = {.coordinator = coordinator.address,
                          .ca_pem = std::string(bytes_text(**ca)),
                          .ca_name = coordinator.ca_file.string()};
    auto admin = client::AdminClient::connect(coordinator.admin_socket);
    if (!admin) return admin.error();
    admin_ = std::move(*admin);
    // A wrong address or certificate authority shows here, not in every device.
    return client::make_grpc_transport(transport_options_).status();
  }

  Result<proto::TaskStatus> create_task(const proto::TaskSpec& spec,
                                        std::span<const float> initial) override {
    if (initial.empty()) return admin_->create_task(spec);
    std::vector<std::uint8_t> bytes(initial.size() * sizeof(float));
    ByteWriter writer(bytes);
    for (const float value : initial) writer.f32(value);
    return admin_->create_task(spec, bytes);
  }
  Result<std::vector<proto::RoundRecord>> rounds(const std::string& task, std::uint32_t count_max) override {
    return admin_->list_rounds(task, count_max);
  }
  Result<std::vector<std::uint8_t>> model(const std::string& task, ModelVersion version) override {
    auto models = admin_->list_models(task);
    if (!models) return models.error();
    for (const proto::ModelRecord& model : *models) {
      if (model.version == version) return admin_->fetch_model(model);
    }
    return not_found(fmt::format("the coordinator has no model version {} of {}", version.value, task));
  }

  client::Transport& transport(std::size_t device) override {
    auto& transport = transports_[device];
    if (!transport) {
      auto made = client::make_grpc_transport(transport_options_);
      SOTTO_CHECK(made.has_value());  // the same options worked in open()
      transport = std::move(*made);
    }
    return *transport;
  }

  const secagg::Identity& identity(std::size_t device) override { return fleet_->device(device); }

  const PartyRandomness& randomness() const override { return randomness_; }

  std::vector<crypto::X25519PublicKey> helper_keys() const override {
    std::vector<crypto::X25519PublicKey> keys;
    for (const auto& helper : helpers_) keys.push_back(helper->public_key());
    return keys;
  }

  Time now() const override { return clock_.now(); }

  void wait(Time until, Mailbox& mailbox) override {
    constexpr std::chrono::milliseconds kLongest{1000};
    const auto limit = until == kNever ? kLongest : std::min(kLongest, until - clock_.now());
    mailbox.wait_for(std::max(limit, std::chrono::milliseconds(0)));
  }

 private:
  // A helper beside the coordinator's own authority, which is made for it.
  Status start_helper(server::ServiceOptions& coordinator) {
    const std::filesystem::path authority_dir = directory_.path() / "authority";
    const auto authority = identity::AuthorityFolder::open_or_create(authority_dir);
    if (!authority) return authority.error();
    const std::filesystem::path data_dir = directory_.path() / fmt::format("helper-{}", helpers_.size());
    SOTTO_RETURN_IF_ERROR(server::create_mask_helper(data_dir));
    auto helper =
        server::MaskHelperServer::start({.data_dir = data_dir,
                                         .listen = "127.0.0.1:0",
                                         .authority_file = identity::authority_public_file(authority_dir)});
    if (!helper) return helper.error();
    coordinator.helpers.push_back({.address = (*helper)->address(),
                                   .key_file = server::mask_helper_public_file(data_dir),
                                   .ca_file = (*helper)->certificate().ca_file});
    helpers_.push_back(std::move(*helper));
    return {};
  }

  SystemClock clock_;
  TemporaryDirectory directory_;
  std::vector<std::unique_ptr<server::MaskHelperServer>> helpers_;
  std::unique_ptr<server::Service> service_;
  const UnrepeatableRandomness randomness_{};
  std::optional<EnrolledFleet> fleet_;
  std::unique_ptr<client::AdminClient> admin_;
  client::GrpcTransportOptions transport_options_;
  std::unordered_map<std::size_t, std::unique_ptr<client::Transport>> transports_;
};

}  // namespace

Result<std::unique_ptr<Backend>> make_grpc_backend(const GrpcBackendOptions& options) {
  auto backend = std::make_unique<GrpcBackend>();
  SOTTO_RETURN_IF_ERROR(backend->open(options));
  return std::unique_ptr<Backend>(std::move(backend));
}

}  // namespace sotto::simulation
