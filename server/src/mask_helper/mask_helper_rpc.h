// mask_helper::MaskHelper (sotto.proto): the calls of a coordinator.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "sotto/base/executor.h"
#include "sotto/identity/bulletin_file.h"
#include "sotto/mask_helper/mask_helper.h"
#include "sotto/server/mask_helper_server.h"

namespace sotto::server {

class MaskHelperRpc final {
 public:
  // Listens at once. Requires options.clock. `helper`, `bulletin` and `executor` must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<MaskHelperRpc>> start(
      const MaskHelperServerOptions& options, const hosting::TlsCertificate& certificate,
      mask_helper::MaskHelper& helper, identity::BulletinWatch& bulletin, Executor& executor);
  ~MaskHelperRpc();  // shutdown(0)
  [[nodiscard]] std::uint16_t port() const;
  // From now on its state and its health say that it is about to stop; it answers as before.
  void drain();
  // It drains, and nobody who has asked for its state in the last 10 s has rounds under way: whoever asks
  // says so (HelperStateRequest.done). At once when nobody has asked.
  [[nodiscard]] bool drained() const;
  void shutdown(std::chrono::milliseconds grace);

 private:
  class Impl;
  explicit MaskHelperRpc(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sotto::server
