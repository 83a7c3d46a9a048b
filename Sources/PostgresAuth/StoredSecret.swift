/// What is known of a user's password, in the forms that pg_authid and PgBouncer's auth_file have.
public enum StoredSecret: Hashable, Sendable, Redacted {
  case plain(String)
  /// 32 lower-case hexadecimal digits: the MD5 digest of password and user name.
  case md5(String)
  case scram(ScramVerifier)

  /// Recognises `md5` and 32 lower-case hexadecimal digits, and a whole SCRAM verifier; anything
  /// else is a plain password, as PostgreSQL and PgBouncer take it.
  public init(_ text: String) {
    let digits = text.utf8.dropFirst(3)
    if let verifier = ScramVerifier(text) {
      self = .scram(verifier)
    } else if text.utf8.starts(with: "md5".utf8), digits.count == 32,
      digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    {
      self = .md5(String(decoding: digits, as: UTF8.self))
    } else {
      self = .plain(text)
    }
  }

  /// Tells the kind alone.
  public var description: String {
    switch self {
    case .plain: "StoredSecret.plain(redacted)"
    case .md5: "StoredSecret.md5(redacted)"
    case .scram: "StoredSecret.scram(redacted)"
    }
  }
}
