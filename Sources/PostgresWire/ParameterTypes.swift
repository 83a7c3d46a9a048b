/// The types of a statement's parameters, as a Parse ends with them.
public enum ParameterTypes {
  private static let text: UInt32 = 25
  private static let unknown: UInt32 = 705

  /// Types for all parameters up to a number: those that are given, and text where none is. So a
  /// statement that has no parameters of its own can be bound with values.
  /// - Parameters:
  ///   - given: what stands behind a Parse's text: a count of 16 bits, then as many object
  ///     identifiers. What is missing there counts as not given.
  ///   - number: at most 65,535.
  /// - Returns: the same with all of them.
  public static func filled(_ given: RawSpan, upTo number: Int) -> [UInt8] {
    func load<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as type: T.Type) -> T? {
      guard offset + MemoryLayout<T>.size <= given.byteCount else { return nil }
      return unsafe T(bigEndian: given.unsafeLoadUnaligned(fromByteOffset: offset, as: T.self))
    }
    let count = max(Int(load(0, as: UInt16.self) ?? 0), min(number, Int(UInt16.max)))
    var types = [UInt8(count >> 8), UInt8(count & 0xFF)]
    for index in 0..<count {
      let type = load(2 + 4 * index, as: UInt32.self) ?? 0
      let known = type == 0 || type == unknown ? text : type
      types += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: known >> UInt32($0)) }
    }
    return types
  }
}
