import BenchWire
import CBench
import Glibc
import Histogram

/// What ends a run before it has measured anything.
struct LoadError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Where and as whom the clients connect, and what they do.
struct Plan {
  enum Address {
    case tcp(host: String, port: UInt16)
    case unix(path: String)
  }
  enum Length {
    case seconds(Double)
    case transactions(Int)
  }

  var address: Address
  var user: String
  var database: String
  var script: Script
  var clientCount: Int
  var length: Length
  var warmupSeconds: Double
  var loginConcurrency: Int
  var loginTimeoutSeconds: Double
  /// The process whose CPU time is taken at both ends of what is measured.
  var watchedProcess: Int32?
}

/// All clients on one epoll, on one thread: a client has at most one request under way.
final class Load {
  let plan: Plan
  let epoll: Int32
  let clients: ClientPointer
  let startup: [UInt8]
  let scratchSize = 262_144
  let scratch: UnsafeMutablePointer<UInt8>
  let events: UnsafeMutablePointer<epoll_event>
  let eventCapacity: Int32 = 512

  var histogram = Histogram<UInt64>(
    highestTrackableValue: 60_000_000_000, numberOfSignificantValueDigits: .three)
  var counts = Counts()
  /// Logins that were started and are not finished.
  var loginsUnderWay = 0
  var nextLogin = 0
  var readyCount = 0
  var closedCount = 0
  var runningCount = 0
  /// False once the clients shall finish what is under way and start nothing.
  var mayStart = true
  /// Transactions that may still be started, where the run's length is a number of them.
  var startsLeft = Int.max
  /// The first failure of a login: the run is over.
  var failure: String?

  struct Counts {
    var transactions = 0
    var errors = 0
    var bytes = 0
    var firstError: String?
  }

  init(plan: Plan) {
    self.plan = plan
    epoll = cb_epoll_create()
    clients = .allocate(capacity: plan.clientCount)
    clients.initialize(repeating: Client(), count: plan.clientCount)
    scratch = .allocate(capacity: scratchSize)
    events = .allocate(capacity: Int(eventCapacity))
    var buffer = MessageBuffer()
    buffer.startup(user: plan.user, database: plan.database, applicationName: "pgload")
    startup = buffer.bytes
  }

  /// One round of events; gives back whether the extra descriptor (see `watchInput`) is readable.
  @discardableResult
  func turn(timeoutMilliseconds: Int32) -> Bool {
    var inputReadable = false
    let count = cb_epoll_wait(epoll, events, eventCapacity, timeoutMilliseconds)
    guard count > 0 else { return false }
    for index in 0..<Int(count) {
      let data = cb_event_data(events + index)
      if data == UInt64.max {
        inputReadable = true
      } else {
        handle(clients + Int(data), cb_event_mask(events + index))
      }
    }
    return inputReadable
  }

  /// False where standard input is nothing that one can wait for (a file, /dev/null).
  func watchInput() -> Bool {
    cb_epoll_add_readable(epoll, 0, UInt64.max) == 0
  }

  // MARK: One client

  private func handle(_ client: ClientPointer, _ mask: UInt32) {
    switch client.pointee.phase {
    case .unused, .closed: return
    case .connecting:
      if mask & (cb_writable | cb_closed) == 0 { return }
      connected(client)
    case .loggingIn, .prelude, .ready, .running: break
    }
    if mask & cb_closed != 0 { client.pointee.isHalfClosed = true }
    if client.pointee.unsentOffset != nil && mask & cb_writable != 0 { send(client) }
    if mask & cb_readable != 0 { receive(client) }
  }

  func send(_ client: ClientPointer) {
    let sent: Int
    let offset = client.pointee.unsentOffset ?? 0
    let left: Int
    switch client.pointee.phase {
    case .loggingIn: (sent, left) = put(client, startup, offset)
    case .prelude: (sent, left) = put(client, plan.script.prelude ?? [], offset)
    case .running: (sent, left) = put(client, plan.script.steps[client.pointee.step], offset)
    case .unused, .connecting, .ready, .closed: return
    }
    if sent < 0 && sent != -Int(EAGAIN) {
      lost(client, "cannot send: \(errnoText(sent))")
    } else {
      client.pointee.unsentOffset = sent == left ? nil : offset + max(0, sent)
    }
  }

