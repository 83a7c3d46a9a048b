/// What a client's login asks for next.
public enum AuthStep: Hashable, Sendable, Redacted {
  /// Send these whole messages, then wait for the client's answer.
  case send([UInt8])
  /// The client is who it says.
  ///
  /// - `send`: whole messages that go before AuthenticationOk; may be empty.
  /// - `scramKeys`: lets one log in to servers that have the very verifier that the client was
  ///   checked with; nil where that was made of a plain password.
  /// - `plainPassword`: what the client gave in clear, where it did and it is UTF-8.
  case succeeded(send: [UInt8], scramKeys: ScramKeys?, plainPassword: String?)
  case failed(AuthFailure)

  public var description: String {
    switch self {
    case .send(let bytes): "send(\(bytes.count) bytes)"
    case .succeeded(let bytes, _, _): "succeeded(send: \(bytes.count) bytes)"
    case .failed(let failure): "failed(\(failure))"
    }
  }
}
