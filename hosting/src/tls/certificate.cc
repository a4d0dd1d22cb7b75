#include "certificate.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <optional>

#include "sotto/base/check.h"

namespace sotto::hosting {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kCaDays = 3652;
constexpr std::int64_t kServerDays = 365;
constexpr std::size_t kHostNameBytesMax = 253;

using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

// Borrowed from the BIO.
std::string_view contents(BIO& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(&bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

Bio reader(std::string_view text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free_all};
}

// OpenSSL asks on the terminal for the password of an encrypted key unless told not to.
int no_password(char*, int, int, void*) { return 0; }

void set_time(X509& certificate, int (*set)(X509*, const ASN1_TIME*), Time time) {
  ASN1_TIME* value = ASN1_TIME_set(nullptr, static_cast<time_t>(time.ms / 1000));
  SOTTO_CHECK(value != nullptr && set(&certificate, value) == 1);
  ASN1_TIME_free(value);
}

// Nothing when the bytes are no date.
std::optional<Time> read_time(const ASN1_TIME* value) {
  std::tm parts{};
  if (value == nullptr || ASN1_TIME_to_tm(value, &parts) != 1) return std::nullopt;
  return Time{static_cast<std::int64_t>(timegm(&parts)) * 1000};
}

Time get_time(const ASN1_TIME* value) {
  const std::optional<Time> time = read_time(value);
  SOTTO_CHECK(time);  // certificate_from_pem() has read it
  return *time;
}

bool halves_fit(EVP_PKEY& key) {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_pkey(nullptr, &key, nullptr), EVP_PKEY_CTX_free);
  SOTTO_CHECK(context != nullptr);
  return EVP_PKEY_pairwise_check(context.get()) == 1;
}

void set_random_serial(X509& certificate) {
  std::array<unsigned char, 16> serial{};
  SOTTO_CHECK(RAND_bytes(serial.data(), serial.size()) == 1);
  serial[0] = static_cast<unsigned char>((serial[0] & 0x7f) | 0x40);  // positive, of constant length
  BIGNUM* number = BN_bin2bn(serial.data(), serial.size(), nullptr);
  SOTTO_CHECK(number != nullptr &&
              BN_to_ASN1_INTEGER(number, X509_get_serialNumber(&certificate)) != nullptr);
  BN_free(number);
}

constexpr std::string_view kAuthoritySuffix = " CA";

void set_common_name(X509& certificate, const std::string& name) {
  SOTTO_CHECK(X509_NAME_add_entry_by_txt(X509_get_subject_name(&certificate), "CN", MBSTRING_UTF8,
                                         reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                         0) == 1);
}

void add_extension(X509& certificate, X509& issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  SOTTO_CHECK(extension != nullptr && X509_add_ext(&certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

std::string without_kind(const std::string& name) { return name.substr(name.find(':') + 1); }

void add_subject_names(X509& certificate, const std::set<std::string>& names) {
  GENERAL_NAMES* list = sk_GENERAL_NAME_new_null();
  for (const std::string& name : names) {
    const bool address = name.starts_with("IP:");
    GENERAL_NAME* entry = a2i_GENERAL_NAME(nullptr, nullptr, nullptr, address ? GEN_IPADD : GEN_DNS,
                                           without_kind(name).c_str(), 0);
    SOTTO_CHECK(entry != nullptr && sk_GENERAL_NAME_push(list, entry) > 0);
  }
  SOTTO_CHECK(X509_add1_ext_i2d(&certificate, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) == 1);
  GENERAL_NAMES_free(list);
}

Certificate begin_certificate(EVP_PKEY& key, Time now, Time until) {
  Certificate certificate(X509_new());
  SOTTO_CHECK(certificate != nullptr && X509_set_version(certificate.get(), X509_VERSION_3) == 1);
  set_random_serial(*certificate);
  set_time(*certificate, X509_set1_notBefore, Time{now.ms - kDayMs});
  set_time(*certificate, X509_set1_notAfter, until);
  SOTTO_CHECK(X509_set_pubkey(certificate.get(), &key) == 1);
  return certificate;
}

std::string address_text(const ASN1_OCTET_STRING& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = ASN1_STRING_length(&address) == 4 ? AF_INET : AF_INET6;
  if (inet_ntop(family, ASN1_STRING_get0_data(&address), text.data(), text.size()) == nullptr) return {};
  return text.data();
}

bool host_name_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
         c == '_';
}

}  // namespace

Key generate_key() {
  Key key(EVP_EC_gen("P-256"));
  SOTTO_CHECK(key != nullptr);
  return key;
}

crypto::SecretBuffer key_to_pem(EVP_PKEY& key) {
  const Bio bio(BIO_new(BIO_s_secmem()), BIO_free_all);
  SOTTO_CHECK(PEM_write_bio_PrivateKey(bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return crypto::SecretBuffer(contents(*bio));
}

std::string certificate_to_pem(X509& certificate) {
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free_all);
  SOTTO_CHECK(PEM_write_bio_X509(bio.get(), &certificate) == 1);
  return std::string(contents(*bio));
}

Key key_from_pem(std::string_view pem) {
  Key key(PEM_read_bio_PrivateKey(reader(pem).get(), nullptr, no_password, nullptr));
  const bool usable = key != nullptr &&
                      (EVP_PKEY_is_a(key.get(), "EC") == 1 || EVP_PKEY_is_a(key.get(), "RSA") == 1) &&
                      halves_fit(*key);
  ERR_clear_error();
  if (!usable) return nullptr;
  return key;
}

Certificate certificate_from_pem(std::string_view pem) {
  Certificate certificate(PEM_read_bio_X509(reader(pem).get(), nullptr, no_password, nullptr));
  const bool sound = certificate != nullptr && X509_get0_pubkey(certificate.get()) != nullptr &&
                     read_time(X509_get0_notBefore(certificate.get())) &&
                     read_time(X509_get0_notAfter(certificate.get()));
  ERR_clear_error();
  if (!sound) return nullptr;
  return certificate;
}

Certificate make_ca_certificate(EVP_PKEY& key, const std::string& owner, Time now) {
  Certificate certificate = begin_certificate(key, now, Time{now.ms + kCaDays * kDayMs});
  set_common_name(*certificate, owner + std::string(kAuthoritySuffix));
  SOTTO_CHECK(X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get())) == 1);
  add_extension(*certificate, *certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(*certificate, *certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(*certificate, *certificate, NID_subject_key_identifier, "hash");
  SOTTO_CHECK(X509_sign(certificate.get(), &key, EVP_sha256()) > 0);
  return certificate;
}

Certificate make_server_certificate(EVP_PKEY& key, const Issuer& issuer, const std::set<std::string>& names,
                                    Time now) {
  const Time until = std::min(Time{now.ms + kServerDays * kDayMs}, valid_until(issuer.certificate));
  Certificate certificate = begin_certificate(key, now, until);
  std::string owner = common_name(issuer.certificate);
  if (owner.ends_with(kAuthoritySuffix)) owner.resize(owner.size() - kAuthoritySuffix.size());
  set_common_name(*certificate, owner);
  SOTTO_CHECK(X509_set_issuer_name(certificate.get(), X509_get_subject_name(&issuer.certificate)) == 1);
  add_extension(*certificate, issuer.certificate, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(*certificate, issuer.certificate, NID_key_usage, "critical,digitalSignature");
  add_extension(*certificate, issuer.certificate, NID_ext_key_usage, "serverAuth");
  add_extension(*certificate, issuer.certificate, NID_subject_key_identifier, "hash");
  add_extension(*certificate, issuer.certificate, NID_authority_key_identifier, "keyid:always");
  add_subject_names(*certificate, names);
  SOTTO_CHECK(X509_sign(certificate.get(), &issuer.key, EVP_sha256()) > 0);
  return certificate;
}

std::string subject_name(const std::string& name) {
  if (ASN1_OCTET_STRING* address = a2i_IPADDRESS(name.c_str()); address != nullptr) {
    const std::string text = address_text(*address);
    ASN1_OCTET_STRING_free(address);
    return "IP:" + text;
  }
  ERR_clear_error();
  if (name.empty() || name.size() > kHostNameBytesMax ||
      !std::all_of(name.begin(), name.end(), host_name_character)) {
    return {};
  }
  return "DNS:" + name;
}

std::set<std::string> subject_names(X509& certificate) {
  auto* list =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr));
  std::set<std::string> names;
  for (int i = 0; i < sk_GENERAL_NAME_num(list); ++i) {
    int kind = 0;
    const auto* value =
        static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(list, i), &kind));
    if (kind == GEN_IPADD) names.insert("IP:" + address_text(*value));
    if (kind != GEN_DNS) continue;
    names.insert("DNS:" + std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                                      static_cast<std::size_t>(ASN1_STRING_length(value))));
  }
  GENERAL_NAMES_free(list);
  return names;
}

