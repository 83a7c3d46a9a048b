import PostgresWire

/// PostgreSQL's MD5 login: the stored form is `md5(password + user)`, the answer to a salt is
/// `"md5" + md5(stored + salt)`.
public enum MD5Auth {
  /// The stored form of a password, 32 hexadecimal digits without the prefix `md5`.
  ///
  /// - Returns: nil where libcrypto has no MD5.
  public static func hash(user: String, password: [UInt8]) -> String? {
    Digest.md5Hex(password + Array(user.utf8))
  }

  /// The answer to `salt`: `md5` and 32 hexadecimal digits.
  ///
  /// - Returns: nil where the secret is a SCRAM verifier, or libcrypto has no MD5.
  public static func response(user: String, secret: StoredSecret, salt: [UInt8]) -> String? {
    let stored: String?
    switch secret {
    case .plain(let password): stored = hash(user: user, password: Array(password.utf8))
    case .md5(let digits): stored = digits
    case .scram: stored = nil
    }
    guard let stored, let answer = Digest.md5Hex(Array(stored.utf8) + salt) else { return nil }
    return "md5\(answer)"
  }
}
