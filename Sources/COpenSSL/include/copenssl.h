#pragma once
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stddef.h>
#include <stdint.h>

// Each gives 1 on success and 0 where libcrypto refuses, as a provider that lacks the digest does.
// `data` may be NULL where its length is 0.

/// Writes 32 bytes to `digest`.
static inline int copenssl_sha256(const uint8_t *data, size_t length, uint8_t *digest) {
  return EVP_Digest(data, length, digest, NULL, EVP_sha256(), NULL) == 1;
}

/// Writes 16 bytes to `digest`.
static inline int copenssl_md5(const uint8_t *data, size_t length, uint8_t *digest) {
  return EVP_Digest(data, length, digest, NULL, EVP_md5(), NULL) == 1;
}

/// Writes 32 bytes to `digest`.
static inline int copenssl_hmac_sha256(const uint8_t *key, size_t key_length, const uint8_t *data,
                                       size_t length, uint8_t *digest) {
  return HMAC(EVP_sha256(), key, (int)key_length, data, length, digest, NULL) != NULL;
}

/// PBKDF2 with HMAC-SHA-256; writes 32 bytes to `key`.
static inline int copenssl_pbkdf2_sha256(const uint8_t *password, size_t password_length,
                                         const uint8_t *salt, size_t salt_length, int iterations,
                                         uint8_t *key) {
  return PKCS5_PBKDF2_HMAC((const char *)password, (int)password_length, salt, (int)salt_length,
                           iterations, EVP_sha256(), 32, key) == 1;
}
