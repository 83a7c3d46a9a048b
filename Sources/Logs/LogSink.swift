import CLinux
import Glibc
import Reactor

/// One place that lines go to. It never waits: what the other side does not take is kept, up to
/// `capacity` bytes, and sent on later; lines beyond that are lost, and counted.
struct LogSink: ~Copyable {
  /// What takes the lines.
  enum Target {
    case file(Int32)
    /// A terminal, a pipe or a socket of somebody else's. Who reads it may be slow.
    case stream(Int32)
    /// The same, opened here.
    case pipe(Int32)
    case syslog(SyslogSocket)
  }

  /// How it goes, for whoever tells of it.
  enum Condition: Equatable {
    case fine
    case broken(reason: Int32)
    /// It works again, and so many lines are lost.
    case mended(lost: Int)
  }

  static let capacity = 262_144
  /// A write of up to this to a pipe that has room does not wait: PIPE_BUF.
  private static let longestPiece = 4096

  private var target: Target
  private var waiting: [[UInt8]] = []
  private var waitingBytes = 0
  /// How much of the first that waits is sent.
  private var sent = 0
  private var lost = 0
  private var reason: Int32 = 0
  private var isToldOf = false

  init(_ target: Target) { self.target = target }

  deinit {
    switch target {
    case .file(let fd), .pipe(let fd): close(fd)
    case .stream: break
    case .syslog(let socket): socket.close()
    }
  }

  /// - Returns: how many lines were lost: none, or this one.
  mutating func write(_ line: [UInt8]) -> Int {
    sendWaiting()
    if waiting.isEmpty {
      sent = transmit(line, from: 0)
      if sent == line.count {
        sent = 0
        return 0
      }
    }
    // A line that has begun is finished, however long it is.
    guard sent > 0 && waiting.isEmpty || waitingBytes + line.count <= Self.capacity else {
      lost += 1
      return 1
    }
    waiting.append(line)
    waitingBytes += line.count
    return 0
  }

  /// Sends on what waits.
  /// - Returns: what has changed since it was last asked.
  mutating func flush() -> Condition {
    sendWaiting()
    if waiting.isEmpty {
      defer { (lost, reason, isToldOf) = (0, 0, false) }
      return isToldOf || lost > 0 ? .mended(lost: lost) : .fine
    }
    // That somebody reads slowly is nothing to tell of before it costs lines.
    guard !isToldOf, lost > 0 || reason != EAGAIN else { return .fine }
    isToldOf = true
    return .broken(reason: reason)
  }

  /// Goes on with another target: what waits for the old one goes there, each line as a whole.
  mutating func change(to fresh: Target) {
    sendWaiting()
    switch target {
    case .file(let fd), .pipe(let fd): close(fd)
    case .stream: break
    case .syslog(let socket): socket.close()
    }
    target = fresh
    sent = 0
    sendWaiting()
  }

  private mutating func sendWaiting() {
    guard !waiting.isEmpty else { return }
    var done = 0
    while done < waiting.count {
      sent += transmit(waiting[done], from: sent)
      guard sent == waiting[done].count else { break }
      sent = 0
      waitingBytes -= waiting[done].count
      done += 1
    }
    waiting.removeFirst(done)
  }

  /// - Returns: how many bytes were taken; the rest can't go now, for `reason`.
  private mutating func transmit(_ line: [UInt8], from start: Int) -> Int {
    var position = start
    while position < line.count {
      let result = line.withUnsafeBytes { bytes in
        send(UnsafeRawBufferPointer(rebasing: bytes[position...]))
      }
      guard result > 0 else {
        reason = result == 0 ? EAGAIN : Int32(-result)
        break
      }
      position += result
    }
    return position - start
  }

  private mutating func send(_ bytes: UnsafeRawBufferPointer) -> Int {
    switch target {
    case .file(let fd): return cl_write(fd, bytes.baseAddress, UInt(bytes.count))
    case .stream(let fd), .pipe(let fd):
      var entry = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
      guard poll(&entry, 1, 0) > 0 else { return -Int(EAGAIN) }
      return cl_write(fd, bytes.baseAddress, UInt(min(bytes.count, Self.longestPiece)))
    case .syslog(var socket):
      defer { target = .syslog(socket) }
      return socket.send(bytes)
    }
  }
}

/// The socket of the system's logger, with datagrams as syslog(3) sends them.
///
/// Not syslog(3) itself: that waits for a logger that is stuck, and all clients with it.
struct SyslogSocket {
  static let standardPath = "/dev/log"
  private static let retryMicroseconds: UInt64 = 1_000_000

  private let path: String
  private var fd: Int32 = -1
  private var retryAt: UInt64 = 0

  init(path: String) { self.path = path }

  func close() {
    if fd >= 0 { Glibc.close(fd) }
  }

  /// Sends a datagram, on another connection where the logger has been started anew.
  mutating func send(_ bytes: UnsafeRawBufferPointer) -> Int {
    for _ in 0..<2 {
      if fd < 0 {
        let failure = connect()
        if failure != 0 { return -Int(failure) }
      }
      let result = cl_send(fd, bytes.baseAddress, UInt(bytes.count))
      // One that is too long for the logger is none, and does not keep the others back.
      if result >= 0 || result == -Int(EMSGSIZE) { return bytes.count }
      if result == -Int(EAGAIN) || result == -Int(ENOBUFS) { return -Int(EAGAIN) }
      Glibc.close(fd)
      fd = -1
    }
    return -Int(ENOTCONN)
  }

  /// - Returns: an errno, 0 if it is connected.
  private mutating func connect() -> Int32 {
    let now = Clock.now
    guard now >= retryAt else { return ENOTCONN }
    guard let address = SocketAddress(unixPath: path) else { return ENAMETOOLONG }
    do {
      fd = try Socket.connectDatagrams(to: address)
      return 0
    } catch {
      retryAt = now &+ Self.retryMicroseconds
      return error.code
    }
  }
}
