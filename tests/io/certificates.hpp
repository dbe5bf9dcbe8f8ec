// Certificates made for a test by OpenSSL: a CA, and what it issues. P-256 keys, SHA-256.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <string>

namespace io::testing {

struct Issued {
    std::string certificate_pem;
    std::string key_pem;
};

// A self-signed certificate with its key. Times are unix seconds.
class Authority {
  public:
    Authority(std::string const& name, long from, long until);
    ~Authority();
    Authority(Authority const&) = delete;
    Authority& operator=(Authority const&) = delete;

    // names: "DNS:localhost,IP:127.0.0.1".
    Issued issue(std::string const& names, long from, long until) const;
    std::string certificate_pem() const;
    std::string key_pem() const;

  private:
    EVP_PKEY* key_;
    X509* certificate_;
};

} // namespace io::testing
