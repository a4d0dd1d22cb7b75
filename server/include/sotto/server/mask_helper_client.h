// The coordinator's way to a mask helper: gRPC over TLS.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sotto/aggregator/one_shot_session.h"
#include "sotto/base/result.h"
#include "sotto/crypto/primitives.h"

namespace sotto::server {

struct MaskHelperClientOptions {
  std::string address{};                 // host:port of the helper
  std::string ca_pem{};                  // the only CA that is trusted
  std::int64_t deadline_ms = 60'000;     // of a request, all its attempts together
  std::uint32_t backoff_first_ms = 200;  // between attempts; doubles
  std::uint32_t backoff_max_ms = 10'000;
};

// What a helper says of itself.
struct HelperState {
  bool stopping = false;                         // it is about to
  std::optional<crypto::X25519PublicKey> key{};  // nothing when it says none, or something else
};

class MaskHelperClient final : public aggregator::HelperLink {
 public:
  // Does not connect yet. kInvalidArgument when an option is unusable. sum_masks() repeats its request while
  // nobody answers (kUnavailable, kDeadlineExceeded), or while the helper says that it is too early, and
  // gives up at the deadline; it is thread-safe.
  [[nodiscard]] static Result<std::unique_ptr<MaskHelperClient>> connect(
      const MaskHelperClientOptions& options);
  ~MaskHelperClient() override;

  [[nodiscard]] Result<proto::HelperReply> sum_masks(Bytes request) override;
  [[nodiscard]] std::string name() const override;  // "helper HOST:PORT"
  // kUnavailable when it says nothing within `deadline`. Also while sum_masks() waits. `done`: this
  // coordinator has heard that the helper stops, and has no round under way that needs it.
  [[nodiscard]] Result<HelperState> state(std::chrono::milliseconds deadline, bool done = false);
  // Every sum_masks(), also a later one, ends with kUnavailable at once.
  void cancel();

 private:
  class Impl;
  explicit MaskHelperClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sotto::server
