#include "tests/io/certificates.hpp"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace io::testing {

namespace {

std::string text_of(BIO* bio) {
    char* data = nullptr;
    auto const size = static_cast<std::size_t>(BIO_get_mem_data(bio, &data));
    std::string text(data, size);
    BIO_free(bio);
    return text;
}

std::string to_pem(X509* certificate) {
    BIO* const bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    return text_of(bio);
}

std::string to_pem(EVP_PKEY* key) {
    BIO* const bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    return text_of(bio);
}

void add_extension(X509* certificate, X509* issuer, int nid, std::string const& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

X509* new_certificate(EVP_PKEY* key, std::string const& name, long serial, long from, long until) {
    X509* const certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
    ASN1_TIME_set(X509_getm_notBefore(certificate), from);
    ASN1_TIME_set(X509_getm_notAfter(certificate), until);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                               reinterpret_cast<unsigned char const*>(name.c_str()), -1, -1, 0);
    return certificate;
}

} // namespace

Authority::Authority(std::string const& name, long from, long until)
    : key_(EVP_EC_gen("P-256"))
    , certificate_(new_certificate(key_, name, 1, from, until)) {
    X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
    add_extension(certificate_, certificate_, NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(certificate_, key_, EVP_sha256());
}

Authority::~Authority() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
}

std::string Authority::certificate_pem() const { return to_pem(certificate_); }
std::string Authority::key_pem() const { return to_pem(key_); }

Issued Authority::issue(std::string const& names, long from, long until) const {
    EVP_PKEY* const key = EVP_EC_gen("P-256");
    X509* const certificate = new_certificate(key, "server", 2, from, until);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate_));
    add_extension(certificate, certificate_, NID_subject_alt_name, names);
    X509_sign(certificate, key_, EVP_sha256());
    Issued issued{to_pem(certificate), to_pem(key)};
    X509_free(certificate);
    EVP_PKEY_free(key);
    return issued;
}

} // namespace io::testing
