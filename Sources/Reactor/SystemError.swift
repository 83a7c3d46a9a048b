import CLinux

/// A system call that failed.
public struct SystemError: Error, Equatable, CustomStringConvertible {
  /// The call's name.
  public var call: String
  /// The errno, positive.
  public var code: Int32

  /// - Parameter result: what the wrapper returned: a negative errno.
  public init(call: String, result: Int32) {
    self.call = call
    code = -result
  }

  /// The kernel's words for the errno.
  public var reason: String { Self.reason(code) }

  public var description: String { "\(call): \(reason)" }

  /// The kernel's words for an errno.
  public static func reason(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
