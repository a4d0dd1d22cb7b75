#include "sotto/identity/authority_folder.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "sotto/base/limits.h"
#include "sotto/host/file.h"
#include "sotto/identity/bulletin_file.h"
#include "sotto/identity/key_file.h"
#include "sotto/identity/step.h"

namespace sotto::identity {
namespace {

using secagg::Role;
using std::filesystem::path;

constexpr std::size_t kRegisterBytesMax = std::size_t{64} << 20;  // some 200,000 devices

constexpr std::chrono::seconds kLockWait{10};
constexpr std::uint32_t kEditionsOfABackup = 1000;  // that may have been made known since it was written

path register_file(const path& directory) { return directory / "register.txt"; }
path next_key_file(const path& directory) { return directory / "authority-key-next.pem"; }

// Nothing when neither the register nor its step is there.
Result<std::optional<Register>> load_register(const path& directory) {
  const path file = register_file(directory);
  const auto text = host::read_file(file, kRegisterBytesMax);
  if (!text) return text.error();
  const auto step = read_step(file);
  if (!step) return step.error();
  if (!text->has_value() && !*step) return std::optional<Register>();
  const std::uint64_t known = *step ? (*step)->count : 0;
  if (!text->has_value()) return data_loss(file.string() + " is missing: restore it from a backup");
  if ((*text)->empty()) return data_loss(file.string() + " is empty: restore it from a backup");
  auto contents = decode_register(bytes_text(**text));
  if (!contents) return contents.error().with_context(file.string() + ": restore it from a backup");
  if (contents->changes >= known) return std::optional(std::move(*contents));
  return data_loss(fmt::format(
      "{} is an older copy: it was written {} times, {} knows of {}: restore the newest, or remove "
      "{} if this is the newest that there is",
      file.string(), contents->changes, step_path(file).string(), known,
      step_path(file).filename().string()));
}

Status save_register(const path& directory, const Register& contents) {
  const path file = register_file(directory);
  SOTTO_RETURN_IF_ERROR(host::write_file(file, text_bytes(encode_register(contents)), kSecretFile));
  return write_step(file, {.count = contents.changes});
}

// A change of the key that was cut short. The register decides: once it tells of the change, the next key is
// the key.
Status finish_rotation(const path& directory, const Register& contents) {
  const path next = next_key_file(directory);
  auto key = load_private_key(next);
  if (!key && key.error().code() == StatusCode::kNotFound) return {};
  if (!key) return key.error();
  if (!contents.rotations.empty() && contents.rotations.back().after == key->public_key()) {
    SOTTO_RETURN_IF_ERROR(save_private_key(authority_secret_file(directory), *key));
    SOTTO_RETURN_IF_ERROR(save_public_key(authority_public_file(directory), key->public_key()));
  }
  return host::remove_file(next);
}

// A bulletin is made of the register: one that says more was made of another.
Status check_register_is_newest(const path& directory, const Register& contents,
                                const secagg::Bulletin& published) {
  if (published.edition <= contents.edition) return {};
  return data_loss(
      fmt::format("{} knows of edition {} of the bulletin, and {} is edition {}: the register is an older "
                  "copy, or is lost; "
                  "restore it from a backup before anybody is enrolled or revoked",
                  register_file(directory).string(), contents.edition,
                  authority_bulletin_file(directory).string(), published.edition));
}

std::string quoted(Role role, const std::string& name) {
  return std::string(word_of(role)) + " \"" + name.substr(0, 64) + "\"";
}

}  // namespace

path authority_bulletin_file(const path& directory) { return directory / "bulletin.pem"; }

Result<AuthorityFolder> AuthorityFolder::create(const path& directory) {
  if (!host::is_there(directory)) SOTTO_RETURN_IF_ERROR(host::make_private_folder(directory));
  const auto lock = host::FolderLock::take(directory, kLockWait);
  if (!lock) return lock.error();
  const auto left = load_register(directory);
  if (!left) return left.error();
  // One that nobody is in was left by a creation that was cut short.
  if (*left && **left != Register{.changes = 1}) {
    return Status(StatusCode::kAlreadyExists,
                  directory.string() +
                      " holds the register of an authority already: make the new one in another folder");
  }
  // The register first: a key without one has lost it.
  if (!host::is_there(authority_secret_file(directory)) &&
      !host::is_there(authority_public_file(directory))) {
    SOTTO_RETURN_IF_ERROR(host::make_private_folder(directory));
    SOTTO_RETURN_IF_ERROR(save_register(directory, {.changes = 1}));
  }
  auto authority = Authority::create(directory);
  if (!authority) return authority.error();
  return AuthorityFolder(directory, std::move(*authority), {.changes = 1});
}

Result<AuthorityFolder> AuthorityFolder::open(const path& directory) {
  if (!host::is_there(directory)) return load(directory);  // and that says what is missing
  const auto lock = host::FolderLock::take(directory, kLockWait);
  return lock ? load(directory) : lock.error();
}

Result<host::FolderLock> AuthorityFolder::begin() {
  auto lock = host::FolderLock::take(directory_, kLockWait);
  if (!lock) return lock;
  auto newest = load(directory_);
  if (!newest) return newest.error();
  *this = std::move(*newest);
  return lock;
}

Result<AuthorityFolder> AuthorityFolder::load(const path& directory) {
  auto loaded = load_register(directory);
  if (!loaded) return loaded.error();
  if (!*loaded) {
    if (const Status none = Authority::open(directory).status(); !none.ok()) return none;
    return data_loss(fmt::format(
        "{} and its step beside it are missing: whom this authority has endorsed and revoked is lost; "
        "restore "
        "both from a backup before anybody is enrolled or revoked, or make a new authority in another folder",
        register_file(directory).string()));
  }
  std::optional<Register>& contents = *loaded;
  SOTTO_RETURN_IF_ERROR(finish_rotation(directory, *contents));
  auto authority = Authority::open(directory);
  if (!authority) return authority.error();
  if (!contents->rotations.empty() && contents->rotations.back().after != authority->public_key()) {
    return data_loss("the authority's key and its register in " + directory.string() +
                     " are of different times: restore both from one backup");
  }
  AuthorityFolder folder(directory, std::move(*authority), std::move(*contents));
  SOTTO_RETURN_IF_ERROR(folder.publish());
  return folder;
}

Result<AuthorityFolder> AuthorityFolder::open_or_create(const path& directory) {
  Result<AuthorityFolder> opened = open(directory);
  if (opened || opened.error().code() != StatusCode::kNotFound) return opened;
  return create(directory);
}

Status AuthorityFolder::save(Register changed) {
  ++changed.changes;
  SOTTO_RETURN_IF_ERROR(save_register(directory_, changed));
  register_ = std::move(changed);
  return {};
}

// The bulletin follows the register: after a crash between the two the next opening writes it.
Status AuthorityFolder::publish() {
  const path file = authority_bulletin_file(directory_);
  const auto published = load_bulletin(file);
  if (!published) return published.error();
  if (published->has_value()) {
    secagg::Bulletin bulletin;
    if (accepted(secagg::decode_bulletin(**published, bulletin))) {
      if (bulletin.edition == register_.edition) return {};
      SOTTO_RETURN_IF_ERROR(check_register_is_newest(directory_, register_, bulletin));
    }
  }
  if (register_.edition == 0) return {};
  return save_bulletin(file, register_.bulletin(authority_.signer()));
}

Status AuthorityFolder::check_new(Role role, const std::string& name, const Term& term) {
  if (!secagg::valid_endorsed_name(name)) {
    return invalid_argument("the name is \"" + name.substr(0, 64) +
                            "\": it must be 1 to 64 bytes of printable ASCII");
  }
  if (term.from >= term.until) return invalid_argument("the endorsement would end before it begins");
  if (register_.find(role, name) != nullptr) {
    return Status(StatusCode::kAlreadyExists,
                  quoted(role, name) + " is enrolled already: renew it, or revoke it first");
  }
  return {};
}

Result<EnrolledKey> AuthorityFolder::endorse(RegisterEntry entry) {
  EnrolledKey enrolled = authority_.enroll(entry.role, entry.public_key,
                                           {.name = entry.name,
                                            .issued_at = entry.issued_at,
                                            .expires_at = entry.expires_at,
                                            .epoch = entry.epoch});
  Register changed = register_;
  const auto found = std::ranges::find(changed.entries, entry.public_key, &RegisterEntry::public_key);
  if (found == changed.entries.end()) {
    changed.entries.push_back(std::move(entry));
  } else {
    *found = std::move(entry);
  }
  SOTTO_RETURN_IF_ERROR(save(changed));
  return enrolled;
}

Result<EnrolledKey> AuthorityFolder::enroll(Role role, const std::string& name, const Term& term) {
  crypto::SystemRandom random;
  auto key = crypto::Es256PrivateKey::generate(random);
  auto enrolled = enroll(role, name, key.public_key(), term);
  if (enrolled) enrolled->key = std::move(key);
  return enrolled;
}

Result<EnrolledKey> AuthorityFolder::enroll(Role role, const std::string& name,
                                            const crypto::Es256PublicKey& key, const Term& term) {
  const auto lock = begin();
  if (!lock) return lock.error();
  SOTTO_RETURN_IF_ERROR(check_new(role, name, term));
  const auto known = std::ranges::find(register_.entries, key, &RegisterEntry::public_key);
  if (known != register_.entries.end()) {
    return Status(StatusCode::kAlreadyExists, "this key is in the register as " +
                                                  quoted(known->role, known->name) +
                                                  (known->is_revoked() ? ", which was revoked" : ""));
  }
  return endorse({.role = role,
                  .name = name,
                  .public_key = key,
                  .issued_at = term.from,
                  .expires_at = term.until,
                  .epoch = register_.epoch});
}

Result<EnrolledKey> AuthorityFolder::renew(Role role, const std::string& name, const Term& term) {
  const auto lock = begin();
  if (!lock) return lock.error();
  const RegisterEntry* found = register_.find(role, name);
  if (found == nullptr) return not_found("no " + quoted(role, name) + " is enrolled, or it was revoked");
  if (term.from >= term.until) return invalid_argument("the endorsement would end before it begins");
  RegisterEntry entry = *found;
  entry.issued_at = term.from;
  entry.expires_at = term.until;
  entry.epoch = register_.epoch;
  return endorse(std::move(entry));
}

Status AuthorityFolder::revoke(Role role, const std::string& name, std::uint64_t now) {
  const auto lock = begin();
  if (!lock) return lock.error();
  Register changed = register_;
  RegisterEntry* found = changed.find(role, name);
  if (found == nullptr) return not_found("no " + quoted(role, name) + " is enrolled, or it was revoked");
  if (changed.revoked_count() >= limits::kRevokedIdentitiesMax) {
    return Status(StatusCode::kResourceExhausted,
                  "a bulletin lists at most " + std::to_string(limits::kRevokedIdentitiesMax) +
                      " identities: change the key with `sotto authority rotate --stolen` and renew whoever "
                      "is to stay");
  }
  found->revoked_at = std::max<std::uint64_t>(now, 1);
  changed.edition = changed.next_edition();
  SOTTO_RETURN_IF_ERROR(save(changed));
  return publish();
}

Status AuthorityFolder::restored() {
  const auto lock = begin();
  if (!lock) return lock.error();
  Register changed = register_;
  changed.editions_passed = std::max(changed.edition, changed.editions_passed) + kEditionsOfABackup;
  return save(std::move(changed));
}

Status AuthorityFolder::rotate(OldKey old_key) {
  const auto lock = begin();
  if (!lock) return lock.error();
  crypto::SystemRandom random;
  auto key = crypto::Es256PrivateKey::generate(random);
  SOTTO_RETURN_IF_ERROR(save_private_key(next_key_file(directory_), key));
  secagg::KeySigner next(std::move(key));
  Register changed = register_;
  ++changed.epoch;
  changed.edition = changed.next_edition();
  if (changed.rotations.size() == limits::kRotationsMax) changed.rotations.erase(changed.rotations.begin());
  changed.rotations.push_back(secagg::rotate(authority_.signer(), next, changed.epoch));
  if (old_key == OldKey::kStolen) {
    // Nothing of an earlier epoch counts any more, so that no single identity of it need be listed.
    changed.endorsements_from = changed.epoch;
    std::erase_if(changed.entries, &RegisterEntry::is_revoked);
  }
  SOTTO_RETURN_IF_ERROR(save(changed));  // from here on the next key is the key
  SOTTO_RETURN_IF_ERROR(finish_rotation(directory_, register_));
  auto authority = Authority::open(directory_);
  if (!authority) return authority.error();
  authority_ = std::move(*authority);
  return publish();
}

}  // namespace sotto::identity
