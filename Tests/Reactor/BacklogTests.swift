import Reactor
import Testing

@Suite struct BacklogTests {
  private func append(_ bytes: [UInt8], _ backlog: inout Backlog) {
    bytes.withUnsafeBytes { backlog.append($0) }
  }

  @Test func `what is added last comes last`() {
    var backlog = Backlog()
    defer { backlog.clear() }
    append([1, 2, 3], &backlog)
    backlog.removeFirst(2)
    append([4], &backlog)
    #expect(Array(backlog.bytes) == [3, 4])
    #expect(backlog.count == 2)
  }

  @Test func `an empty one holds no memory`() {
    var backlog = Backlog()
    #expect(backlog.isEmpty && backlog.bytes.baseAddress == nil)
    append([], &backlog)
    #expect(backlog.isEmpty)
    append([1], &backlog)
    #expect(!backlog.isEmpty)
    backlog.removeFirst(1)
    #expect(backlog.isEmpty && backlog.bytes.baseAddress == nil)
  }

  @Test func `moving takes all`() {
    var backlog = Backlog()
    append([1, 2, 3, 4], &backlog)
    backlog.removeFirst(1)
    var buffer = [UInt8](repeating: 0, count: 8)
    let moved = buffer.withUnsafeMutableBytes {
      backlog.move(to: $0.baseAddress!, capacity: $0.count)
    }
    #expect(moved == 3)
    #expect(buffer == [2, 3, 4, 0, 0, 0, 0, 0])
    #expect(backlog.isEmpty)
    let none = buffer.withUnsafeMutableBytes {
      backlog.move(to: $0.baseAddress!, capacity: $0.count)
    }
    #expect(none == 0)
  }
}
