/// Reads `pgbouncer.ini`. As in PgBouncer, sections may be indented and repeated, an included file
/// starts in the section of its `%include`, and the section it ends in goes on after it.
struct IniReader {
  /// How deep files may include each other, as in PgBouncer.
  static let maximumDepth = 10
  /// How many files one configuration may have.
  static let maximumFiles = 1000

  private enum Section: String, CaseIterable {
    case pgbouncer, databases, users, peers
  }

  private(set) var result = RawConfiguration()
  private var section: Section?
  /// A section whose name is not known was reported once; its lines are skipped.
  private var isSkipping = false
  private var stack: [TextFile.Identity] = []
  private var fileCount = 0
  private var byteCount = 0

  init() {}

  /// Reads a file and what it includes.
  mutating func read(path: String) {
    read(path, includedAt: nil)
  }

  /// Reads text as if it were the file's.
  mutating func read(bytes: [UInt8], file: String) {
    for (index, line) in TextFile.lines(of: bytes).enumerated() {
      let place = SourcePlace(file: file, line: index + 1)
      guard let text = TextFile.text(line) else {
        fail(place, "the line is not UTF-8 text")
        continue
      }
      read(line: SettingType.trimmed(text[...]), at: place)
    }
  }

  private mutating func read(_ path: String, includedAt place: SourcePlace?) {
    let naming = place ?? SourcePlace(file: path, line: nil)
    let content: TextFile.Content
    do {
      content = try TextFile.read(path)
    } catch {
      fail(naming, place == nil ? error.message : "included file \"\(path)\" \(error.message)")
      return
    }
    fileCount += 1
    byteCount += content.bytes.count
    guard fileCount <= Self.maximumFiles, byteCount <= TextFile.maximumBytes else {
      fail(naming, "too much is included: the limits are \(Self.maximumFiles) files and 16 MiB")
      return
    }
    if stack.contains(content.identity) {
      fail(naming, "\"\(path)\" includes itself")
      return
    }
    guard stack.count < Self.maximumDepth else {
      fail(naming, "files are included more than \(Self.maximumDepth) deep")
      return
    }
    stack.append(content.identity)
    read(bytes: content.bytes, file: path)
    stack.removeLast()
  }

  private mutating func read(line: String, at place: SourcePlace) {
    guard let first = line.first, first != ";", first != "#" else { return }
    if first == "[" { return readSection(line, at: place) }
    if first == "%" { return readInclude(line, at: place) }
    if isSkipping { return }
    guard let (key, value) = Self.pair(line) else {
      fail(place, "expected `name = value`, `[section]`, `%include file` or a comment")
      return
    }
    guard let section else {
      fail(place, "\(SettingType.shown(key)) stands before the first section, as `[pgbouncer]`")
      return
    }
    if section == .pgbouncer {
      result.settings.append(RawSetting(name: key, value: .bare(value), place: place))
    } else {
      readEntry(key, value, section, at: place)
    }
  }

  private mutating func readEntry(
    _ key: String, _ value: String, _ section: Section, at place: SourcePlace
  ) {
    var entry = RawEntry(name: key, place: place, settings: [])
    do {
      entry.settings = try ConnectionString.parse(value)
        .map { RawSetting(name: $0.key, value: .bare($0.value), place: place) }
    } catch {
      fail(place, "\(SettingType.shown(key)) in [\(section.rawValue)] \(error.message)")
      return
    }
    switch section {
    case .pgbouncer: break
    case .databases: result.databases.append(entry)
    case .users: result.users.append(entry)
    case .peers: result.peers.append(entry)
    }
  }

  private mutating func readSection(_ line: String, at place: SourcePlace) {
    guard let end = line.firstIndex(of: "]") else {
      fail(place, "the section's closing `]` is missing")
      return
    }
    let name = String(line[line.index(after: line.startIndex)..<end])
    let rest = SettingType.trimmed(line[line.index(after: end)...])
    if let first = rest.first, first != ";", first != "#" {
      fail(place, "nothing may follow `[\(name)]` on its line")
    }
    section = Section(rawValue: name)
    isSkipping = section == nil
    if isSkipping {
      let known = Section.allCases.map(\.rawValue)
      let hint = Spelling.nearest(to: name, among: known).map { "; did you mean [\($0)]?" } ?? ""
      let shown = SettingType.shown(name)
      if name == "tenancy" || name.hasPrefix("tenants") {
        fail(
          place,
          "the section \(shown) is only in the native format; `sluice --print-config FILE` writes "
            + "this configuration in it")
      } else {
        fail(place, "unknown section \(shown)\(hint)")
      }
    }
  }

  private mutating func readInclude(_ line: String, at place: SourcePlace) {
    let words = line.split(maxSplits: 1, whereSeparator: { $0 == " " || $0 == "\t" })
    guard words.count == 2, words[0] == "%include" else {
      fail(place, "expected `%include file`")
      return
    }
    read(SettingType.trimmed(words[1]), includedAt: place)
  }

  private mutating func fail(_ place: SourcePlace, _ message: String) {
    result.diagnostics.append(.error(place, message))
  }

  /// Splits `key = value`. A key has letters, digits and `_.-*`, or stands in double quotes.
  static func pair(_ line: String) -> (key: String, value: String)? {
    var view = line.utf8[...]
    var key: [UInt8] = []
    let quote = UInt8(ascii: "\"")
    if view.first == quote {
      view.removeFirst()
      while true {
        guard let byte = view.popFirst() else { return nil }
        if byte == quote {
          guard view.first == quote else { break }
          view.removeFirst()
        }
        key.append(byte)
      }
    } else {
      while let byte = view.first, isKeyByte(byte) {
        key.append(byte)
        view.removeFirst()
      }
    }
    let rest = view.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    guard !key.isEmpty, rest.first == UInt8(ascii: "=") else { return nil }
    return (
      String(decoding: key, as: UTF8.self), SettingType.trimmed(Substring(rest.dropFirst()))
    )
  }

  private static func isKeyByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "_.-*".utf8.contains(byte)
    }
  }
}
