// An authority's bulletin as a PEM file (PROTOCOL.md section 9.2), and what a party that reads such files
// believes, which no restart may set back.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sotto/base/result.h"
#include "sotto/secagg/bulletin.h"

namespace sotto::identity {

[[nodiscard]] std::string encode_bulletin_file(Bytes bulletin);
// kInvalidArgument unless it holds the block of a bulletin that decodes.
[[nodiscard]] Result<std::vector<std::uint8_t>> decode_bulletin_file(std::string_view text);

// For everybody to read. kPermissionDenied, kIo.
[[nodiscard]] Status save_bulletin(const std::filesystem::path& path, Bytes bulletin);
// As decode_bulletin_file(), naming the file; nothing when there is none.
[[nodiscard]] Result<std::optional<std::vector<std::uint8_t>>> load_bulletin(
    const std::filesystem::path& path);

// What a party that pins a key believes by now. One thread at a time.
class Believed {
 public:
  explicit Believed(const crypto::Es256PublicKey& pinned) : trust_(pinned) {}
  // Believes at once what `file` has kept, and keeps there what it takes in. A file that was kept for another
  // authority is as none: its owner pins a new key. kInvalidArgument when it is damaged; kDataLoss when it is
  // missing, older or another than its step beside it knows of (step.h); kIo.
  [[nodiscard]] static Result<Believed> open(const crypto::Es256PublicKey& pinned,
                                             const std::filesystem::path& file);

  // Takes in a bulletin, wherever it comes from. It is on disk before it is in force. kTaken and kKnown are
  // no errors; others are kPermissionDenied with the verdict's sentence. Writing fails with kIo.
  [[nodiscard]] Result<secagg::BulletinVerdict> take(Bytes bulletin);

  // Borrows from this object until the next take() or move.
  [[nodiscard]] secagg::Trust trust() const;
  [[nodiscard]] const std::vector<std::uint8_t>& bulletin() const { return bulletin_; }  // empty: none

 private:
  [[nodiscard]] Result<Believed> with_step();

  std::filesystem::path file_;
  std::array<std::uint8_t, 16> of_{};  // Step::of
  secagg::Trust trust_;
  std::vector<std::uint8_t> bulletin_;
};

// The file in which somebody brings the newest bulletin, whenever he likes. One thread at a time.
class BulletinWatch {
 public:
  // Without a name nobody brings any.
  BulletinWatch(std::filesystem::path file, Believed believed)
      : file_(std::move(file)), believed_(std::move(believed)) {}

  // Takes in what the file holds, if it has changed since the last look: whether something else is believed
  // now. Errors, once for each change, name the file; what was believed stays.
  [[nodiscard]] Result<bool> look();
  [[nodiscard]] Believed& believed() { return believed_; }

 private:
  std::filesystem::path file_;
  Believed believed_;
  std::string seen_;  // names what the last look found
};

}  // namespace sotto::identity
