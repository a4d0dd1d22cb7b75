// A whole coordinator in one process: store, core, loop, identities and gRPC server over one data directory.
//
//   <data_dir>/sotto.db              SQLite store; sotto.db.step beside it tells when it was set back
//   <data_dir>/tls/                  certificate authority and server certificate
//   <data_dir>/authority/            the fleet's authority, with local_authority
//   <data_dir>/coordinator-key.pem   signs plans, mode 0600
//   <data_dir>/bulletin.pem          the newest of the authority's bulletins that was brought
//   <data_dir>/admin.sock            administration, mode 0600
//   <data_dir>/updates/              signed updates of boards' models
//   <data_dir>/audit.jsonl           what operators did (audit.h), mode 0600
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sotto/base/result.h"
#include "sotto/hosting/tls_certificate.h"
#include "sotto/server/coordinator.h"
#include "sotto/server/door_options.h"

namespace sotto::server {

// A mask helper of one-shot sessions: host:port, its public key, the CA of its certificate.
struct HelperPlace {
  std::string address{};
  std::filesystem::path key_file{};
  std::filesystem::path ca_file{};
};

struct ServiceOptions {
  std::filesystem::path data_dir{};        // made, with mode 0700, when missing
  std::string listen = "127.0.0.1:7443";   // host:port; port 0 takes a free one
  std::vector<std::string> extra_names{};  // names and addresses devices reach it by
  // The public key of an authority that is kept elsewhere, and the file in which it endorses this
  // coordinator's key; or `local_authority`: the data directory holds the authority, made at the first start.
  // Whoever controls this coordinator can then invent devices, so it must be asked for; where it was made it
  // goes on without being asked for again.
  bool local_authority = false;
  std::filesystem::path authority_file{};
  std::filesystem::path plan_endorsement_file{};
  // Where somebody brings the authority's newest bulletin; looked at every other second. Empty: with
  // `local_authority` the one beside its key, else nobody does. What was brought last stays in force over
  // restarts, in <data_dir>/bulletin.pem.
  std::filesystem::path bulletin_file{};
  // None, one or two; one-shot tasks have all that there are.
  std::vector<HelperPlace> helpers{};
  // The database was restored from a backup, so that it is older than it was: round numbers go on in a new
  // epoch, so that devices which know later rounds than it does are not shut out.
  bool raise_epoch = false;
  // What is in the data directory counts, although a file of it is missing, older or another than it was
  // (kDataLoss otherwise). A database that was set back gets a new epoch.
  bool accept_older = false;
  std::size_t finish_threads = 1;    // for removing masks
  CoordinatorOptions coordinator{};  // identity and helper are set by the service
  DoorOptions door{};                // what strangers may take
  // On the coordinator's thread, on one that renews certificates and on that of the fleet's port, one at a
  // time; quick.
  hosting::NoticeSink notice{};
};

// Who endorses this fleet's devices.
struct FleetAuthority {
  std::filesystem::path public_file;
  std::filesystem::path directory;  // where devices can be enrolled; empty when it is kept elsewhere
  bool created = false;             // by this start
};

class Service final {
 public:
  // Everything is up when this returns. Errors name the file or address and what to do.
  [[nodiscard]] static Result<std::unique_ptr<Service>> start(const ServiceOptions& options);
  ~Service();  // stop(0)

  [[nodiscard]] std::string address() const;  // host:port it listens on
  [[nodiscard]] const hosting::TlsCertificate& certificate() const;
  [[nodiscard]] const FleetAuthority& authority() const;
  [[nodiscard]] std::filesystem::path admin_socket() const;
  // kOk while the coordinator works; otherwise why it ended by itself, or has to be: its database was moved,
  // replaced or removed (kDataLoss).
  [[nodiscard]] Status status() const;
  // For how long the coordinator's thread has been at one event; zero when it waits for the next.
  [[nodiscard]] std::chrono::milliseconds busy_for() const;
  // Takes over names of the certificate (and reads it anew) and limits and lists of the door while serving;
  // whatever else the options hold stays as it was at the start. On failure the old values stay. Any one
  // thread.
  [[nodiscard]] Status reload(const std::vector<std::string>& extra_names, const DoorOptions& door);
  // Lets open calls finish for `grace`, then ends. What the coordinator knows is written to a file beside the
  // database when that is not in its place; a notice names it. Idempotent; blocks.
  void stop(std::chrono::milliseconds grace);

 private:
  class Impl;
  explicit Service(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sotto::server
