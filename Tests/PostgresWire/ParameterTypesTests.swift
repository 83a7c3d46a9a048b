import PostgresWire
import Testing

@Suite struct ParameterTypesTests {
  private func filled(_ given: [UInt8], upTo number: Int) -> [UInt8] {
    given.withUnsafeBytes { ParameterTypes.filled($0.bytes, upTo: number) }
  }

  @Test func `what is not given is text`() {
    #expect(filled([0, 0], upTo: 0) == [0, 0])
    #expect(filled([0, 0], upTo: 2) == [0, 2, 0, 0, 0, 25, 0, 0, 0, 25])
    #expect(filled([0, 1, 0, 0, 0, 23], upTo: 2) == [0, 2, 0, 0, 0, 23, 0, 0, 0, 25])
    let unknown: [UInt8] = [0, 2, 0, 0, 0, 0, 0, 0, 2, 0xC1]
    #expect(filled(unknown, upTo: 1) == [0, 2, 0, 0, 0, 25, 0, 0, 0, 25])
  }

  @Test func `what is cut off counts as not given`() {
    #expect(filled([], upTo: 1) == [0, 1, 0, 0, 0, 25])
    #expect(filled([0, 1, 0, 0], upTo: 0) == [0, 1, 0, 0, 0, 25])
    #expect(filled([0xFF, 0xFF], upTo: 0).count == 2 + 4 * 65_535)
    #expect(filled([0, 0], upTo: .max).count == 2 + 4 * 65_535)
  }
}
