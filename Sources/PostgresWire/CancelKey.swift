/// What a cancel request must know of a connection: the process id and secret of BackendKeyData.
///
/// The secret has 4 bytes in protocol 3.0 and 4 to 256 bytes in protocol 3.2.
public struct CancelKey: Hashable, Sendable {
  /// Fewest and most bytes of a secret.
  public static var secretBytes: ClosedRange<Int> { 4...256 }

  public var processID: UInt32
  public var secret: [UInt8]

  public init(processID: UInt32, secret: [UInt8]) {
    self.processID = processID
    self.secret = secret
  }
}

extension CancelKey: CustomStringConvertible, CustomDebugStringConvertible {
  /// Tells the process id; whoever knows the secret can cancel queries, so it is left out.
  public var description: String { "CancelKey(processID: \(processID))" }
  public var debugDescription: String { description }
}
