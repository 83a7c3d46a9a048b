import BenchWire

/// One connection of the load.
///
/// | phase | goes to | when |
/// |---|---|---|
/// | unused | connecting | its turn to log in comes |
/// | connecting | loggingIn | the socket is writable |
/// | loggingIn | prelude or ready | the first ReadyForQuery |
/// | prelude | ready | the prelude's ReadyForQuery |
/// | ready | running | the run starts, or goes on |
/// | running | running or ready | a step's ReadyForQuery |
/// | any | closed | the connection ends |
struct Client {
  enum Phase { case unused, connecting, loggingIn, prelude, ready, running, closed }

  var fd: Int32 = -1
  var phase = Phase.unused
  var scanner = FrameScanner()
  /// Which of the script's steps is under way.
  var step = 0
  /// What of the current request the socket has not taken yet.
  var unsentOffset: Int?
  /// The peer will send no more: there is an end to be read, which no further event announces.
  var isHalfClosed = false
  var transactionStart: UInt64 = 0
  /// A step of this transaction was answered with an error.
  var hasFailed = false
  /// The body of an ErrorResponse, as far as it came.
  var errorBody: [UInt8] = []
}

typealias ClientPointer = UnsafeMutablePointer<Client>

/// The fields of an ErrorResponse's body as `SEVERITY CODE: message`.
func errorText(_ body: [UInt8]) -> String {
  var fields: [UInt8: String] = [:]
  for field in body.split(separator: 0) {
    fields[field[field.startIndex]] = String(decoding: field.dropFirst(), as: UTF8.self)
  }
  let severity = fields[UInt8(ascii: "S")] ?? "ERROR"
  let code = fields[UInt8(ascii: "C")] ?? "?"
  return "\(severity) \(code): \(fields[UInt8(ascii: "M")] ?? "")"
}
