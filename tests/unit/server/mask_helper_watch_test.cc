// What a coordinator finds out about mask helpers that are served over loopback.
#include "service/mask_helper_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "sotto/base/clock.h"
#include "sotto/identity/identity_file.h"
#include "sotto/identity/x25519_key_file.h"
#include "sotto/server/mask_helper_server.h"
#include "unit/mask-helper/one_shot_fleet.h"

namespace sotto::server {
namespace {

using std::filesystem::path;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr Time kNow{1'700'000'000'000};

// A helper that starts by the system's clock waits for its next second.
class StandingClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override { return kNow; }
};

class MaskHelperWatchTest : public ::testing::Test {
 protected:
  MaskHelperWatchTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sotto-watch.XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    for (const char* name : {"one", "two"}) EXPECT_TRUE(create_mask_helper(folder_ / name).ok());
    const mask_helper::OneShotFleet fleet(3, *identity::load_x25519_public_key(key("one")), 1);
    EXPECT_TRUE(identity::save_public_key(folder_ / "authority.pem", fleet.authority()).ok());
  }
  ~MaskHelperWatchTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<MaskHelperServer> serve(const char* name, const std::string& listen = "127.0.0.1:0") {
    auto server = MaskHelperServer::start({.data_dir = folder_ / name,
                                           .listen = listen,
                                           .authority_file = folder_ / "authority.pem",
                                           .clock = &clock_});
    EXPECT_TRUE(server.has_value()) << server.error().message();
    std::ofstream(folder_ / name / "ca.pem") << (*server)->certificate().ca_pem;
    return std::move(*server);
  }
  [[nodiscard]] path key(const char* name) const { return mask_helper_public_file(folder_ / name); }
  [[nodiscard]] HelperPlace place(const char* name, const std::string& address, const char* key_of) const {
    return {.address = address, .key_file = key(key_of), .ca_file = folder_ / name / "ca.pem"};
  }

  path folder_;
  StandingClock clock_;
};

TEST_F(MaskHelperWatchTest, FindsAHelperThatHasTheKeyAndHearsThatItStops) {
  const auto one = serve("one");
  MaskHelperWatch watch;
  ASSERT_TRUE(watch.add(place("one", one->address(), "one")).ok());
  HelperEvent event = watch.ask(kNow, /*done=*/false);
  EXPECT_EQ(event.unusable, "");
  EXPECT_FALSE(event.stopping);
  one->drain();
  event = watch.ask(kNow, /*done=*/true);
  EXPECT_EQ(event.unusable, "");
  EXPECT_TRUE(event.stopping);
  EXPECT_FALSE(one->drained()) << "who has not heard that it stops cannot be done with it";
  EXPECT_TRUE(watch.ask(kNow, /*done=*/true).stopping);
  EXPECT_TRUE(one->drained());
}

TEST_F(MaskHelperWatchTest, FindsKeysThatAreExchanged) {
  const auto one = serve("one");
  const auto two = serve("two");
  MaskHelperWatch watch;
  ASSERT_TRUE(watch.add(place("one", one->address(), "two")).ok());
  ASSERT_TRUE(watch.add(place("two", two->address(), "one")).ok());
  EXPECT_THAT(
      watch.ask(kNow, /*done=*/false).unusable,
      AllOf(HasSubstr(one->address()), HasSubstr(key("one").string() + " and not " + key("two").string()),
            HasSubstr("the two keys are exchanged")));
}

TEST_F(MaskHelperWatchTest, FindsTheKeyOfAHelperOfBefore) {
  const auto one = serve("one");
  MaskHelperWatch watch;
  ASSERT_TRUE(watch.add(place("one", one->address(), "two")).ok());
  EXPECT_THAT(watch.ask(kNow, /*done=*/false).unusable,
              AllOf(HasSubstr("whose key is not " + key("two").string()), HasSubstr("helper-public.hex")));
}

TEST_F(MaskHelperWatchTest, WaitsTenSecondsForAHelperThatSaysNothingAndNotForOneThatNeverSaidAnything) {
  auto one = serve("one");
  const std::string address = one->address();
  MaskHelperWatch watch;
  ASSERT_TRUE(watch.add(place("one", address, "one")).ok());
  EXPECT_EQ(watch.ask(kNow, /*done=*/false).unusable, "");
  one.reset();
  EXPECT_EQ(watch.ask(kNow + std::chrono::milliseconds(9'999), /*done=*/false).unusable, "");
  const Time back = kNow + std::chrono::hours(-5);  // the clock is set back
  EXPECT_EQ(watch.ask(back, /*done=*/false).unusable, "");
  EXPECT_EQ(watch.ask(back + std::chrono::milliseconds(9'999), /*done=*/false).unusable, "");
  const std::string words = watch.ask(back + std::chrono::seconds(10), /*done=*/false).unusable;
  EXPECT_THAT(words,
              AllOf(HasSubstr(address), HasSubstr("cannot be reached"), HasSubstr("check that it runs")));
  EXPECT_EQ(watch.ask(back + std::chrono::seconds(12), /*done=*/false).unusable, words)
      << "not another with each look";
  MaskHelperWatch anew;
  ASSERT_TRUE(anew.add(place("one", address, "one")).ok());
  EXPECT_THAT(anew.ask(kNow, /*done=*/false).unusable, HasSubstr("cannot be reached"));
}

TEST_F(MaskHelperWatchTest, RefusesAPlaceThatCannotBeAsked) {
  const auto one = serve("one");
  MaskHelperWatch watch;
  EXPECT_EQ(watch.add({.address = one->address(), .key_file = folder_ / "none", .ca_file = "none"}).code(),
            StatusCode::kNotFound);
  EXPECT_EQ(
      watch.add({.address = one->address(), .key_file = key("one"), .ca_file = folder_ / "none"}).code(),
      StatusCode::kNotFound);
  EXPECT_TRUE(watch.empty());
  ASSERT_TRUE(watch.add(place("one", one->address(), "one")).ok());
  EXPECT_THAT(watch.add(place("one", one->address(), "one")).message(), HasSubstr("key, too"));
  ASSERT_TRUE(watch.add(place("one", one->address(), "two")).ok());
  EXPECT_THAT(watch.add(place("one", one->address(), "two")).message(), HasSubstr("more mask helpers"));
}

}  // namespace
}  // namespace sotto::server
