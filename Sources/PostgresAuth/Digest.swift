import COpenSSL

/// The digests of PostgreSQL's login methods, through OpenSSL's libcrypto.
///
/// Each gives nil where libcrypto refuses: a FIPS provider has no MD5, and takes no PBKDF2 with
/// few iterations or a short salt.
public enum Digest {
  /// Bytes of a SHA-256 digest, and so of every key of SCRAM-SHA-256.
  public static var sha256Bytes: Int { 32 }

  public static func sha256(_ data: [UInt8]) -> [UInt8]? {
    unsafe filled(sha256Bytes) { digest in
      unsafe data.withUnsafeBufferPointer {
        unsafe copenssl_sha256($0.baseAddress, $0.count, digest.baseAddress)
      }
    }
  }

  public static func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8]? {
    guard key.count <= Int(Int32.max) else { return nil }
    return unsafe filled(sha256Bytes) { digest in
      unsafe key.withUnsafeBufferPointer { key in
        unsafe message.withUnsafeBufferPointer { message in
          unsafe copenssl_hmac_sha256(
            key.baseAddress, key.count, message.baseAddress, message.count, digest.baseAddress)
        }
      }
    }
  }

  /// PBKDF2 with HMAC-SHA-256 and a key of 32 bytes, which RFC 5802 calls Hi().
  ///
  /// - Parameter iterations: at least 1; the time this takes grows with it.
  public static func pbkdf2(password: [UInt8], salt: [UInt8], iterations: Int) -> [UInt8]? {
    let range = 1...Int(Int32.max)
    guard range.contains(iterations), password.count < range.upperBound,
      salt.count < range.upperBound
    else { return nil }
    return unsafe filled(sha256Bytes) { key in
      unsafe password.withUnsafeBufferPointer { password in
        unsafe salt.withUnsafeBufferPointer { salt in
          unsafe copenssl_pbkdf2_sha256(
            password.baseAddress, password.count, salt.baseAddress, salt.count,
            Int32(iterations), key.baseAddress)
        }
      }
    }
  }

  /// The MD5 digest as 32 lower-case hexadecimal digits.
  public static func md5Hex(_ data: [UInt8]) -> String? {
    let digest = unsafe filled(16) { digest in
      unsafe data.withUnsafeBufferPointer {
        unsafe copenssl_md5($0.baseAddress, $0.count, digest.baseAddress)
      }
    }
    guard let digest else { return nil }
    let digits = Array("0123456789abcdef".utf8)
    let text = digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return String(decoding: text, as: UTF8.self)
  }

  /// Whether the two are equal, in a time that depends on their lengths alone.
  public static func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    guard !left.isEmpty else { return true }
    return unsafe left.withUnsafeBytes { left in
      unsafe right.withUnsafeBytes { right in
        unsafe CRYPTO_memcmp(left.baseAddress, right.baseAddress, left.count) == 0
      }
    }
  }

  /// `count` bytes that `fill` has written, or nil where it did not give 1.
  private static func filled(
    _ count: Int, _ fill: (UnsafeMutableBufferPointer<UInt8>) -> Int32
  ) -> [UInt8]? {
    var result = [UInt8](repeating: 0, count: count)
    let status = unsafe result.withUnsafeMutableBufferPointer { unsafe fill($0) }
    return status == 1 ? result : nil
  }
}
