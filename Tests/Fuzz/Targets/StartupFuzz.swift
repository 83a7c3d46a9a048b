import Pooling
import PostgresWire

/// A client's first packet, and what a login makes of its parameters.
enum StartupFuzz {
  static func run(_ input: [UInt8]) throws(Finding) {
    try checkOptions(String(decoding: input, as: UTF8.self))
    let result: Result<(packet: StartupPacket, consumed: Int)?, StartupError>
    do throws(StartupError) {
      result = .success(try StartupPacket.parse(input))
    } catch {
      try check(error.sqlstate.utf8.count == 5, "SQLSTATE \(error.sqlstate)")
      try check(!error.message.isEmpty, "no message")
      result = .failure(error)
    }
    guard case .success(let parsed?) = result else { return }
    let (packet, consumed) = parsed
    try check(
      (8...min(StartupPacket.maximumBytes, input.count)).contains(consumed),
      "\(consumed) of \(input.count) bytes consumed")
    for count in [0, 3, 4, 7, consumed / 2, consumed - 1] {
      let part = try parse(Array(input[..<min(count, consumed - 1)]))
      try check(part == nil, "a packet of \(consumed) bytes is whole with \(count)")
    }
    let whole = try parse(Array(input[..<consumed]))
    try check(whole?.packet == packet, "what follows a packet changes it")
    switch packet {
    case .startup(let message): try checkStartup(message)
    case .cancelRequest(let key):
      var writer = MessageWriter()
      writer.cancelRequest(key)
      try check(writer.bytes == Array(input[..<consumed]), "another cancel request")
    case .sslRequest, .gssEncryptionRequest: try check(consumed == 8, "\(consumed) bytes")
    }
  }

  private static func parse(
    _ bytes: [UInt8]
  ) throws(Finding) -> (packet: StartupPacket, consumed: Int)? {
    do {
      return try StartupPacket.parse(bytes)
    } catch {
      throw Finding("a part of a packet is refused: \(error)")
    }
  }

  private static func checkStartup(_ message: StartupMessage) throws(Finding) {
    try check(message.majorVersion == 3 && !message.user.isEmpty, "no user")
    var writer = MessageWriter()
    writer.startup(parameters: message.parameters)
    guard case .startup(let again)? = try parse(writer.bytes)?.packet else {
      throw Finding("no startup message when written again")
    }
    try check(again.parameters == message.parameters, "other parameters when written again")
    if let options = message["options"] { try checkOptions(options) }
    try checkSets(message)
  }

  /// Settings that are found can be written as options, and are found again.
  private static func checkOptions(_ options: String) throws(Finding) {
    guard let settings = try? OptionsParameter.parse(options) else { return }
    var text = ""
    var bytes = 0
    for setting in settings {
      try check(!setting.name.isEmpty, "a setting without a name")
      try check(!setting.name.utf8.contains(UInt8(ascii: "-")), "a name with a dash")
      bytes += setting.name.utf8.count + setting.value.utf8.count
      text += " --\(escaped(setting.name))=\(escaped(setting.value))"
    }
    try check(bytes <= options.utf8.count, "more bytes than there are")
    let again = try? OptionsParameter.parse(text)
    try check(again == settings, "other settings when written again")
  }

  private static func escaped(_ text: String) -> String {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\\") || byte == 0x20 || (0x09...0x0D).contains(byte) {
        bytes.append(UInt8(ascii: "\\"))
      }
      bytes.append(byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The steps from one set of parameters to another lead there.
  private static func checkSets(_ message: StartupMessage) throws(Finding) {
    var sets = ParameterSets(extra: ["search_path", "timezone"])
    let none = sets.intern(sets.unknown)
    var some = sets.unknown
    var all = sets.unknown
    for (place, parameter) in message.parameters.enumerated() {
      if let index = sets.index(of: parameter.name) {
        all[index] = parameter.value
        if place % 2 == 0 { some[index] = parameter.value }
      } else {
        all.set(parameter.name, parameter.value)
        if place % 2 == 0 { some.set(parameter.name, parameter.value) }
      }
    }
    let numbers = [none, sets.intern(some), sets.intern(all)]
    try check(sets.intern(all) == numbers[2], "one set has two numbers")
    for from in numbers {
      for to in numbers {
        try check(
          Self.apply(sets.steps(from: from, to: to), to: settings(sets, from))
            == settings(sets, to),
          "the steps from \(from) lead elsewhere than to \(to)")
      }
    }
    for number in numbers + [numbers[2]] { sets.release(number) }
    try check(sets.count == 0, "\(sets.count) sets are left")
  }

  private static func settings(
    _ sets: ParameterSets, _ number: ParameterSets.Number
  ) -> [String: String] {
    let values = sets.values(number)
    var settings: [String: String] = [:]
    for (index, name) in sets.names.enumerated() { settings[name] = values[index] }
    for setting in values.session { settings[setting.name] = setting.value }
    return settings
  }

  private static func apply(
    _ steps: [ParameterSets.Step], to start: [String: String]
  ) -> [String: String] {
    var settings = start
    for step in steps {
      switch step {
      case .set(let name, let value): settings[name] = value
      // To be somebody else is not to forget one's settings.
      case .reset(let name): settings[name] = nil
      }
    }
    return settings
  }
}
