#include "sotto/hosting/certificate_renewal.h"

#include <gmock/gmock.h>

#include <chrono>
#include <fstream>
#include <future>
#include <iterator>
#include <thread>

#include "sotto/host/utc_text.h"
#include "support/temporary_directory.h"
#include "tls/certificate.h"

namespace sotto::hosting {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kDayMs = 86'400'000;
constexpr Time kStart{1'800'000'000'000};
Time after_days(std::int64_t days) { return {kStart.ms + days * kDayMs}; }

class CertificateWatchTest : public ::testing::Test {
 protected:
  CertificateWatchTest() {
    const auto tls = load_or_create_tls_certificate(options_, kStart);
    EXPECT_TRUE(tls.has_value());
    expires_ = tls->certificate_expires;
  }
  [[nodiscard]] std::string server_file() const {
    std::ifstream stream(options_.directory / "server.pem", std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  // Expects a notice of this level.
  static std::string said(const std::optional<Notice>& notice, Notice::Level level) {
    EXPECT_TRUE(notice.has_value());
    if (!notice) return {};
    EXPECT_EQ(notice->level, level) << notice->text;
    return notice->text;
  }

  TemporaryDirectory directory_;
  const TlsCertificateOptions options_{.directory = directory_.path() / "tls"};
  Time expires_;
};

TEST_F(CertificateWatchTest, RenewsWhatAClockThatWasAheadHasMadeOnceItIsPutRight) {
  CertificateWatch watch(options_, expires_);
  said(watch.look({expires_.ms - kDayMs}), Notice::Level::kInfo);
  const std::string made_ahead = server_file();
  said(watch.look(after_days(1)), Notice::Level::kInfo);
  EXPECT_NE(server_file(), made_ahead);
  EXPECT_LE(valid_from(*certificate_from_pem(server_file())), after_days(1));
  const std::string put_right = server_file();
  EXPECT_FALSE(watch.look(after_days(1)));
  EXPECT_FALSE(watch.look(kStart)) << "back again, and the certificate holds";
  EXPECT_EQ(server_file(), put_right);
}

TEST_F(CertificateWatchTest, NeverMakesAnotherAuthority) {
  CertificateWatch watch(options_, expires_);
  for (const char* file : {"ca.pem", "ca-key.pem", "server.pem"}) {
    std::filesystem::remove(options_.directory / file);
  }
  const Status status = watch.reload({}, after_days(1));
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("restore it from a backup"));
  EXPECT_THAT(said(watch.look({expires_.ms - kDayMs}), Notice::Level::kError), HasSubstr("ca.pem"));
  std::filesystem::remove(options_.directory);
  EXPECT_EQ(watch.reload({}, after_days(1)).code(), StatusCode::kDataLoss);
  EXPECT_FALSE(std::filesystem::exists(options_.directory / "ca.pem"));
}

TEST_F(CertificateWatchTest, TakesAHundredNamesAndNoMore) {
  CertificateWatch watch(options_, expires_);
  const std::string before = server_file();
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back("host" + std::to_string(i) + ".example");
  EXPECT_TRUE(watch.reload(names, kStart).ok());
  EXPECT_NE(server_file(), before);
  names.push_back("one-more.example");
  EXPECT_THAT(watch.reload(names, kStart).message(), HasSubstr("at most 100"));
}

TEST_F(CertificateWatchTest, RenewsThirtyDaysAheadAndSaysSoOnce) {
  CertificateWatch watch(options_, expires_);
  const std::string before = server_file();
  EXPECT_FALSE(watch.look(kStart));
  EXPECT_FALSE(watch.look({expires_.ms - 30 * kDayMs}));
  EXPECT_EQ(server_file(), before);
  const auto notice = watch.look({expires_.ms - 30 * kDayMs + 1});
  const std::string sentence = said(notice, Notice::Level::kInfo);
  EXPECT_THAT(sentence, HasSubstr("ends on " + host::utc_date(expires_.ms)));
  EXPECT_THAT(sentence, HasSubstr("renewed, it now lasts until"));
  EXPECT_NE(server_file(), before);
  const std::string renewed = server_file();
  EXPECT_GT(valid_until(*certificate_from_pem(renewed)), expires_);
  EXPECT_FALSE(watch.look({expires_.ms - 30 * kDayMs + 2}));
  EXPECT_EQ(server_file(), renewed);
}

TEST_F(CertificateWatchTest, RenewsWhatEndedWhileNobodyLooked) {
  CertificateWatch watch(options_, expires_);
  EXPECT_THAT(said(watch.look(after_days(400)), Notice::Level::kInfo), HasSubstr("ended on"));
  EXPECT_GT(valid_until(*certificate_from_pem(server_file())), after_days(700));
}

TEST_F(CertificateWatchTest, WarnsOnceADayWhereTheAuthoritysKeyIsKeptElsewhere) {
  std::filesystem::remove(options_.directory / "ca-key.pem");
  CertificateWatch watch(options_, expires_);
  const Time first{expires_.ms - 29 * kDayMs};
  EXPECT_THAT(said(watch.look(first), Notice::Level::kWarning), HasSubstr("ca-key.pem is not there"));
  EXPECT_FALSE(watch.look({first.ms + kDayMs - 1}));
  EXPECT_TRUE(watch.look({first.ms + kDayMs}));
  const Time late{expires_.ms + kDayMs};
  EXPECT_THAT(said(watch.look(late), Notice::Level::kError), HasSubstr("and is not renewed"));
}

TEST_F(CertificateWatchTest, RenewsOnceTheAuthoritysKeyIsBack) {
  const auto key = options_.directory / "ca-key.pem";
  const auto away = directory_.path() / "away.pem";
  std::filesystem::rename(key, away);
  CertificateWatch watch(options_, expires_);
  const Time first{expires_.ms - kDayMs};
  EXPECT_TRUE(watch.look(first));
  std::filesystem::rename(away, key);
  EXPECT_THAT(said(watch.look({first.ms + kDayMs}), Notice::Level::kInfo), HasSubstr("renewed"));
}

TEST_F(CertificateWatchTest, SpeaksOfTheCertificateThatItFindsThere) {
  std::filesystem::remove(options_.directory / "ca-key.pem");
  CertificateWatch watch(options_, {expires_.ms - 5 * kDayMs});  // somebody has put another there since
  const Time first{expires_.ms - 10 * kDayMs};
  const auto at_first = said(watch.look(first), Notice::Level::kWarning);
  EXPECT_THAT(at_first, HasSubstr(host::utc_date(expires_.ms - 5 * kDayMs)));
  const auto then = said(watch.look({first.ms + kDayMs}), Notice::Level::kWarning);
  EXPECT_THAT(then, HasSubstr(host::utc_date(expires_.ms)));
}

TEST_F(CertificateWatchTest, ARenewalInAThreadEndsAtOnce) {
  const CertificateRenewal renewal(options_, expires_, nullptr);
}

TEST_F(CertificateWatchTest, AReloadTakesOverOtherNamesAndAFailedOneNothing) {
  CertificateWatch watch(options_, expires_);
  const std::string before = server_file();
  EXPECT_EQ(watch.reload({"not a name!"}, kStart).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(server_file(), before);
  EXPECT_FALSE(watch.look(kStart)) << "it keeps its old names";
  ASSERT_TRUE(watch.reload({"other.example"}, kStart).ok());
  const auto certificate = certificate_from_pem(server_file());
  ASSERT_NE(certificate, nullptr);
  EXPECT_TRUE(subject_names(*certificate).contains("DNS:other.example"));
}

// By the system's clock, which the certificates above are ahead of.
class CertificateRenewalTest : public ::testing::Test {
 protected:
  CertificateRenewalTest() {
    const Time earlier{SystemClock().now().ms - 350 * kDayMs};
    const auto tls = load_or_create_tls_certificate(options_, earlier);
    EXPECT_TRUE(tls.has_value());
    if (tls) expires_ = tls->certificate_expires;
  }
  [[nodiscard]] bool renewed() const {
    std::ifstream stream(options_.directory / "server.pem", std::ios::binary);
    const auto certificate = certificate_from_pem(std::string{std::istreambuf_iterator<char>(stream), {}});
    return certificate && valid_until(*certificate) > expires_;
  }

  TemporaryDirectory directory_;
  const TlsCertificateOptions options_{.directory = directory_.path() / "tls"};
  Time expires_;
};

TEST_F(CertificateRenewalTest, TellsWhatItHasDone) {
  std::promise<Notice> told;
  const CertificateRenewal renewal(options_, expires_, [&](const Notice& notice) { told.set_value(notice); });
  const Notice notice = told.get_future().get();
  EXPECT_EQ(notice.level, Notice::Level::kInfo) << notice.text;
  EXPECT_TRUE(renewed());
}

TEST_F(CertificateRenewalTest, NeedsNobodyToTell) {
  const CertificateRenewal renewal(options_, expires_, nullptr);
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!renewed() && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
  EXPECT_TRUE(renewed());
}

}  // namespace
}  // namespace sotto::hosting
