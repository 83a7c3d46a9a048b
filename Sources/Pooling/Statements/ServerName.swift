/// A statement's name on servers, as ``StatementName`` makes it, without an allocation.
public struct ServerName: Sendable {
  /// The name in the order in which memory has it, and zeros behind it.
  public var bytes: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
  public private(set) var count: Int

  @inline(__always)
  public init(_ serial: UInt64) {
    bytes.0 = UInt64(littleEndian: 0x005F_4543_4955_4C53)
    count = 7
    guard serial < 100_000_000 else {
      appendDigits(serial)
      return
    }
    // From the last digit up; the first one ends up lowest.
    var digits: UInt64 = 0
    var rest = UInt32(truncatingIfNeeded: serial)
    repeat {
      digits = digits &<< 8 | UInt64(0x30 &+ rest % 10)
      rest /= 10
      count &+= 1
    } while rest != 0
    bytes.0 |= UInt64(littleEndian: digits &<< 56)
    bytes.1 = UInt64(littleEndian: digits &>> 8)
  }

  @inline(never)
  private mutating func appendDigits(_ serial: UInt64) {
    var words = [bytes.0.littleEndian, 0, 0, 0]
    for digit in String(serial).utf8 {
      words[count / 8] |= UInt64(digit) &<< UInt64(8 * (count % 8))
      count += 1
    }
    bytes = (
      UInt64(littleEndian: words[0]), UInt64(littleEndian: words[1]),
      UInt64(littleEndian: words[2]), UInt64(littleEndian: words[3])
    )
  }
}
