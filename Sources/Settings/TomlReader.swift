import TOMLKit

/// Reads the native format: TOML, with settings at the top level, and tables for databases, users,
/// peers and tenants.
struct TomlReader {
  private(set) var result = RawConfiguration()
  private let file: String
  private var index: TomlOutline?

  init(file: String) { self.file = file }

  /// Reads text as if it were the file's.
  mutating func read(bytes: [UInt8]) {
    for (number, line) in TextFile.lines(of: bytes).enumerated() {
      if TextFile.text(line) == nil {
        fail(number + 1, "the line is not UTF-8 text")
        return
      }
    }
    let text = String(decoding: bytes, as: UTF8.self)
    do {
      index = try TomlOutline(bytes)
      readTop(try TOMLTable(string: text))
    } catch let error as TomlOutline.Problem {
      fail(error.line, error.message)
    } catch let error as TOMLParseError {
      fail(error.source.begin.line, Self.describe(error, bytes))
    } catch {
      fail(nil, "cannot be read as TOML")
    }
  }

  private mutating func readTop(_ table: TOMLTable) {
    for key in inFileOrder(table.keys, under: []) {
      guard let value = table[key] else { continue }
      let line = index?.line(of: [key])
      switch key {
      case "databases": result.databases = readEntries(value, key, line)
      case "users": result.users = readEntries(value, key, line)
      case "peers": result.peers = readEntries(value, key, line)
      case "tenancy": result.tenancy = readTenancy(value, line)
      case "tenants": result.tenants = readEntries(value, key, line)
      case "pgbouncer":
        fail(line, "settings stand at the top of the file, before any section, not in [pgbouncer]")
      default: result.settings.append(setting(key, value, [key]))
      }
    }
  }

  private mutating func readEntries(
    _ value: TOMLValueConvertible, _ section: String, _ line: Int?
  ) -> [RawEntry] {
    guard let table = value.table else {
      fail(line, "\"\(section)\" is a section: write [\(section).NAME]")
      return []
    }
    var entries: [RawEntry] = []
    for name in inFileOrder(table.keys, under: [section]) {
      let path = [section, name]
      let line = index?.line(of: path)
      guard let entry = table[name]?.table else {
        fail(
          line, "\(SettingType.shown(name)) is no setting of [\(section)]: write [\(section).NAME]")
        continue
      }
      entries.append(readEntry(entry, name, path, line))
    }
    return entries
  }

  private mutating func readTenancy(_ value: TOMLValueConvertible, _ line: Int?) -> RawEntry? {
    guard let table = value.table else {
      fail(line, "\"tenancy\" is a section: write [tenancy]")
      return nil
    }
    return readEntry(table, "tenancy", ["tenancy"], line)
  }

  private func readEntry(
    _ table: TOMLTable, _ name: String, _ path: [String], _ line: Int?
  ) -> RawEntry {
    let settings = inFileOrder(table.keys, under: path).compactMap { key in
      table[key].map { value in
        let isOfTenants = path[0] == "tenancy" || path[0] == "tenants"
        guard isOfTenants, key == "settings", let inner = value.table else {
          return setting(key, value, path + [key])
        }
        let place = SourcePlace(file: file, line: index?.line(of: path + [key]))
        let values = flattened(inner, path + [key], prefix: "", depth: 0)
        return RawSetting(name: key, value: .table(values), place: place)
      }
    }
    return RawEntry(name: name, place: SourcePlace(file: file, line: line), settings: settings)
  }

  /// The settings of tenants have dots in their names, which TOML takes for tables unless the name
  /// is in quotes: `app.tenant_id` means the same with and without.
  private func flattened(
    _ table: TOMLTable, _ path: [String], prefix: String, depth: Int
  ) -> [RawSetting] {
    inFileOrder(table.keys, under: path).flatMap { key in
      guard let value = table[key] else { return [RawSetting]() }
      let name = prefix + key
      if let inner = value.table, depth < 2 {
        return flattened(inner, path + [key], prefix: "\(name).", depth: depth + 1)
      }
      let place = SourcePlace(file: file, line: index?.line(of: path + [key]))
      return [RawSetting(name: name, value: raw(value, path + [key], depth: 1), place: place)]
    }
  }

  private func setting(
    _ name: String, _ value: TOMLValueConvertible, _ path: [String]
  ) -> RawSetting {
    let place = SourcePlace(file: file, line: index?.line(of: path))
    return RawSetting(name: name, value: raw(value, path, depth: 0), place: place)
  }

  private func raw(_ value: TOMLValueConvertible, _ path: [String], depth: Int) -> RawValue {
    switch value.type {
    case .string: return value.string.map { .text($0) } ?? .other("a text")
    case .int: return value.int.map { .integer($0) } ?? .other("a number")
    case .double: return value.double.map { .float($0) } ?? .other("a number")
    case .bool: return value.bool.map { .boolean($0) } ?? .other("a boolean")
    case .date, .time, .dateTime: return .other("a date or a time of day")
    case .array:
      guard depth == 0, let array = value.array else { return .other("a list") }
      return .list((0..<array.count).map { raw(array[$0], path, depth: 1) })
    case .table:
      guard depth == 0, let table = value.table else { return .other("a table") }
      return .table(
        table.keys.sorted().compactMap { key in
          let place = SourcePlace(file: file, line: index?.line(of: path + [key]))
          return table[key].map {
            RawSetting(name: key, value: raw($0, path, depth: 1), place: place)
          }
        })
    }
  }

  private func inFileOrder(_ keys: [String], under path: [String]) -> [String] {
    keys.map { ($0, index?.line(of: path + [$0]) ?? 0) }
      .sorted { ($0.1, $0.0) < ($1.1, $1.0) }
      .map(\.0)
  }

  private mutating func fail(_ line: Int?, _ message: String) {
    result.diagnostics.append(.error(SourcePlace(file: file, line: line), message))
  }

  /// TOMLKit's message may quote what it stumbled over, so it is not repeated for a line that may
  /// hold a secret.
  private static func describe(_ error: TOMLParseError, _ bytes: [UInt8]) -> String {
    let lines = TextFile.lines(of: bytes)
    let first = max(error.source.begin.line - 1, 0)
    let about = lines.dropFirst(first).prefix(1).map { String(decoding: $0, as: UTF8.self) }
    let secrets = ["password", "ldap", "secret"]
    guard !about.contains(where: { line in secrets.contains { line.contains($0) } }) else {
      return "not TOML: text stands in double quotes, with \\ before a quote or \\ within it"
    }
    let shown = error.description.map { $0.isASCII && $0 < " " ? " " : String($0) }.joined()
    return "not TOML: \(shown.prefix(200))"
  }
}
