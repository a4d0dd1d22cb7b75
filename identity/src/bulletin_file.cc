#include "sotto/identity/bulletin_file.h"

#include <algorithm>
#include <utility>

#include "sotto/base/check.h"
#include "sotto/base/hex.h"
#include "sotto/crypto/pem.h"
#include "sotto/host/file.h"

namespace sotto::identity {
namespace {

constexpr char kLabel[] = "SOTTO AUTHORITY BULLETIN";
constexpr std::size_t kFileBytesMax = 2 * secagg::kBulletinBytesMax;  // base64, and what people write around

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
  if (!bulletin) return bulletin.error().with_context("bulletin " + path.string());
  return std::optional(std::move(*bulletin));
}

Result<Believed> Believed::open(const crypto::Es256PublicKey& pinned, const std::filesystem::path& file) {
  Believed believed(pinned);
  if (file.empty()) return believed;
  auto kept = load_bulletin(file);
  if (!kept) return kept.error();
  if (kept->has_value()) (void)believed.take(**kept);
  believed.file_ = file;
  return believed;
}

Result<secagg::BulletinVerdict> Believed::take(Bytes bulletin) {
  std::vector<std::uint8_t> copy(bulletin.begin(), bulletin.end());
  secagg::Trust changed = trust();
  const secagg::BulletinVerdict verdict = secagg::take_bulletin(copy, changed);
  if (verdict == secagg::BulletinVerdict::kKnown) return verdict;
  if (verdict != secagg::BulletinVerdict::kTaken) {
    return Status(StatusCode::kPermissionDenied, describe(verdict));
  }
  if (!file_.empty()) SOTTO_RETURN_IF_ERROR(save_bulletin(file_, copy));
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
