/// A NotificationResponse.
struct Notification: Equatable, Sendable {
  var channel: String
  var payload: String

  init(_ channel: String, _ payload: String) {
    self.channel = channel
    self.payload = payload
  }

  init(_ message: ServerMessage) {
    let texts = message.strings(from: 4)
    self.init(texts[0], texts[1])
  }
}

extension Exchange {
  var notifications: [Notification] { messages.filter { $0.type == "A" }.map(Notification.init) }
}

extension WireClient {
  /// The next notifications that come by themselves, so many of them.
  func notifications(_ count: Int) throws -> [Notification] {
    var seen: [Notification] = []
    while seen.count < count {
      guard let message = try receive() else { throw HarnessError("closed after \(seen.count)") }
      guard message.type == "A" else { throw HarnessError("\(message.type) after \(seen.count)") }
      seen.append(Notification(message))
    }
    return seen
  }

  /// The notifications that come within so many seconds.
  func notifications(within seconds: Double) throws -> [Notification] {
    var seen: [Notification] = []
    while isReadable(within: seconds) { seen += try notifications(1) }
    return seen
  }

  /// A simple query that is to succeed.
  @discardableResult
  func run(_ sql: String) throws -> Exchange { try query(sql).checked() }
}
