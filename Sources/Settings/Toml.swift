/// Writes TOML.
enum Toml {
  /// `name = value`, as a comment if it is a secret, with where it came from behind it.
  static func line(
    _ name: String, _ value: SettingValue, _ type: SettingType, _ origin: SettingOrigin?
  ) -> String {
    let tail = origin.map { "  # \(comment($0.description))" } ?? ""
    switch value {
    case .text(let text): return "\(name) = \(string(text))\(tail)"
    case .list(let list):
      return "\(name) = \(string(list.joined(separator: ",")))\(tail)"
    case .flag(let isOn): return "\(name) = \(isOn)\(tail)"
    case .integer(let number) where type == .fileMode:
      return "\(name) = 0o\(String(number, radix: 8))\(tail)"
    case .integer(let number): return "\(name) = \(number)\(tail)"
    case .duration(let duration): return "\(name) = \"\(number(duration))s\"\(tail)"
    case .secret(let secret):
      return "# \(name) = \"\(secret.text.isEmpty ? "" : Secret.mask)\"\(tail)"
    }
  }

  /// Seconds in decimal, to the microsecond.
  static func number(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let microseconds = attoseconds / 1_000_000_000_000
    if microseconds == 0 { return String(seconds) }
    var digits = String(1_000_000 + microseconds).dropFirst()
    while digits.last == "0" { digits.removeLast() }
    return "\(seconds).\(digits)"
  }

  /// Whether a byte may stand in a key without quotes.
  static func isBare(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  /// A key, in quotes where it needs them.
  static func key(_ name: String) -> String {
    let isBare = name.utf8.allSatisfy(isBare)
    return isBare && !name.isEmpty ? name : string(name)
  }

  /// A basic string.
  static func string(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      case "\r": quoted += "\\r"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }

  /// A text that may stand in a comment.
  static func comment(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }))
  }
}
