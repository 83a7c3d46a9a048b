/// A setting's value between the text of a file and the typed property.
public enum SettingValue: Sendable, Equatable {
  /// Free text, or the name of a choice.
  case text(String)
  /// Names or addresses.
  case list([String])
  /// On or off.
  case flag(Bool)
  /// A number.
  case integer(Int)
  /// A time span in whole microseconds.
  case duration(Duration)
  /// Text that must not be shown.
  case secret(Secret)
}

/// A value as a reader found it, before its setting's type is known.
enum RawValue: Equatable {
  /// From an ini file or a console: untyped text.
  case bare(String)
  case text(String)
  case integer(Int)
  case float(Double)
  case boolean(Bool)
  case list([RawValue])
  case table([RawSetting])
  /// What no setting takes; the payload names it, as `a date`.
  case other(String)

  /// What a person calls it.
  var kindName: String {
    switch self {
    case .bare, .text: "text"
    case .integer: "a whole number"
    case .float: "a number with a fraction"
    case .boolean: "a boolean"
    case .list: "a list"
    case .table: "a table"
    case .other(let name): name
    }
  }
}

/// One `name = value` as it was read.
struct RawSetting: Equatable {
  var name: String
  var value: RawValue
  var place: SourcePlace
}

/// One database, user or peer as it was read.
struct RawEntry: Equatable {
  var name: String
  var place: SourcePlace
  var settings: [RawSetting]
}

/// Everything a reader found, in the order of the file.
struct RawConfiguration {
  var settings: [RawSetting] = []
  var databases: [RawEntry] = []
  var users: [RawEntry] = []
  var peers: [RawEntry] = []
  /// Under the name `tenancy`; the keys of `[tenancy.settings]` are a table in it.
  var tenancy: RawEntry?
  var tenants: [RawEntry] = []
  var diagnostics: [Diagnostic] = []
}
