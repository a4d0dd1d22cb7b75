#include "sotto/proto/task_json.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "support/record_values.h"

namespace sotto::proto {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// No field holds its default, so that one that is not carried shows.
TaskSpec task() {
  TaskSpec spec;
  spec.name = "steps";
  spec.population = "watches";
  spec.model = {.architecture = Architecture::kDense, .features = 10, .classes = 6, .hidden = {8}};
  spec.training = {3, 16, 0.1f, 0.25f, 0.125f};
  spec.aggregation = {.kind = Aggregation::kOneShot,
                      .adversary = Adversary::kCurious,
                      .prg = crypto::Prg::kAes128Ctr,
                      .cohort_min = 5,
                      .participants_max = 200,
                      .corrupt_fraction = 0.2f,
                      .dropout_fraction = 0.3f,
                      .clip = 2.5f,
                      .weight_max = 77,
                      .packing = Packing::kBits};
  spec.rounds = 11;
  spec.participants = 50;
  spec.participants_min = 40;
  spec.cohort_max = 150;
  spec.over_selection = 1.5f;
  spec.report_within_ms = 1001;
  spec.phase_deadline_ms = 1002;
  spec.straggler_grace_ms = 1003;
  spec.server_learning_rate = 0.75f;
  spec.server_momentum = 0.875f;
  spec.adaptive_clip = false;
  spec.model_seed = 0xfedcba9876543210u;
  return spec;
}

std::string refusal(const std::string& text) {
  const auto spec = decode_task_spec(text);
  EXPECT_FALSE(spec.has_value()) << "accepted: " << text;
  return spec.status().message();
}

// Of the task above with one change.
std::string changed(const std::string& key, const json& value) {
  json object = json::parse(encode_task_spec(task()));
  object[key] = value;
  return object.dump();
}

TEST(TaskJson, KeepsEveryField) {
  for (const TaskSpec& before : {task(), sotto::testing::distinct_values<TaskSpec>()}) {
    const auto after = decode_task_spec(encode_task_spec(before));
    ASSERT_TRUE(after.has_value()) << after.error().message();
    EXPECT_EQ(*after, before);
  }
}

TEST(TaskJson, WritesFloatsAsPeopleDo) {
  EXPECT_THAT(encode_task_spec(task()), HasSubstr("\"learning_rate\":0.1,"));
}

// A task as databases hold it that were written before the field tables.
constexpr const char* kStoredBefore =
    R"({"adaptive_clip":false,"aggregation":{"adversary":"curious","clip":2.5,"cohort_min":5,)"
    R"("corrupt_fraction":0.20000000298023224,"dropout_fraction":0.30000001192092896,"kind":"one_shot",)"
    R"("packing":"bits","participants_max":200,"prg":"aes-128-ctr","weight_max":77},"cohort_max":150,)"
    R"("model":{"architecture":"dense","classes":6,"features":10,"hidden":8},)"
    R"("model_seed":18364758544493064720,"name":"steps","over_selection":1.5,"participants":50,)"
    R"("participants_min":40,"phase_deadline_ms":1002,"population":"watches","report_within_ms":1001,)"
    R"("rounds":11,"server_learning_rate":0.75,"server_momentum":0.875,"straggler_grace_ms":1003,)"
    R"("training":{"batch_size":16,"learning_rate":0.10000000149011612,"local_epochs":3,"momentum":0.25,)"
    R"("proximal_mu":0.125}})";

TEST(TaskJson, ReadsWhatWasStoredBefore) {
  const auto spec = decode_task_spec(kStoredBefore);
  ASSERT_TRUE(spec.has_value()) << spec.error().message();
  EXPECT_EQ(*spec, task());
}

TEST(TaskJson, AbsentKeysTakeTheirDefault) {
  const auto spec =
      decode_task_spec(R"({"name":"steps","population":"watches","model":{"features":3,"classes":2}})");
  ASSERT_TRUE(spec.has_value()) << spec.error().message();
  TaskSpec expected;
  expected.name = "steps";
  expected.population = "watches";
  expected.model.features = 3;
  expected.model.classes = 2;
  EXPECT_EQ(*spec, expected);
}

TEST(TaskJson, NamesAMissingKeyThatHasNoDefault) {
  EXPECT_EQ(refusal("{}"), "name is missing");
  EXPECT_EQ(refusal(R"({"name":"a"})"), "population is missing");
  EXPECT_EQ(refusal(R"({"name":"a","population":"b","model":{"classes":2}})"), "model.features is missing");
}

TEST(TaskJson, NamesAnUnknownKeyAndThoseThatAreKnown) {
  EXPECT_THAT(refusal(R"({"nmae":"a"})"),
              HasSubstr("unknown key 'nmae'; known are name, population, rounds"));
  EXPECT_EQ(refusal(changed("server", {{"rate", 1}})),
            "unknown key 'server.rate'; known are learning_rate, momentum, update_norm_max");
  EXPECT_THAT(refusal(changed("extra", json::object())), HasSubstr("unknown key 'extra'"));
  EXPECT_THAT(refusal(changed("server", 7)), HasSubstr("unknown key 'server'; known are name, population"))
      << "a group is no field";
  EXPECT_THAT(refusal(changed("training", {{"momentum", 0.5}})), HasSubstr("unknown key 'momentum'"))
      << "one field in two places";
}

TEST(TaskJson, NamesAKeyOfTheWrongTypeAndWhatItMustBe) {
  EXPECT_EQ(refusal(changed("rounds", "7")), "rounds must be a whole number");
  EXPECT_EQ(refusal(changed("rounds", 7.0)), "rounds must be a whole number");
  EXPECT_EQ(refusal(changed("rounds", json::object())), "rounds must be a whole number");
  EXPECT_EQ(refusal(changed("rounds", nullptr)), "rounds must be a whole number");
  EXPECT_EQ(refusal(changed("rounds", -1)), "rounds must not be negative");
  EXPECT_EQ(refusal(changed("rounds", 4'294'967'296)), "rounds must be at most 4294967295");
  EXPECT_EQ(refusal(changed("cohort_max", 65'536)), "cohort_max must be at most 65535");
  EXPECT_EQ(refusal(changed("clip", "big")), "aggregation.clip must be a number");
  EXPECT_EQ(refusal(changed("adaptive_clip", 1)), "aggregation.adaptive_clip must be true or false");
  EXPECT_EQ(refusal(changed("name", 7)), "name must be a text in quotes");
  EXPECT_EQ(refusal(changed("architecture", "deep")),
            "model.architecture must be one of \"softmax\", \"dense\", \"custom\"");
  EXPECT_EQ(refusal(changed("aggregation", 1)),
            "aggregation.kind must be one of \"secure\", \"plain\", \"float\", \"one_shot\"");
}

TEST(EditTaskSpec, ChangesWhatIsNamedAndNothingElse) {
  const auto edited = edit_task_spec(task(), R"({"training":{"learning_rate":0.2},"rounds":12})");
  ASSERT_TRUE(edited.has_value()) << edited.error().message();
  TaskSpec expected = task();
  expected.training.learning_rate = 0.2f;
  expected.rounds = 12;
  EXPECT_EQ(*edited, expected);
  EXPECT_EQ(differences(task(), *edited),
            (std::vector<FieldChange>{{"rounds", "11", "12"}, {"training.learning_rate", "0.1", "0.2"}}));
  EXPECT_TRUE(differences(task(), task()).empty());
  EXPECT_EQ(*edit_task_spec(task(), "{}"), task());
  EXPECT_EQ(*edit_task_spec(task(), R"({"learning_rate":0.1})"), task()) << "by its name, to what it is";
}

TEST(EditTaskSpec, RefusesWhatIsFixedByName) {
  const auto why = [](const std::string& fields) { return edit_task_spec(task(), fields).status(); };
  for (const auto& [fields, key] : {std::pair{R"({"name":"other"})", "name"},
                                    {R"({"population":"other"})", "population"},
                                    {R"({"model":{"classes":7}})", "model.classes"},
                                    {R"({"model":{"metrics":[]}})", "model.metrics"},
                                    {R"({"aggregation":{"kind":"secure"}})", "aggregation.kind"},
                                    {R"({"cohort_min":6})", "aggregation.cohort_min"},
                                    {R"({"aggregation":{"weight_max":5}})", "aggregation.weight_max"}}) {
    EXPECT_EQ(why(fields).code(), StatusCode::kInvalidArgument) << fields;
    EXPECT_THAT(why(fields).message(), HasSubstr(std::string(key) + " is fixed")) << fields;
  }
  EXPECT_THAT(why(R"({"nmae":1})").message(), HasSubstr("unknown key 'nmae'"));
  EXPECT_THAT(why(R"({"rounds":"7"})").message(), HasSubstr("rounds must be a whole number"));
  EXPECT_THAT(why("7").message(), HasSubstr("not a JSON object"));
  EXPECT_THAT(why("{").message(), HasSubstr("not a JSON object"));
}

TEST(TaskJson, TakesEveryFormOfZero) {
  for (const char* zero : {"0", "-0"}) {
    std::string text = encode_task_spec(task());
    const std::string grace = "\"straggler_grace_ms\":";
    text.replace(text.find(grace), grace.size() + 4, grace + zero);
    const auto spec = decode_task_spec(text);
    ASSERT_TRUE(spec.has_value()) << zero << ": " << spec.error().message();
    EXPECT_EQ(spec->straggler_grace_ms, 0u);
  }
}

TEST(TaskJson, ListsOfNumbersMayBeOneNumberAsTheyOnceWere) {
  const auto hidden = [](const json& value) {
    return decode_task_spec(changed("hidden", value))->model.hidden;
  };
  using Hidden = decltype(ModelSpec::hidden);
  EXPECT_EQ(hidden(json::array({64, 32})), (Hidden{64, 32}));
  EXPECT_EQ(hidden(json::array()), Hidden());
  EXPECT_EQ(hidden(7), Hidden{7});
  EXPECT_EQ(hidden(0), Hidden());
  EXPECT_EQ(refusal(changed("hidden", -1)), "model.hidden must not be negative");
  EXPECT_EQ(refusal(changed("hidden", "7")), "model.hidden must be a list of numbers");
  EXPECT_EQ(refusal(changed("hidden", json::array({7, "8"}))), "model.hidden each must be a whole number");
  EXPECT_EQ(refusal(changed("hidden", json::array({1, 2, 3, 4, 5, 6, 7, 8, 9}))),
            "model.hidden must be a list of at most 8");
}

TEST(TaskJson, OfACustomModelNeedsNoFeatures) {
  const auto spec = decode_task_spec(
      R"({"name":"a","population":"b","model":{"architecture":"custom","name":"prices","parameters":3,)"
      R"("segments":[{"length":2},{"length":1,"clip":0.5,"weighting":"one","clipped_lane":true}],)"
      R"("metrics":[{"name":"squared_error","scale":4096}]}})");
  ASSERT_TRUE(spec.has_value()) << spec.error().message();
  EXPECT_TRUE(validate_task_spec(*spec).ok()) << validate_task_spec(*spec).message();
  EXPECT_EQ(spec->model.name.view(), "prices");
  ASSERT_EQ(spec->model.segments.size(), 2u);
  EXPECT_EQ(spec->model.segments[1],
            (secagg::Segment{
                .length = 1, .clip = 0.5f, .weighting = secagg::Weighting::kOne, .clipped_lane = true}));
  ASSERT_EQ(spec->model.metrics.size(), 1u);
  EXPECT_EQ(spec->model.metrics[0], (Metric{.name = "squared_error", .bytes = 4, .scale = 4096}));
  EXPECT_EQ(refusal(R"({"name":"a","population":"b","model":{"architecture":"custom","segments":[{}]}})"),
            "model.segments[0].length is missing");
}

TEST(TaskJson, TakesWholeNumbersForFractions) {
  EXPECT_EQ(decode_task_spec(changed("clip", 2))->aggregation.clip, 2.0f);
  EXPECT_EQ(decode_task_spec(changed("cohort_max", 65'535))->cohort_max, 65'535);
}

TEST(TaskJson, RefusesWhatIsNoObject) {
  for (const char* text : {"", "nonsense", "[]", "7", "{\"name\":", "{} {}"}) {
    EXPECT_THAT(refusal(text), HasSubstr("is not a JSON object")) << text;
  }
}

TEST(InputJson, IsReadAsItWasWrittenAndHeldToItsBounds) {
  InputSchema input;
  input.features = "acceleration";
  input.unit = "g";
  input.labels = "rest,walk";
  input.front_end = "mfcc-1";
  const auto read = decode_input_schema(encode_input_schema(input));
  ASSERT_TRUE(read.has_value()) << read.error().message();
  EXPECT_EQ(*read, input);
  for (const auto& [text, words] : {std::pair(R"({"unit":"g\n"})", "unit: must be printable ASCII"),
                                    std::pair(R"({"front_end":"a b"})", "front_end"),
                                    std::pair(R"({"colour":"red"})", "unknown key 'input.colour'"),
                                    std::pair("[]", "is not a JSON object")}) {
    const auto refused = decode_input_schema(text);
    ASSERT_FALSE(refused.has_value()) << text;
    EXPECT_EQ(refused.error().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(refused.error().message(), HasSubstr(words));
  }
}

TEST(TaskJson, SaysWhereAKeyStands) {
  const auto spec =
      decode_task_spec(changed("clip", "big"), [](const std::string& path) { return "<" + path + ">"; });
  EXPECT_EQ(spec.status().message(), "<aggregation.clip>: aggregation.clip must be a number");
}

}  // namespace
}  // namespace sotto::proto
