#include "service/plan_identity.h"

#include <fmt/core.h>

#include <utility>

#include "sotto/base/hex.h"
#include "sotto/crypto/pem.h"
#include "sotto/host/file.h"
#include "sotto/identity/authority_folder.h"
#include "sotto/identity/key_file.h"

namespace sotto::server {
namespace {

using identity::EnrolledKey;
using secagg::Role;
using std::filesystem::path;

// An authority beside the coordinator endorses it anew at every start.
constexpr std::uint64_t kOwnEndorsementSeconds = std::uint64_t{10} * 365 * 86'400;

path public_file(const path& data_dir) { return data_dir / "coordinator-public.pem"; }

Result<crypto::Es256PrivateKey> create_key(const path& file) {
  crypto::SystemRandom random;
  auto key = crypto::Es256PrivateKey::generate(random);
  SOTTO_RETURN_IF_ERROR(
      identity::write_key_file(file, crypto::private_key_to_pem(key).reveal_text(), identity::kSecretFile));
  return key;
}

Result<crypto::Es256PrivateKey> load_or_create_key(const path& data_dir) {
  const path file = data_dir / "coordinator-key.pem";
  const Result<std::optional<crypto::SecretBuffer>> text = identity::read_key_file(file);
  if (!text) return text.error();
  if (!text->has_value()) return create_key(file);
  const auto blocks = crypto::pem_decode((*text)->reveal_text());
  auto key = blocks && !blocks->empty() ? crypto::private_key_from_der(blocks->front().content.reveal())
                                        : std::nullopt;
  if (!key) {
    return data_loss(
        fmt::format("{} holds no P-256 private key, or one whose halves do not fit: restore it from a "
                    "backup, or remove it; "
                    "a new one is made at the next start with --accept-older-store",
                    file.string()));
  }
  return std::move(*key);
}

// One name for each key: after the key was replaced the old one stays in the register until it is revoked.
std::string register_name(const crypto::Es256PublicKey& key) {
  return "coordinator " + to_hex(Bytes(secagg::identity_of(key)).first(4));
}

Result<EnrolledKey> enroll_or_renew(identity::AuthorityFolder& authority, const crypto::Es256PublicKey& key,
                                    std::uint64_t now) {
  const std::string name = register_name(key);
  const identity::Term term{.from = now, .until = now + kOwnEndorsementSeconds};
  auto renewed = authority.renew(Role::kCoordinator, name, term);
  if (renewed || renewed.error().code() != StatusCode::kNotFound) return renewed;
  return authority.enroll(Role::kCoordinator, name, key, term);
}

Result<PlanIdentity> with_own_authority(const path& data_dir, std::uint64_t now) {
  const path directory = data_dir / "authority";
  const bool existed = host::is_there(identity::authority_public_file(directory));
  auto authority = identity::AuthorityFolder::open_or_create(directory);
  if (!authority && authority.error().code() == StatusCode::kAlreadyExists) {
    return failed_precondition(
        fmt::format("the authority's private key is not in {}: when it is kept elsewhere start with "
                    "--authority and --plan-endorsement",
                    directory.string()));
  }
  if (!authority) return authority.error();
  auto key = load_or_create_key(data_dir);
  if (!key) return key.error();
  auto enrolled = enroll_or_renew(*authority, key->public_key(), now);
  if (!enrolled) return enrolled.error();
  enrolled->key = std::move(*key);
  return PlanIdentity{identity::OwnedIdentity(std::move(*enrolled)),
                      {.public_file = identity::authority_public_file(directory),
                       .directory = directory,
                       .created = !existed}};
}

Status no_authority(const path& data_dir) {
  const bool has_one = host::is_there(identity::authority_public_file(data_dir / "authority"));
  return failed_precondition(
      fmt::format("nobody enrols this fleet's devices: start with --authority and --plan-endorsement when "
                  "the authority is kept elsewhere, or with --local-authority to {} one in {}, by which "
                  "whoever runs this coordinator can invent devices",
                  has_one ? "go on using" : "make", data_dir.string()));
}

Status not_endorsed(const path& data_dir) {
  const path file = public_file(data_dir);
  return failed_precondition(
      fmt::format("no authority has endorsed this coordinator's key {}: where the authority is kept run "
                  "`sotto authority enroll NAME --coordinator --public-key {} --authority DIR "
                  "-o endorsement.pem`, then start with --plan-endorsement endorsement.pem",
                  file.string(), file.filename().string()));
}

// The endorsement's file may hold the key itself; otherwise it is of the key in the data directory.
Result<EnrolledKey> endorsed_key(const ServiceOptions& options) {
  EnrolledKey enrolled;
  if (!options.plan_endorsement_file.empty()) {
    auto loaded = identity::load_enrolled_key(options.plan_endorsement_file, Role::kCoordinator);
    if (!loaded) return loaded.error();
    enrolled = std::move(*loaded);
    if (enrolled.key) return enrolled;
  }
  auto key = load_or_create_key(options.data_dir);
  if (!key) return key.error();
  SOTTO_RETURN_IF_ERROR(identity::save_public_key(public_file(options.data_dir), key->public_key()));
  if (options.plan_endorsement_file.empty()) return not_endorsed(options.data_dir);
  if (key->public_key() != enrolled.public_key) {
    return invalid_argument(fmt::format("{} endorses another key than {}",
                                        options.plan_endorsement_file.string(),
                                        public_file(options.data_dir).string()));
  }
  enrolled.key = std::move(*key);
  return enrolled;
}

}  // namespace

bool holds_authority(const path& data_dir) {
  return host::is_there(identity::authority_secret_file(data_dir / "authority"));
}

Status check_authority_options(const ServiceOptions& options) {
  if (options.authority_file.empty()) {
    if (!options.plan_endorsement_file.empty()) {
      return invalid_argument("a plan endorsement needs the authority's public key, too");
    }
    return options.local_authority ? Status() : no_authority(options.data_dir);
  }
  if (options.local_authority) {
    return invalid_argument("the authority is either kept elsewhere or local, not both");
  }
  if (const auto authority = identity::load_public_key(options.authority_file); !authority) {
    return authority.error();
  }
  if (options.plan_endorsement_file.empty()) return {};
  const auto endorsed = identity::load_enrolled_key(options.plan_endorsement_file, Role::kCoordinator);
  return endorsed ? Status() : endorsed.error();
}

Result<PlanIdentity> load_or_create_plan_identity(const ServiceOptions& options, Time now) {
  SOTTO_RETURN_IF_ERROR(check_authority_options(options));
  if (options.authority_file.empty()) return with_own_authority(options.data_dir, unix_seconds(now));
  const auto authority = identity::load_public_key(options.authority_file);
  if (!authority) return authority.error();
  auto enrolled = endorsed_key(options);
  if (!enrolled) return enrolled.error();
  if (enrolled->authority != *authority) {
    return invalid_argument(fmt::format("{} is by another authority than {}",
                                        options.plan_endorsement_file.string(),
                                        options.authority_file.string()));
  }
  if (unix_seconds(now) >= enrolled->endorsement.expires_at) {
    return failed_precondition(
        fmt::format("the endorsement in {} has ended, so that no device takes this coordinator's plans: "
                    "renew it where the authority is kept",
                    options.plan_endorsement_file.string()));
  }
  return PlanIdentity{identity::OwnedIdentity(std::move(*enrolled)),
                      {.public_file = options.authority_file, .directory = {}, .created = false}};
}

}  // namespace sotto::server
