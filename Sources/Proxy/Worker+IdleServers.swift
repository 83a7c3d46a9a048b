import CLinux
import Pooling
import PostgresWire
import Reactor
import Synchronization

// Servers that nobody uses.
extension Worker {
  /// An idle server has sent something, or is gone. Another loop may be taking it right now: only
  /// who gets it out of the pool may touch it.
  @inline(never)
  func idleServerEvent(_ server: ServerPointer, _ event: EngineEvent) {
    guard event.isReadable || event.isHangup else { return }
    let handle = server.asHandle
    let isMine = pooler.pools.withLock { [id] pools in
      guard server.ownership == Ownership(loop: id, isIdle: true) else { return false }
      guard pools.takeIdle(server.pointee.id, handle: handle, loop: id) else { return false }
      server.own(Ownership(loop: id, isIdle: false))
      return true
    }
    guard isMine else { return }
    server.pointee.stream.isReadable = true
    if event.isHangup { server.pointee.stream.sawHangup = true }
    if readIdle(server) { release(server) }
  }

  /// Reads what a server says without having been asked: notices, parameters, its end. Anything
  /// else would be the answer to somebody's query, so the connection is closed.
  /// - Returns: whether the server may go back.
  func readIdle(_ server: ServerPointer) -> Bool {
    while server.pointee.stream.isReadable {
      switch server.pointee.stream.receive(engine, into: scratch, capacity: Self.scratchSize) {
      case .bytes(let count):
        guard scanIdle(server, UnsafeRawBufferPointer(start: scratch, count: count)) else {
          return false
        }
      case .nothing: return true
      case .end:
        serverEnded(server, 0)
        return false
      case .failed(let code):
        serverEnded(server, code)
        return false
      }
    }
    return true
  }

  private func scanIdle(_ server: ServerPointer, _ bytes: UnsafeRawBufferPointer) -> Bool {
    var position = 0
    while bytes.count - position >= 5 {
      let type = bytes[position]
      let length = Int(
        UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: position + 1, as: UInt32.self)))
      let isExpected =
        type == ServerMessageType.parameterStatus || type == ServerMessageType.noticeResponse
        || type == ServerMessageType.notificationResponse
        || type == ServerMessageType.errorResponse
      guard isExpected, length >= 4, length < ServerScanner.wholeMessageLimit else {
        serverLost(server, "the server sent what nobody had asked for")
        return false
      }
      guard bytes.count - position > length else { break }
      let body = ServerScan.Body(start: position + 5, count: length - 4)
      if type == ServerMessageType.parameterStatus {
        noteParameter(server, bytes, body, isForClient: false)
      } else if type == ServerMessageType.errorResponse {
        // Its last words: the end of the connection follows.
        noteError(server, bytes, body, isOwn: true)
        serverLost(server, "the server closed the connection")
        return false
      }
      position += length + 1
    }
    server.pointee.stream.carry.append(UnsafeRawBufferPointer(rebasing: bytes[position...]))
    return true
  }
}