  private func put(_ client: ClientPointer, _ bytes: [UInt8], _ offset: Int) -> (Int, Int) {
    bytes.withUnsafeBufferPointer {
      let left = $0.count - offset
      return (cb_send(client.pointee.fd, $0.baseAddress! + offset, left), left)
    }
  }

  private func receive(_ client: ClientPointer) {
    while client.pointee.phase != .closed {
      let count = cb_recv(client.pointee.fd, scratch, scratchSize)
      if count == -Int(EAGAIN) { return }
      guard count > 0 else {
        let reason = count == 0 ? "closed by the other side" : errnoText(count)
        return lost(client, reason)
      }
      scan(client, count)
      if count < scratchSize && !client.pointee.isHalfClosed { return }
    }
  }

  private func scan(_ client: ClientPointer, _ count: Int) {
    var position = 0
    while let piece = client.pointee.scanner.next(scratch, count: count, position: &position) {
      switch piece.type {
      case UInt8(ascii: "Z"):
        if piece.isLast { readyForQueryReceived(client) }
      case UInt8(ascii: "E"): errorReceived(client, piece)
      case UInt8(ascii: "R"):
        if piece.isLast && piece.count > 0 && client.pointee.phase == .loggingIn
          && scratch[piece.start + piece.count - 1] != 0
        {
          return lost(client, "asked for a password, and pgload has none")
        }
      case UInt8(ascii: "d"): counts.bytes += piece.count
      case 0: return lost(client, "a message with an impossible length came")
      default: break
      }
      if client.pointee.phase == .closed { return }
    }
  }

  private func errorReceived(_ client: ClientPointer, _ piece: FramePiece) {
    if client.pointee.errorBody.count < 4_096 {
      client.pointee.errorBody += UnsafeBufferPointer(
        start: scratch + piece.start, count: piece.count)
    }
    guard piece.isLast else { return }
    let text = errorText(client.pointee.errorBody)
    client.pointee.errorBody = []
    client.pointee.hasFailed = true
    if counts.firstError == nil { counts.firstError = text }
    if client.pointee.phase == .loggingIn || client.pointee.phase == .prelude {
      lost(client, text)
    }
  }

  private func readyForQueryReceived(_ client: ClientPointer) {
    switch client.pointee.phase {
    case .loggingIn where plan.script.prelude != nil:
      client.pointee.phase = .prelude
      send(client)
    case .loggingIn, .prelude:
      client.pointee.phase = .ready
      loginsUnderWay -= 1
      readyCount += 1
      startLogins()
    case .running:
      if client.pointee.step + 1 < plan.script.steps.count {
        client.pointee.step += 1
        send(client)
      } else {
        transactionEnded(client)
      }
    case .unused, .connecting, .ready, .closed: break
    }
  }

  private func transactionEnded(_ client: ClientPointer) {
    let now = cb_now_nanoseconds()
    if client.pointee.hasFailed {
      counts.errors += 1
    } else {
      counts.transactions += 1
      histogram.record(now - client.pointee.transactionStart)
    }
    runningCount -= 1
    client.pointee.phase = .ready
    start(client, now)
  }

  /// The next transaction, if one may be started. There is no think time.
  func start(_ client: ClientPointer, _ now: UInt64) {
    guard mayStart && startsLeft > 0 && client.pointee.phase == .ready else { return }
    startsLeft -= 1
    runningCount += 1
    client.pointee.phase = .running
    client.pointee.step = 0
    client.pointee.hasFailed = false
    client.pointee.transactionStart = now
    send(client)
  }

  /// The connection is over; before or in the login that is the end of the run.
  func lost(_ client: ClientPointer, _ reason: String) {
    switch client.pointee.phase {
    case .unused, .connecting, .loggingIn, .prelude:
      if failure == nil {
        failure = "login of client \(client - clients + 1) of \(plan.clientCount) failed: \(reason)"
      }
    case .running:
      runningCount -= 1
      countLoss(reason)
    case .ready: countLoss(reason)
    case .closed: return
    }
    close(client.pointee.fd)
    client.pointee.phase = .closed
    closedCount += 1
  }

  private func countLoss(_ reason: String) {
    counts.errors += 1
    if counts.firstError == nil { counts.firstError = "connection lost: \(reason)" }
  }
}
