/// The startup parameter `options`: arguments for the server's command line.
///
/// Of these PgBouncer takes `-c name=value`, with or without the space, and `--name=value`. White
/// space parts the arguments; a backslash takes the next character as it is. In a name `-` stands
/// for `_`, as on PostgreSQL's command line.
public enum OptionsParameter {
  /// The settings in order; whether they may be set is for the caller to say.
  public static func parse(_ options: String) throws(OptionsError) -> [StartupParameter] {
    var rest = Substring(options).utf8
    var settings: [StartupParameter] = []
    skipWhiteSpace(&rest)
    while !rest.isEmpty {
      if rest.starts(with: "-c".utf8) {
        rest = rest.dropFirst(2)
        skipWhiteSpace(&rest)
      } else if rest.starts(with: "--".utf8) {
        rest = rest.dropFirst(2)
      } else {
        throw .unsupportedArgument
      }
      settings.append(try splitSetting(readArgument(&rest)))
      skipWhiteSpace(&rest)
    }
    return settings
  }

  private static func splitSetting(
    _ argument: [UInt8]
  ) throws(OptionsError) -> StartupParameter {
    guard let equals = argument.firstIndex(of: UInt8(ascii: "=")), equals > 0 else {
      throw .unsupportedArgument
    }
    let name = argument[..<equals].map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }
    // Only ASCII bytes were taken out of a valid string, so both are valid UTF-8.
    return StartupParameter(
      name: String(decoding: name, as: UTF8.self),
      value: String(decoding: argument[(equals + 1)...], as: UTF8.self))
  }

  /// Up to white space that no backslash precedes; a backslash at the very end is dropped.
  private static func readArgument(_ rest: inout Substring.UTF8View) -> [UInt8] {
    var argument: [UInt8] = []
    while let byte = rest.first, !isWhiteSpace(byte) {
      rest = rest.dropFirst()
      if byte != UInt8(ascii: "\\") {
        argument.append(byte)
      } else if let escaped = rest.popFirst() {
        argument.append(escaped)
      }
    }
    return argument
  }

  private static func skipWhiteSpace(_ rest: inout Substring.UTF8View) {
    rest = rest.drop(while: isWhiteSpace)
  }

  /// C's isspace.
  private static func isWhiteSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
  }
}
