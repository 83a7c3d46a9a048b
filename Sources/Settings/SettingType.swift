/// What values a setting takes.
public enum SettingType: Sendable, Equatable {
  /// Any text.
  case text
  /// Text which is never shown.
  case secret
  /// Several texts: commas between them, or a TOML array.
  case list
  /// 0 or 1; a boolean in TOML.
  case flag
  /// A whole number.
  case integer(ClosedRange<Int>)
  /// File permissions, in octal.
  case fileMode
  /// A time span in seconds, fractions allowed.
  case seconds
  /// A time span in milliseconds.
  case milliseconds
  /// One of these names.
  case choice([SettingChoice])

  /// The type in a word, as the documentation's tables have it.
  public var name: String {
    switch self {
    case .text, .secret: "text"
    case .list: "list"
    case .flag: "boolean"
    case .integer: "integer"
    case .fileMode: "file mode"
    case .seconds: "seconds"
    case .milliseconds: "milliseconds"
    case .choice: "choice"
    }
  }

  var isTime: Bool { self == .seconds || self == .milliseconds }
}

/// One name that a setting with choices knows.
public struct SettingChoice: Sendable, Equatable {
  /// What this version does with it.
  public enum Standing: Sendable, Equatable {
    /// Does it.
    case done
    /// Takes it, with this warning.
    case warned(String)
    /// Refuses it, for this reason.
    case refused(String)
  }

  /// The name as it is written in a file.
  public let name: String
  /// What this version does with it.
  public let standing: Standing
}

/// Why a value does not fit; completes "setting ...".
struct ValueProblem: Error, Equatable {
  var message: String
}

extension SettingType {
  /// The longest time span: what fits 32 bits of seconds.
  static let maximumSeconds = 2_147_483_647.0

  /// Reads a value of this type.
  func read(_ raw: RawValue) throws(ValueProblem) -> SettingValue {
    switch self {
    case .text: return .text(try Self.text(raw))
    case .secret: return .secret(Secret(try Self.text(raw)))
    case .list: return .list(try Self.list(raw))
    case .flag: return .flag(try Self.flag(raw))
    case .integer(let range): return .integer(try Self.integer(raw, in: range))
    case .fileMode: return .integer(try Self.fileMode(raw))
    case .seconds: return .duration(try Self.duration(raw, unit: "s"))
    case .milliseconds: return .duration(try Self.duration(raw, unit: "ms"))
    case .choice(let choices): return .text(try Self.choice(raw, choices))
    }
  }

  private static func text(_ raw: RawValue) throws(ValueProblem) -> String {
    switch raw {
    case .bare(let text), .text(let text): return text
    default: throw ValueProblem(message: "takes text in quotes, not \(raw.kindName)")
    }
  }

  private static func list(_ raw: RawValue) throws(ValueProblem) -> [String] {
    switch raw {
    case .bare(let text), .text(let text):
      return text.split(separator: ",").map(trimmed).filter { !$0.isEmpty }
    case .list(let elements):
      var texts: [String] = []
      for element in elements {
        guard case .text(let text) = element, !text.contains(",") else {
          throw ValueProblem(message: "takes a list of texts, not one with \(element.kindName)")
        }
        if !trimmed(text[...]).isEmpty { texts.append(trimmed(text[...])) }
      }
      return texts
    default:
      throw ValueProblem(message: "takes text or a list of texts, not \(raw.kindName)")
    }
  }

  private static func flag(_ raw: RawValue) throws(ValueProblem) -> Bool {
    switch raw {
    case .boolean(let value): return value
    case .integer(let number) where number >= 0: return number != 0
    case .bare(let text):
      if let number = wholeNumber(text), number >= 0 { return number != 0 }
      switch text.lowercased() {
      case "on", "true", "yes": return true
      case "off", "false", "no": return false
      default: throw ValueProblem(message: "takes 0 or 1, not \(shown(text))")
      }
    default: throw ValueProblem(message: "takes true or false, not \(raw.kindName)")
    }
  }

