#include "fleet/party_randomness.h"

#include <utility>

#include "sotto/crypto/replayable_es256.h"

namespace sotto::simulation {
namespace {

class ReplaySigner final : public secagg::Signer {
 public:
  explicit ReplaySigner(crypto::Es256PrivateKey key) : key_(std::move(key)) {}
  [[nodiscard]] const crypto::Es256PublicKey& public_key() const override { return key_.public_key(); }
  [[nodiscard]] crypto::Es256Signature sign(Bytes message) override {
    return crypto::es256_sign_replayable(key_, message);
  }

 private:
  crypto::Es256PrivateKey key_;
};

}  // namespace

std::shared_ptr<Random> ReplayedRandomness::stream(const StreamName& name) const {
  return make_stream(seed_, name);
}

std::shared_ptr<secagg::Signer> ReplayedRandomness::signer(crypto::Es256PrivateKey key) const {
  return std::make_shared<ReplaySigner>(std::move(key));
}

std::shared_ptr<Random> UnrepeatableRandomness::stream(const StreamName&) const {
  return std::make_shared<crypto::SystemRandom>();
}

std::shared_ptr<secagg::Signer> UnrepeatableRandomness::signer(crypto::Es256PrivateKey key) const {
  return std::make_shared<secagg::KeySigner>(std::move(key));
}

}  // namespace sotto::simulation
