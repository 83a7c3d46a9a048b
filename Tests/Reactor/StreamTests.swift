import Glibc
import Reactor
import Testing

@Suite struct StreamTests {
  private let engine: EpollEngine
  private let pair = SocketPair()

  init() throws { engine = try EpollEngine() }

  private func receive(
    _ stream: inout Stream, capacity: Int = 64
  ) -> (found: Stream.Received, bytes: [UInt8]) {
    var buffer = [UInt8](repeating: 0, count: capacity)
    let found = buffer.withUnsafeMutableBytes {
      stream.receive(engine, into: $0.baseAddress!, capacity: capacity)
    }
    guard case .bytes(let count) = found else { return (found, []) }
    return (found, Array(buffer.prefix(count)))
  }

  @Test func `a short read means that all is read`() {
    var stream = Stream(fd: pair.near)
    stream.isReadable = true
    pair.write(pattern(100))
    #expect(receive(&stream).bytes == Array(pattern(100)[..<64]))
    #expect(stream.isReadable, "the buffer was full")
    #expect(receive(&stream).bytes == Array(pattern(100)[64...]))
    #expect(!stream.isReadable)
    #expect(receive(&stream).found == .nothing)
  }

  @Test func `after a hangup a short read does not mean that`() {
    var stream = Stream(fd: pair.near)
    stream.isReadable = true
    stream.sawHangup = true
    pair.write([1])
    pair.closeFar()
    #expect(receive(&stream).bytes == [1])
    #expect(stream.isReadable)
    #expect(receive(&stream).found == .end)
  }

  @Test func `what was carried comes first, with the new bytes behind it`() {
    var stream = Stream(fd: pair.near)
    defer { stream.carry.clear() }
    [UInt8](arrayLiteral: 1, 2).withUnsafeBytes { stream.carry.append($0) }
    #expect(receive(&stream).found == .nothing)
    #expect(stream.carry.count == 2, "nothing new has come")
    pair.write([3])
    #expect(receive(&stream).bytes == [1, 2, 3])
    #expect(stream.carry.isEmpty)
  }

  @Test func `what was carried unseen is given without waiting`() {
    var stream = Stream(fd: pair.near)
    [UInt8](arrayLiteral: 1, 2).withUnsafeBytes { stream.carry.append($0) }
    stream.hasUnseen = true
    #expect(receive(&stream).bytes == [1, 2])
    #expect(receive(&stream).found == .nothing)
  }

  @Test func `a buffer that the carried bytes fill is the end`() {
    var stream = Stream(fd: pair.near)
    defer { stream.carry.clear() }
    pattern(64).withUnsafeBytes { stream.carry.append($0) }
    pair.write([3])
    #expect(receive(&stream, capacity: 64).found == .end)
  }

  @Test func `bytes that the kernel does not take are kept, in order`() {
    pair.narrow()
    var stream = Stream(fd: pair.near)
    let bytes = pattern(200_000)
    let isGone = bytes.withUnsafeBytes {
      stream.send(engine, $0.baseAddress!, count: $0.count)
    }
    #expect(!isGone && stream.isBlocked)
    let more = [UInt8](repeating: 255, count: 1000)
    let isMoreGone = more.withUnsafeBytes {
      stream.send(engine, $0.baseAddress!, count: $0.count)
    }
    #expect(!isMoreGone)
    var received: [UInt8] = []
    for _ in 0..<10_000 where received.count < bytes.count + more.count {
      received += pair.read()
      _ = stream.flush(engine)
    }
    #expect(received == bytes + more)
    #expect(!stream.isBlocked)
    let isFlushed = stream.flush(engine)
    #expect(isFlushed, "there is nothing left")
  }

  @Test func `what is sent to a peer that is gone is dropped`() {
    var stream = Stream(fd: pair.near)
    pair.closeFar()
    let isGone = [UInt8](arrayLiteral: 1).withUnsafeBytes {
      stream.send(engine, $0.baseAddress!, count: 1)
    }
    #expect(isGone && !stream.isBlocked)
    #expect(receive(&stream).found == .end)
  }

  @Test func `a closed stream is as good as new`() {
    var stream = Stream(fd: dup(pair.near))
    pattern(10).withUnsafeBytes { stream.carry.append($0) }
    stream.isReadable = true
    stream.close()
    #expect(!stream.isOpen && !stream.isReadable && stream.carry.isEmpty)
  }
}
