// A device's state file under any content: refused with a reason, or taken up and played to an end.
#include <array>

#include "fuzz_input.h"
#include "hostile_coordinator.h"
#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"

namespace {

using namespace sotto;
using namespace sotto::client;

// What a session has saved in the middle of its download (0), before training (1), and with its update (2).
const std::array<std::vector<std::uint8_t>, 3>& saved_sessions() {
  static const auto* const saved = [] {
    auto* made = new std::array<std::vector<std::uint8_t>, 3>;
    fuzz::FuzzInput none(nullptr, 0);
    fuzz::HostileCoordinator coordinator(proto::Aggregation::kSecure, none);
    crypto::SeededRandom random(std::uint64_t{1});
    auto session = Session::create(fuzz::device_options(false), {random, random});
    Session::Action action = session.start(Time{1'000});
    while (auto* send = std::get_if<Session::Send>(&action)) {
      action = session.on_reply(coordinator.answer(send->request), Time{1'000});
      if ((*made)[0].empty() && std::holds_alternative<Session::Send>(action)) (*made)[0] = session.save();
    }
    (*made)[1] = session.save();
    const auto& training = std::get<Session::Train>(action);
    action = session.on_trained(fuzz::update_for(training.job, none), Time{1'000});
    (*made)[2] = session.save();
    for (const auto& bytes : *made) SOTTO_CHECK(!bytes.empty());
    return made;
  }();
  return *saved;
}

// With the digest put right, so that what is behind it is reached.
void seal(std::vector<std::uint8_t>& bytes) {
  const crypto::Digest digest = crypto::sha256({bytes});
  bytes.insert(bytes.end(), digest.begin(), digest.end());
}

void play(Session& session, Session::Action action, Time now, std::size_t actions_max,
          fuzz::FuzzInput& input) {
  fuzz::HostileCoordinator coordinator(proto::Aggregation::kSecure, input);
  for (std::size_t actions = 0; !std::holds_alternative<Session::Done>(action); ++actions) {
    SOTTO_CHECK(actions < actions_max);
    const std::vector<std::uint8_t> saved = session.save();
    if (auto* wait = std::get_if<Session::Wait>(&action)) {
      now = std::max(now, wait->until);
      action = session.on_timer(now);
    } else if (auto* train = std::get_if<Session::Train>(&action)) {
      SOTTO_CHECK(!saved.empty());
      action = session.on_trained(fuzz::update_for(train->job, input), now);
    } else if (coordinator.tampered() && input.empty()) {
      action = session.on_reply(unavailable("gone"), now);
    } else {
      action = session.on_reply(coordinator.answer(std::get<Session::Send>(action).request), now);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::FuzzInput input(data, size);
  const Time now{static_cast<std::int64_t>(input.u16())};
  std::vector<std::uint8_t> bytes = saved_sessions()[input.below(3)];
  const bool sealed = !input.chance(64);
  if (sealed) bytes.resize(bytes.size() - sizeof(crypto::Digest));
  fuzz::mutate(input, bytes);
  if (sealed) seal(bytes);
  crypto::SeededRandom random(std::uint64_t{2});
  auto session = Session::create(fuzz::device_options(input.chance(128)), {random, random});
  auto action = session.restore(bytes, now);
  if (!action) {
    SOTTO_CHECK(!action.error().message().empty());
    play(session, session.start(now), now, 400 + 4 * size,
         input);  // a refused restore leaves the session as it was
  } else {
    play(session, std::move(*action), now, 400 + 4 * size, input);
  }
  return 0;
}
