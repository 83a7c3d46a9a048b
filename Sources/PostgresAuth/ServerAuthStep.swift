/// What logging in to a server asks for next.
public enum ServerAuthStep: Hashable, Sendable, Redacted {
  /// Send this whole message.
  case send([UInt8])
  /// Nothing to send; the server goes on.
  case wait
  /// AuthenticationOk, and all that had to be checked was.
  case succeeded
  /// Why, for the log and the client; without secrets.
  case failed(String)

  public var description: String {
    switch self {
    case .send(let bytes): "send(\(bytes.count) bytes)"
    case .wait: "wait"
    case .succeeded: "succeeded"
    case .failed(let reason): "failed(\(reason))"
    }
  }
}