  private static func integer(
    _ raw: RawValue, in range: ClosedRange<Int>
  ) throws(ValueProblem) -> Int {
    let number: Int
    switch raw {
    case .integer(let value): number = value
    case .bare(let text):
      guard let value = wholeNumber(text) else {
        throw ValueProblem(message: "takes a whole number, not \(shown(text))")
      }
      number = value
    default: throw ValueProblem(message: "takes a whole number, not \(raw.kindName)")
    }
    guard range.contains(number) else {
      throw ValueProblem(
        message: "takes \(range.lowerBound) to \(range.upperBound), not \(number)")
    }
    return number
  }

  private static func fileMode(_ raw: RawValue) throws(ValueProblem) -> Int {
    var number: Int?
    switch raw {
    case .integer(let value): number = value
    case .bare(let text): number = wholeNumber(text)
    case .text(let text):
      let digits = text.hasPrefix("0o") ? text.dropFirst(2) : text[...]
      number = Int(digits, radix: 8)
    default: break
    }
    guard let mode = number, (0...0o7777).contains(mode) else {
      throw ValueProblem(message: #"takes permissions in octal, as "0777""#)
    }
    return mode
  }

  private static func choice(
    _ raw: RawValue, _ choices: [SettingChoice]
  ) throws(ValueProblem) -> String {
    let text = try text(raw)
    let name = text.lowercased()
    guard let choice = choices.first(where: { $0.name == name }) else {
      let known = choices.map(\.name)
      let hint = Spelling.nearest(to: name, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
      throw ValueProblem(
        message: "takes one of \(known.joined(separator: ", ")), not \(shown(text))\(hint)")
    }
    if case .refused(let reason) = choice.standing {
      throw ValueProblem(message: "cannot be \"\(name)\": \(reason)")
    }
    return name
  }
}

extension SettingType {
  private static func duration(
    _ raw: RawValue, unit: String
  ) throws(ValueProblem) -> Duration {
    switch raw {
    case .integer(let number): return try span(Double(number), unit)
    case .float(let number): return try span(number, unit)
    case .bare(let text), .text(let text):
      let digits = text.prefix { $0.isNumber || ".+-eE".contains($0) }
      let suffix = trimmed(text[digits.endIndex...])
      guard let number = Double(digits), unitMicroseconds(suffix) != nil || suffix.isEmpty else {
        throw ValueProblem(
          message: #"takes a time, as 5, "5s", "100ms" or "2min", not \#(shown(text))"#)
      }
      return try span(number, suffix.isEmpty ? unit : suffix)
    default: throw ValueProblem(message: "takes a time in \(unit), not \(raw.kindName)")
    }
  }

  private static func span(_ number: Double, _ unit: String) throws(ValueProblem) -> Duration {
    let microseconds = number * (unitMicroseconds(unit) ?? 0)
    guard microseconds.isFinite, microseconds >= 0, microseconds <= maximumSeconds * 1e6 else {
      throw ValueProblem(message: "takes a time of 0 to 2147483647 seconds")
    }
    return .microseconds(Int64(microseconds.rounded()))
  }

  private static func unitMicroseconds(_ unit: String) -> Double? {
    switch unit {
    case "us": 1
    case "ms": 1e3
    case "s": 1e6
    case "min": 60e6
    case "h": 3600e6
    case "d": 86400e6
    default: nil
    }
  }

  /// As C's `strtol` with base 0: 0x is hexadecimal, a leading zero octal.
  static func wholeNumber(_ text: String) -> Int? {
    let isNegative = text.hasPrefix("-")
    let digits = isNegative || text.hasPrefix("+") ? text.dropFirst() : text[...]
    guard let first = digits.first, first.isASCII, first.isNumber else { return nil }
    let sign = isNegative ? "-" : ""
    if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
      guard digits.dropFirst(2).first?.isHexDigit == true else { return nil }
      return Int(sign + digits.dropFirst(2), radix: 16)
    }
    return Int(sign + digits, radix: digits.hasPrefix("0") ? 8 : 10)
  }

  static func trimmed(_ text: Substring) -> String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" }
    let head = text.drop(while: isBlank)
    return String(head.reversed().drop(while: isBlank).reversed())
  }

  /// A value for a message. A value with a `=` may be part of a connection string whose password
  /// ran into it, so it is not shown.
  static func shown(_ text: String) -> String {
    if text.isEmpty { return "nothing" }
    if text.contains("=") || text.utf8.count > 40 { return "this" }
    return "\"\(text.map { $0.isASCII && $0 < " " ? "?" : String($0) }.joined())\""
  }
}
