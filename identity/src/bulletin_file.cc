#include "sotto/identity/bulletin_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sotto/base/check.h"
#include "sotto/base/hex.h"
#include "sotto/crypto/pem.h"
#include "sotto/host/file.h"
#include "sotto/identity/step.h"

namespace sotto::identity {
namespace {

constexpr char kLabel[] = "SOTTO AUTHORITY BULLETIN";
constexpr std::size_t kFileBytesMax = 2 * secagg::kBulletinBytesMax;  // base64, and what people write around

// Of which authority a kept bulletin is.
std::array<std::uint8_t, 16> step_of(const crypto::Es256PublicKey& pinned) {
  std::array<std::uint8_t, 16> of{};
  const crypto::Digest digest = crypto::sha256({pinned});
  std::copy_n(digest.begin(), of.size(), of.begin());
  return of;
}

Status set_back(const std::filesystem::path& file, std::uint64_t known, std::uint32_t found,
                const std::string& verdict) {
  const std::string what = found == 0 && verdict.empty() ? "is missing"
                           : verdict.empty()             ? "is edition " + std::to_string(found)
                                                         : "is not what it was (" + verdict + ")";
  return data_loss("the bulletin " + file.string() + " " + what + ", and edition " + std::to_string(known) +
                   " was in force here: who is revoked would be let in again; put the authority's newest "
                   "bulletin.pem in its place");
}

}  // namespace

std::string encode_bulletin_file(Bytes bulletin) { return crypto::pem_encode(kLabel, bulletin); }

Result<std::vector<std::uint8_t>> decode_bulletin_file(std::string_view text) {
  const Result<std::vector<crypto::PemBlock>> blocks = crypto::pem_decode(text);
  if (!blocks) return blocks.error();
  const auto block = std::ranges::find(*blocks, kLabel, &crypto::PemBlock::label);
  if (block == blocks->end()) {
    return invalid_argument(std::string("it has no ") + kLabel +
                            ": `sotto authority` writes one beside its key, bulletin.pem");
  }
  const Bytes content = block->content.reveal();
  secagg::Bulletin bulletin;
  if (!accepted(secagg::decode_bulletin(content, bulletin))) {
    return invalid_argument(describe(secagg::BulletinVerdict::kMalformed));
  }
  return std::vector<std::uint8_t>(content.begin(), content.end());
}

Status save_bulletin(const std::filesystem::path& path, Bytes bulletin) {
  return host::write_file(path, text_bytes(encode_bulletin_file(bulletin)), host::kPublicFile);
}

Result<std::optional<std::vector<std::uint8_t>>> load_bulletin(const std::filesystem::path& path) {
  const auto text = host::read_file(path, kFileBytesMax);
  if (!text) return text.error();
  if (!text->has_value()) return std::optional<std::vector<std::uint8_t>>();
  auto bulletin = decode_bulletin_file(bytes_text(**text));
  if (!bulletin) {
    return Status(bulletin.error().code(), "bulletin " + path.string() + ": " + bulletin.error().message() +
                                               ": put the authority's newest bulletin.pem in its place");
  }
  return std::optional(std::move(*bulletin));
}

Result<Believed> Believed::open(const crypto::Es256PublicKey& pinned, const std::filesystem::path& file) {
  Believed believed(pinned);
  if (file.empty()) return believed;
  auto kept = load_bulletin(file);
  if (!kept) return kept.error();
  const Result<std::optional<Step>> step = read_step(file);
  if (!step) return step.error();
  believed.of_ = step_of(pinned);
  std::string verdict;
  if (kept->has_value()) {
    const auto taken = believed.take(**kept);
    if (!taken) verdict = taken.error().message();
  }
  believed.file_ = file;
  // What was kept for another authority is as none.
  if (!*step || (*step)->of != believed.of_) {
    return believed.bulletin_.empty() ? Result<Believed>(std::move(believed)) : believed.with_step();
  }
  if (believed.trust_.edition < (*step)->count)
    return set_back(file, (*step)->count, believed.trust_.edition, verdict);
  return believed;
}

Result<Believed> Believed::with_step() {
  SOTTO_RETURN_IF_ERROR(write_step(file_, {.of = of_, .count = trust_.edition}));
  return std::move(*this);
}

Result<secagg::BulletinVerdict> Believed::take(Bytes bulletin) {
  std::vector<std::uint8_t> copy(bulletin.begin(), bulletin.end());
  secagg::Trust changed = trust();
  const secagg::BulletinVerdict verdict = secagg::take_bulletin(copy, changed);
  if (verdict == secagg::BulletinVerdict::kKnown) return verdict;
  if (verdict != secagg::BulletinVerdict::kTaken) {
    return Status(StatusCode::kPermissionDenied, describe(verdict));
  }
  if (!file_.empty()) {
    SOTTO_RETURN_IF_ERROR(save_bulletin(file_, copy));
    SOTTO_RETURN_IF_ERROR(write_step(file_, {.of = of_, .count = changed.edition}));
  }
  bulletin_ = std::move(copy);
  trust_ = changed;
  return verdict;
}

secagg::Trust Believed::trust() const {
  secagg::Trust trust = trust_;
  if (!bulletin_.empty()) {
    secagg::Bulletin decoded;
    SOTTO_CHECK(accepted(secagg::decode_bulletin(bulletin_, decoded)));
    trust.revoked = decoded.revoked;  // this object may have moved
  }
  return trust;
}

// Compared by content: two files that follow each other quickly have one time.
Result<bool> BulletinWatch::look() {
  if (file_.empty()) return false;
  const auto text = host::read_file(file_, kFileBytesMax);
  std::string seen;
  if (!text) seen = text.error().message();
  if (text && text->has_value()) seen = to_hex(crypto::sha256({**text}));
  if (std::exchange(seen_, seen) == seen) return false;
  if (!text) return text.error();
  if (!text->has_value()) return false;
  const auto brought = decode_bulletin_file(bytes_text(**text));
  if (!brought) return brought.error().with_context("bulletin " + file_.string());
  const auto verdict = believed_.take(*brought);
  if (!verdict) return verdict.error().with_context(file_.string());
  return *verdict == secagg::BulletinVerdict::kTaken;
}

}  // namespace sotto::identity
