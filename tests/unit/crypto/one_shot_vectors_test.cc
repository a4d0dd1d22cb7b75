// The committed vectors of one-shot sessions (PROTOCOL.md section 10): equal bytes, and the same refusals.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <vector>

#include "golden_json.h"
#include "sotto/mask_helper/mask_helper.h"
#include "sotto/proto/plan_codec.h"
#include "sotto/secagg/one_shot.h"

namespace sotto::secagg {
namespace {

// A vector's case with its decoded plan.
struct OneShotCase {
  explicit OneShotCase(const Json& fields)
      : plan(*proto::decode_plan(bytes_of(fields, "plan"))),
        layout(plan.aggregation.participants_max, update_lanes(plan.model.parameter_count()),
               plan.aggregation.packing),
        context{.round = plan.round.value,
                .plan_digest = crypto::sha256({bytes_of(fields, "plan")}),
                .model_digest = plan.model_digest,
                .prg = plan.aggregation.prg} {
    for (const Json& text : fields.at("helper_privates")) {
      helpers.emplace_back(secret_in<32>(text));
      public_keys.push_back(helpers.back().public_key());
    }
    if (helpers.size() > 1) check_key.emplace(secret_of<32>(fields, "check_key"));
  }

  [[nodiscard]] MaskHelpers mask_helpers() const {
    return {.keys = public_keys, .check_key = check_key ? &*check_key : nullptr};
  }

  proto::Plan plan;
  RingLayout layout;
  SessionContext context;
  std::vector<crypto::X25519PrivateKey> helpers;
  std::vector<crypto::X25519PublicKey> public_keys;
  std::optional<CheckKey> check_key;
};

TEST(GoldenVectors, OneShotMessagesMaskSealAndCommitToTheseBytes) {
  for (const Json& fields : read_cases("one_shot")) {
    const OneShotCase one_shot(fields);
    for (const Json& device : fields.at("devices")) {
      const Message message = bytes_of(device, "message");
      OneShotMessage decoded;
      ASSERT_EQ(decode_one_shot(message, one_shot.helpers.size(), decoded), Rejection::kNone);
      EXPECT_EQ(hex_of(decoded.mask.commitment), device.at("commitment"));
      EXPECT_TRUE(
          accepted(check_sealed_mask(decoded.mask, one_shot.context.plan_digest,
                                     array_of<crypto::kEs256PublicKeyBytes>(fields, "authority"), kNoClock)));
      Message draws;
      for (std::size_t place = 0; place < one_shot.helpers.size(); ++place) {
        MaskKey key;
        ASSERT_TRUE(open_sealed_mask(decoded.mask, one_shot.context, one_shot.layout,
                                     {one_shot.helpers[place], place}, key));
        EXPECT_EQ(hex_of(key.reveal()), device.at("mask_keys").at(place));
        for (const char* drawn : {"mask_seeds", "ephemerals"}) {
          const Message bytes = bytes_in(device.at(drawn).at(place));
          draws.insert(draws.end(), bytes.begin(), bytes.end());
        }
      }
      // What this implementation makes of the same lanes and draws.
      const auto lanes = device.at("lanes").get<Message>();
      Message ring(one_shot.layout.byte_count());
      ring_encode(one_shot.layout, lanes, ring);
      ScriptedRandom random(draws);
      OneShotSeals seals;
      ASSERT_EQ(one_shot_mask(one_shot.context, one_shot.layout, one_shot.mask_helpers(),
                              array_of<32>(device, "identity"), random, ring, seals),
                Rejection::kNone);
      EXPECT_EQ(seals.seeds, decoded.mask.seeds);
      EXPECT_EQ(seals.tags, decoded.tags);
      EXPECT_EQ(hex_of(ring_pack(one_shot.layout, ring)), hex_of(decoded.vector));
    }
  }
}

constexpr Time kPlanTime{1'767'225'600'000};  // the plans of the vectors were signed

// The answer of a helper that has answered nothing since it started.
proto::HelperReply answer(const Json& fields, std::size_t place, const Message& request,
                          Time started = Time{kPlanTime.ms - 1}, Time now = kPlanTime) {
  InlineExecutor executor;
  const auto answered = mask_helper::make_memory_answered_plans();
  mask_helper::MaskHelper helper(
      crypto::X25519PrivateKey(secret_in<32>(fields.at("helper_privates").at(place))),
      {.authority = array_of<crypto::kEs256PublicKeyBytes>(fields, "authority")}, *answered, started);
  return *helper.answer(request, now, executor);
}

TEST(GoldenVectors, HelpersAnswerAndNameTheseSets) {
  for (const Json& fields : read_cases("one_shot")) {
    const OneShotCase one_shot(fields);
    for (std::size_t place = 0; place < one_shot.helpers.size(); ++place) {
      const Message bytes = bytes_in(fields.at("requests").at(place));
      HelperRequest request;
      ASSERT_EQ(decode_helper_request(bytes, request), Rejection::kNone);
      EXPECT_EQ(hex_of(mask_set_digest(one_shot.context.plan_digest, request)), fields.at("set"));
      const proto::HelperReply reply = answer(fields, place, bytes);
      ASSERT_TRUE(std::holds_alternative<proto::MaskSum>(reply)) << fields.at("name");
      EXPECT_EQ(hex_of(std::get<proto::MaskSum>(reply).ring), fields.at("mask_sums").at(place));
    }
  }
}

TEST(GoldenVectors, HelpersRefuseTheseRequests) {
  const Json first = read_cases("one_shot").at(0);
  for (const Json& refused : read_cases("one_shot", "refused")) {
    const proto::HelperReply reply = answer(first, 0, bytes_of(refused, "request"));
    EXPECT_TRUE(std::holds_alternative<proto::HelperRefusal>(reply)) << refused.at("why");
  }
}

// The first case's request to helpers that started at these times.
TEST(GoldenVectors, HelpersTakePlansOfAfterTheirStart) {
  const std::map<proto::HelperRefusal::Kind, std::string> words = {
      {proto::HelperRefusal::Kind::kFinal, "never"},
      {proto::HelperRefusal::Kind::kNotYet, "not yet"},
      {proto::HelperRefusal::Kind::kBeforeStart, "before the start"}};
  const Json first = read_cases("one_shot").at(0);
  const Message request = bytes_in(first.at("requests").at(0));
  for (const Json& start : read_cases("one_shot", "starts")) {
    const proto::HelperReply reply =
        answer(first, 0, request, Time{start.at("started_ms")}, Time{start.at("now_ms")});
    const auto* refusal = std::get_if<proto::HelperRefusal>(&reply);
    EXPECT_EQ(refusal == nullptr ? "sum" : words.at(refusal->kind), start.at("verdict")) << start;
  }
}

}  // namespace
}  // namespace sotto::secagg
