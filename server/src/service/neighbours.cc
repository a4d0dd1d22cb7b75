#include "service/neighbours.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <string>
#include <system_error>

#include "sotto/host/file.h"
#include "sotto/identity/authority.h"
#include "sotto/identity/authority_folder.h"
#include "sotto/identity/bulletin_file.h"

namespace sotto::server {
namespace {

using std::filesystem::path;
using Neighbours = std::map<std::string, crypto::Digest>;

constexpr const char* kAuthority = "authority";
constexpr const char* kCoordinatorKey = "coordinator key";
constexpr const char* kCaKey = "TLS CA key";

path store_file(const path& data_dir) { return data_dir / "sotto.db"; }
path key_file(const path& data_dir) { return data_dir / "coordinator-key.pem"; }
path authority_folder(const path& data_dir) { return data_dir / "authority"; }

Status lost(const path& file, const char* consequence) {
  return data_loss(
      fmt::format("{} is missing or empty, and this coordinator had one: {}; restore it from a backup, or "
                  "start once with --accept-older-store to make a new one",
                  file.string(), consequence));
}

Status another(const path& file, const char* consequence) {
  return data_loss(
      fmt::format("{} is another than this coordinator had: {}; restore it from a backup, or "
                  "start once with --accept-older-store if it was changed on purpose",
                  file.string(), consequence));
}

constexpr const char* kOfAuthority = "devices that pin the old authority would refuse every plan";
constexpr const char* kOfKey = "devices would take this for another coordinator, with their budgets anew";
constexpr const char* kOfCa = "devices that hold the old ca.pem would refuse this server";

// Whether a bulletin tells how the authority's key came from one of this digest.
bool follows(const crypto::Digest& before, const crypto::Es256PublicKey& now, const path& bulletin_file) {
  const auto kept = identity::load_bulletin(bulletin_file);
  secagg::Bulletin bulletin;
  if (!kept || !kept->has_value() || !accepted(secagg::decode_bulletin(**kept, bulletin))) return false;
  for (std::size_t i = 0; i < bulletin.rotation_count(); ++i) {
    const secagg::Rotation rotation = bulletin.rotation(i);
    secagg::Trust trust(rotation.before);
    if (crypto::sha256({rotation.before}) == before &&
        secagg::take_bulletin(**kept, trust) == secagg::BulletinVerdict::kTaken && trust.authority == now) {
      return true;
    }
  }
  return false;
}

bool is_successor(const crypto::Digest& before, const crypto::Es256PublicKey& now,
                  const ServiceOptions& options) {
  for (const path& file : {identity::authority_bulletin_file(authority_folder(options.data_dir)),
                           options.bulletin_file, options.data_dir / "bulletin.pem"}) {
    if (!file.empty() && follows(before, now, file)) return true;
  }
  return false;
}

}  // namespace

// The database is made before the key, so that a first start that was cut short does not look like this.
Status check_store_is_there(const ServiceOptions& options) {
  std::error_code ignored;
  const bool has_store = host::is_there(store_file(options.data_dir)) &&
                         std::filesystem::file_size(store_file(options.data_dir), ignored) != 0;
  if (options.accept_older || has_store || !host::is_there(key_file(options.data_dir))) return {};
  return lost(store_file(options.data_dir),
              "its tasks and models would be gone, and its round numbers used again");
}

Status check_files_are_there(Store& store, const ServiceOptions& options) {
  const Result<Neighbours> remembered = store.neighbours();
  if (!remembered) return remembered.error();
  if (options.accept_older) return {};
  const path secret = identity::authority_secret_file(authority_folder(options.data_dir));
  if (remembered->contains(kAuthority) && options.local_authority && !host::is_there(secret)) {
    const Status gone = lost(secret, kOfAuthority);
    return {gone.code(),
            gone.message() + "; when it is kept elsewhere, start with --authority and --plan-endorsement"};
  }
  if (remembered->contains(kCoordinatorKey) && options.plan_endorsement_file.empty() &&
      !host::is_there(key_file(options.data_dir))) {
    return lost(key_file(options.data_dir), kOfKey);
  }
  const path ca = options.data_dir / "tls" / "ca.pem";
  if (remembered->contains(kCaKey) && !host::is_there(ca) &&
      !host::is_there(options.data_dir / "tls" / "ca-key.pem")) {
    return lost(ca, kOfCa);
  }
  return {};
}

Status check_neighbours(Store& store, const ServiceOptions& options, const PlanIdentity& identity,
                        const hosting::TlsCertificate& certificate) {
  const secagg::Identity& own = identity.identity.get();
  const crypto::Es256PublicKey& authority = own.trust.authority;
  const Neighbours now = {{kAuthority, crypto::sha256({authority})},
                          {kCoordinatorKey, crypto::sha256({own.signer.public_key()})},
                          {kCaKey, certificate.ca_key}};
  const Result<Neighbours> remembered = store.neighbours();
  if (!remembered) return remembered.error();
  const bool same = std::ranges::all_of(now, [&](const auto& one) {
    const auto before = remembered->find(one.first);
    return before != remembered->end() && before->second == one.second;
  });
  if (same) return {};
  const auto differs = [&](const char* name) {
    const auto before = remembered->find(name);
    return !options.accept_older && before != remembered->end() && before->second != now.at(name);
  };
  if (differs(kAuthority) && !is_successor(remembered->at(kAuthority), authority, options)) {
    return another(identity.authority.public_file, kOfAuthority);
  }
  if (differs(kCoordinatorKey)) return another(key_file(options.data_dir), kOfKey);
  if (differs(kCaKey)) return another(certificate.ca_file, kOfCa);
  return store.set_neighbours(now);
}

Status check_is_a_coordinators(const path& data_dir) {
  std::error_code error;
  if (!std::filesystem::is_directory(data_dir, error) || std::filesystem::is_empty(data_dir, error))
    return {};
  for (const path& own : {store_file(data_dir), key_file(data_dir), authority_folder(data_dir),
                          data_dir / "tls", data_dir / "audit.jsonl"}) {
    if (host::is_there(own)) return {};
  }
  return failed_precondition("the folder " + data_dir.string() +
                             " holds files and none of a coordinator's: name an empty or a new one");
}

}  // namespace sotto::server
