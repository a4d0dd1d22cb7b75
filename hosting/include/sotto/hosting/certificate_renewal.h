// The server's certificate lasts a year, a server may run longer: renews server.pem while it runs. Whoever
// serves with it reads the file anew when it changes.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sotto/base/clock.h"
#include "sotto/host/repeated_task.h"
#include "sotto/hosting/notice.h"
#include "sotto/hosting/tls_certificate.h"

namespace sotto::hosting {

// When to look, and what to say. One thread.
class CertificateWatch {
 public:
  // Of a certificate that was loaded with these options and lasts until then.
  CertificateWatch(TlsCertificateOptions options, Time expires)
      : options_(std::move(options)), expires_(expires) {}

  // Renews the certificate when it has fewer than 30 days left, and says so; says once a day why it cannot.
  // So, too, when the clock has stepped back to before it was made. Never makes a CA.
  // Reads files only when there is something to do.
  [[nodiscard]] std::optional<Notice> look(Time now);
  // Now, for these names from then on. kDataLoss when the CA is missing; other errors are those of
  // load_or_create_tls_certificate(). Then the old
  // certificate and the old names stay.
  [[nodiscard]] Status reload(std::vector<std::string> extra_names, Time now);

 private:
  TlsCertificateOptions options_;
  Time expires_;
  Time not_before_{};  // after an attempt without success
  Time looked_{};
};

// Looks several times a second, by the system's clock, in a thread of its own, on which it calls `notice`.
class CertificateRenewal {
 public:
  CertificateRenewal(TlsCertificateOptions options, Time expires, NoticeSink notice);

  // See CertificateWatch. Any thread.
  [[nodiscard]] Status reload(std::vector<std::string> extra_names);

 private:
  void look();

  std::mutex mutex_;
  CertificateWatch watch_;  // guarded by mutex_
  const NoticeSink notice_;
  host::RepeatedTask looking_;  // last: it uses the others
};

}  // namespace sotto::hosting
