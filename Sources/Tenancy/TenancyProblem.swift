/// What is wrong with a part of the configuration of tenants; completes the name of the setting
/// that it stands in, as in `"tenancy.pattern" has no end to its group`.
public struct TenancyProblem: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong and what to do about it.
  public let message: String

  public init(_ message: String) { self.message = message }

  /// The message.
  public var description: String { message }
}
