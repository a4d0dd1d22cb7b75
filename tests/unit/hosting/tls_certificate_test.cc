#include "sotto/hosting/tls_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "support/temporary_directory.h"
#include "tls/certificate.h"

namespace sotto::hosting {
namespace {

using std::filesystem::path;
using ::testing::Contains;
using ::testing::HasSubstr;
using namespace std::string_literals;

constexpr std::int64_t kDayMs = 86'400'000;
constexpr Time kStart{1'800'000'000'000};
Time after_days(std::int64_t days) { return {kStart.ms + days * kDayMs}; }

mode_t mode_of(const path& file) {
  struct stat found {};
  EXPECT_EQ(::stat(file.c_str(), &found), 0) << file;
  return found.st_mode & 0777;
}
std::string contents(const path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}
void overwrite(const path& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

class TlsCertificateTest : public ::testing::Test {
 protected:
  Result<TlsCertificate> load(Time now, std::vector<std::string> names = {}) {
    return load_or_create_tls_certificate({.directory = tls_, .extra_names = std::move(names)}, now);
  }
  TlsCertificate must_load(Time now, std::vector<std::string> names = {}) {
    Result<TlsCertificate> tls = load(now, std::move(names));
    EXPECT_TRUE(tls.has_value()) << tls.status().message();
    return tls ? std::move(*tls) : TlsCertificate{};
  }
  void expect_refused(Time now, StatusCode code, const std::string& text) {
    const Result<TlsCertificate> tls = load(now);
    ASSERT_FALSE(tls.has_value());
    EXPECT_EQ(tls.error().code(), code) << tls.error().message();
    EXPECT_THAT(tls.error().message(), HasSubstr(text));
  }

  TemporaryDirectory directory_;
  path tls_ = directory_.path() / "data" / "tls";
};

TEST_F(TlsCertificateTest, SaysWhoseItIs) {
  const auto names = [&](const TlsCertificateOptions& options) {
    const Result<TlsCertificate> tls = load_or_create_tls_certificate(options, kStart);
    EXPECT_TRUE(tls.has_value());
    return std::pair(common_name(*certificate_from_pem(tls->ca_pem)),
                     common_name(*certificate_from_pem(tls->certificate_pem)));
  };
  EXPECT_EQ(names({.directory = tls_}), std::pair("Sotto coordinator CA"s, "Sotto coordinator"s));
  const path helper = directory_.path() / "helper";
  EXPECT_EQ(names({.directory = helper, .owner = "Sotto mask helper"}),
            std::pair("Sotto mask helper CA"s, "Sotto mask helper"s));
  // A server's certificate that is renewed keeps its authority's name.
  std::filesystem::remove(helper / "server.pem");
  EXPECT_EQ(names({.directory = helper}).second, "Sotto mask helper");
}

TEST_F(TlsCertificateTest, OfItsAuthorityDoesNotSayThatItSignsItself) {
  const TlsCertificate tls = must_load(kStart);
  EXPECT_FALSE(signs_itself_falsely(*certificate_from_pem(tls.ca_pem)));
  EXPECT_FALSE(signs_itself_falsely(*certificate_from_pem(tls.certificate_pem)));
}

TEST_F(TlsCertificateTest, FitsItsKeyAndNoOther) {
  const TlsCertificate tls = must_load(kStart);
  const std::string_view key = tls.private_key_pem.reveal_text();
  EXPECT_TRUE(check_key_of_certificate(tls.certificate_pem, key).ok());
  const Result<TlsCertificate> other =
      load_or_create_tls_certificate({.directory = directory_.path() / "other"}, kStart);
  ASSERT_TRUE(other.has_value());
  const Status anothers = check_key_of_certificate(tls.certificate_pem, other->private_key_pem.reveal_text());
  EXPECT_EQ(anothers.code(), StatusCode::kDataLoss);
  EXPECT_THAT(anothers.message(), HasSubstr("or another's"));
  EXPECT_EQ(check_key_of_certificate(tls.certificate_pem, "rubbish").code(), StatusCode::kDataLoss);
  EXPECT_EQ(check_key_of_certificate("rubbish", key).code(), StatusCode::kDataLoss);
}

TEST_F(TlsCertificateTest, IsMadeAtTheFirstStartWithPrivateKeys) {
  const TlsCertificate tls = must_load(kStart);
  EXPECT_TRUE(tls.ca_created);
  EXPECT_TRUE(tls.certificate_created);
  EXPECT_EQ(tls.ca_file, tls_ / "ca.pem");
  EXPECT_EQ(contents(tls.ca_file), tls.ca_pem);
  EXPECT_EQ(tls.ca_fingerprint.size(), 32 * 3 - 1u);
  EXPECT_EQ(mode_of(tls_ / "ca-key.pem"), 0600u);
  EXPECT_EQ(mode_of(tls_ / "server.pem"), 0600u);
  EXPECT_EQ(tls.certificate_expires, after_days(365));

  const Certificate certificate = certificate_from_pem(tls.certificate_pem);
  const Certificate ca = certificate_from_pem(tls.ca_pem);
  ASSERT_TRUE(certificate != nullptr && ca != nullptr);
  const std::set<std::string> names = subject_names(*certificate);
  EXPECT_THAT(names, Contains("DNS:localhost"));
  EXPECT_THAT(names, Contains("IP:127.0.0.1"));
  EXPECT_THAT(names, Contains("IP:::1"));
  EXPECT_EQ(X509_verify(certificate.get(), X509_get0_pubkey(ca.get())), 1);
  EXPECT_EQ(X509_verify(ca.get(), X509_get0_pubkey(ca.get())), 1);
  EXPECT_EQ(X509_check_private_key(certificate.get(), key_from_pem(tls.private_key_pem.reveal_text()).get()),
            1);
  EXPECT_EQ(valid_until(*ca), after_days(3652));
}

bool is_critical(X509& certificate, int extension) {
  const int place = X509_get_ext_by_NID(&certificate, extension, -1);
  EXPECT_GE(place, 0);
  return X509_EXTENSION_get_critical(X509_get_ext(&certificate, place)) == 1;
}

TEST_F(TlsCertificateTest, SaysWhatItsKeysAreFor) {
  const TlsCertificate tls = must_load(kStart);
  const Certificate ca = certificate_from_pem(tls.ca_pem);
  const Certificate server = certificate_from_pem(tls.certificate_pem);
  EXPECT_EQ(X509_check_ca(ca.get()), 1);
  EXPECT_EQ(X509_get_pathlen(ca.get()), 0) << "it signs no other authorities";
  EXPECT_EQ(X509_get_key_usage(ca.get()), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
  EXPECT_EQ(X509_check_ca(server.get()), 0);
  EXPECT_EQ(X509_get_key_usage(server.get()), KU_DIGITAL_SIGNATURE);
  EXPECT_EQ(X509_get_extended_key_usage(server.get()), XKU_SSL_SERVER);
  for (const Certificate* certificate : {&ca, &server}) {
    EXPECT_EQ(X509_get_version(certificate->get()), X509_VERSION_3);
    EXPECT_TRUE(is_critical(**certificate, NID_basic_constraints));
    EXPECT_TRUE(is_critical(**certificate, NID_key_usage));
    EXPECT_EQ(valid_from(**certificate), after_days(-1)) << "for clocks that are behind";
  }
}

TEST_F(TlsCertificateTest, NamesTheKeysOfItselfAndItsIssuer) {
  const TlsCertificate tls = must_load(kStart);
  const Certificate ca = certificate_from_pem(tls.ca_pem);
  const Certificate server = certificate_from_pem(tls.certificate_pem);
  const ASN1_OCTET_STRING* of_ca = X509_get0_subject_key_id(ca.get());
  const ASN1_OCTET_STRING* of_server = X509_get0_subject_key_id(server.get());
  const ASN1_OCTET_STRING* of_issuer = X509_get0_authority_key_id(server.get());
  ASSERT_TRUE(of_ca != nullptr && of_server != nullptr && of_issuer != nullptr);
  EXPECT_EQ(ASN1_OCTET_STRING_cmp(of_issuer, of_ca), 0);
  EXPECT_NE(ASN1_OCTET_STRING_cmp(of_server, of_ca), 0);
  EXPECT_EQ(X509_NAME_cmp(X509_get_issuer_name(server.get()), X509_get_subject_name(ca.get())), 0);
  EXPECT_EQ(X509_NAME_cmp(X509_get_issuer_name(ca.get()), X509_get_subject_name(ca.get())), 0);
}

// RFC 5280 section 4.1.2.2: positive, and no two of one issuer alike.
TEST(Certificates, HaveSerialNumbersOfSixteenRandomBytes) {
  const Key key = generate_key();
  std::set<std::vector<std::uint8_t>> serials;
  std::set<std::uint8_t> first_bytes;
  for (int i = 0; i < 16; ++i) {
    const Certificate certificate = make_ca_certificate(*key, "Sotto", kStart);
    const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate.get());
    ASSERT_EQ(ASN1_STRING_type(serial), V_ASN1_INTEGER) << "negative";
    ASSERT_EQ(ASN1_STRING_length(serial), 16);
    const unsigned char* bytes = ASN1_STRING_get0_data(serial);
    EXPECT_GE(bytes[0], 0x40);
    EXPECT_LE(bytes[0], 0x7f);
    serials.emplace(bytes, bytes + 16);
    first_bytes.insert(bytes[0]);
  }
  EXPECT_EQ(serials.size(), 16u);
  EXPECT_GT(first_bytes.size(), 1u);
}

TEST(Certificates, AreForNamesOfHostsInTheirCharacters) {
  const std::string allowed = "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
  for (int c = 0; c < 256; ++c) {
    const std::string name = "x" + std::string(1, static_cast<char>(c)) + "y";
    const bool fits = allowed.find(static_cast<char>(c)) != std::string::npos;
    EXPECT_EQ(subject_name(name), fits ? "DNS:" + name : "") << c;
  }
  EXPECT_EQ(subject_name(std::string(253, 'a')), "DNS:" + std::string(253, 'a'));
  EXPECT_EQ(subject_name(std::string(254, 'a')), "");
  EXPECT_EQ(subject_name(""), "");
}

TEST_F(TlsCertificateTest, StaysTheSameUntilThirtyDaysBeforeItsEnd) {
  const TlsCertificate first = must_load(kStart);
  const TlsCertificate later = must_load(after_days(335));
  EXPECT_FALSE(later.ca_created);
  EXPECT_FALSE(later.certificate_created);
  EXPECT_EQ(later.ca_pem, first.ca_pem);
  EXPECT_EQ(later.certificate_pem, first.certificate_pem);
  EXPECT_TRUE(later.private_key_pem == first.private_key_pem);
  EXPECT_EQ(later.ca_fingerprint, first.ca_fingerprint);

  const TlsCertificate renewed = must_load({after_days(335).ms + 1});
  EXPECT_TRUE(renewed.certificate_created);
  EXPECT_EQ(renewed.ca_pem, first.ca_pem);
  EXPECT_FALSE(renewed.private_key_pem == first.private_key_pem);
  EXPECT_EQ(mode_of(tls_ / "server.pem"), 0600u);
  EXPECT_TRUE(must_load(after_days(2000)).certificate_created);  // long expired
}

TEST_F(TlsCertificateTest, IsRenewedWhenItsNamesChange) {
  const TlsCertificate first = must_load(kStart);
  const TlsCertificate renewed = must_load(kStart, {"fleet.example", "192.0.2.7", "2001:DB8:0::7"});
  EXPECT_TRUE(renewed.certificate_created);
  EXPECT_EQ(renewed.ca_pem, first.ca_pem);
  const std::set<std::string> names = subject_names(*certificate_from_pem(renewed.certificate_pem));
  EXPECT_THAT(names, Contains("DNS:fleet.example"));
  EXPECT_THAT(names, Contains("IP:192.0.2.7"));
  EXPECT_THAT(names, Contains("IP:2001:db8::7"));
  EXPECT_FALSE(
      must_load(kStart, {"2001:db8::7", "192.0.2.7", "fleet.example", "localhost"}).certificate_created);
}

TEST_F(TlsCertificateTest, RefusesNamesThatAreNone) {
  for (const std::string& name :
       std::vector<std::string>{"", "a,DNS:evil.example", "two words", "https://x", std::string(254, 'a')}) {
    const Result<TlsCertificate> tls = load(kStart, {name});
    EXPECT_EQ(tls.status().code(), StatusCode::kInvalidArgument) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(tls_));
}

TEST_F(TlsCertificateTest, RefusesAnExpiredCaAndAClockBeforeIt) {
  must_load(kStart);
  must_load({after_days(3652).ms - 1});
  expect_refused(after_days(3652), StatusCode::kPermissionDenied, "ca.pem expired on 2037-01-14");
  expect_refused(after_days(-2), StatusCode::kPermissionDenied, "check this machine's clock");
}

TEST_F(TlsCertificateTest, NeverOutlivesItsCa) {
  must_load(kStart);
  EXPECT_EQ(must_load(after_days(3600)).certificate_expires, after_days(3652));
  EXPECT_FALSE(must_load(after_days(3640)).certificate_created);  // renewing would gain nothing
}

TEST_F(TlsCertificateTest, RefusesDamagedAndMismatchingFiles) {
  must_load(kStart);
  const std::string ca = contents(tls_ / "ca.pem");
  const std::string ca_key = contents(tls_ / "ca-key.pem");
  const std::string server = contents(tls_ / "server.pem");
  const std::string other_key(key_to_pem(*generate_key()).reveal_text());

  overwrite(tls_ / "ca-key.pem", other_key);
  expect_refused(kStart, StatusCode::kDataLoss, "ca-key.pem is not the key of");
  overwrite(tls_ / "ca-key.pem", ca_key.substr(0, ca_key.size() / 2));
  expect_refused(kStart, StatusCode::kDataLoss, "ca-key.pem holds no private key");
  overwrite(tls_ / "ca-key.pem", ca_key);
  overwrite(tls_ / "ca.pem", "");
  expect_refused(kStart, StatusCode::kDataLoss, "ca.pem holds no certificate");
  overwrite(tls_ / "ca.pem", server.substr(server.find("-----BEGIN CERT")));
  expect_refused(kStart, StatusCode::kDataLoss, "ca.pem is not a CA's certificate");
  overwrite(tls_ / "ca.pem", std::string(100'000, 'x'));
  expect_refused(kStart, StatusCode::kDataLoss, "ca.pem is larger");
  overwrite(tls_ / "ca.pem", ca);
  overwrite(tls_ / "server.pem", other_key + server.substr(server.find("-----BEGIN CERT")));
  expect_refused(kStart, StatusCode::kDataLoss, "server.pem holds a key that does not belong");
  overwrite(tls_ / "server.pem", "-----BEGIN");
  expect_refused(kStart, StatusCode::kDataLoss, "remove this file, a new one is made");
  std::filesystem::remove(tls_ / "server.pem");
  EXPECT_TRUE(must_load(kStart).certificate_created);
}

// Dates, names, keys, signatures: nothing of a file that was read reaches a check that ends the program, and
// a CA that devices would not know again is not used.
TEST_F(TlsCertificateTest, RefusesAChangedByteOrServesTheSameCa) {
  const crypto::Digest ca_key = must_load(kStart).ca_key;
  std::size_t refused = 0;
  for (const char* name : {"ca.pem", "ca-key.pem", "server.pem"}) {
    const std::string sound = contents(tls_ / name);
    for (std::size_t offset = 0; offset < sound.size(); offset += 13) {
      std::string damaged = sound;
      damaged[offset] = static_cast<char>(damaged[offset] ^ (offset % 2 == 0 ? 1 : 4));
      overwrite(tls_ / name, damaged);
      const auto loaded = load_or_create_tls_certificate({.directory = tls_}, kStart);
      EXPECT_EQ(loaded ? loaded->ca_key : ca_key, ca_key) << name << " at " << offset;
      refused += loaded ? 0 : 1;
      overwrite(tls_ / name, sound);
    }
  }
  EXPECT_GT(refused, 60u);
}

TEST_F(TlsCertificateTest, RefusesAFileItCannotRead) {
  must_load(kStart);
  std::filesystem::remove(tls_ / "ca-key.pem");
  std::filesystem::create_directory(tls_ / "ca-key.pem");  // unreadable even for root
  expect_refused(kStart, StatusCode::kIo, "cannot use " + (tls_ / "ca-key.pem").string());
}

TEST_F(TlsCertificateTest, NeedsTheCaKeyOnlyToRenew) {
  must_load(kStart);
  std::filesystem::rename(tls_ / "ca-key.pem", directory_.path() / "safe.pem");
  EXPECT_FALSE(must_load(after_days(10)).certificate_created);
  EXPECT_FALSE(must_load(after_days(350)).certificate_created);  // advisable, but it still works
  expect_refused(after_days(365), StatusCode::kFailedPrecondition, "ca-key.pem is not there: put it back");
  EXPECT_EQ(load(kStart, {"new.example"}).status().code(), StatusCode::kFailedPrecondition);
  std::filesystem::rename(directory_.path() / "safe.pem", tls_ / "ca-key.pem");
  EXPECT_TRUE(must_load(after_days(365)).certificate_created);
}

TEST_F(TlsCertificateTest, ContinuesAfterACrashBetweenItsFiles) {
  must_load(kStart);
  const std::string ca_key = contents(tls_ / "ca-key.pem");
  std::filesystem::remove(tls_ / "ca.pem");
  std::filesystem::remove(tls_ / "server.pem");
  overwrite(tls_ / "ca.pem.new", "half a certifi");
  const TlsCertificate tls = must_load(kStart);
  EXPECT_TRUE(tls.ca_created);
  EXPECT_EQ(contents(tls_ / "ca-key.pem"), ca_key);
  EXPECT_FALSE(std::filesystem::exists(tls_ / "ca.pem.new"));
}

TEST_F(TlsCertificateTest, ReplacesACertificateOfAnotherCa) {
  must_load(kStart);
  const std::string foreign = contents(tls_ / "server.pem");
  std::filesystem::remove_all(tls_);
  must_load(kStart);
  overwrite(tls_ / "server.pem", foreign);
  EXPECT_TRUE(must_load(kStart).certificate_created);
}

TEST_F(TlsCertificateTest, SaysWhichDirectoryCannotBeMade) {
  overwrite(directory_.path() / "data", "a file in the way");
  expect_refused(kStart, StatusCode::kIo, "cannot create " + tls_.string());
}

}  // namespace
}  // namespace sotto::hosting
