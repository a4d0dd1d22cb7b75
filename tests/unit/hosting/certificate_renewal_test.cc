#include "sotto/hosting/certificate_renewal.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

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

TEST_F(CertificateWatchTest, RenewsThirtyDaysAheadAndSaysSoOnce) {
  CertificateWatch watch(options_, expires_);
  const std::string before = server_file();
  EXPECT_FALSE(watch.look(kStart));
  EXPECT_FALSE(watch.look({expires_.ms - 30 * kDayMs}));
  EXPECT_EQ(server_file(), before);
  const auto notice = watch.look({expires_.ms - 30 * kDayMs + 1});
  EXPECT_THAT(said(notice, Notice::Level::kInfo), HasSubstr("renewed, it now lasts until"));
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

TEST_F(CertificateWatchTest, ARenewalInAThreadEndsAtOnce) {
  const CertificateRenewal renewal(options_, expires_, nullptr);
}

}  // namespace
}  // namespace sotto::hosting
