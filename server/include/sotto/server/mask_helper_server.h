// A whole mask helper in one process: its key, what it has answered, TLS certificate and gRPC server over one
// data directory. Another party than the coordinator's runs it.
//
//   <data_dir>/helper-key.hex      X25519 private key, mode 0600
//   <data_dir>/helper-public.hex   its public key: give it to the coordinator and to every device
//   <data_dir>/answered.db         which set of devices was answered for which plan
//   <data_dir>/bulletin.pem        the newest of the authority's bulletins that was brought
//   <data_dir>/tls/                certificate authority and server certificate
//
// Plans that were signed before its start are refused: whatever became of answered.db in between, no plan is
// answered by two starts. So rounds that are under way when it restarts are lost, and their coordinators
// replace them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sotto/base/clock.h"
#include "sotto/base/result.h"
#include "sotto/crypto/primitives.h"
#include "sotto/hosting/tls_certificate.h"
#include "sotto/server/coordinator.h"

namespace sotto::server {

struct MaskHelperServerOptions {
  std::filesystem::path data_dir{};
  std::string listen = "127.0.0.1:7444";   // host:port; port 0 takes a free one
  std::vector<std::string> extra_names{};  // names and addresses the coordinator reaches it by
  std::filesystem::path authority_file{};  // public key of the fleet's authority
  // Where somebody brings that authority's newest bulletin; looked at before each answer. What was brought
  // last stays in force over restarts. Empty: nobody does.
  std::filesystem::path bulletin_file{};
  std::uint16_t cohort_min = 3;  // no sum over fewer devices, whatever a plan says
  std::size_t threads = 1;       // for adding masks
  // By which plans have their time; null: the system's. Must outlive the server.
  const Clock* clock = nullptr;
  hosting::NoticeSink notice{};  // from gRPC's threads and one that renews certificates; quick
};

// Makes the data directory (mode 0700) with a new key and nothing answered. kAlreadyExists when it holds a
// helper: a new key goes with a new directory. kIo.
[[nodiscard]] Status create_mask_helper(const std::filesystem::path& data_dir);

[[nodiscard]] std::filesystem::path mask_helper_public_file(const std::filesystem::path& data_dir);

// That the key's two halves fit together. kNotFound, kDataLoss, kInvalidArgument.
[[nodiscard]] Status check_mask_helper_key(const std::filesystem::path& data_dir);

class MaskHelperServer final {
 public:
  // Serves when this returns, in a second after that of its start. Requests are answered one at a time.
  // kNotFound when create_mask_helper() was not called for the directory; errors name the file or address and
  // what to do.
  [[nodiscard]] static Result<std::unique_ptr<MaskHelperServer>> start(
      const MaskHelperServerOptions& options);
  ~MaskHelperServer();  // stop(0)

  [[nodiscard]] std::string address() const;  // host:port it listens on
  [[nodiscard]] const hosting::TlsCertificate& certificate() const;
  [[nodiscard]] const crypto::X25519PublicKey& public_key() const;
  // kOk while its record of answered plans is in its place; kDataLoss otherwise: it answers nothing more.
  [[nodiscard]] Status status() const;
  // Tells coordinators that it is about to stop, so that they begin no rounds that would be lost; answers as
  // before.
  void drain();
  // No coordinator that has asked lately has a round under way that needs it.
  [[nodiscard]] bool drained() const;
  // Reads its certificate anew, for these names from now on; a failure leaves the old one. Any thread.
  [[nodiscard]] Status reload(const std::vector<std::string>& extra_names);
  // Lets open calls finish for `grace`, then ends. Idempotent; blocks.
  void stop(std::chrono::milliseconds grace);

 private:
  class Impl;
  explicit MaskHelperServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sotto::server
