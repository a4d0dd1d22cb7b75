#include "sotto/simulation/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "report/markup.h"

namespace sotto::simulation {
namespace {

using testing::HasSubstr;
using testing::Not;

ExperimentResult experiment(std::uint32_t rounds) {
  ExperimentResult result;
  result.dataset = "motion";
  result.aggregation = "secure";
  result.transport = "grpc";
  result.devices = 100;
  result.clients_per_round = 80;
  result.rounds = rounds;
  result.local_epochs = 1;
  result.batch_size = 16;
  result.learning_rate = 0.05;
  result.dropout = 0.1;
  result.seed = 18446744073709551615u;
  result.parameters = 510;
  result.model_sha256 = std::string(64, 'a');
  result.transcript_sha256 = std::string(64, 'b');
  result.final_accuracy = 0.875;
  result.initial_accuracy = 1.0 / 6;
  result.local_accuracy = 0.5625;
  result.uplink_bytes_per_device = 2345.5;
  result.uplink_bytes_per_parameter = 4.599;
  result.rounds_completed = rounds;
  result.seconds_per_round = 0.75;
  for (std::uint32_t i = 0; i < rounds; ++i) {
    RoundResult& round = result.per_round.emplace_back();
    round.record.round = RoundId{i + 1};
    round.record.joined = 80;
    round.record.collected = 72;
    round.record.uplink_bytes = 190'000 + 100 * i;
    round.accuracy = 0.9 - 0.5 * std::exp(-0.2 * i);
    round.test_loss = 0.4;
    round.seconds = 0.7;
    round.dropped_before_keys = 1;
    round.dropped_after_keys = i % 4;
    round.dropped_after_shares = 3;
    round.dropped_after_vector = i % 2;
    round.dropped_after_confirm = i % 3;
  }
  return result;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// Tags must be closed in order; this is the structure a browser would otherwise repair silently.
void expect_balanced(const std::string& html) {
  std::vector<std::string> open;
  for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const std::size_t end = html.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const std::string tag = html.substr(at + 1, end - at - 1);
    const std::string name = tag.substr(0, tag.find_first_of(" \n"));
    if (tag.back() == '/' || name == "!DOCTYPE" || name == "meta") continue;
    if (tag.front() != '/') {
      open.push_back(name);
      continue;
    }
    ASSERT_FALSE(open.empty());
    ASSERT_EQ("/" + open.back(), tag);
    open.pop_back();
  }
  EXPECT_TRUE(open.empty());
}

TEST(Json, HasTheKeysThatScriptsRelyOn) {
  const auto json = nlohmann::json::parse(to_json(experiment(3)));
  EXPECT_EQ(json.at("dataset"), "motion");
  EXPECT_EQ(json.at("devices"), 100);
  EXPECT_EQ(json.at("rounds"), 3);
  EXPECT_EQ(json.at("seed"), 18446744073709551615u);
  EXPECT_EQ(json.at("aggregation"), "secure");
  EXPECT_EQ(json.at("transport"), "grpc");
  EXPECT_EQ(json.at("parameters"), 510);
  EXPECT_EQ(json.at("final_accuracy"), 0.875);
  ASSERT_EQ(json.at("accuracy").size(), 3u);
  EXPECT_EQ(json.at("accuracy")[0], 0.4);
  EXPECT_EQ(json.at("model_sha256"), std::string(64, 'a'));
  EXPECT_EQ(json.at("transcript_sha256"), std::string(64, 'b'));
  EXPECT_EQ(json.at("uplink_bytes_per_device"), 2345.5);
  EXPECT_EQ(json.at("uplink_bytes_per_parameter"), 4.599);
  EXPECT_EQ(json.at("rounds_completed"), 3);
  EXPECT_EQ(json.at("rounds_abandoned"), 0);
  EXPECT_EQ(json.at("seconds_per_round"), 0.75);
}

TEST(Report, NamesATranscriptOnlyWhereThereIsOne) {
  ExperimentResult result = experiment(1);
  EXPECT_THAT(to_html(result), HasSubstr(std::string(64, 'b')));
  result.transcript_sha256.clear();
  EXPECT_TRUE(nlohmann::json::parse(to_json(result)).at("transcript_sha256").is_null());
  EXPECT_THAT(to_html(result), Not(HasSubstr("Transcript")));
}

TEST(Json, TellsDropOutsAndOutcomeOfEveryRound) {
  ExperimentResult result = experiment(4);
  result.per_round[1].record.outcome = proto::RoundOutcome::kAbandoned;
  result.per_round[1].record.reason = "only 2 of 3 devices remained";
  const auto rounds = nlohmann::json::parse(to_json(result)).at("per_round");
  ASSERT_EQ(rounds.size(), 4u);
  EXPECT_EQ(rounds[3].at("dropped_before_keys"), 1);
  EXPECT_EQ(rounds[3].at("dropped_after_keys"), 3);
  EXPECT_EQ(rounds[3].at("dropped_after_shares"), 3);
  EXPECT_EQ(rounds[3].at("dropped_after_vector"), 1);
  EXPECT_EQ(rounds[3].at("dropped_after_confirm"), 0);
  EXPECT_EQ(rounds[2].at("dropped_after_confirm"), 2);
  EXPECT_EQ(rounds[0].at("committed"), true);
  EXPECT_EQ(rounds[1].at("committed"), false);
  EXPECT_EQ(rounds[1].at("reason"), "only 2 of 3 devices remained");
}

TEST(Json, SaysNullForWhatWasNotMeasured) {
  ExperimentResult result = experiment(1);
  result.local_accuracy = -1;
  EXPECT_TRUE(nlohmann::json::parse(to_json(result)).at("local_accuracy").is_null());
  EXPECT_TRUE(nlohmann::json::parse(to_json(result)).at("central_accuracy").is_null());
  EXPECT_EQ(nlohmann::json::parse(to_json(result)).at("per_device"), nlohmann::json::array());
}

TEST(Json, StaysReadableWithOddTextAndNumbers) {
  ExperimentResult result = experiment(1);
  result.dataset = "a \"quoted\" \xff name\n";
  result.seconds_per_round = std::nan("");
  const auto json = nlohmann::json::parse(to_json(result));
  EXPECT_THAT(json.at("dataset").get<std::string>(), HasSubstr("\"quoted\""));
  EXPECT_TRUE(json.at("seconds_per_round").is_null());
}

TEST(Html, LoadsNothingAndRunsNothing) {
  const std::string html = to_html(experiment(20));
  for (const char* forbidden :
       {"<script", "javascript:", "http://", "https://", "<link", "<img", "url(", "@import", "onload"}) {
    EXPECT_THAT(html, Not(HasSubstr(forbidden)));
  }
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
}

TEST(Html, IsWellFormedForNoOneManyAndVeryManyRounds) {
  for (const std::uint32_t rounds : {0u, 1u, 2u, 20u, 1000u}) {
    const std::string html = to_html(experiment(rounds));
    expect_balanced(html);
    EXPECT_EQ(count_of(html, "role=\"img\""), rounds == 0 ? 0u : 3u);
    EXPECT_THAT(html, Not(HasSubstr("nan")));
    EXPECT_THAT(html, Not(HasSubstr("\"-\"")));
  }
}

TEST(Html, ShowsTheCurveItsBaselinesAndEveryDropOut) {
  const std::string html = to_html(experiment(8));
  EXPECT_THAT(html, HasSubstr("before training 16.7 %"));
  EXPECT_THAT(html, HasSubstr("one device alone 56.2 %"));
  EXPECT_THAT(html, HasSubstr("Round 1: 40.0 %"));
  EXPECT_EQ(count_of(html, "class=\"point\""), 8u);
  EXPECT_EQ(count_of(html, ", before keys: 1"), 8u);
  EXPECT_EQ(count_of(html, ", after keys: "), 6u);  // rounds without any have no bar
  EXPECT_EQ(count_of(html, ", after shares: 3"), 8u);
  EXPECT_EQ(count_of(html, ", after the vector: 1"), 4u);
  EXPECT_THAT(html, HasSubstr("after keys (12)"));
  EXPECT_THAT(html, HasSubstr(std::string(64, 'a')));
}

TEST(Html, LeavesOutABaselineThatWasNotMeasured) {
  ExperimentResult result = experiment(3);
  result.local_accuracy = -1;
  EXPECT_THAT(to_html(result), Not(HasSubstr("one device alone")));
}

TEST(Html, MarksAbandonedRoundsOnTheCurve) {
  ExperimentResult result = experiment(300);
  EXPECT_THAT(to_html(result), Not(HasSubstr("abandoned and left")));
  result.per_round[6].record.outcome = proto::RoundOutcome::kAbandoned;
  const std::string html = to_html(result);
  EXPECT_EQ(count_of(html, "class=\"point noted\""), 1u);
  EXPECT_THAT(html, HasSubstr("Round 7: 74.9 %, abandoned"));
}

TEST(Html, EscapesEveryText) {
  const std::string attack = "<script>alert('x')</script>\"&";
  ExperimentResult result = experiment(2);
  result.dataset = result.aggregation = result.transport = attack;
  result.model_sha256 = result.transcript_sha256 = attack;
  result.per_round[0].record.outcome = proto::RoundOutcome::kAbandoned;
  result.per_round[0].record.reason = attack;
  const std::string html = to_html(result);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, HasSubstr("abandoned: &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;"));
  expect_balanced(html);
}

TEST(Markup, WritesNumbersAsPeopleReadThem) {
  EXPECT_EQ(percent(0.8771), "87.7 %");
  EXPECT_EQ(fixed(-0.5, 2), "-0.50");
  EXPECT_EQ(fixed(1e300, 0).size(), 301u);
  EXPECT_EQ(fixed(HUGE_VAL, 1), "-");
  EXPECT_EQ(byte_count(0), "0 B");
  EXPECT_EQ(byte_count(999), "999 B");
  EXPECT_EQ(byte_count(1234), "1.23 kB");
  EXPECT_EQ(byte_count(12'345'678), "12.3 MB");
  EXPECT_EQ(byte_count(5e15), "5000 TB");
}

}  // namespace
}  // namespace sotto::simulation
