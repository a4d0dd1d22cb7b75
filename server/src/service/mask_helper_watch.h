// What a coordinator knows of its mask helpers: whether they can be reached, have the keys that plans name,
// and mean to stay. Looked at every few seconds, by one thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sotto/base/clock.h"
#include "sotto/base/result.h"
#include "sotto/crypto/primitives.h"
#include "sotto/server/coordinator.h"
#include "sotto/server/mask_helper_client.h"
#include "sotto/server/service.h"

namespace sotto::server {

class MaskHelperWatch {
 public:
  // One helper more, in the order in which plans name them. Does not connect yet. kInvalidArgument when there
  // would be more than two, when another has this key, or when the file holds no key; kNotFound.
  [[nodiscard]] Status add(const HelperPlace& place);

  // Asks each for its state, for a second at most. A helper that says nothing may be busy, or starting anew:
  // what it said last holds for 10 s. Nothing has been said by one that was never reached. `done`: one that
  // is about to stop is told that nothing keeps it.
  [[nodiscard]] HelperEvent ask(Time now, bool done);

  [[nodiscard]] bool empty() const { return helpers_.empty(); }
  [[nodiscard]] std::vector<crypto::X25519PublicKey> keys() const;
  [[nodiscard]] std::vector<MaskHelperClient*> clients() const;  // they live as long as this
  // As MaskHelperClient::cancel(); from any thread.
  void cancel();

 private:
  struct Helper {
    HelperPlace place;
    crypto::X25519PublicKey key;
    std::unique_ptr<MaskHelperClient> client;
    std::optional<Time> reached{};
    bool stopping = false;   // so it said last
    std::string unusable{};  // what is wrong with it; empty: nothing
    Time unusable_since{};   // when these words were found
  };

  void ask(Helper& helper, Time now, bool done);
  static void find_unusable(Helper& helper, Time now, std::string words);
  [[nodiscard]] std::string name_wrong_key(const Helper& helper,
                                           const std::optional<crypto::X25519PublicKey>& said) const;

  std::vector<Helper> helpers_;
};

}  // namespace sotto::server
