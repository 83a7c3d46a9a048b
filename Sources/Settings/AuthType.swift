/// How clients prove who they are. It has only what this version can do, so that nothing else can
/// be in effect by mistake.
public enum AuthType: String, Sendable, CaseIterable {
  /// Any name is let in, and the server connection's user is the database's own.
  case any
  /// A name from the user list is let in without a password.
  case trust
  /// The password in clear text.
  case plain
  /// PostgreSQL's MD5 exchange; SCRAM for users whose secret is a SCRAM verifier.
  case md5
  /// SCRAM-SHA-256.
  case scramSHA256 = "scram-sha-256"
}
