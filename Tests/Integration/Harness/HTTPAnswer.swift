import Glibc

/// The answer to one HTTP request, and a client that makes requests byte by byte.
struct HTTPAnswer: Sendable {
  let status: Int
  /// By name, in lower case.
  let headers: [String: String]
  let body: String

  /// Asks over a connection of its own.
  static func get(
    _ path: String, port: UInt16, method: String = "GET", headers: [String: String] = [:]
  ) throws -> HTTPAnswer {
    var lines = ["\(method) \(path) HTTP/1.1"]
    let all = ["Host": "127.0.0.1:\(port)", "Connection": "close"].merging(headers) { $1 }
    for (name, value) in all.sorted(by: { $0.key < $1.key }) where !value.isEmpty {
      lines.append("\(name): \(value)")
    }
    let text = lines.joined(separator: "\r\n") + "\r\n\r\n"
    let answer = try exchange(Array(text.utf8), port: port)
    return try HTTPAnswer(answer)
  }

  /// Sends bytes, then reads until the server closes.
  static func exchange(_ bytes: [UInt8], port: UInt16, seconds: Double = 30) throws -> [UInt8] {
    let connection = try HTTPConnection(port: port)
    defer { connection.close() }
    try connection.send(bytes)
    return try connection.readToEnd(seconds: seconds)
  }

  init(_ bytes: [UInt8]) throws {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let end = text.firstRange(of: "\r\n\r\n") else {
      throw HarnessError("no HTTP answer: \(text.prefix(200))")
    }
    let lines = text[..<end.lowerBound].split(separator: "\r\n")
    let words = lines[0].split(separator: " ")
    guard words.count >= 2, let status = Int(words[1]) else {
      throw HarnessError("no HTTP answer: \(lines[0])")
    }
    self.status = status
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 {
        headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
      }
    }
    self.headers = headers
    body = String(text[end.upperBound...])
  }

  /// The samples of an exposition: the value by the whole name with its labels.
  var samples: [String: Double] {
    var samples: [String: Double] = [:]
    for line in body.split(separator: "\n") where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " ") else { continue }
      samples[String(line[..<space])] = Double(line[line.index(after: space)...])
    }
    return samples
  }
}

/// A connection to the HTTP port. Every wait has an end.
final class HTTPConnection {
  let descriptor: Int32
  private var isOpen = true

  init(port: UInt16) throws { descriptor = try Endpoint.tcp(port).connect() }

  deinit { close() }

  func close() {
    if isOpen { Glibc.close(descriptor) }
    isOpen = false
  }

  /// - Returns: how much was sent before the server closed or took no more.
  @discardableResult
  func send(_ bytes: [UInt8]) throws -> Int {
    var done = 0
    let deadline = Deadline(seconds: 10 * Patience.factor)
    while done < bytes.count && !deadline.isOver {
      let count = bytes[done...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count > 0 {
        done += count
      } else if errno == EAGAIN {
        usleep(1000)
      } else {
        return done
      }
    }
    return done
  }

  func readToEnd(seconds: Double = 30) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let deadline = Deadline(seconds: seconds * Patience.factor)
    while !deadline.isOver {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count > 0 {
        bytes += buffer.prefix(count)
      } else if count == 0 || errno != EAGAIN {
        return bytes
      } else {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&poller, 1, 100)
      }
    }
    throw HarnessError("the HTTP server does not close: \(bytes.count) bytes came")
  }

  /// Something has come.
  var isReadable: Bool {
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&poller, 1, 0) > 0
  }

  /// The server has closed.
  var isClosedByServer: Bool {
    var byte: UInt8 = 0
    let count = recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
    return count == 0 || count < 0 && errno != EAGAIN
  }
}
