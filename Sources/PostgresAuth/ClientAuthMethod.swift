/// How clients prove who they are: those of PgBouncer's `auth_type` that need a password or none.
public enum ClientAuthMethod: Hashable, Sendable, CaseIterable {
  /// No proof; the user must be known.
  case trust
  /// No proof, and any user.
  case any
  /// The password in clear.
  case plain
  /// A salted MD5 digest; users with a SCRAM verifier use SCRAM.
  case md5
  case scram
}
