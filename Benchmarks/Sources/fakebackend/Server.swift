import BenchWire
import CBench
import Glibc

/// The epoll loop of the fake backend: one thread, one listener on 127.0.0.1.
final class Server {
  private let epoll: Int32
  private let listener: Int32
  private var sessions: [Int32: Session] = [:]
  private let scratchSize = 65_536
  private let scratch: UnsafeMutablePointer<UInt8>

  init(port: UInt16) throws(StartError) {
    epoll = cb_epoll_create()
    listener = cb_listen(port)
    guard listener >= 0 else { throw StartError(port: port, code: Int(listener)) }
    scratch = .allocate(capacity: scratchSize)
    _ = cb_epoll_add_readable(epoll, listener, UInt64(listener))
  }

  func run() -> Never {
    let capacity: Int32 = 256
    let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: Int(capacity))
    while true {
      let count = cb_epoll_wait(epoll, events, capacity, -1)
      guard count > 0 else { continue }
      for index in 0..<Int(count) {
        let fd = Int32(truncatingIfNeeded: cb_event_data(events + index))
        if fd == listener {
          acceptAll()
        } else if let session = sessions[fd] {
          let mask = cb_event_mask(events + index)
          if mask & cb_readable != 0 { session.isReadable = true }
          if mask & cb_closed != 0 { session.isHalfClosed = true }
          if !pump(fd, session) { close(fd) }
        }
      }
    }
  }

  /// At most one batch, so that no descriptor is reused within a batch of events it is in.
  private func acceptAll() {
    for _ in 0..<256 {
      let fd = cb_accept(listener)
      guard fd >= 0 else { return }
      sessions[fd] = Session()
      _ = cb_epoll_add_edge(epoll, fd, UInt64(fd))
    }
  }

  private func close(_ fd: Int32) {
    sessions[fd] = nil
    _ = Glibc.close(fd)
  }

  /// False when the connection is over.
  private func pump(_ fd: Int32, _ session: Session) -> Bool {
    while true {
      session.advance()
      if session.hasOutput {
        if !flush(fd, session) { return false }
        if session.hasOutput { return true }
        continue
      }
      if session.phase == .ended { return false }
      guard session.isReadable else { return true }
      let count = cb_recv(fd, scratch, scratchSize)
      if count == -Int(EAGAIN) {
        session.isReadable = false
        return true
      }
      guard count > 0 else { return false }
      if count < scratchSize && !session.isHalfClosed { session.isReadable = false }
      session.receive(UnsafeBufferPointer(start: scratch, count: count))
    }
  }

  /// Sends what it can; false when the peer is gone.
  private func flush(_ fd: Int32, _ session: Session) -> Bool {
    let left = session.output.bytes.count - session.outputStart
    let sent = session.output.bytes.withUnsafeBufferPointer {
      cb_send(fd, $0.baseAddress! + session.outputStart, left)
    }
    if sent == -Int(EAGAIN) { return true }
    guard sent > 0 else { return false }
    session.outputStart += sent
    if !session.hasOutput {
      session.output.bytes.removeAll(keepingCapacity: true)
      session.outputStart = 0
    }
    return true
  }
}

struct StartError: Error, CustomStringConvertible {
  let port: UInt16
  let code: Int
  var description: String { "cannot listen on 127.0.0.1:\(port): \(errnoText(code))" }
}

extension Session {
  /// Appends to what is still unread.
  func receive(_ bytes: UnsafeBufferPointer<UInt8>) {
    if inputStart == input.count {
      input.removeAll(keepingCapacity: true)
      inputStart = 0
    }
    input.append(contentsOf: bytes)
  }
}
