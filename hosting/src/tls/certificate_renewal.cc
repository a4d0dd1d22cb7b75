#include "sotto/hosting/certificate_renewal.h"

#include <chrono>
#include <string>
#include <utility>

#include "sotto/host/file.h"
#include "sotto/host/utc_text.h"

namespace sotto::hosting {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kSteppedBackMs = 60'000;
constexpr std::chrono::milliseconds kInterval{200};

// Whoever serves has a CA: another one would be none that devices trust.
Result<TlsCertificate> load(const TlsCertificateOptions& options, Time now) {
  if (!host::is_there(options.directory / "ca.pem")) {
    return data_loss((options.directory / "ca.pem").string() +
                     ", which devices trust, is missing: restore it from a backup");
  }
  return load_or_create_tls_certificate(options, now);
}

}  // namespace

// A certificate that was made while the clock was ahead does not hold yet once it is put right.
std::optional<Notice> CertificateWatch::look(Time now) {
  const bool stepped_back = now.ms < looked_.ms - kSteppedBackMs;
  looked_ = now;
  if (stepped_back) not_before_ = {};
  const bool due = stepped_back || (expires_.ms - now.ms < kRenewBeforeMs && now >= not_before_);
  if (!due) return std::nullopt;
  const std::string ends = "the server's TLS certificate " +
                           std::string(now < expires_ ? "ends on " : "ended on ") +
                           host::utc_date(expires_.ms);
  const Result<TlsCertificate> loaded = load(options_, now);
  const bool as_before = loaded && !loaded->certificate_created && loaded->certificate_expires == expires_;
  if (stepped_back && as_before) return std::nullopt;
  if (loaded && loaded->certificate_expires.ms - now.ms >= kRenewBeforeMs) {
    expires_ = loaded->certificate_expires;
    return Notice{Notice::Level::kInfo,
                  ends + ": renewed, it now lasts until " + host::utc_date(expires_.ms)};
  }
  not_before_ = {now.ms + kDayMs};
  if (!loaded)
    return Notice{Notice::Level::kError, ends + " and is not renewed: " + loaded.error().message()};
  expires_ = loaded->certificate_expires;
  return Notice{Notice::Level::kWarning,
                ends + " and cannot be renewed: " + (options_.directory / "ca-key.pem").string() +
                    " is not there, or the CA itself ends then; devices will refuse this server"};
}

Status CertificateWatch::reload(std::vector<std::string> extra_names, Time now) {
  TlsCertificateOptions wanted = options_;
  wanted.extra_names = std::move(extra_names);
  const Result<TlsCertificate> loaded = load(wanted, now);
  if (!loaded) return loaded.error();
  options_ = std::move(wanted);
  expires_ = loaded->certificate_expires;
  return {};
}

CertificateRenewal::CertificateRenewal(TlsCertificateOptions options, Time expires, NoticeSink notice)
    : watch_(std::move(options), expires),
      notice_(std::move(notice)),
      looking_(kInterval, [this] { look(); }) {}

// A new clock each time: this one follows the machine's when it is set, as devices' clocks will.
Status CertificateRenewal::reload(std::vector<std::string> extra_names) {
  const std::lock_guard lock(mutex_);
  return watch_.reload(std::move(extra_names), SystemClock().now());
}

void CertificateRenewal::look() {
  const std::optional<Notice> notice = [this] {
    const std::lock_guard lock(mutex_);
    return watch_.look(SystemClock().now());
  }();
  if (notice && notice_) notice_(*notice);
}

}  // namespace sotto::hosting