std::string common_name(X509& certificate) {
  std::array<char, 256> text{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(&certificate), NID_commonName, text.data(),
                            static_cast<int>(text.size()));
  return text.data();
}

Time valid_from(X509& certificate) { return get_time(X509_get0_notBefore(&certificate)); }
Time valid_until(X509& certificate) { return get_time(X509_get0_notAfter(&certificate)); }

bool signs_itself_falsely(X509& certificate) {
  if (X509_NAME_cmp(X509_get_subject_name(&certificate), X509_get_issuer_name(&certificate)) != 0)
    return false;
  const bool verified = X509_verify(&certificate, X509_get0_pubkey(&certificate)) == 1;
  ERR_clear_error();
  return !verified;
}

crypto::Digest public_key_digest(X509& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(&certificate), &der);
  SOTTO_CHECK(size > 0);  // it was decoded from such bytes
  const crypto::Digest digest = crypto::sha256({Bytes(der, static_cast<std::size_t>(size))});
  OPENSSL_free(der);
  return digest;
}

std::string fingerprint(X509& certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  SOTTO_CHECK(X509_digest(&certificate, EVP_sha256(), digest.data(), &size) == 1);
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    std::array<char, 4> pair{};
    std::snprintf(pair.data(), pair.size(), i == 0 ? "%02X" : ":%02X", digest[i]);
    text += pair.data();
  }
  return text;
}

}  // namespace sotto::hosting
