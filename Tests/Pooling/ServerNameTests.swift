import Pooling
import Testing

@Suite struct ServerNameTests {
  static let serials: [UInt64] = {
    var serials: [UInt64] = [0, 1, 9, .max - 1, .max]
    var power: UInt64 = 10
    for _ in 0..<18 {
      serials += [power - 1, power, power + 1, power / 7 * 9]
      power *= 10
    }
    return serials
  }()

  @Test(arguments: serials)
  func `a name without an allocation is the one that an array has`(serial: UInt64) {
    var name = ServerName(serial)
    let count = name.count
    let bytes = withUnsafeBytes(of: &name.bytes) { Array($0) }
    #expect(Array(bytes[..<count]) == StatementName.make(serial))
    #expect(bytes[count...].allSatisfy { $0 == 0 })
  }
}
