#include "sotto/identity/register.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "sotto/base/hex.h"

namespace sotto::identity {
namespace {

using secagg::Role;

constexpr std::string_view kTitleOfVersion1 = "sotto authority register 1";
constexpr std::string_view kTitle = "sotto authority register 2";
constexpr std::string_view kDigestLine = "sha256 ";

// The words of a line, one after the other.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}

  std::string_view word() {
    const std::size_t end = std::min(rest_.find(' '), rest_.size());
    const std::string_view taken = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return taken;
  }
  template <typename Number>
  void number(Number& value) {
    const std::string_view digits = word();
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    ok_ = ok_ && error == std::errc() && end == digits.data() + digits.size();
  }
  void hex(MutableBytes bytes) { ok_ = read_hex(word(), bytes) && ok_; }
  std::string_view rest() { return std::exchange(rest_, {}); }
  [[nodiscard]] bool ok() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

bool read_rotation(Words& words, Register& contents) {
  std::vector<std::uint8_t> bytes(secagg::kRotationBytes);
  words.hex(bytes);
  contents.rotations.push_back(secagg::Bulletin{.rotations = bytes}.rotation(0));
  return words.ok() && contents.rotations.size() <= limits::kRotationsMax;
}

bool read_entry(Role role, Words& words, Register& contents) {
  RegisterEntry entry{.role = role};
  words.hex(entry.public_key);
  words.number(entry.issued_at);
  words.number(entry.expires_at);
  words.number(entry.epoch);
  words.number(entry.revoked_at);
  entry.name = words.rest();
  contents.entries.push_back(entry);
  return words.ok() && secagg::valid_endorsed_name(entry.name);
}

template <typename Number>
bool read_number(Words& words, Number& value) {
  words.number(value);
  return words.ok();
}

bool read_line(std::string_view line, Register& contents) {
  Words words(line);
  const std::string_view kind = words.word();
  if (kind == "changes") return read_number(words, contents.changes);
  if (kind == "epoch") return read_number(words, contents.epoch);
  if (kind == "edition") return read_number(words, contents.edition);
  if (kind == "editions-passed") return read_number(words, contents.editions_passed);
  if (kind == "endorsements-from") return read_number(words, contents.endorsements_from);
  if (kind == "rotation") return read_rotation(words, contents);
  if (kind == "device") return read_entry(Role::kDevice, words, contents);
  if (kind == "coordinator") return read_entry(Role::kCoordinator, words, contents);
  return false;
}

std::string digest_line(std::string_view lines) {
  return fmt::format("{}{}\n", kDigestLine, to_hex(crypto::sha256({text_bytes(lines)})));
}

}  // namespace

RegisterEntry* Register::find(Role role, std::string_view name) {
  const auto found = std::ranges::find_if(entries, [&](const RegisterEntry& entry) {
    return entry.role == role && entry.name == name && !entry.is_revoked();
  });
  return found == entries.end() ? nullptr : &*found;
}

std::size_t Register::revoked_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(entries, &RegisterEntry::is_revoked));
}

std::vector<std::uint8_t> Register::bulletin(secagg::Signer& authority) const {
  std::vector<crypto::Digest> revoked;
  for (const RegisterEntry& entry : entries) {
    if (entry.is_revoked()) revoked.push_back(entry.identity());
  }
  std::ranges::sort(revoked);
  std::vector<std::uint8_t> identities;
  for (const crypto::Digest& identity : revoked)
    identities.insert(identities.end(), identity.begin(), identity.end());
  std::vector<std::uint8_t> rotated(rotations.size() * secagg::kRotationBytes);
  for (std::size_t i = 0; i < rotations.size(); ++i) {
    secagg::encode_rotation(
        rotations[i], std::span(rotated).subspan(i * secagg::kRotationBytes).first<secagg::kRotationBytes>());
  }
  std::vector<std::uint8_t> message(secagg::bulletin_bytes(rotations.size(), revoked.size()));
  secagg::sign_bulletin({.rotations = rotated,
                         .edition = edition,
                         .endorsements_from = endorsements_from,
                         .revoked = identities},
                        authority, message);
  return message;
}

std::string encode_register(const Register& contents) {
  std::string text =
      fmt::format("{}\nchanges {}\nepoch {}\nedition {}\nendorsements-from {}\n", kTitle, contents.changes,
                  contents.epoch, contents.edition, contents.endorsements_from);
  if (contents.editions_passed != 0) text += fmt::format("editions-passed {}\n", contents.editions_passed);
  for (const secagg::Rotation& rotation : contents.rotations) {
    std::array<std::uint8_t, secagg::kRotationBytes> bytes;
    secagg::encode_rotation(rotation, bytes);
    text += "rotation " + to_hex(bytes) + "\n";
  }
  for (const RegisterEntry& entry : contents.entries) {
    text += fmt::format("{} {} {} {} {} {} {}\n", word_of(entry.role), to_hex(entry.public_key),
                        entry.issued_at, entry.expires_at, entry.epoch, entry.revoked_at, entry.name);
  }
  return text + digest_line(text);
}

Result<Register> decode_register(std::string_view text) {
  Register contents;
  const bool has_digest = text.starts_with(kTitle);
  if (has_digest) {
    const std::size_t last = std::min(text.rfind(kDigestLine), text.size());
    if (text.substr(last) != digest_line(text.substr(0, last))) {
      return data_loss("its last line is not the SHA-256 of the others");
    }
    text = text.substr(0, last);
  }
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const bool sound =
        number == 1 ? line == (has_digest ? kTitle : kTitleOfVersion1) : read_line(line, contents);
    if (!sound || end == std::string_view::npos)
      return data_loss(fmt::format("line {} is none of a register", number));
    text.remove_prefix(end + 1);
  }
  return contents;
}

}  // namespace sotto::identity
