#include "service/mask_helper_watch.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "sotto/identity/key_file.h"
#include "sotto/identity/x25519_key_file.h"
#include "sotto/secagg/one_shot.h"

namespace sotto::server {
namespace {

constexpr std::chrono::milliseconds kAnswerWithin{1000};
constexpr std::chrono::seconds kSilentMax{10};
constexpr std::chrono::minutes kWordsHold{1};  // so that a reason that changes with every look is told seldom

}  // namespace

Status MaskHelperWatch::add(const HelperPlace& place) {
  if (helpers_.size() == secagg::kHelpersMax) {
    return invalid_argument("there are more mask helpers than two");
  }
  const auto key = identity::load_x25519_public_key(place.key_file);
  if (!key) return key.error();
  const bool taken = std::any_of(helpers_.begin(), helpers_.end(),
                                 [&key](const Helper& other) { return other.key == *key; });
  if (taken) {
    return invalid_argument(fmt::format(
        "{} is the other mask helper's key, too: two helpers are two parties, each with a key of its own",
        place.key_file.string()));
  }
  const auto ca = identity::read_key_file(place.ca_file);
  if (!ca) return ca.error();
  if (!ca->has_value()) return not_found(fmt::format("there is no CA file {}", place.ca_file.string()));
  auto client =
      MaskHelperClient::connect({.address = place.address, .ca_pem = std::string((*ca)->reveal_text())});
  if (!client) return client.error();
  helpers_.push_back({.place = place, .key = *key, .client = std::move(*client)});
  return {};
}

HelperEvent MaskHelperWatch::ask(Time now, bool done) {
  HelperEvent event;
  for (Helper& helper : helpers_) {
    ask(helper, now, done && helper.stopping);
    event.stopping = event.stopping || helper.stopping;
    if (event.unusable.empty()) event.unusable = helper.unusable;
  }
  return event;
}

void MaskHelperWatch::ask(Helper& helper, Time now, bool done) {
  const Result<HelperState> state = helper.client->state(kAnswerWithin, done);
  if (!state) {
    // Its clock may have been set back meanwhile: a helper that was reached later than now was reached now.
    if (helper.reached) helper.reached = std::min(*helper.reached, now);
    if (helper.reached && now - *helper.reached < kSilentMax) return;
    return find_unusable(helper, now,
                         fmt::format("the mask helper at {}, which cannot be reached: {}",
                                     helper.place.address, state.error().message()));
  }
  if (state->key != helper.key) return find_unusable(helper, now, name_wrong_key(helper, state->key));
  helper.reached = now;
  helper.stopping = state->stopping;
  helper.unusable.clear();
}

void MaskHelperWatch::find_unusable(Helper& helper, Time now, std::string words) {
  helper.stopping = false;  // whatever it said before, another is expected in its place
  if (!helper.unusable.empty() && now >= helper.unusable_since && now - helper.unusable_since < kWordsHold) {
    return;
  }
  helper.unusable = std::move(words);
  helper.unusable_since = now;
}

std::string MaskHelperWatch::name_wrong_key(const Helper& helper,
                                            const std::optional<crypto::X25519PublicKey>& said) const {
  if (!said) {
    return fmt::format(
        "the mask helper at {}, which does not say its key: it is of an older version of Sotto",
        helper.place.address);
  }
  for (const Helper& other : helpers_) {
    if (&other == &helper || other.key != *said) continue;
    return fmt::format("the mask helper at {}, whose key is {} and not {}: the two keys are exchanged",
                       helper.place.address, other.place.key_file.string(), helper.place.key_file.string());
  }
  return fmt::format(
      "the mask helper at {}, whose key is not {}: get its helper-public.hex, or correct its "
      "address",
      helper.place.address, helper.place.key_file.string());
}

std::vector<crypto::X25519PublicKey> MaskHelperWatch::keys() const {
  std::vector<crypto::X25519PublicKey> keys;
  for (const Helper& helper : helpers_) keys.push_back(helper.key);
  return keys;
}

std::vector<MaskHelperClient*> MaskHelperWatch::clients() const {
  std::vector<MaskHelperClient*> clients;
  for (const Helper& helper : helpers_) clients.push_back(helper.client.get());
  return clients;
}

void MaskHelperWatch::cancel() {
  for (const Helper& helper : helpers_) helper.client->cancel();
}

}  // namespace sotto::server
