/// One setting: everything that is known about it, in one row. Parsing, defaults, error messages,
/// `--print-config`, the console and the documentation's tables all follow from it.
public struct SettingDefinition: Sendable {
  /// What this version does with a setting.
  public enum Standing: Sendable, Equatable {
    /// Sluice does what it says.
    case acted
    /// It may be set, to keep a PgBouncer configuration loading, but nothing follows from it;
    /// setting it to anything but its default gives one warning, which ends in this reason.
    case accepted(String)
  }

  /// The name in a configuration file.
  public let name: String
  /// Older names that mean the same.
  public private(set) var aliases: [String] = []
  /// The default in a PgBouncer configuration.
  public let iniDefault: SettingValue
  /// The default in the native configuration.
  public private(set) var nativeDefault: SettingValue
  /// Whether a reload applies a change; else a restart is due.
  public private(set) var isReloadable = true
  /// What this version does with it.
  public private(set) var standing = Standing.acted
  /// What it means, in a line.
  public let summary: String

  let field: Field<Settings>

  /// What values it takes.
  public var type: SettingType { field.type }

  /// Times and counts fit 32 bits, as in PgBouncer.
  static let maximumSize = Int(Int32.max)

  private init(
    _ name: String, _ field: Field<Settings>, _ fallback: SettingValue, _ summary: String
  ) {
    self.name = name
    self.field = field
    self.iniDefault = fallback
    self.nativeDefault = fallback
    self.summary = summary
  }

  /// The default in a format.
  public func defaultValue(in format: SettingsFormat) -> SettingValue {
    switch format {
    case .native: nativeDefault
    case .pgbouncer: iniDefault
    }
  }

  /// Its value in a configuration.
  public func value(in settings: Settings) -> SettingValue { field.get(settings) ?? .text("") }
}

/// The formats of a configuration file.
public enum SettingsFormat: Sendable, Equatable {
  /// TOML, with Sluice's defaults.
  case native
  /// `pgbouncer.ini`, with PgBouncer's defaults.
  case pgbouncer

  /// A name that ends in `.ini` is PgBouncer's, any other is native.
  public init(path: String) { self = path.lowercased().hasSuffix(".ini") ? .pgbouncer : .native }
}

// What the tables are written with.
extension SettingDefinition {
  typealias Path<Value> = Field<Settings>.Path<Value>

  static func text(
    _ name: String, _ path: Path<String>, _ fallback: String, _ summary: String
  ) -> SettingDefinition {
    SettingDefinition(name, .text(path), .text(fallback), summary)
  }

  static func secret(
    _ name: String, _ path: Path<Secret>, _ summary: String
  ) -> SettingDefinition {
    SettingDefinition(name, .secret(path), .secret(Secret("")), summary)
  }

  static func list(
    _ name: String, _ path: Path<[String]>, _ fallback: [String], _ summary: String
  ) -> SettingDefinition {
    SettingDefinition(name, .list(path), .list(fallback), summary)
  }

  static func flag(
    _ name: String, _ path: Path<Bool>, _ fallback: Bool, _ summary: String
  ) -> SettingDefinition {
    SettingDefinition(name, .flag(path), .flag(fallback), summary)
  }

  static func integer(
    _ name: String, _ path: Path<Int>, _ fallback: Int, in range: ClosedRange<Int>? = nil,
    _ summary: String
  ) -> SettingDefinition {
    let type = SettingType.integer(range ?? 0...maximumSize)
    return SettingDefinition(name, .number(type, path), .integer(fallback), summary)
  }

  static func fileMode(
    _ name: String, _ path: Path<Int>, _ fallback: Int, _ summary: String
  ) -> SettingDefinition {
    SettingDefinition(name, .number(.fileMode, path), .integer(fallback), summary)
  }

  static func seconds(
    _ name: String, _ path: Path<Duration>, _ fallback: Int, _ summary: String
  ) -> SettingDefinition {
    SettingDefinition(name, .time(.seconds, path), .duration(.seconds(fallback)), summary)
  }

  static func milliseconds(
    _ name: String, _ path: Path<Duration>, _ fallback: Int, _ summary: String
  ) -> SettingDefinition {
    SettingDefinition(name, .time(.milliseconds, path), .duration(.milliseconds(fallback)), summary)
  }

  static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
    _ name: String, _ path: Path<Choice>, _ fallback: Choice,
    warned: [String: String] = [:], refused: [String: String] = [:], _ summary: String
  ) -> SettingDefinition {
    SettingDefinition(
      name, .choice(path, warned: warned, refused: refused), .text(fallback.rawValue), summary)
  }

  /// The same with another default in the native format.
  func native(_ value: SettingValue) -> SettingDefinition {
    var copy = self
    copy.nativeDefault = value
    return copy
  }

  /// The same, but a change needs a restart.
  var fixed: SettingDefinition {
    var copy = self
    copy.isReloadable = false
    return copy
  }

  /// The same, but accepted without effect.
  func accepted(_ reason: String) -> SettingDefinition {
    var copy = self
    copy.standing = .accepted(reason)
    return copy
  }

  func alias(_ name: String) -> SettingDefinition {
    var copy = self
    copy.aliases.append(name)
    return copy
  }
}
