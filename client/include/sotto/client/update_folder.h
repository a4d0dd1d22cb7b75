// The newest signed update of a device's model, as files in a folder (PROTOCOL.md section 12): asks the
// coordinator, fetches, checks, and replaces the old one whole or not at all.
//
//   <task>.manifest           what the owner signed; it counts once the file below is whole
//   <task>-<sequence>.update  its content: the model image, with its reference inputs behind it
//   <task>.part               of what is being fetched; a killed process goes on with it
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sotto/base/random.h"
#include "sotto/base/result.h"
#include "sotto/client/transport.h"
#include "sotto/model_update/manifest.h"
#include "sotto/secagg/identity.h"

namespace sotto::client {

struct UpdateFolderOptions {
  std::filesystem::path folder{};  // made where absent, mode 0700
  std::string device_id{};
  std::string task{};
  std::string device_class{};
  crypto::Es256PublicKey owner{};                    // whose updates are taken
  const secagg::Identity* identity = nullptr;        // signs when asked to; null: as a stranger
  std::uint32_t bytes_max = std::uint32_t{1} << 24;  // larger ones are refused
  std::uint32_t ram_bytes = UINT32_MAX;              // of the arena that there is for the model
};

// One thread. Blocks while calls are under way.
class UpdateFolder {
 public:
  // Looks what is there: an update that is not whole any more is fetched again, and its sequence never falls.
  // kInvalidArgument: a name that is none; kIo, kPermissionDenied.
  [[nodiscard]] static Result<UpdateFolder> open(UpdateFolderOptions options);

  // The update that is whole, if there is one.
  [[nodiscard]] const std::optional<model_update::Manifest>& newest() const { return newest_; }
  [[nodiscard]] std::filesystem::path newest_file() const;

  struct Looked {
    bool taken = false;  // newest() is another one from now on
    std::chrono::milliseconds ask_again{0};
  };
  // `random` draws from the coordinator's window; `now` is in seconds since 1970. The transport's errors;
  // kInvalidArgument with a board's words when what is offered is refused; kDataLoss when the bytes are not
  // those that were signed: they are dropped. kIo.
  [[nodiscard]] Result<Looked> look(Transport& transport, Random& random, std::uint64_t now);

 private:
  explicit UpdateFolder(UpdateFolderOptions options) : options_(std::move(options)) {}

  [[nodiscard]] std::filesystem::path manifest_file() const;
  [[nodiscard]] std::filesystem::path part_file() const;
  [[nodiscard]] std::filesystem::path content_file(std::uint64_t sequence) const;
  [[nodiscard]] Status load();
  [[nodiscard]] proto::OfferUpdateRequest question() const;
  // An offer, or that there is none.
  [[nodiscard]] Result<Reply> ask(Transport& transport);
  [[nodiscard]] Result<model_update::Manifest> check(Bytes message, std::uint64_t now) const;
  [[nodiscard]] Status fetch(Transport& transport, Bytes message, const model_update::Manifest& manifest);
  [[nodiscard]] Result<std::uint64_t> begin_part(Bytes message, const model_update::Manifest& manifest);
  // A ModelChunk.
  [[nodiscard]] Result<Reply> next_piece(Transport& transport, const model_update::Manifest& manifest,
                                         std::uint64_t offset);
  [[nodiscard]] Status take(Bytes message, const model_update::Manifest& manifest);

  UpdateFolderOptions options_;
  std::optional<model_update::Manifest> newest_;
  std::uint64_t sequence_ = 0;  // the highest that was ever taken, whole or not any more
  std::vector<std::uint8_t> pass_;
};

}  // namespace sotto::client
