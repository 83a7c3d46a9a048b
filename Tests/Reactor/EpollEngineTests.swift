import Glibc
import Reactor
import Testing

@Suite struct EpollEngineTests {
  private let engine: EpollEngine
  private let pair = SocketPair()

  init() throws { engine = try EpollEngine() }

  /// The events of one wait that does not wait.
  private func events() -> [EngineEvent] {
    let count = engine.wait(timeoutMilliseconds: 0)
    return (0..<count).map { engine.event($0) }
  }

  @Test func `a new socket is writable, told once`() {
    #expect(engine.add(fd: pair.near, token: 7) == 0)
    let first = events()
    #expect(first.map(\.token) == [7])
    #expect(first.allSatisfy { $0.isWritable && !$0.isReadable && !$0.isHangup })
    #expect(events().isEmpty)
  }

  @Test func `bytes are told when they come, and not again`() {
    _ = engine.add(fd: pair.near, token: 7)
    _ = events()
    pair.write([1, 2])
    #expect(events().map(\.isReadable) == [true])
    #expect(events().isEmpty, "although they were not read")
    pair.write([3])
    #expect(events().map(\.isReadable) == [true])
  }

  @Test func `bytes that were there before are told`() {
    pair.write([1])
    _ = engine.add(fd: pair.near, token: UInt64.max)
    let first = events()
    #expect(first.map(\.token) == [UInt64.max])
    #expect(first.map(\.isReadable) == [true])
  }

  @Test func `the peer's end is a hangup`() {
    _ = engine.add(fd: pair.near, token: 7)
    _ = events()
    pair.closeFar()
    #expect(events().map(\.isHangup) == [true])
  }

  @Test func `a removed socket is silent`() {
    _ = engine.add(fd: pair.near, token: 7)
    _ = events()
    engine.remove(fd: pair.near)
    pair.write([1])
    #expect(events().isEmpty)
    #expect(engine.add(fd: pair.near, token: 8) == 0, "it can be added anew")
    #expect(events().map(\.token) == [8])
  }

  @Test func `a level is told as long as it lasts`() {
    _ = engine.addLevel(fd: pair.near, token: 3)
    #expect(events().isEmpty)
    pair.write([1])
    #expect(events().count == 1)
    #expect(events().count == 1)
    var byte: UInt8 = 0
    #expect(engine.receive(pair.near, into: &byte, count: 1) == 1)
    #expect(events().isEmpty)
  }

  @Test func `a descriptor that is none is refused`() {
    #expect(engine.add(fd: -1, token: 0) == -EBADF)
    #expect(engine.receive(-1, into: UnsafeMutableRawPointer(bitPattern: 8)!, count: 0) < 0)
  }
}
